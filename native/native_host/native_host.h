// NativeHost: the process petrel-native-host, put together: runtime, session with the topology master, signals, the way
// out. Twin of jvm-bridge/native/jvm_host.h without a JVM.
#pragma once

#include <memory>
#include <string>

#include "jvm-bridge/native/host_exit.h"
#include "jvm-bridge/native/host_session.h"
#include "native/container/lease.h"
#include "native/native_host/native_runtime.h"
#include "native/state_store/topology_state.h"

namespace petrel {

struct NativeHostOptions {
  std::string spec_file;
  uint32_t incarnation = 0;
};

/// Thread: run() on the process's main thread, which becomes the loop.
class NativeHost {
 public:
  NativeHost(const Clock& clock, Reactor& reactor, StateStore& store, uint64_t entropy, NativeHostOptions options,
             proto::ContainerSpec spec);

  /// Runs until the process ends.
  void run();

 private:
  Status make_runtime();
  NativeRuntimeEvents runtime_events();
  void start_session(JavaHost& runner);
  void fail(const Status& why);
  void end_when_reported(MonoTime deadline, int exit_code);
  void push_error(const std::string& component, const std::string& text);
  Millis stop_grace() const;

  const Clock& clock_;
  Reactor& reactor_;
  TopologyState state_;
  uint64_t entropy_;
  NativeHostOptions options_;
  proto::ContainerSpec spec_;
  HostIdentity identity_;
  std::string code_dir_;
  ConfMap conf_;
  Lease lease_;
  ErrorOutbox errors_;
  HostExit exit_;
  std::unique_ptr<NativeRuntime> runtime_;
  std::unique_ptr<JavaHost> nothing_;  // stands in when there is no runtime: the session then only carries the report
  std::unique_ptr<HostSession> session_;
  std::unique_ptr<ControlClient> client_;
  bool failed_ = false;
};

}  // namespace petrel
