// PeerLoop: the links to those other stream managers that fall to one loop, by their container: it listens for the ones
// with smaller ids on a port of its own, and dials the others. Beside the port it listens on near_endpoint(): processes
// of one machine meet there, since a Unix socket costs less than TCP over loopback (docs/links.md).
//
// With one loop it is the stream manager's own, and links are handed over as they are. With more, each PeerLoop but its
// callers' runs on a thread of its own: sockets, checksums and leases are its work, frames cross by CrossLink.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "native/links/cross_link.h"
#include "native/links/link_client.h"
#include "native/links/link_server.h"
#include "native/transport/reactor.h"

namespace petrel {

/// Where a stream manager is found.
struct PeerEndpoint {
  int32_t container = 0;
  uint32_t incarnation = 0;  // placement.h
  Endpoint endpoint;
  std::vector<uint16_t> more_ports = {};  // of its other loops
  bool in_host = false;                   // it lives and dies with its container's only host

  /// Its loop for the links of `container`, and where that listens.
  Endpoint for_container(int32_t container) const;
  bool operator==(const PeerEndpoint&) const = default;
};

/// The abstract Unix socket that belongs to a port: it can be dialled wherever the port can be dialled as one of the
/// own machine, that is in one network namespace.
Endpoint near_endpoint(const Endpoint& port);

/// Which of `loops` has the links of a container.
inline size_t loop_of(int32_t container, size_t loops) {
  return static_cast<size_t>(container) % loops;
}

/// Calls come on the home loop.
class PeerLoopHandler {
 public:
  virtual ~PeerLoopHandler() = default;
  virtual void on_peer(std::unique_ptr<Link> link) = 0;
  /// The incarnation that was dialled does not listen any more.
  virtual void on_no_listener(int32_t container, uint32_t incarnation) = 0;
};

struct PeerLoopOptions {
  LinkIdentity identity;
  LinkLimits limits;
  std::shared_ptr<LeaseDelays> delays;
  CrossLinkLimits crossing;
  Endpoint listen;
  size_t index = 0;
  size_t loops = 1;
  std::function<std::string(size_t)> random_bytes = system_random_bytes;
};

/// Thread: everything on the home loop, with `away` not running yet, running, or stopped; the destructor only when it
/// has stopped for ever (or is the home loop).  Borrows: reactors, handler.
class PeerLoop : private LinkServerHandler {
 public:
  PeerLoop(Reactor& home, Reactor& away, PeerLoopOptions options, PeerLoopHandler& handler);
  ~PeerLoop() override;
  PeerLoop(const PeerLoop&) = delete;

  /// Listens. Call it before `away` runs. Errors: of the port; without the near endpoint peers come by the port.
  Status start();
  Endpoint endpoint() const;
  /// All peers: those of this loop that are ours to dial are dialled.
  void set_peers(std::vector<PeerEndpoint> peers);
  /// Dials nobody and refuses everybody, but listens on.
  void retire();
  /// Again, as `incarnation`; peers have to be set anew.
  void serve(uint32_t incarnation);
  /// Frames that came faster than the home loop took them.
  uint64_t dropped() const { return links_.dropped(); }

 private:
  class Dialer;
  struct Known {
    PeerEndpoint at;
    std::unique_ptr<Dialer> dialer;
  };

  Status on_hello(const LinkPeer& peer) override;
  void on_link(std::unique_ptr<FrameLink> link) override;
  void take_peers(const std::vector<PeerEndpoint>& peers);
  void run_home(std::function<void()> work);
  void run_away(std::function<void()> work);

  Reactor& home_;
  Reactor& away_;
  PeerLoopOptions options_;
  PeerLoopHandler& handler_;
  AwayLoop links_;
  std::map<int32_t, Known> known_;  // away loop
  bool retired_ = false;            // away loop
  std::unique_ptr<LinkServer> server_;
  std::unique_ptr<Acceptor> near_;  // null: somebody else has the name
  std::shared_ptr<std::atomic<bool>> alive_ = std::make_shared<std::atomic<bool>>(true);
};

}  // namespace petrel
