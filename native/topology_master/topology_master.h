// TopologyMaster: the plan, the registered containers, the status and the statistics of one topology.
//
// Life: load base and plan from the store -> listen -> write the endpoint (ephemeral) -> hosts say hello -> each gets
// the PhysicalPlan -> when the last container of the plan is there, all get StartExecutors. After its restart the hosts
// come back, get the same epoch, and nothing in them restarts.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "native/metrics/window.h"
#include "native/state_store/topology_state.h"
#include "native/topology_master/error_log.h"
#include "native/transport/control_server.h"

namespace petrel {

struct TopologyMasterOptions {
  TopologyId topology;
  std::string secret;
  Endpoint listen{"127.0.0.1", 0};
  int32_t pid = 0;
  Nanos retry = Seconds(1);  // registration of the endpoint, persisting errors
};

/// Thread: loop of the reactor only.  Owns: server, registry, windows.  Borrows: reactor, store.
/// Limits: containers and executors are those of the plan; errors as ErrorLog.
class TopologyMaster : public ControlServerHandler {
 public:
  TopologyMaster(Reactor& reactor, StateStore& store, TopologyMasterOptions options);
  ~TopologyMaster() override;
  /// Loads and listens; kNotFound, kCorrupt, kMalformed when the stored plan cannot be run.
  Status start();
  Endpoint endpoint() const { return server_->endpoint(); }

  // ControlServerHandler
  Status on_hello(const ControlPeer& peer) override;
  void on_connected(const ControlPeer& peer) override;
  void on_message(const ControlPeer& peer, proto::Envelope message) override;
  void on_disconnected(const ControlPeer& peer, const Status& reason) override;

 private:
  /// One container of the plan.
  struct Container {
    std::string host;
    int32_t port = 0;
    uint64_t peer = 0;  // connection; 0: not connected
    uint32_t incarnation = 0;
    bool prepared = false;
    int64_t uptime_ms = 0;  // of the host, as of uptime_seen
    MonoTime uptime_seen;
  };
  struct Executor {
    int32_t container_id = 0;
    std::string component;
    int32_t last_task = 0;
    ExecutorWindows windows;
  };

  Status load();
  Status index_plan();
  void register_endpoint();
  void watch_base();
  void set_status(proto::TopologyStatus status);
  std::vector<int32_t> missing() const;
  void send_plan(const ControlPeer& peer);
  void start_if_complete();
  void on_sample(const ControlPeer& peer, const proto::HostSample& sample);
  void on_error(const ControlPeer& peer, const proto::ErrorEntry& error);
  void persist_errors();
  proto::StatsReply stats() const;
  int64_t uptime_s(const Container& container) const;
  void broadcast(const proto::Envelope& message);

  Reactor& reactor_;
  TopologyMasterOptions options_;
  TopologyState state_;
  std::unique_ptr<ControlServer> server_;
  proto::PhysicalPlan plan_;
  proto::TopologyStatus status_ = proto::STATUS_UNSET;
  std::map<int32_t, Container> containers_;
  std::map<int32_t, Executor> executors_;  // by first task
  ErrorLog errors_;
  uint64_t host_restarts_ = 0;
  bool started_ = false;  // StartExecutors was sent
  std::unique_ptr<EphemeralRecord> registration_;
  std::unique_ptr<StateWatch> base_watch_;
  Reactor::TimerId register_timer_ = 0;
  Reactor::TimerId persist_timer_ = 0;
};

}  // namespace petrel
