#include "native/stream_manager/peer_loop.h"

#include <utility>

#include "native/base/log.h"

namespace petrel {
namespace {

const Logger logger("stream_manager");

}  // namespace

Endpoint PeerEndpoint::for_container(int32_t dialling) const {
  const size_t loop = loop_of(dialling, more_ports.size() + 1);
  return loop == 0 ? endpoint : Endpoint{endpoint.host, more_ports[loop - 1]};
}

Endpoint near_endpoint(const Endpoint& port) {
  return {fmt::format("@petrel-{}:{}", port.host, port.port), 0};
}

/// Everything on the away loop.
class PeerLoop::Dialer : public LinkClientHandler {
 public:
  Dialer(PeerLoop& loop, int32_t container) : loop_(loop), container_(container) {
    LinkClientOptions options;
    options.identity = loop.options_.identity;
    options.limits = loop.options_.limits;
    options.delays = loop.options_.delays;
    options.expected_container = container;
    options.random_bytes = loop.options_.random_bytes;
    client_ = std::make_unique<LinkClient>(loop.away_, std::move(options), [this] { return find(); }, *this);
  }
  void start() { client_->start(); }
  void retry_now() { client_->retry_now(); }

  void on_link(std::unique_ptr<FrameLink> link) override { loop_.on_link(std::move(link)); }
  void on_refused(const Status& reason) override {
    logger.warn("container {}: container {}: {}", loop_.options_.identity.container, container_, reason.message());
  }
  void on_no_listener() override {
    loop_.run_home([&loop = loop_, container = container_, incarnation = dialled_incarnation_] {
      loop.handler_.on_no_listener(container, incarnation);
    });
  }

 private:
  /// The port last: whether anybody listens there says whether the peer lives.
  std::vector<Endpoint> find() {
    const PeerEndpoint& at = loop_.known_.at(container_).at;
    dialled_incarnation_ = at.incarnation;
    const Endpoint port = at.for_container(loop_.options_.identity.container);
    // An address of ours that is also the peer's is one of this machine.
    if (port.host == loop_.endpoint().host) return {near_endpoint(port), port};
    return {port};
  }

  PeerLoop& loop_;
  const int32_t container_;
  uint32_t dialled_incarnation_ = 0;
  std::unique_ptr<LinkClient> client_;
};

PeerLoop::PeerLoop(Reactor& home, Reactor& away, PeerLoopOptions options, PeerLoopHandler& handler)
    : home_(home), away_(away), options_(std::move(options)), handler_(handler), links_(away) {}

PeerLoop::~PeerLoop() {
  *alive_ = false;
}

Status PeerLoop::start() {
  LinkServerOptions server;
  server.identity = options_.identity;
  server.limits = options_.limits;
  server.delays = options_.delays;
  server.random_bytes = options_.random_bytes;
  server.listen = options_.listen;
  LinkServerHandler& handler = *this;
  server_ = std::make_unique<LinkServer>(away_, server, handler);
  RETURN_IF_ERROR(server_->start());
  auto near = away_.listen(near_endpoint(endpoint()),
                           [this](std::unique_ptr<ByteStream> stream) { server_->accept(std::move(stream)); });
  if (!near.ok()) {
    logger.warn("container {}: {}; stream managers of this machine come by port {}", options_.identity.container,
                near.status().message(), endpoint().port);
    return Status();
  }
  near_ = std::move(near).value();
  return Status();
}

Endpoint PeerLoop::endpoint() const {
  return server_->endpoint();
}

Status PeerLoop::on_hello(const LinkPeer& peer) {
  const int32_t own = options_.identity.container;
  if (retired_) {
    return Status::error(StatusCode::kUnavailable, "the stream manager of container {} has moved to another process",
                         own);
  }
  if (peer.role != LinkRole::kStreamManager || peer.container == own) {
    return Status::malformed("a {} of container {} cannot link to this port of the stream manager of container {}",
                             to_string(peer.role), peer.container, own);
  }
  if (peer.container > own) {
    return Status::malformed("container {} dialled container {}; the one with the smaller id dials", peer.container,
                             own);
  }
  if (loop_of(peer.container, options_.loops) != options_.index) {
    return Status::malformed("container {} dialled the port of loop {} of container {}, its own is that of loop {}",
                             peer.container, options_.index, own, loop_of(peer.container, options_.loops));
  }
  return Status();
}

void PeerLoop::on_link(std::unique_ptr<FrameLink> link) {
  if (&home_ == &away_) return handler_.on_peer(std::move(link));
  // A std::function has to be copyable.
  auto carried = std::make_shared<std::unique_ptr<Link>>(links_.carry(std::move(link), home_, options_.crossing));
  run_home([this, carried] { handler_.on_peer(std::move(*carried)); });
}

void PeerLoop::run_home(std::function<void()> work) {
  if (&home_ == &away_) return work();
  home_.post([alive = alive_, work = std::move(work)] {
    if (*alive) work();
  });
}

void PeerLoop::set_peers(std::vector<PeerEndpoint> peers) {
  std::erase_if(peers, [this](const PeerEndpoint& peer) {
    return peer.container <= options_.identity.container || loop_of(peer.container, options_.loops) != options_.index;
  });
  run_away([this, peers = std::move(peers)] { take_peers(peers); });
}

void PeerLoop::run_away(std::function<void()> work) {
  if (&home_ == &away_) return work();
  away_.post([alive = alive_, work = std::move(work)] {
    if (*alive) work();
  });
}

void PeerLoop::retire() {
  run_away([this] {
    retired_ = true;
    known_.clear();
  });
}

void PeerLoop::serve(uint32_t incarnation) {
  run_away([this, incarnation] {
    retired_ = false;
    known_.clear();
    options_.identity.incarnation = incarnation;
    server_->set_incarnation(incarnation);
  });
}

void PeerLoop::take_peers(const std::vector<PeerEndpoint>& peers) {
  std::map<int32_t, Known> old = std::exchange(known_, {});
  for (const PeerEndpoint& peer : peers) {
    Known& known = known_[peer.container];
    if (const auto before = old.find(peer.container); before != old.end()) known = std::move(before->second);
    const bool changed = known.at != peer;
    known.at = peer;
    if (!changed) continue;
    if (known.dialer) {
      known.dialer->retry_now();
    } else {
      known.dialer = std::make_unique<Dialer>(*this, peer.container);
      known.dialer->start();
    }
  }
}

}  // namespace petrel
