// CallContext: who is calling and what bytes came, for the handlers of a FramedServer, without a parameter through
// the generated interface.
// Thread: set by the server on the worker thread for the time of one call; other threads see the empty context.
#pragma once

#include <string>
#include <string_view>

namespace petrel {

/// The other end of a connection.
struct Caller {
  std::string address;    // "127.0.0.1:40312"; for log lines and audits
  std::string principal;  // empty with the simple transport: nobody proved who they are
};

/// The caller of the call that this thread is handling; an empty Caller outside of a call.
const Caller& current_caller();

/// The message that this thread is handling as it came (without the frame length): message header, then the argument
/// struct. Empty outside of a call. Valid until the handler returns. raw_field() of thrift_scan.h cuts arguments out.
std::string_view current_frame();

/// Sets both for its scope. Tests of handlers use it too. `caller` and `frame` must outlive it.
class CallScope {
 public:
  CallScope(const Caller& caller, std::string_view frame);
  ~CallScope();
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;

 private:
  const Caller* previous_caller_;
  std::string_view previous_frame_;
};

}  // namespace petrel
