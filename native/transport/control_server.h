// ControlServer: the topology master's end of the control plane. A peer is known only after it proved the secret.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "native/base/rng.h"
#include "native/transport/control_connection.h"

namespace petrel {

struct ControlPeer {
  uint64_t id = 0;  // of this connection; never reused
  proto::Role role = proto::ROLE_UNSET;
  int32_t container_id = 0;
  uint32_t incarnation = 0;
  uint32_t slot = 0;
  int32_t pid = 0;
  std::string address;
};

/// Calls come on the reactor's loop. A handler may call any method of the server.
class ControlServerHandler {
 public:
  virtual ~ControlServerHandler() = default;
  /// The secret is proved. Not OK: the peer is refused with the sentence.
  virtual Status on_hello(const ControlPeer& peer) = 0;
  virtual void on_connected(const ControlPeer& peer) = 0;
  virtual void on_message(const ControlPeer& peer, proto::Envelope message) = 0;
  virtual void on_disconnected(const ControlPeer& peer, const Status& reason) = 0;
};

struct ControlServerOptions {
  Endpoint listen{"127.0.0.1", 0};
  std::string topology_id;
  std::string secret;
  ControlLimits limits;
  size_t connections_max = 256;  // a further one is closed, unless one without hello can make room
  Nanos heartbeat = Seconds(3);  // to every proved peer
  std::function<std::string(size_t)> random_bytes = system_random_bytes;
};

/// Thread: loop of the reactor only.  Owns: acceptor and connections.
class ControlServer {
 public:
  ControlServer(Reactor& reactor, ControlServerOptions options, ControlServerHandler& handler);
  ~ControlServer();
  Status start();
  Endpoint endpoint() const;
  Status send(uint64_t peer_id, const proto::Envelope& message);
  /// on_disconnected follows.
  void close(uint64_t peer_id, Status reason);
  size_t connections() const { return links_.size(); }

 private:
  struct Link;
  void on_accept(std::unique_ptr<ByteStream> stream);
  void on_message(uint64_t id, proto::Envelope message);
  void on_hello(Link& link, const proto::Hello& hello);
  Status check_hello(const Link& link, const proto::Hello& hello) const;
  void on_closed(uint64_t id, const Status& reason);
  bool make_room();
  void beat();

  Reactor& reactor_;
  ControlServerOptions options_;
  ControlServerHandler& handler_;
  std::unique_ptr<Acceptor> acceptor_;
  std::map<uint64_t, std::unique_ptr<Link>> links_;
  uint64_t next_id_ = 1;
  Reactor::TimerId beat_timer_ = 0;
};

}  // namespace petrel
