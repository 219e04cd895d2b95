// TopologyMaster: the plan, the registered containers, the status and the statistics of one topology.
//
// Life: load base and plan from the store -> listen -> write the endpoint (ephemeral) -> hosts and stream managers say
// hello -> each gets the PhysicalPlan -> stream managers say where they listen, all of them hear it -> hosts say that
// they reach all others -> when the last host of the plan is there and has said so, all get StartExecutors. After its
// restart the hosts come back, get the same epoch, and nothing in them restarts.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "native/metrics/window.h"
#include "native/state_store/topology_state.h"
#include "native/topology_master/error_log.h"
#include "native/topology_master/link_totals.h"
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
/// Limits: containers, hosts and executors are those of the plan; errors as ErrorLog.
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
  /// A process that registers: the newest incarnation wins.
  struct Registration {
    uint64_t peer = 0;  // connection; 0: not connected
    uint32_t incarnation = 0;
    int32_t pid = 0;
  };
  /// One container of the plan.
  struct Container {
    std::string host;
    int32_t port = 0;
    bool in_host = true;  // the stream manager is in its host
    uint32_t moves = 0;   // of the stream manager
    size_t hosts = 0;
    Registration stream_manager;                 // of the process, when there is one
    std::optional<proto::DataEndpoint> listens;  // the stream manager, wherever it is
  };
  /// One host of the plan.
  struct Host {
    int32_t container_id = 0;
    std::string name;  // "container=1 slot=0", for log lines
    Registration registration;
    bool prepared = false;
    bool links_up = false;
    uint64_t drained_epoch = 0;
    int64_t uptime_ms = 0;  // as of uptime_seen
    MonoTime uptime_seen;
  };
  struct Executor {
    uint32_t slot = 0;
    std::string component;
    int32_t last_task = 0;
    ExecutorWindows windows;
  };

  Status load();
  Status index_plan();
  Status index_container(const proto::ContainerPlan& container);
  Status index_host(const proto::ContainerPlan& container, const proto::HostPlan& host);
  void register_endpoint();
  Status register_now();
  Status load_placements();
  void watch_base();
  void set_status(proto::TopologyStatus status);
  void begin_drain();
  std::vector<uint32_t> missing_slots() const;
  std::vector<int32_t> missing_containers() const;
  Registration* registration_of(const ControlPeer& peer);
  Host* host_of(const ControlPeer& peer);
  void take_over(const ControlPeer& peer, Registration& registration);
  void on_host_connected(const ControlPeer& peer, Host& host);
  void send(const ControlPeer& peer, const proto::Envelope& message);
  void send_plan(const ControlPeer& peer);
  proto::Envelope plan_message() const;
  proto::Envelope start_message() const;
  void start_if_complete();
  void start_executors(const std::string& why);
  void on_nimbus(const ControlPeer& peer, const proto::Envelope& message);
  void on_endpoint(const ControlPeer& peer, const proto::DataEndpoint& endpoint);
  proto::Envelope endpoints_message() const;
  void broadcast_endpoints();
  /// Stores the plan with the new placement, then tells everybody. Container 0: all.
  Result<std::vector<int32_t>> place_stream_managers(const proto::PlaceStreamManager& request);
  Status check_placement(const proto::PlaceStreamManager& request) const;
  proto::StreamManagerPlace place_of(int32_t container_id, const Container& container) const;
  void on_prepared(Host& host, uint64_t epoch);
  void on_links_up(Host& host, uint64_t epoch);
  void on_drained(Host& host, uint64_t epoch);
  void on_sample(const ControlPeer& peer, Host& host, const proto::HostSample& sample);
  void on_error(const Host& host, const proto::ErrorEntry& error);
  void persist_errors();
  proto::StatsReply stats() const;
  int64_t uptime_s(const Host& host) const;
  proto::Envelope status_message() const;
  void broadcast(const proto::Envelope& message);

  Reactor& reactor_;
  TopologyMasterOptions options_;
  TopologyState state_;
  std::unique_ptr<ControlServer> server_;
  proto::PhysicalPlan plan_;
  proto::TopologyStatus status_ = proto::STATUS_UNSET;
  std::map<int32_t, Container> containers_;
  std::map<uint32_t, Host> hosts_;         // by slot
  std::map<int32_t, Executor> executors_;  // by first task
  ErrorLog errors_;
  LinkTotals links_;
  uint64_t host_restarts_ = 0;
  uint64_t drain_epoch_ = 0;  // of the last change away from ACTIVE
  bool started_ = false;      // StartExecutors was sent
  std::unique_ptr<EphemeralRecord> registration_;
  std::unique_ptr<StateWatch> base_watch_;
  Reactor::TimerId register_timer_ = 0;
  Reactor::TimerId persist_timer_ = 0;
};

}  // namespace petrel
