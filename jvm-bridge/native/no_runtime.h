// NoRuntime: stands in when what runs the executors could not be made. The session then only carries the report.
#pragma once

#include <functional>
#include <string>

#include "jvm-bridge/native/host_exit.h"
#include "jvm-bridge/native/java_host.h"

namespace petrel {

/// Thread: see JavaHost.  Borrows: exit.
class NoRuntime : public JavaHost {
 public:
  explicit NoRuntime(HostExit& exit) : exit_(exit) {}
  void boot(std::string, Done) override {}
  void start(bool, Done) override {}
  void set_active(bool, Done) override {}
  void sample(std::function<void(Result<std::string>)>) override {}
  void stop(Millis, int exit_code) override { exit_.end_now(exit_code); }

 private:
  HostExit& exit_;
};

}  // namespace petrel
