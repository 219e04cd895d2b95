#include "native/links/link_server.h"

#include <tuple>
#include <utility>

#include "native/base/escape.h"
#include "native/base/log.h"
#include "native/base/log_limit.h"
#include "native/links/frame_channel.h"
#include "native/links/link_handshake.h"

namespace petrel {
namespace {

const Logger logger("link_server");

Frame handshake_frame(FrameKind kind, std::string body) {
  FrameHeader header;
  header.kind = kind;
  return make_frame(header, std::move(body));
}

std::string more_text(uint64_t left_out) {
  return left_out == 0 ? "" : fmt::format(" ({} more since the last such line)", left_out);
}

}  // namespace

struct LinkServer::Impl : std::enable_shared_from_this<LinkServer::Impl> {
  using PeerKey = std::tuple<LinkRole, int32_t, uint32_t>;  // role, container, slot

  /// The newest link of a peer, open or not.
  struct Peer {
    uint32_t incarnation = 0;
    uint32_t link_epoch = 0;
    std::weak_ptr<FrameChannel> channel;
  };

  /// A connection without hello.
  struct Unproved : LinkHandler {
    Unproved(Impl& i, uint64_t n) : impl(i), id(n) {}
    void on_frame(Frame frame) override { impl.on_frame(id, std::move(frame)); }
    void on_closed(Status reason) override { impl.on_closed(id, std::move(reason)); }

    Impl& impl;
    const uint64_t id;
    std::shared_ptr<FrameChannel> channel;
    std::string challenge_body;
    bool answered = false;
  };

  Impl(Reactor& r, LinkServerOptions o, LinkServerHandler& h) : reactor(r), options(std::move(o)), handler(h) {}
  ~Impl() {
    for (auto& [id, connection] : unproved) connection->channel->abandon();
  }

  void accept(std::unique_ptr<ByteStream> stream);
  void make_room();
  void on_frame(uint64_t id, Frame frame);
  void on_closed(uint64_t id, Status reason);
  Status admit(const Unproved& connection, std::string_view hello_body, Hello& hello, LinkPeer& peer);
  void refuse(Unproved& connection, const Status& reason);
  void welcome(Unproved& connection, const Hello& hello, const LinkPeer& peer, std::string_view hello_body);

