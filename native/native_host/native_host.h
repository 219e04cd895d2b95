// NativeHost: the process petrel-native-host, put together: a HostProcess, the runtime of shared libraries, signals.
#pragma once

#include <memory>
#include <string>

#include "native/host/host_process.h"
#include "native/native_host/native_runtime.h"

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

  HostProcess process_;
  uint64_t entropy_;
  std::unique_ptr<NativeRuntime> runtime_;
};

}  // namespace petrel
