// HostProcess: what every host process has, whatever runs its executors: spec, conf, lease, session with the topology
// master, error reports, the way out. A host class holds one and puts a runtime into it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "native/config/conf_value.h"
#include "native/container/lease.h"
#include "native/host/host_exit.h"
#include "native/host/host_session.h"
#include "native/host/no_runtime.h"
#include "native/packing/packing_plan.h"
#include "native/state_store/topology_state.h"

namespace petrel {

struct HostProcessOptions {
  HostKind kind = HostKind::kJvm;
  std::string spec_file;  // absolute: the host may change its folder
  uint32_t incarnation = 0;
  std::string title;  // of this process in errors that users see: "the worker"
};

/// Thread: the loop, but report(), reactor().post() and exit() any.  Borrows: clock, reactor, store.
class HostProcess {
 public:
  static constexpr size_t kMaxConfBytes = 64U << 20;
  static constexpr int kCannotRun = 1;  // exit code

  HostProcess(const Clock& clock, Reactor& reactor, StateStore& store, HostProcessOptions options,
              proto::ContainerSpec spec);

  const Clock& clock() const { return clock_; }
  Reactor& reactor() { return reactor_; }
  const proto::ContainerSpec& spec() const { return spec_; }
  const std::string& spec_file() const { return options_.spec_file; }
  /// Slot 0 when the plan of the container names no host of our kind.
  const HostIdentity& identity() const { return identity_; }
  bool planned() const { return planned_; }
  HostExit& exit() { return exit_; }
  /// After start_session().
  HostSession& session() { return *session_; }

  /// stormconf.json of the code folder. Errors: missing, too large, not JSON.
  Status read_conf();
  const std::string& conf_json() const { return conf_json_; }
  const ConfMap& conf() const { return conf_; }
  /// supervisor.worker.shutdown.sleep.secs
  Millis stop_grace() const;

  /// `runtime`: null when it could not be made; the session then carries the report only. Of `links`, what the runtime
  /// needs; sending, the lease and failing are ours.
  void start_session(HostRuntime* runtime, HostSessionLinks links);
  /// Runs the loop; first starts the session's work when `ready` is OK, else fail(ready).
  void run(const Status& ready);

  /// To the topology master, where users look.
  void report(const std::string& component, const std::string& text, int64_t wall_ms);
  /// This host cannot run: reports why and ends with kCannotRun; its agent starts it again.
  void fail(const Status& why);
  /// How fail() ends the process once it has reported; else it waits until the report has left, 2 s at most.
  void end_by(std::function<void(int exit_code)> end) { end_ = std::move(end); }

 private:
  void end_when_reported(MonoTime deadline);

  const Clock& clock_;
  Reactor& reactor_;
  TopologyState state_;
  const HostProcessOptions options_;
  const proto::ContainerSpec spec_;
  HostIdentity identity_;
  bool planned_ = false;
  std::string conf_json_;
  ConfMap conf_;
  Lease lease_;
  ErrorOutbox errors_;
  HostExit exit_;
  NoRuntime no_runtime_;
  std::function<void(int)> end_;
  std::unique_ptr<HostSession> session_;
  std::unique_ptr<ControlClient> client_;
  bool failed_ = false;
};

}  // namespace petrel
