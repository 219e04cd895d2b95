#include "storm-compat/thrift/frame_assembler.h"

#include <algorithm>
#include <cstring>

#include "native/base/escape.h"
#include "storm-compat/thrift/foreign_protocol.h"

namespace petrel {
namespace {

constexpr size_t kFirstBytes = 16384;
constexpr size_t kStartBytes = 8;  // enough to see whether a message begins here

uint32_t word_of(const char* bytes) {
  uint32_t word = 0;
  for (int i = 0; i < 4; ++i) word = word << 8 | static_cast<uint8_t>(bytes[i]);
  return word;
}

}  // namespace

Status FrameAssembler::take(std::string_view& bytes) {
  if (header_bytes_ < kHeader) {
    size_t n = std::min(kHeader - header_bytes_, bytes.size());
    std::memcpy(header_ + header_bytes_, bytes.data(), n);
    header_bytes_ += n;
    bytes.remove_prefix(n);
    if (header_bytes_ < kHeader) return Status();
    RETURN_IF_ERROR(check_length());
  }
  while (!bytes.empty() && received_ < length_) {
    grow();
    size_t n = std::min({bytes.size(), body_.size() - received_, static_cast<size_t>(length_ - received_)});
    std::memcpy(body_.data() + received_, bytes.data(), n);
    bytes.remove_prefix(n);
    RETURN_IF_ERROR(wrote(n));
  }
  return Status();
}

Status FrameAssembler::check_length() {
  int32_t length = static_cast<int32_t>(word_of(header_));
  if (const char* foreign = name_foreign_protocol({header_, kHeader})) {
    return Status::malformed("the first bytes '{}' look like {}", escape({header_, kHeader}), foreign);
  }
  if (length <= 0) {
    return Status::malformed("frame length {} is not positive; a frame is a 4-byte length and that many bytes", length);
  }
  if (static_cast<uint32_t>(length) > max_frame_bytes_) {
    return Status::malformed("frame length {} is above the limit of {} bytes; send less per call, jars in chunks",
                             length, max_frame_bytes_);
  }
  length_ = static_cast<uint32_t>(length);
  return Status();
}

/// Before the whole frame is here: a wrong start is told at once instead of after up to 64 MiB.
Status FrameAssembler::check_start() {
  start_checked_ = true;
  std::string head(header_, kHeader);
  head.append(body_, 0, std::min<size_t>(received_, kStartBytes));
  if (received_ < 4) return Status();  // the scan says that it is too short
  uint32_t word = word_of(body_.data());
  bool strict = (word & 0xffff0000u) == 0x80010000u;
  if (strict || word <= 256) return Status();
  if (const char* foreign = name_foreign_protocol(head)) {
    return Status::malformed("the first bytes '{}' look like {}", escape(head), foreign);
  }
  return Status::malformed(
      "the frame begins with 0x{:08x}, which is no message of the binary protocol (0x8001....); "
      "use TBinaryProtocol in TFramedTransport",
      word);
}

void FrameAssembler::grow() {
  if (body_.size() > received_) return;
  size_t target = std::max<size_t>(kFirstBytes, size_t{received_} * 2);
  body_.resize(std::min<size_t>(length_, target));
}

std::span<char> FrameAssembler::room(size_t at_least) {
  if (header_bytes_ < kHeader || length_ - received_ < at_least) return {};
  grow();
  return {body_.data() + received_, body_.size() - received_};
}

Status FrameAssembler::wrote(size_t n) {
  received_ += static_cast<uint32_t>(n);
  if (start_checked_ || (received_ < kStartBytes && received_ < length_)) return Status();
  return check_start();
}

std::string FrameAssembler::progress() const {
  if (header_bytes_ < kHeader) return fmt::format("{} of the 4 bytes of a frame length", header_bytes_);
  return fmt::format("{} of the {} bytes of a frame", received_, length_);
}

std::string FrameAssembler::release() {
  CHECK(complete());
  std::string message = std::move(body_);
  message.resize(length_);
  body_ = std::string();
  header_bytes_ = 0;
  length_ = 0;
  received_ = 0;
  start_checked_ = false;
  return message;
}

}  // namespace petrel
