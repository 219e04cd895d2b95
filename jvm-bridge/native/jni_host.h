// JniHost: io.petrel.host.Host in the embedded JVM.
#pragma once

#include <memory>
#include <string>

#include "jvm-bridge/native/jni_table.h"
#include "jvm-bridge/native/jvm.h"
#include "native/host/host_exit.h"
#include "native/host/host_runtime.h"
#include "native/transport/reactor.h"

namespace petrel {

/// What Host.boot gets beside the plan.
struct BootFiles {
  std::string topology;   // StormTopology bytes as the client sent them
  std::string conf_json;  // merged topology conf
};

/// Thread: see HostRuntime; the calls run on the JVM's main thread.  Borrows: jvm, reactor, exit.
class JniHost : public HostRuntime {
 public:
  JniHost(Jvm& jvm, const JniTable& table, Reactor& reactor, HostExit& exit, BootFiles files);

  /// plan_encoder.h
  Result<std::string> encode(const proto::PhysicalPlan& plan, const HostIdentity& host) override;
  /// sample_decoder.h
  Result<proto::HostSample> decode(const std::string& sample) override;
  void boot(std::string plan, Done done) override;
  void start(bool active, Done done) override;
  void set_active(bool active, Done done) override;
  void drain(uint64_t epoch) override;
  void sample(std::function<void(Result<std::string>)> done) override;
  void stop(Millis grace, int exit_code) override;

 private:
  /// Runs `call` on the Java main thread and answers on the loop with what it threw.
  void call(std::function<void(JNIEnv*)> body, Done done);

  Jvm& jvm_;
  JniTable table_;
  Reactor& reactor_;
  HostExit& exit_;
  BootFiles files_;
};

}  // namespace petrel
