// HostRuntime: what runs the executors of a host, as its session sees it: a JVM (jvm-bridge/native/jni_host.h), shared
// libraries (native/native_host/native_runtime.h), a fake in tests. Plan and samples are bytes whose layout is its own.
#pragma once

#include <functional>
#include <string>

#include "native/base/clock.h"
#include "native/base/status.h"
#include "native/host/host_identity.h"
#include "proto/control.pb.h"
#include "proto/metrics.pb.h"

namespace petrel {

/// Thread: called on the reactor's loop, returns at once; callbacks come on the loop. Calls run in order.
class HostRuntime {
 public:
  using Done = std::function<void(Status)>;

  virtual ~HostRuntime() = default;
  /// What boot() gets. kMalformed when the plan is not for this host, or holds more than the runtime can take.
  virtual Result<std::string> encode(const proto::PhysicalPlan& plan, const HostIdentity& host) = 0;
  /// What sample() gave.
  virtual Result<proto::HostSample> decode(const std::string& sample) = 0;
  virtual void boot(std::string plan, Done done) = 0;
  virtual void start(bool active, Done done) = 0;
  virtual void set_active(bool active, Done done) = 0;
  /// Markers of this epoch go behind the last tuples; HostSession::drained is called when all have come. After
  /// set_active(false).
  virtual void drain(uint64_t epoch) = 0;
  virtual void sample(std::function<void(Result<std::string>)> done) = 0;
  /// Ends the executors, then the process with exit_code. When that hangs, the process is ended after grace + 2 s.
  virtual void stop(Millis grace, int exit_code) = 0;
};

}  // namespace petrel
