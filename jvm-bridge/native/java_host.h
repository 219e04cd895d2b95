// JavaHost: io.petrel.host.Host as the session sees it. jni_host.h is the real one; tests have a fake; a host without
// Java (native/native_host) is one too, with its own layout of plan and sample.
#pragma once

#include <functional>
#include <string>

#include "jvm-bridge/native/plan_encoder.h"
#include "native/base/clock.h"
#include "native/base/status.h"
#include "proto/metrics.pb.h"

namespace petrel {

/// Thread: called on the reactor's loop, returns at once; callbacks come on the loop. Calls run in order.
class JavaHost {
 public:
  using Done = std::function<void(Status)>;

  virtual ~JavaHost() = default;
  /// What boot() gets: encode_plan() unless a host says otherwise. Errors: as there.
  virtual Result<std::string> encode(const proto::PhysicalPlan& plan, const HostIdentity& host);
  /// What sample() gave: decode_sample() unless a host says otherwise.
  virtual Result<proto::HostSample> decode(const std::string& sample);
  virtual void boot(std::string plan, Done done) = 0;
  virtual void start(bool active, Done done) = 0;
  virtual void set_active(bool active, Done done) = 0;
  /// Markers of this epoch go behind the last tuples; NativeCalls::drained answers. After set_active(false).
  virtual void drain(uint64_t epoch) { (void)epoch; }
  /// The bytes of Host.sample().
  virtual void sample(std::function<void(Result<std::string>)> done) = 0;
  /// Host.stop(grace), then System.exit(exit_code). When that hangs, the process is ended after grace + 2 s.
  virtual void stop(Millis grace, int exit_code) = 0;
};

}  // namespace petrel
