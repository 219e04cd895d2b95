// SimHost: one incarnation of a host process: the product's HostEndpoint, ledger and (in_host) StreamManager, and model
// executors. SimManager: one incarnation of a stream manager process.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "native/ledger/ledger_loop.h"
#include "native/links/host_endpoint.h"
#include "native/links/link_client.h"
#include "native/links/loop_link.h"
#include "native/stream_manager/stream_manager.h"
#include "tests/sim/sim_executor.h"
#include "tests/sim/sim_network.h"

namespace petrel::sim {

/// What a process needs of its surroundings.
struct SimSurroundings {
  SimWorld* world = nullptr;
  const SimPlan* plan = nullptr;
  Oracle* oracle = nullptr;
  uint32_t duplicate_percent = 0;                      // frames that hosts get twice
  bool stale_plans = false;                            // routes of an older epoch come now and then
  std::map<std::string, uint64_t>* reached = nullptr;  // "sometimes" points
  void count(const char* point, uint64_t times = 1) const { (*reached)[point] += times; }
};

std::string manager_socket(int32_t container);

class SimHost : private EndpointHandler, private LinkClientHandler {
 public:
  SimHost(const SimSurroundings& around, SimReactor& reactor, const SimHostPlan& plan, uint32_t incarnation);
  ~SimHost() override;

  /// Dials or listens; executors run when the links are up and start_executors() was called.
  void start();
  void start_executors();
  void set_peers(const std::vector<StreamManager::PeerEndpoint>& peers);
  void set_stale_routes();
  Endpoint tcp_endpoint() const;
  bool links_up() const { return links_up_; }
  bool started() const { return started_; }
  void set_slow(uint32_t factor);
  bool idle() const;
  std::string describe() const;

  const SimPlan& plan() const { return *around_.plan; }
  SimWorld& world() { return *around_.world; }
  Oracle& oracle() { return *around_.oracle; }
  SimReactor& reactor() { return reactor_; }
  HostEndpoint& endpoint() { return *endpoint_; }
  uint32_t incarnation() const { return incarnation_; }
  Rng rng(uint64_t owner) const;
  SimExecutor* local(int32_t task);
  uint32_t loss_number() const { return endpoint_->loss_number(); }
  /// To the ledgers of their roots' spouts.
  void records(const std::vector<AckRecord>& records);
  void count(const char* point, uint64_t times = 1) { around_.count(point, times); }
  /// Memory of endpoint and inboxes against what was granted.
  void check_memory();
  void check_gauges();
  void report();

 private:
  void on_section(const InSection& section) override;
  void on_credit(const std::vector<int32_t>& executors) override;
  void on_acks(std::string_view records) override;
  void on_host_lost(uint32_t slot, uint32_t loss_number) override;
  void on_links_up(uint64_t plan_epoch) override;
  void on_link(std::unique_ptr<FrameLink> link) override;
  void on_refused(const Status& reason) override;

  void attach(std::unique_ptr<Link> link);
  void run_ledger();
  void put_ledger_round();
  void tick();

  const SimSurroundings around_;
  SimReactor& reactor_;
  const SimHostPlan& host_plan_;
  const uint32_t incarnation_;
  bool links_up_ = false;
  bool started_ = false;
  bool ledger_round_put_ = false;
  uint64_t stale_records_ = 0;                                 // of an earlier incarnation of our spouts
  std::map<int32_t, std::unique_ptr<SimExecutor>> executors_;  // by first task
  LedgerInbox inbox_;
  std::unique_ptr<LedgerLoop> ledger_;
  std::unique_ptr<HostEndpoint> endpoint_;
  std::unique_ptr<StreamManager> manager_;  // in_host
  std::unique_ptr<LinkClient> client_;      // process
};

class SimManager {
 public:
  SimManager(const SimSurroundings& around, SimReactor& reactor, int32_t container, uint32_t incarnation);
  ~SimManager();
  void start();
  void set_peers(const std::vector<StreamManager::PeerEndpoint>& peers);
  void set_stale_routes();
  Endpoint tcp_endpoint() const { return manager_->tcp_endpoint(); }
  void report();

 private:
  const SimSurroundings around_;
  std::unique_ptr<StreamManager> manager_;
};

}  // namespace petrel::sim
