// JvmHost: the process petrel-jvm-host, put together: a HostProcess, the JVM as its runtime, ledger thread, links
// thread, signals.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "jvm-bridge/native/class_path.h"
#include "jvm-bridge/native/jni_completions.h"
#include "jvm-bridge/native/jni_host.h"
#include "jvm-bridge/native/jvm.h"
#include "jvm-bridge/native/jvm_options.h"
#include "jvm-bridge/native/native_calls.h"
#include "native/base/rng.h"
#include "native/host/host_links.h"
#include "native/host/host_process.h"
#include "native/ledger/ledger_loop.h"

namespace petrel {

struct JvmHostOptions {
  std::string spec_file;
  uint32_t incarnation = 0;
  std::string java_dir;   // "" = beside the binary (class_path.h, find_java_dir)
  std::string java_home;  // from the environment; the spec's wins
};

/// Thread: run() on the process's main thread, which becomes the loop; NativeCalls on Java threads. `links_loop` gets a
/// thread of its own, `petrel-links`, when the plan has other hosts.
class JvmHost : public NativeCalls {
 public:
  JvmHost(const Clock& clock, Reactor& reactor, Reactor& links_loop, StateStore& store, uint64_t entropy,
          JvmHostOptions options, proto::ContainerSpec spec);
  ~JvmHost() override;

  /// Runs until the process ends; returns only when the loop was stopped from outside (tests).
  void run();

  void ledger_open(int32_t spout_task, int64_t timeout_ms) override;
  HostLinks* links() override { return links_.get(); }
  void ledger_records(std::span<const std::byte> records) override;
  void ledger_recorded(bool here) override;
  void prepared() override;
  void drained(uint64_t epoch) override;
  void report_error(std::string component, int32_t task, std::string text, int64_t wall_ms) override;
  void die(JNIEnv* env, std::string component, int32_t task, std::string text, int exit_code) override;

 private:
  Status start_jvm();
  Result<JvmConfig> jvm_config(const ConfMap& conf);
  Status enter_worker_dir(const ConfMap& conf);
  /// After start_jvm().
  Status make_runtime();
  Status make_ledger();
  void start_ledger();
  HostSessionLinks session_links();
  /// Before Host.boot, and only when the plan has other hosts. They run from the end of the boot on: before it Java
  /// takes no tuples, and nobody may be told that this host can be reached.
  Status start_links(const proto::PhysicalPlan& plan);
  void place_stream_manager(const proto::ContainerPlan& container);
  Result<HostLinksOptions> links_options(const ContainerPlan& container, const HostPlan& host) const;
  HostLinksEvents links_events();
  void run_links();
  Status watch_signals();
  void on_signal();
  /// System.exit, and the end of the process whatever hangs.
  void exit_java(int exit_code);
  WorkerIdentity worker_identity() const;

  HostProcess process_;
  Reactor& reactor_;
  const proto::ContainerSpec& spec_;
  uint64_t entropy_;
  JvmHostOptions options_;
  JniTable table_;
  std::unique_ptr<Jvm> jvm_;
  std::unique_ptr<JniHost> runtime_;
  LedgerInbox inbox_;
  std::unique_ptr<JniCompletions> completions_;
  std::unique_ptr<LedgerLoop> ledger_;
  std::thread ledger_thread_;
  Reactor& links_loop_;
  std::unique_ptr<HostLinks> links_;
  std::thread links_thread_;
  proto::LinkSample link_sample_;
  int64_t heap_bytes_ = 0;  // -Xmx
  int signal_fd_ = -1;
};

}  // namespace petrel