  Reactor& reactor;
  LinkServerOptions options;
  LinkServerHandler& handler;
  std::unique_ptr<Acceptor> acceptor;
  std::map<uint64_t, std::unique_ptr<Unproved>> unproved;  // oldest first
  std::map<PeerKey, Peer> peers;
  LinkServerCounters counters;
  LogLimit closed_log;   // "closed before the hello"
  LogLimit refused_log;  // "refused"
  uint64_t last_id = 0;
};

void LinkServer::Impl::accept(std::unique_ptr<ByteStream> stream) {
  ++counters.accepted;
  make_room();
  const uint64_t id = ++last_id;
  auto& connection = *unproved.emplace(id, std::make_unique<Unproved>(*this, id)).first->second;
  connection.channel = std::make_shared<FrameChannel>(reactor, std::move(stream), options.limits);
  connection.challenge_body =
      encode_challenge({options.min_version, options.max_version, options.random_bytes(kNonceBytes)});
  connection.channel->start(connection);
  connection.channel->send(handshake_frame(FrameKind::kChallenge, connection.challenge_body));
}

void LinkServer::Impl::make_room() {
  if (unproved.size() < options.limits.unauthenticated_max) return;
  auto oldest = unproved.begin();
  if (counters.dropped_unproved++ % 1000 == 0) {
    logger.warn("dropped the connection of {}: {} connections without a hello are open, the limit ({} so far)",
                oldest->second->channel->peer(), unproved.size(), counters.dropped_unproved);
  }
  oldest->second->channel->abandon();
  unproved.erase(oldest);
}

void LinkServer::Impl::on_closed(uint64_t id, Status reason) {
  auto found = unproved.find(id);
  if (found == unproved.end()) return;
  if (!found->second->answered) {
    ++counters.closed_unproved;
    // A stream manager that looks whether we still listen does just that, several times a second.
    if (const auto more = closed_log.pass(reactor.clock().now())) {
      logger.warn("connection closed before the hello: {}{}", reason.ok() ? "its peer ended it" : reason.message(),
                  more_text(*more));
    }
  }
  const bool refused = found->second->answered;
  unproved.erase(found);
  if (!refused) handler.on_stranger(reason);
}

void LinkServer::Impl::on_frame(uint64_t id, Frame frame) {
  auto self = shared_from_this();
  auto found = unproved.find(id);
  CHECK(found != unproved.end());
  Unproved& connection = *found->second;
  if (frame.header.kind != FrameKind::kHello || connection.answered) {
    return connection.channel->close(Status::malformed("a {} frame of {}; a client says one hello",
                                                       to_string(frame.header.kind), connection.channel->peer()));
  }
  connection.answered = true;  // one try per challenge
  Hello hello;
  LinkPeer peer;
  Status admitted = admit(connection, frame.bytes(), hello, peer);
  if (!admitted.ok()) return refuse(connection, admitted);
  welcome(connection, hello, peer, frame.bytes());
}

Status LinkServer::Impl::admit(const Unproved& connection, std::string_view hello_body, Hello& hello, LinkPeer& peer) {
  ASSIGN_OR_RETURN(hello, check_hello(options, connection.challenge_body, hello_body));
  peer.role = hello.role;
  peer.container = hello.container;
  peer.slot = hello.role == LinkRole::kHost ? hello.slot : 0;
  peer.incarnation = hello.incarnation;
  peer.link_epoch = hello.link_epoch;
  peer.features = hello.features & options.features;
  peer.pid = connection.channel->peer_pid();
  peer.text = describe_peer(peer, connection.channel->peer());
  auto known = peers.find({peer.role, peer.container, peer.slot});
  if (known == peers.end()) {
    if (peers.size() >= options.limits.peers_max) {
      return Status::error(StatusCode::kLimit, "{} peers are known, the limit", peers.size());
    }
    return handler.on_hello(peer);
  }
  if (peer.incarnation < known->second.incarnation) {
    return Status::error(StatusCode::kConflict, "{} is stale: incarnation {} of it is known", peer.text,
                         known->second.incarnation);
  }
  if (peer.incarnation == known->second.incarnation && peer.link_epoch <= known->second.link_epoch) {
    return Status::error(StatusCode::kConflict, "link epoch {} of {} is not above {}, which is known", peer.link_epoch,
                         peer.text, known->second.link_epoch);
  }
  return handler.on_hello(peer);
}

void LinkServer::Impl::refuse(Unproved& connection, const Status& reason) {
  ++counters.refused;
  if (const auto more = refused_log.pass(reactor.clock().now())) {
    logger.warn("refused {}: {}{}", connection.channel->peer(), reason.message(), more_text(*more));
  }
  // The sentence still has to leave; a refused peer closes, else the deadline of the hello does.
  connection.channel->send(handshake_frame(FrameKind::kRefused, encode_refused(reason.message())));
  handler.on_stranger(reason);
}

void LinkServer::Impl::welcome(Unproved& connection, const Hello& hello, const LinkPeer& peer,
                               std::string_view hello_body) {
  std::shared_ptr<FrameChannel> channel = connection.channel;
  const std::string body = make_welcome(options, hello, connection.challenge_body, hello_body);
  channel->set_link_epoch(hello.link_epoch);
  channel->send(handshake_frame(FrameKind::kWelcome, body));
  channel->set_proved();
  if (options.delays) {
    channel->set_on_delay([delays = options.delays, from = peer.container](Nanos delay) { delays->add(from, delay); });
  }
  ++counters.links;
  Peer& known = peers[{peer.role, peer.container, peer.slot}];
  std::shared_ptr<FrameChannel> older = known.channel.lock();
  known = {peer.incarnation, peer.link_epoch, channel};
  auto link = std::make_unique<FrameLink>(channel, peer);
  unproved.erase(uint64_t{connection.id});  // `connection` is gone
  if (older && older->open()) {
    ++counters.replaced;
    older->closed(Status::error(StatusCode::kConflict, "a newer link of {} came", peer.text));
  }
  handler.on_link(std::move(link));
}

LinkServer::LinkServer(Reactor& reactor, LinkServerOptions options, LinkServerHandler& handler)
    : impl_(std::make_shared<Impl>(reactor, std::move(options), handler)) {}

LinkServer::~LinkServer() = default;

Status LinkServer::start() {
  ASSIGN_OR_RETURN(impl_->acceptor,
                   impl_->reactor.listen(impl_->options.listen, [this](std::unique_ptr<ByteStream> stream) {
                     impl_->accept(std::move(stream));
                   }));
  return Status();
}

Endpoint LinkServer::endpoint() const {
  CHECK(impl_->acceptor != nullptr);
  return impl_->acceptor->endpoint();
}

void LinkServer::set_incarnation(uint32_t incarnation) {
  impl_->options.identity.incarnation = incarnation;
}

void LinkServer::accept(std::unique_ptr<ByteStream> stream) {
  impl_->accept(std::move(stream));
}

size_t LinkServer::unproved() const {
  return impl_->unproved.size();
}

const LinkServerCounters& LinkServer::counters() const {
  return impl_->counters;
}

}  // namespace petrel
