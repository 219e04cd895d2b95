// CallRunner: from the bytes of one request to the bytes of its answer; no sockets. FramedServer and the fuzz target
// use it.
// Thread: run() is thread-safe when the processor is.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "native/base/status.h"
#include "storm-compat/thrift/call_context.h"
#include "storm-compat/thrift/thrift_scan.h"

namespace apache::thrift {
class TConfiguration;
class TProcessor;
}  // namespace apache::thrift

namespace petrel {

/// TApplicationException types on the wire.
enum class WireError {
  kUnknown = 0,
  kUnknownMethod = 1,
  kInvalidMessageType = 2,
  kInternalError = 6,
  kProtocolError = 7,
};

struct CallAnswer {
  std::string frame;    // length and message, ready to send; empty when `refused` is set
  bool good = false;    // a method ran and answered as the IDL says, declared exceptions included
  bool unread = false;  // the generated reader refused what the scan let through: a gap in the scan
  Status refused;       // no answer can be addressed: close the connection and say this
  std::string remark;   // why the answer is an exception, for the log; empty when good
};

class CallRunner {
 public:
  /// `max_frame_bytes` bounds what the generated readers may take.
  CallRunner(std::shared_ptr<apache::thrift::TProcessor> processor, const ScanLimits& limits, uint32_t max_frame_bytes,
             uint32_t max_answer_bytes);
  ~CallRunner();

  CallAnswer run(std::string_view message, const Caller& caller) const;

  /// A TApplicationException as an answer to `header`.
  static CallAnswer exception(const MessageHeader& header, WireError type, const std::string& sentence);

 private:
  CallAnswer process(std::string_view message, const MessageHeader& header, const Caller& caller) const;
  CallAnswer check(std::string frame, const MessageHeader& header) const;

  std::shared_ptr<apache::thrift::TProcessor> processor_;
  std::shared_ptr<apache::thrift::TConfiguration> configuration_;
  ScanLimits limits_;
  uint32_t max_frame_bytes_;
  uint32_t max_answer_bytes_;
};

}  // namespace petrel
