// NoRuntime: stands in when what runs the executors could not be made. The session then only carries the report.
#pragma once

#include <functional>
#include <string>

#include "native/host/host_exit.h"
#include "native/host/host_runtime.h"

namespace petrel {

/// Thread: see HostRuntime.  Borrows: exit.
class NoRuntime : public HostRuntime {
 public:
  explicit NoRuntime(HostExit& exit) : exit_(exit) {}
  Result<std::string> encode(const proto::PhysicalPlan&, const HostIdentity&) override { return missing(); }
  Result<proto::HostSample> decode(const std::string&) override { return missing(); }
  void boot(std::string, Done) override {}
  void start(bool, Done) override {}
  void set_active(bool, Done) override {}
  void drain(uint64_t) override {}
  void sample(std::function<void(Result<std::string>)>) override {}
  void stop(Millis, int exit_code) override { exit_.end_now(exit_code); }

 private:
  static Status missing() { return Status::error(StatusCode::kUnavailable, "this host could not start its runtime"); }

  HostExit& exit_;
};

}  // namespace petrel
