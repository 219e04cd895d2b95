// StreamManager: forwards the frames of a container's hosts by task id (sections) or host slot (everything else). It
// knows no value, and keeps nothing that a restart could lose: what it drops, flows ask for again (docs/links.md).
//
// It runs in its container's only host (its end of a LoopLink comes by add_local) or as a process (hosts dial
// `unix_endpoint`). Between stream managers the container with the smaller id dials.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "native/links/link_client.h"
#include "native/links/link_server.h"
#include "native/links/route_table.h"
#include "native/stream_manager/host_board.h"
#include "native/transport/reactor.h"

namespace petrel {

struct StreamManagerOptions {
  int32_t container = 0;
  uint32_t incarnation = 0;  // of our process
  std::string topology_id;
  std::string secret;
  Endpoint unix_endpoint;                 // {"@name", 0}; empty host: in_host
  Endpoint tcp_endpoint{"127.0.0.1", 0};  // for other containers
  LinkLimits limits;
  size_t link_queue_bytes = 128U << 20;  // frames for a link on which so much waits are dropped
  Nanos dead_peer_check = Millis(200);   // while an in_host peer that would have to dial us has no link
  std::function<std::string(size_t)> random_bytes = system_random_bytes;
};

/// Why a frame (or a section) was not forwarded. Flows heal every one of them.
enum class Drop : uint8_t {
  kNoPlan = 0,
  kUnknownTask,  // sections
  kUnknownHost,
  kStaleSource,    // an older incarnation, or a host that is lost
  kForeignSource,  // a link speaks for somebody else
  kHostGone,       // the incarnation that it is for
  kNoLink,
  kQueueFull,
  kMisrouted,  // from a peer, and not for our container
  kMalformed,
  kCount,
};
const char* to_string(Drop drop);

struct PairCounters {
  uint64_t frames = 0;  // data frames
  uint64_t sections = 0;
  uint64_t tuples = 0;
  uint64_t bytes = 0;  // of sections
};

struct StreamManagerCounters {
  /// From our hosts to those of each container (our own as well).
  std::map<std::pair<int32_t, int32_t>, PairCounters> pairs;
  std::array<uint64_t, static_cast<size_t>(Drop::kCount)> drops{};
  uint64_t frames = 0;  // forwarded, of all kinds
  uint64_t splits = 0;  // data frames for more than one host
  uint64_t links = 0;
  uint64_t links_closed = 0;
  uint64_t hosts_lost = 0;  // found out here
  uint64_t stale_plans = 0;
  uint64_t dropped(Drop drop) const { return drops[static_cast<size_t>(drop)]; }
};

/// Thread: loop of the reactor only.  Owns: servers, clients, links.
/// Limits: one link per host of the container and per peer; each queues what was granted, at most link_queue_bytes.
class StreamManager : private LinkServerHandler {
 public:
  struct PeerEndpoint {
    int32_t container = 0;
    uint32_t incarnation = 0;  // of its process
    Endpoint endpoint;
  };

  StreamManager(Reactor& reactor, StreamManagerOptions options);
  ~StreamManager() override;
  StreamManager(const StreamManager&) = delete;

  /// Listens. Errors: those of Reactor::listen.
  Status start();
  /// Where peers find us.
  Endpoint tcp_endpoint() const;
  /// A table of an older epoch is ignored and counted.
  void set_routes(std::shared_ptr<const RouteTable> routes);
  /// All stream managers of the topology that are known; our own entry is ignored.
  void set_peers(std::vector<PeerEndpoint> peers);
  /// A link of a host of this container, not started yet (in_host: an end of a LoopLink).
  void add_local(std::unique_ptr<Link> link);
  /// A link of another stream manager, not started yet.
  void add_peer(std::unique_ptr<Link> link);
  /// That incarnation of a host has ended.
  void host_ended(uint32_t slot, int32_t container, uint32_t incarnation);

  const StreamManagerCounters& counters() const { return counters_; }
  /// Waiting in all links.
  size_t queued_bytes() const;
  bool has_peer(int32_t container) const { return peers_.contains(container); }

 private:
  class Port;
  class Dialer;
  struct Known {
    PeerEndpoint at;
    std::unique_ptr<Dialer> dialer;  // when it is ours to dial
    bool checking = false;
  };

  Status on_hello(const LinkPeer& peer) override;
  void on_link(std::unique_ptr<FrameLink> link) override;

  void on_frame(Port& from, Frame frame);
  void on_closed(Port& port, const Status& reason);
  void on_hosts(Port& from, const Frame& frame);
  bool check_source(const Port& from, const FrameHeader& header);
  void forward_data(Port& from, Frame frame);
  void split(Port& from, const Frame& frame, const std::vector<std::pair<SectionView, uint32_t>>& sections);
  /// The link to the host; null when it was dropped and counted.
  Port* way_to(const Port& from, uint32_t slot, uint32_t incarnation);
  void send(Port& to, Frame frame);
  void count(const Port& from, uint32_t slot, const std::vector<std::pair<SectionView, uint32_t>>& sections);
  void drop(Drop why) { ++counters_.drops[static_cast<size_t>(why)]; }

  void announce();
  void send_hosts(Port& to);
  bool in_host(int32_t container) const;
  void on_no_listener(int32_t container, uint32_t incarnation);
  bool to_check(int32_t container, const Known& known) const;
  void arm_check();
  void check_dead_peers();

  Reactor& reactor_;
  const StreamManagerOptions options_;
  HostBoard board_;
  std::shared_ptr<const RouteTable> routes_;
  std::unique_ptr<LinkServer> unix_server_;
  std::unique_ptr<LinkServer> tcp_server_;
  std::map<uint32_t, std::unique_ptr<Port>> locals_;  // by slot
  std::map<int32_t, std::unique_ptr<Port>> peers_;    // by container
  std::map<int32_t, Known> known_;
  StreamManagerCounters counters_;
  bool announce_posted_ = false;
  Reactor::TimerId check_timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace petrel
