// StreamManagerProcess: what the process `petrel stream-manager` does on its loop: a StreamManager, its talk with the
// topology master, and what it remembers for its successor.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "native/container/peer_book.h"
#include "native/packing/physical_plan.h"
#include "native/state_store/topology_state.h"
#include "native/stream_manager/stream_manager.h"
#include "native/transport/control_client.h"

namespace petrel {

struct StreamManagerProcessOptions {
  std::string topology_id;
  std::string secret;
  int32_t container = 0;
  uint32_t incarnation = 0;
  Endpoint unix_endpoint;                    // for the hosts of the container
  std::string listen_address = "127.0.0.1";  // for other containers
  std::vector<Reactor*> loops = {};          // StreamManagerOptions::peer_loops
};

/// What it needs from outside; called on the loop.
struct StreamManagerProcessLinks {
  /// Its own port and its peers, as its predecessor or itself wrote them last; empty when there is nothing.
  std::function<proto::DataEndpoints()> read_memory;
  std::function<void(const proto::DataEndpoints&)> write_memory;
  std::function<bool()> somebody_cares;  // agent or root lives
  std::function<void()> end;             // nobody has cared for kLeaseSeconds
};

/// Thread: loop of the reactor.  Borrows: reactor, store.
class StreamManagerProcess : private ControlClientHandler {
 public:
  StreamManagerProcess(Reactor& reactor, StateStore& store, StreamManagerProcessOptions options,
                       StreamManagerProcessLinks links);
  ~StreamManagerProcess() override;

  /// Listens, on the port of its predecessor when that is free. Errors: it cannot listen anywhere.
  Status start();
  StreamManager& manager() { return *manager_; }
  /// A plan of an older epoch than the one that it has is ignored.
  void take_plan(const proto::PhysicalPlan& message);
  /// 0: it has none yet.
  uint64_t plan_epoch() const { return epoch_; }

 private:
  void on_connected() override;
  void on_message(proto::Envelope message) override;
  void on_disconnected(const Status& reason) override;
  void on_refused(const std::string& reason) override;

  Status listen(const proto::DataEndpoints& memory);
  Status listen_on(const Endpoint& endpoint, const std::vector<uint16_t>& more_ports);
  const proto::ContainerPlan* own_container(const proto::PhysicalPlan& plan) const;
  uint32_t moves_in(const proto::PhysicalPlan& plan) const;
  uint32_t moves_remembered(const proto::DataEndpoints& memory) const;
  void take_placement(const proto::PhysicalPlan& message);
  proto::DataEndpoint own_endpoint() const;
  void announce();
  void write_memory() const;
  void connect();
  void take_endpoints(const proto::DataEndpoints& news);
  void tick();
  proto::LinkSample sample() const;
  void send(const proto::Envelope& message);

  Reactor& reactor_;
  TopologyState state_;
  const StreamManagerProcessOptions options_;
  const StreamManagerProcessLinks links_;
  PeerBook book_;
  MonoTime cared_for_at_;
  uint64_t epoch_ = 0;
  uint32_t moves_ = 0;  // of the stream manager of the container
  Reactor::TimerId timer_ = 0;
  std::unique_ptr<StreamManager> manager_;
  std::unique_ptr<ControlClient> client_;
};

}  // namespace petrel
