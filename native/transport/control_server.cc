#include "native/transport/control_server.h"

#include "native/base/escape.h"
#include "native/base/log.h"

namespace petrel {
namespace {

const Logger logger("control_server");

}  // namespace

struct ControlServer::Link {
  ControlPeer peer;
  std::string nonce;
  bool proved = false;
  std::unique_ptr<ControlConnection> connection;
};

ControlServer::ControlServer(Reactor& reactor, ControlServerOptions options, ControlServerHandler& handler)
    : reactor_(reactor), options_(std::move(options)), handler_(handler) {}

ControlServer::~ControlServer() {
  reactor_.cancel(beat_timer_);
}

Status ControlServer::start() {
  ASSIGN_OR_RETURN(acceptor_, reactor_.listen(options_.listen, [this](std::unique_ptr<ByteStream> stream) {
    on_accept(std::move(stream));
  }));
  beat_timer_ = reactor_.after(options_.heartbeat, [this] { beat(); });
  return Status();
}

void ControlServer::beat() {
  beat_timer_ = reactor_.after(options_.heartbeat, [this] { beat(); });
  proto::Envelope message;
  message.mutable_heartbeat();
  for (auto& [id, link] : links_) {
    // A failure shows as on_closed.
    if (link->proved) (void)link->connection->send(message).ok();
  }
}

Endpoint ControlServer::endpoint() const {
  CHECK(acceptor_ != nullptr);
  return acceptor_->endpoint();
}

/// Drops the oldest connection that has not proved the secret; false when all have.
bool ControlServer::make_room() {
  for (auto& [id, link] : links_) {
    if (link->proved) continue;
    logger.warn("dropped connection from {}: no hello yet and {} connections are open", link->peer.address,
                links_.size());
    links_.erase(id);
    return true;
  }
  return false;
}

void ControlServer::on_accept(std::unique_ptr<ByteStream> stream) {
  if (links_.size() >= options_.connections_max && !make_room()) {
    logger.warn("refused connection from {}: {} connections are open, the limit", stream->peer(), links_.size());
    return;
  }
  auto link = std::make_unique<Link>();
  const uint64_t id = next_id_++;
  link->peer.id = id;
  link->peer.address = stream->peer();
  link->nonce = options_.random_bytes(32);
  link->connection = std::make_unique<ControlConnection>(reactor_, std::move(stream), options_.limits);
  link->connection->start([this, id](proto::Envelope message) { on_message(id, std::move(message)); },
                          [this, id](const Status& reason) { on_closed(id, reason); });
  proto::Envelope challenge;
  challenge.mutable_challenge()->set_protocol_version(kControlProtocolVersion);
  challenge.mutable_challenge()->set_nonce(link->nonce);
  ControlConnection& connection = *link->connection;
  links_.emplace(id, std::move(link));
  // A failure shows as on_closed.
  if (Status sent = connection.send(challenge); !sent.ok()) logger.debug("challenge: {}", sent.message());
}

void ControlServer::on_message(uint64_t id, proto::Envelope message) {
  auto found = links_.find(id);
  if (found == links_.end()) return;
  Link& link = *found->second;
  if (link.proved) return handler_.on_message(ControlPeer(link.peer), std::move(message));
  if (!message.has_hello() || link.nonce.empty()) {
    link.connection->close(
        Status(StatusCode::kMalformed, link.nonce.empty() ? "a second hello" : "a message before the hello"));
    return;
  }
  on_hello(link, message.hello());
}

Status ControlServer::check_hello(const Link& link, const proto::Hello& hello) const {
  if (hello.protocol_version() != kControlProtocolVersion) {
    return Status::malformed("control protocol version {} of the peer, {} here; run one version of petrel",
                             hello.protocol_version(), kControlProtocolVersion);
  }
  if (hello.topology_id() != options_.topology_id) {
    return Status::error(StatusCode::kDenied, "this is the topology master of '{}', not of '{}'", options_.topology_id,
                         escape(hello.topology_id()));
  }
  if (!proto::Role_IsValid(hello.role()) || hello.role() == proto::ROLE_UNSET) {
    return Status::malformed("role {} is unknown", static_cast<int>(hello.role()));
  }
  const std::string proof =
      hello_proof(options_.secret, link.nonce, hello.role(), hello.container_id(), hello.incarnation(), hello.slot());
  if (!equal_constant_time(proof, hello.proof())) {
    return Status(StatusCode::kDenied, "the proof does not match: the peer has another secret");
  }
  return Status();
}

void ControlServer::on_hello(Link& link, const proto::Hello& hello) {
  const uint64_t id = link.peer.id;
  link.peer.role = hello.role();
  link.peer.container_id = hello.container_id();
  link.peer.incarnation = hello.incarnation();
  link.peer.slot = hello.slot();
  link.peer.pid = hello.pid();
  Status checked = check_hello(link, hello);
  link.nonce.clear();  // one try per challenge
  // The handler may close other connections, so `link` is looked up again after it.
  if (checked.ok()) checked = handler_.on_hello(ControlPeer(link.peer));
  auto found = links_.find(id);
  if (found == links_.end()) return;
  ControlConnection& connection = *found->second->connection;
  proto::Envelope result;
  result.mutable_hello_result()->set_accepted(checked.ok());
  result.mutable_hello_result()->set_reason(checked.message());
  if (Status sent = connection.send(result); !sent.ok()) return;
  if (!checked.ok()) {
    logger.warn("refused {} container={} incarnation={}: {}", link.peer.address, hello.container_id(),
                hello.incarnation(), checked.message());
    // The sentence still has to leave; a refused peer closes, else the hello deadline does.
    return;
  }
  found->second->proved = true;
  connection.set_proved();
  handler_.on_connected(ControlPeer(found->second->peer));
}

void ControlServer::on_closed(uint64_t id, const Status& reason) {
  auto found = links_.find(id);
  if (found == links_.end()) return;
  std::unique_ptr<Link> link = std::move(found->second);
  links_.erase(found);
  if (link->proved) return handler_.on_disconnected(link->peer, reason);
  if (!reason.ok()) logger.warn("connection from {} closed before the hello: {}", link->peer.address, reason.message());
}

Status ControlServer::send(uint64_t peer_id, const proto::Envelope& message) {
  auto found = links_.find(peer_id);
  if (found == links_.end()) return Status(StatusCode::kUnavailable, "the peer is gone");
  return found->second->connection->send(message);
}

void ControlServer::close(uint64_t peer_id, Status reason) {
  auto found = links_.find(peer_id);
  if (found != links_.end()) found->second->connection->close(std::move(reason));
}

}  // namespace petrel
