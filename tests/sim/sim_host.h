// SimHost: one incarnation of a host process: the product's HostSession, HostInstance, ledger and HostLinks, put
// together as native/native_host does it, with SimThread for its threads.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "native/container/stream_manager_process.h"
#include "native/host/host_session.h"
#include "native/ledger/ledger_loop.h"
#include "native/native_host/links_port.h"
#include "tests/sim/control_oracle.h"
#include "tests/sim/sim_network.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_tasks.h"
#include "tests/sim/sim_thread.h"

namespace petrel::sim {

/// What a process needs of its surroundings.
struct SimSurroundings {
  SimWorld* world = nullptr;
  const SimPlan* plan = nullptr;
  Oracle* oracle = nullptr;
  SimDisk* disk = nullptr;
  ControlOracle* control = nullptr;
  uint32_t duplicate_percent = 0;                      // frames that hosts get twice
  bool one_machine = false;                            // else each container has its own
  std::map<std::string, uint64_t>* reached = nullptr;  // "sometimes" points
  void count(const char* point, uint64_t times = 1) const { (*reached)[point] += times; }
};

inline constexpr char kSimTopology[] = "sim-1-1";
inline constexpr char kSimSecret[] = "0123456789abcdef0123456789abcdef";
std::string manager_socket(int32_t container);
void report_manager(const SimSurroundings& around, const StreamManager& manager);
std::shared_ptr<const RouteTable> routes_of(const PhysicalPlan& plan);

class SimHost : private HostRuntime, private AckPort, private HostEvents, private ControlClientHandler {
 public:
  SimHost(const SimSurroundings& around, SimReactor& reactor, uint32_t slot, uint32_t incarnation);
  ~SimHost() override;

  /// Looks for the topology master; what follows is its doing.
  void start();
  void set_stale_routes();
  bool started() const { return started_; }
  /// The last drain that all executors here have finished.
  uint64_t drained_epoch() const { return drained_told_; }
  bool links_up() const { return links_up_; }
  void set_slow(uint32_t factor);
  bool idle() const;
  std::string describe() const;
  void report();

 private:
  /// The product's, with what checkers want to know.
  class Port : public LinksPort {
   public:
    explicit Port(SimHost& host) : host_(host) {}
    Offer offer(int32_t source_executor, OutboundSection&& section) override;
    void deliver(std::span<const InSection> sections) override;
    void credit(std::span<const int32_t> executors) override;

   private:
    void consumed(const FlowId& flow, uint64_t bytes) override;
    void misrouted(const InSection& section) override;
    SimHost& host_;
  };

  Result<std::string> encode(const proto::PhysicalPlan& plan, const HostIdentity& host) override;
  Result<proto::HostSample> decode(const std::string& sample) override;
  void boot(std::string plan, Done done) override;
  void start(bool active, Done done) override;
  void set_active(bool active, Done done) override;
  void drain(uint64_t epoch) override;
  void sample(std::function<void(Result<std::string>)> done) override;
  void stop(Millis grace, int exit_code) override;
  void on_connected() override;
  void on_message(proto::Envelope message) override;
  void on_disconnected(const Status& reason) override;
  void on_refused(const std::string& reason) override;
  void open(int32_t spout_task, int64_t timeout_ms) override;
  void records(std::span<const AckRecord> records) override;
  void report_error(const std::string& component, int32_t task, const std::string& text) override;
  void drained(int32_t executor, uint64_t epoch) override;

  const SimPlan& plan() const { return *around_.plan; }
  SimWorld& world() { return *around_.world; }
  void count(const char* point, uint64_t times = 1) { around_.count(point, times); }
  Rng rng(uint64_t owner) const;
  void make_session();
  void start_threads();
  void make_user();
  Status build(const PhysicalPlan& plan);
  void make_threads(const std::vector<SimParker*>& parkers);
  void make_links(const PhysicalPlan& plan, std::shared_ptr<const RouteTable> routes);
  void make_ledger();
  void take_records(std::span<const std::byte> records);
  void run_ledger();
  void put_ledger_round();
  void put_sweep();
  void tick();
  void check_memory();
  void check_gauges();

  const SimSurroundings around_;
  SimReactor& reactor_;
  const uint32_t slot_;
  const int32_t container_;
  const uint32_t incarnation_;
  bool links_up_ = false;
  bool started_ = false;
  bool threads_started_ = false;
  size_t unprepared_ = 0;
  std::map<int32_t, uint64_t> drained_;  // newest epoch by executor
  uint64_t drained_told_ = 0;
  bool ledger_round_put_ = false;
  bool sweep_put_ = false;
  uint64_t stale_records_ = 0;                          // of an earlier incarnation of our spouts
  std::unordered_map<uint64_t, CompletionKind> ended_;  // what the spouts have not heard yet; looked up only
  std::map<int32_t, uint64_t> remote_bytes_;            // by executor: delivered on lane 0, not consumed
  SimUser user_;
  SimThread* running_ = nullptr;
  SimStore store_;
  TopologyState state_;
  ErrorOutbox errors_;
  proto::LinkSample link_sample_;
  LedgerInbox inbox_;
  std::unique_ptr<LedgerLoop> ledger_;
  Port port_{*this};
  std::unique_ptr<HostLinks> links_;
  std::unique_ptr<SimTaskFactory> factory_;
  std::unique_ptr<HostInstance> instance_;
  std::vector<std::unique_ptr<SimThread>> threads_;
  std::unique_ptr<HostSession> session_;
  uint64_t master_ = 0;  // which topology master we are connected to, by ControlOracle::found
  std::unique_ptr<ControlClient> client_;
};

}  // namespace petrel::sim
