// SimHost: one incarnation of a host process: the product's HostInstance, ledger and HostLinks, put together as
// native/native_host does it, with SimThread for its threads. SimManager: one incarnation of a stream manager process.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "native/host/host_links.h"
#include "native/instance/host_instance.h"
#include "native/ledger/ledger_loop.h"
#include "tests/sim/sim_network.h"
#include "tests/sim/sim_tasks.h"
#include "tests/sim/sim_thread.h"

namespace petrel::sim {

/// What a process needs of its surroundings.
struct SimSurroundings {
  SimWorld* world = nullptr;
  const SimPlan* plan = nullptr;
  Oracle* oracle = nullptr;
  uint32_t duplicate_percent = 0;                      // frames that hosts get twice
  std::map<std::string, uint64_t>* reached = nullptr;  // "sometimes" points
  void count(const char* point, uint64_t times = 1) const { (*reached)[point] += times; }
};

std::string manager_socket(int32_t container);

class SimHost : private RemotePort, private AckPort, private HostEvents, private LinkSink {
 public:
  SimHost(const SimSurroundings& around, SimReactor& reactor, uint32_t slot, uint32_t incarnation);
  ~SimHost() override;

  /// Builds what the plan gives this host, and its links.
  void boot(const PhysicalPlan& plan);
  void start_executors();
  void set_peers(const proto::DataEndpoints& endpoints) { links_->set_peers(endpoints); }
  void set_stale_routes();
  Endpoint tcp_endpoint() const;
  bool links_up() const { return links_up_; }
  void set_slow(uint32_t factor);
  bool idle() const;
  std::string describe() const;
  void report();

 private:
  Offer offer(int32_t source_executor, OutboundSection&& section) override;
  double load_of(int32_t task) const override;
  uint32_t loss_number() const override { return links_->loss_number(); }
  void open(int32_t spout_task, int64_t timeout_ms) override;
  void records(std::span<const AckRecord> records) override;
  void report_error(const std::string&, int32_t, const std::string&) override {}
  void drained(int32_t executor, uint64_t epoch) override;
  void deliver(std::span<const InSection> sections) override;
  void credit(std::span<const int32_t> executors) override;

  const SimPlan& plan() const { return *around_.plan; }
  SimWorld& world() { return *around_.world; }
  void count(const char* point, uint64_t times = 1) { around_.count(point, times); }
  Rng rng(uint64_t owner) const;
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
  bool ledger_round_put_ = false;
  bool sweep_put_ = false;
  uint64_t stale_records_ = 0;                          // of an earlier incarnation of our spouts
  std::unordered_map<uint64_t, CompletionKind> ended_;  // what the spouts have not heard yet; looked up only
  std::map<int32_t, uint64_t> remote_bytes_;            // by executor: delivered on lane 0, not consumed
  SimUser user_;
  SimThread* running_ = nullptr;
  LedgerInbox inbox_;
  std::unique_ptr<LedgerLoop> ledger_;
  std::unique_ptr<HostLinks> links_;
  std::unique_ptr<SimTaskFactory> factory_;
  std::unique_ptr<HostInstance> instance_;
  std::vector<std::unique_ptr<SimThread>> threads_;
};

class SimManager {
 public:
  SimManager(const SimSurroundings& around, SimReactor& reactor, int32_t container, uint32_t incarnation);
  ~SimManager();
  void start();
  void set_peers(const proto::DataEndpoints& endpoints);
  void set_stale_routes();
  Endpoint tcp_endpoint() const { return manager_->tcp_endpoint(); }
  void report();

 private:
  const SimSurroundings around_;
  PeerBook book_;
  std::unique_ptr<StreamManager> manager_;
};

}  // namespace petrel::sim
