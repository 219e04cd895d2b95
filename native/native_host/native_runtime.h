// NativeRuntime: what runs inside petrel-native-host: the executors on threads of their own, the ledger of its spouts,
// the links to other hosts. The session with the topology master drives it through HostRuntime, as it drives a JVM.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "native/host/host_runtime.h"
#include "native/instance/stuck_calls.h"
#include "native/ledger/ledger_loop.h"
#include "native/native_host/component_library.h"
#include "native/native_host/links_port.h"
#include "native/transport/asio_reactor.h"

namespace petrel {

struct NativeRuntimeOptions {
  HostIdentity host;
  std::string topology_id;
  std::string secret;
  Endpoint data_endpoint;                    // of the stream manager process of the container
  std::string listen_address = "127.0.0.1";  // of the stream manager in this host
  std::string resources_dir;                 // of the code
  ConfMap conf;
  uint64_t entropy = 0;
};

/// News for the process. Thread: any but on the control loop's behalf: the callee posts.
struct NativeRuntimeEvents {
  std::function<void()> prepared;
  std::function<void(const std::string& component, int32_t task, const std::string& text)> report_error;
  /// The host must end: user code failed. Called on the executor's thread; may not return.
  std::function<void(const std::string& component, int32_t task, const std::string& text)> die;
  std::function<void(const Status&)> fail;
  std::function<void(const Endpoint&)> listening;
  std::function<void(uint64_t epoch)> links_up;
  std::function<void(uint64_t epoch)> drained;
  /// stop() begins: the process must end with this code after the grace, whatever hangs. On the control loop.
  std::function<void(Millis grace, int exit_code)> stopping = [](Millis, int) {};
  std::function<void(int exit_code)> stopped;
};

/// Thread: HostRuntime's calls on the control loop; the ports on executor threads.
/// Limits: kQueueBytes per executor for its own host and as much for others, 64 KiB more for each flow.
class NativeRuntime : public HostRuntime, private AckPort, private HostEvents {
 public:
  static constexpr size_t kQueueBytes = 4U << 20;

  NativeRuntime(const Clock& clock, Reactor& reactor, NativeRuntimeOptions options, NativeRuntimeEvents events);
  ~NativeRuntime() override;

  Result<std::string> encode(const proto::PhysicalPlan& plan, const HostIdentity& host) override;
  Result<proto::HostSample> decode(const std::string& bytes) override;
  void boot(std::string plan, Done done) override;
  void start(bool active, Done done) override;
  void set_active(bool active, Done done) override;
  void drain(uint64_t epoch) override;
  void sample(std::function<void(Result<std::string>)> done) override;
  void stop(Millis grace, int exit_code) override;

  /// Stream managers of other containers, when ours is in this host.
  void set_peers(const proto::DataEndpoints& endpoints);
  /// The stream manager of our container may have moved.
  void place_stream_manager(const proto::ContainerPlan& container);
  proto::LinkSample link_sample() const;

 private:
  struct ExecutorThread;

  void open(int32_t spout_task, int64_t timeout_ms) override;
  void records(std::span<const AckRecord> records) override;
  void report_error(const std::string& component, int32_t task, const std::string& text) override;
  void drained(int32_t executor, uint64_t epoch) override;

  Status build(const std::string& plan_bytes);
  Status make_links(const PhysicalPlan& plan, std::shared_ptr<const RouteTable> routes);
  void start_links();
  void start_ledger();
  void run_executor(ExecutorThread& thread);
  bool await_active(ExecutorThread& thread);
  Status steps(ExecutorThread& thread);
  void run_timer();
  void end_threads(Millis grace);
  bool may_report(const std::string& component);

  const Clock& clock_;
  Reactor& reactor_;
  const NativeRuntimeOptions options_;
  const NativeRuntimeEvents events_;
  ComponentLibraries libraries_;
  std::unique_ptr<HostInstance> instance_;
  Nanos stuck_after_{};
  LedgerInbox inbox_;
  std::thread ledger_thread_;
  std::unique_ptr<AsioReactor> links_loop_;
  std::unique_ptr<HostLinks> links_;  // nullptr: the plan has one host
  LinksPort port_;
  std::thread links_thread_;
  std::vector<std::unique_ptr<ExecutorThread>> threads_;
  std::thread timer_thread_;
  std::thread stop_thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> unprepared_{0};

  std::mutex mutex_;                     // guards what follows
  std::map<int32_t, uint64_t> drained_;  // newest epoch by executor
  uint64_t drained_told_ = 0;
  struct ErrorWindow {
    MonoTime since{};
    int64_t errors = 0;
  };
  std::map<std::string, ErrorWindow> error_windows_;  // by component of the plan
  proto::LinkSample link_sample_;
  mutable std::mutex link_sample_mutex_;
};

}  // namespace petrel
