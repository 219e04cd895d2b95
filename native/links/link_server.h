// LinkServer: the accepting end of links. A peer is known only after it proved the topology's secret; of one peer
// (role, container, slot) there is one link at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "native/base/rng.h"
#include "native/links/frame_link.h"
#include "native/links/lease_delays.h"

namespace petrel {

/// Who we are on links.
struct LinkIdentity {
  std::string topology_id;
  std::string secret;
  LinkRole role = LinkRole::kStreamManager;
  int32_t container = 0;
  uint32_t slot = 0;  // of a host
  uint32_t incarnation = 0;
};

/// Calls come on the loop. A handler may call any method of the server, but not destroy it.
class LinkServerHandler {
 public:
  virtual ~LinkServerHandler() = default;
  /// The secret is proved. Not OK: the peer is refused with the sentence.
  virtual Status on_hello(const LinkPeer&) { return Status(); }
  /// Call link->start() before returning. An older link of the same peer has ended before (its on_closed has run).
  virtual void on_link(std::unique_ptr<FrameLink> link) = 0;
  /// A connection ended without a welcome: malformed bytes, a refused hello, no hello in time. Already logged.
  virtual void on_stranger(const Status& /*reason*/) {}
};

struct LinkServerOptions {
  Endpoint listen{"127.0.0.1", 0};  // or {"@name", 0}: an abstract Unix socket
  LinkIdentity identity;
  LinkLimits limits;
  std::shared_ptr<LeaseDelays> delays;  // of the peers' leases, by container; null: nobody counts
  uint16_t min_version = kLinkVersionMin;
  uint16_t max_version = kLinkVersionMax;
  uint32_t features = 0;  // that we can do; a link has those that both ends can
  std::function<std::string(size_t)> random_bytes = system_random_bytes;
};

struct LinkServerCounters {
  uint64_t accepted = 0;          // connections
  uint64_t links = 0;             // hellos that were welcome
  uint64_t refused = 0;           // hellos answered with a sentence
  uint64_t closed_unproved = 0;   // malformed bytes, no hello in time, ended by the peer
  uint64_t dropped_unproved = 0;  // to make room
  uint64_t replaced = 0;          // links ended by a newer one of the same peer
};

/// Thread: loop of the reactor only.  Owns: acceptor and connections without hello; links belong to the handler.
class LinkServer {
 public:
  LinkServer(Reactor& reactor, LinkServerOptions options, LinkServerHandler& handler);
  ~LinkServer();
  LinkServer(const LinkServer&) = delete;

  Status start();
  Endpoint endpoint() const;
  /// Ours, from the next hello on.
  void set_incarnation(uint32_t incarnation);
  /// What the acceptor calls; for tests also with streams of their own.
  void accept(std::unique_ptr<ByteStream> stream);
  size_t unproved() const;
  const LinkServerCounters& counters() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace petrel
