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

#include "native/links/link_server.h"
#include "native/links/route_table.h"
#include "native/stream_manager/host_board.h"
#include "native/stream_manager/peer_loop.h"
#include "native/transport/reactor.h"

namespace petrel {

struct StreamManagerOptions {
  int32_t container = 0;
  uint32_t incarnation = 0;  // placement.h
  std::string topology_id;
  std::string secret;
  Endpoint unix_endpoint;                 // {"@name", 0}; empty host: in_host
  Endpoint tcp_endpoint{"127.0.0.1", 0};  // for other containers; an address that they can dial
  /// The links to other stream managers are divided over these by container, each on a port of its own. The first may
  /// be ours; none: ours has them all. Borrowed. They run after start(), and have stopped before the stream manager is
  /// destroyed.
  std::vector<Reactor*> peer_loops;
  std::vector<uint16_t> more_ports;  // of the loops behind the first; without one a free port
  LinkLimits limits;
  size_t link_queue_bytes = 128U << 20;   // frames for a link on which so much waits are dropped, but for credit
  size_t credit_high_bytes = 256U << 10;  // credit for a link is merged while so much waits in its priority lane
  Nanos credit_retry = Millis(5);
  Nanos dead_peer_check = Millis(200);  // while an in_host peer that would have to dial us has no link
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
  std::map<int32_t, LeaseDelays::Counts> lease_delays;  // of the stream managers of these containers
  std::array<uint64_t, static_cast<size_t>(Drop::kCount)> drops{};
  uint64_t frames = 0;         // forwarded, of all kinds
  uint64_t credit_merged = 0;  // entries that a newer one has replaced
  uint64_t splits = 0;         // data frames for more than one host
  uint64_t links = 0;
  uint64_t near_links = 0;  // of these: to stream managers of this machine, by near_endpoint()
  uint64_t links_closed = 0;
  uint64_t hosts_lost = 0;  // found out here
  uint64_t stale_plans = 0;
  uint64_t dropped(Drop drop) const { return drops[static_cast<size_t>(drop)]; }
};

/// Thread: loop of the reactor only.  Owns: servers, clients, links.
/// Limits: one link per host of the container and per peer; each queues what was granted, at most link_queue_bytes.
class StreamManager : private LinkServerHandler, private PeerLoopHandler {
 public:
  using PeerEndpoint = petrel::PeerEndpoint;

  StreamManager(Reactor& reactor, StreamManagerOptions options);
  ~StreamManager() override;
  StreamManager(const StreamManager&) = delete;

  /// Listens. Errors: an address that nobody can dial; those of Reactor::listen.
  Status start();
  /// Where peers find us: the port of the first loop, those of the others.
  Endpoint tcp_endpoint() const;
  std::vector<uint16_t> more_ports() const;
  /// A table of an older epoch is ignored and counted.
  void set_routes(std::shared_ptr<const RouteTable> routes);
  /// All stream managers of the topology that are known; our own entry is ignored. A link to an older incarnation of
  /// one ends.
  void set_peers(std::vector<PeerEndpoint> peers);
  /// From now on another process is the stream manager of the container: all links end and no other is accepted. We
  /// listen on, since nobody may take our silence for the death of the host that we are in.
  void retire();
  /// It is us (again), as this incarnation. Links and peers come anew.
  void serve(uint32_t incarnation);
  /// A link of a host of this container, not started yet (in_host: an end of a LoopLink).
  void add_local(std::unique_ptr<Link> link);
  /// A link of another stream manager, not started yet.
  void add_peer(std::unique_ptr<Link> link);
  /// That incarnation of a host has ended.
  void host_ended(uint32_t slot, int32_t container, uint32_t incarnation);

  StreamManagerCounters counters() const;
  /// Waiting in all links.
  size_t queued_bytes() const;
  bool has_peer(int32_t container) const { return peers_.contains(container); }

 private:
  class Port;
  struct Known {
    PeerEndpoint at;
    bool checking = false;
  };

  Status on_hello(const LinkPeer& peer) override;
  void on_link(std::unique_ptr<FrameLink> link) override;
  void on_peer(std::unique_ptr<Link> link) override { add_peer(std::move(link)); }
  void on_no_listener(int32_t container, uint32_t incarnation) override;
  PeerLoopOptions peer_loop_options(size_t index) const;
  Status check_address() const;

  void on_frame(Port& from, Frame frame);
  void on_closed(Port& port, const Status& reason);
  void on_hosts(Port& from, const Frame& frame);
  bool check_source(const Port& from, const FrameHeader& header);
  void forward_data(Port& from, Frame frame);
  void split(Port& from, const Frame& frame, const std::vector<std::pair<SectionView, uint32_t>>& sections);
  /// The link to the host; null when it was dropped and counted.
  Port* way_to(const Port& from, uint32_t slot, uint32_t incarnation);
  void send(Port& to, Frame frame);
  bool hold_credit(Port& to, const Frame& frame);
  void flush_credit();
  void arm_credit();
  void count(const Port& from, uint32_t slot, const std::vector<std::pair<SectionView, uint32_t>>& sections);
  void drop(Drop why) { ++counters_.drops[static_cast<size_t>(why)]; }

  void announce();
  void send_hosts(Port& to);
  bool to_check(int32_t container, const Known& known) const;
  void arm_check();
  void check_dead_peers();

  Reactor& reactor_;
  const StreamManagerOptions options_;
  uint32_t incarnation_;
  bool retired_ = false;
  HostBoard board_;
  std::shared_ptr<LeaseDelays> delays_ = std::make_shared<LeaseDelays>();
  std::shared_ptr<const RouteTable> routes_;
  std::unique_ptr<LinkServer> unix_server_;
  std::vector<std::unique_ptr<PeerLoop>> peer_loops_;  // from start() on; without it we neither listen nor dial
  std::map<uint32_t, std::unique_ptr<Port>> locals_;   // by slot
  std::map<int32_t, std::unique_ptr<Port>> peers_;     // by container
  std::map<int32_t, Known> known_;
  std::map<uint32_t, uint32_t> watched_;  // by slot: the incarnation whose end the reactor will tell
  StreamManagerCounters counters_;
  bool announce_posted_ = false;
  Reactor::TimerId check_timer_ = 0;
  Reactor::TimerId credit_timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace petrel
