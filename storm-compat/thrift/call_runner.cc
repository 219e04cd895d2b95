#include "storm-compat/thrift/call_runner.h"

#include <thrift/TApplicationException.h>
#include <thrift/TConfiguration.h>
#include <thrift/TProcessor.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <limits>

#include "native/base/escape.h"

namespace petrel {
namespace {

using apache::thrift::TApplicationException;
using apache::thrift::TConfiguration;
using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::transport::TMemoryBuffer;

constexpr size_t kLengthBytes = 4;

std::shared_ptr<TBinaryProtocol> protocol_over(std::shared_ptr<TMemoryBuffer> buffer, uint32_t limit) {
  int32_t cap = static_cast<int32_t>(std::min<uint32_t>(limit, std::numeric_limits<int32_t>::max()));
  return std::make_shared<TBinaryProtocol>(std::move(buffer), cap, cap, /*strict_read=*/false, /*strict_write=*/true);
}

/// The buffer's bytes with the length in front, which the first four bytes were kept free for.
std::string finish(TMemoryBuffer& buffer) {
  std::string frame = buffer.getBufferAsString();
  uint32_t size = static_cast<uint32_t>(frame.size() - kLengthBytes);
  for (size_t i = 0; i < kLengthBytes; ++i) frame[i] = static_cast<char>(size >> (24 - 8 * i));
  return frame;
}

std::shared_ptr<TMemoryBuffer> start() {
  auto buffer = std::make_shared<TMemoryBuffer>();
  static const uint8_t kZero[kLengthBytes] = {};
  buffer->write(kZero, kLengthBytes);
  return buffer;
}

}  // namespace

CallRunner::CallRunner(std::shared_ptr<apache::thrift::TProcessor> processor, const ScanLimits& limits,
                       uint32_t max_frame_bytes, uint32_t max_answer_bytes)
    : processor_(std::move(processor)),
      configuration_(std::make_shared<TConfiguration>(static_cast<int>(std::min(max_frame_bytes, 0x7fffffffu)),
                                                      static_cast<int>(std::min(max_frame_bytes, 0x7fffffffu)),
                                                      limits.max_depth + 1)),
      limits_(limits),
      max_frame_bytes_(max_frame_bytes),
      max_answer_bytes_(max_answer_bytes) {}

CallRunner::~CallRunner() = default;

CallAnswer CallRunner::exception(const MessageHeader& header, WireError type, const std::string& sentence) {
  auto buffer = start();
  auto out = protocol_over(buffer, std::numeric_limits<int32_t>::max());
  out->writeMessageBegin(std::string(header.method), apache::thrift::protocol::T_EXCEPTION, header.seqid);
  TApplicationException(static_cast<TApplicationException::TApplicationExceptionType>(type), sentence).write(out.get());
  out->writeMessageEnd();
  CallAnswer answer;
  answer.frame = finish(*buffer);
  answer.remark = escape(header.method, 64) + ": " + sentence;
  return answer;
}

CallAnswer CallRunner::run(std::string_view message, const Caller& caller) const {
  Result<MessageHeader> header = scan_header(message);
  if (!header.ok()) {
    CallAnswer answer;
    answer.refused = header.status();
    return answer;
  }
  if (header->type != 1) {
    const char* kinds[] = {"", "call", "reply", "exception", "one-way call"};
    return exception(*header, WireError::kInvalidMessageType,
                     fmt::format("message type {} ({}) was sent to a server; every method here is called with type 1",
                                 header->type, kinds[header->type]));
  }
  Status scanned = scan_arguments(message, *header, limits_);
  if (!scanned.ok()) return exception(*header, WireError::kProtocolError, scanned.message());
  return process(message, *header, caller);
}

CallAnswer CallRunner::process(std::string_view message, const MessageHeader& header, const Caller& caller) const {
  auto bytes = reinterpret_cast<uint8_t*>(const_cast<char*>(message.data()));  // OBSERVE does not write
  auto in = std::make_shared<TMemoryBuffer>(bytes, static_cast<uint32_t>(message.size()), TMemoryBuffer::OBSERVE,
                                            configuration_);
  auto out = start();
  CallScope scope(caller, message);
  try {
    processor_->process(protocol_over(in, max_frame_bytes_), protocol_over(out, 0x7fffffffu), nullptr);
    return check(finish(*out), header);
  } catch (const apache::thrift::TException& e) {
    CallAnswer answer =
        exception(header, WireError::kProtocolError, fmt::format("the arguments do not read: {}", escape(e.what())));
    answer.unread = true;
    return answer;
  } catch (const std::exception& e) {
    return exception(header, WireError::kInternalError, fmt::format("Internal error: {}", escape(e.what())));
  } catch (...) {
    return exception(header, WireError::kInternalError, "Internal error: an exception without text");
  }
}

/// What the generated processor wrote, put right where Storm's clients expect something else.
CallAnswer CallRunner::check(std::string frame, const MessageHeader& header) const {
  if (frame.size() <= kLengthBytes) return exception(header, WireError::kInternalError, "the method gave no answer");
  if (frame.size() - kLengthBytes > max_answer_bytes_) {
    return exception(header, WireError::kInternalError,
                     fmt::format("the answer of {} takes {} bytes, and a Storm client reads at most {}; ask for less "
                                 "(one topology, one window, no system components)",
                                 escape(header.method, 64), frame.size() - kLengthBytes, max_answer_bytes_));
  }
  Result<MessageHeader> answered = scan_header(std::string_view(frame).substr(kLengthBytes));
  CHECK(answered.ok());
  if (answered->type != apache::thrift::protocol::T_EXCEPTION) {
    CallAnswer answer;
    answer.frame = std::move(frame);
    answer.good = true;
    return answer;
  }
  size_t offset = kLengthBytes + answered->body_offset;
  auto in = std::make_shared<TMemoryBuffer>(reinterpret_cast<uint8_t*>(frame.data()) + offset,
                                            static_cast<uint32_t>(frame.size() - offset));
  TApplicationException thrown;
  thrown.read(protocol_over(in, 0x7fffffffu).get());
  if (thrown.getType() == TApplicationException::UNKNOWN_METHOD) {
    return exception(
        header, WireError::kUnknownMethod,
        fmt::format("Invalid method name: '{}'; Nimbus has no such method, see the table of served methods",
                    escape(header.method)));
  }
  // The generated code writes UNKNOWN for whatever a handler throws; Storm's servers write INTERNAL_ERROR.
  return exception(header, WireError::kInternalError, thrown.what());
}

}  // namespace petrel
