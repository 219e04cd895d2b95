#include "native/stream_manager/stream_manager.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "native/base/escape.h"
#include "native/base/log.h"
#include "native/base/mutant.h"

namespace petrel {
namespace {

const Logger logger("stream_manager");

}  // namespace

const char* to_string(Drop drop) {
  switch (drop) {
    case Drop::kNoPlan:
      return "no plan";
    case Drop::kUnknownTask:
      return "unknown task";
    case Drop::kUnknownHost:
      return "unknown host";
    case Drop::kStaleSource:
      return "stale source";
    case Drop::kForeignSource:
      return "foreign source";
    case Drop::kHostGone:
      return "host gone";
    case Drop::kNoLink:
      return "no link";
    case Drop::kQueueFull:
      return "queue full";
    case Drop::kMisrouted:
      return "misrouted";
    case Drop::kMalformed:
      return "malformed";
    case Drop::kCount:
      break;
  }
  return "?";
}

/// A link and who is behind it.
class StreamManager::Port : public LinkHandler {
 public:
  Port(StreamManager& manager, std::unique_ptr<Link> made)
      : peer(made->peer()), link(std::move(made)), manager_(manager) {}
  void on_frame(Frame frame) override { manager_.on_frame(*this, std::move(frame)); }
  void on_closed(Status reason) override { manager_.on_closed(*this, reason); }
  bool local() const { return peer.role == LinkRole::kHost; }

  const LinkPeer peer;
  const std::unique_ptr<Link> link;

 private:
  StreamManager& manager_;
};

class StreamManager::Dialer : public LinkClientHandler {
 public:
  Dialer(StreamManager& manager, int32_t container) : manager_(manager), container_(container) {
    LinkClientOptions options;
    options.identity = LinkIdentity{
        manager.options_.topology_id, manager.options_.secret, LinkRole::kStreamManager, manager.options_.container, 0,
        manager.options_.incarnation};
    options.limits = manager.options_.limits;
    options.expected_container = container;
    options.random_bytes = manager.options_.random_bytes;
    client_ = std::make_unique<LinkClient>(manager.reactor_, std::move(options), [this] { return find(); }, *this);
  }
  void start() { client_->start(); }
  void retry_now() { client_->retry_now(); }

  void on_link(std::unique_ptr<FrameLink> link) override { manager_.add_peer(std::move(link)); }
  void on_refused(const Status& reason) override {
    logger.warn("container {}: container {}: {}", manager_.options_.container, container_, reason.message());
  }
  void on_no_listener() override { manager_.on_no_listener(container_, dialled_incarnation_); }

 private:
  Result<Endpoint> find() {
    const PeerEndpoint& at = manager_.known_.at(container_).at;
    dialled_incarnation_ = at.incarnation;
    return at.endpoint;
  }

  StreamManager& manager_;
  const int32_t container_;
  uint32_t dialled_incarnation_ = 0;
  std::unique_ptr<LinkClient> client_;
};

StreamManager::StreamManager(Reactor& reactor, StreamManagerOptions options)
    : reactor_(reactor), options_(std::move(options)), board_(options_.container) {}

StreamManager::~StreamManager() {
  *alive_ = false;
  reactor_.cancel(check_timer_);
}

Status StreamManager::start() {
  LinkServerOptions server;
  server.identity = LinkIdentity{options_.topology_id, options_.secret, LinkRole::kStreamManager, options_.container, 0,
                                 options_.incarnation};
  server.limits = options_.limits;
  server.random_bytes = options_.random_bytes;
  server.listen = options_.tcp_endpoint;
  LinkServerHandler& handler = *this;
  tcp_server_ = std::make_unique<LinkServer>(reactor_, server, handler);
  RETURN_IF_ERROR(tcp_server_->start());
  if (options_.unix_endpoint.host.empty()) return Status();
  server.listen = options_.unix_endpoint;
  unix_server_ = std::make_unique<LinkServer>(reactor_, server, handler);
  return unix_server_->start();
}

Endpoint StreamManager::tcp_endpoint() const {
  return tcp_server_ ? tcp_server_->endpoint() : options_.tcp_endpoint;
}

size_t StreamManager::queued_bytes() const {
  size_t sum = 0;
  for (const auto& [slot, port] : locals_) sum += port->link->queued_bytes();
  for (const auto& [container, port] : peers_) sum += port->link->queued_bytes();
  return sum;
}

// ---- Links

Status StreamManager::on_hello(const LinkPeer& peer) {
  const bool host = peer.role == LinkRole::kHost;
  if (host != (peer.container == options_.container)) {
    return Status::malformed("a {} of container {} cannot link to the stream manager of container {}",
                             to_string(peer.role), peer.container, options_.container);
  }
  if (!host) {
    if (peer.container < options_.container) return Status();
    return Status::malformed("container {} dialled container {}; the one with the smaller id dials", peer.container,
                             options_.container);
  }
  const HostPlace* place = routes_ ? routes_->host(peer.slot) : nullptr;
  if (routes_ && (place == nullptr || place->container != options_.container)) {
    return Status::malformed("slot {} is not of container {} in plan epoch {}", peer.slot, options_.container,
                             routes_->epoch);
  }
  if (board_.gone(peer.slot, peer.incarnation)) {
    return Status::error(StatusCode::kConflict, "incarnation {} of host {} has been replaced (by {}) or is dead",
                         peer.incarnation, peer.slot, board_.incarnation(peer.slot));
  }
  return Status();
}

void StreamManager::on_link(std::unique_ptr<FrameLink> link) {
  if (link->peer().role == LinkRole::kHost) {
    add_local(std::move(link));
  } else {
    add_peer(std::move(link));
  }
}

void StreamManager::add_local(std::unique_ptr<Link> link) {
  const LinkPeer peer = link->peer();
  if (!board_.local_up(peer.slot, peer.incarnation)) return;
  ++counters_.links;
  std::unique_ptr<Port>& port = locals_[peer.slot];
  port = std::make_unique<Port>(*this, std::move(link));
  port->link->start(*port);
  if (peer.pid != 0) {
    reactor_.when_process_ends(peer.pid, [this, alive = alive_, slot = peer.slot, incarnation = peer.incarnation] {
      if (*alive) host_ended(slot, options_.container, incarnation);
    });
  }
  logger.info("container {}: linked to {}", options_.container, peer.text);
  announce();
}

void StreamManager::add_peer(std::unique_ptr<Link> link) {
  const LinkPeer peer = link->peer();
  if (peer.container == options_.container) return;
  ++counters_.links;
  std::unique_ptr<Port>& port = peers_[peer.container];
  port = std::make_unique<Port>(*this, std::move(link));
  port->link->start(*port);
  logger.info("container {}: linked to {}", options_.container, peer.text);
  send_hosts(*port);
  if (board_.path_up(peer.container)) announce();
}

void StreamManager::on_closed(Port& port, const Status& reason) {
  ++counters_.links_closed;
  logger.info("container {}: the link to {} has ended: {}", options_.container, port.peer.text,
              reason.ok() ? "the peer closed it" : reason.message());
  // A connection that ends loses nothing and says nothing about the host.
  if (port.local()) {
    locals_.erase(port.peer.slot);
  } else {
    peers_.erase(port.peer.container);
    arm_check();
  }
}

void StreamManager::set_peers(std::vector<PeerEndpoint> peers) {
  std::map<int32_t, Known> old = std::exchange(known_, {});
  for (PeerEndpoint& peer : peers) {
    if (peer.container == options_.container) continue;
    Known& known = known_[peer.container];
    if (const auto before = old.find(peer.container); before != old.end()) known = std::move(before->second);
    const bool changed = known.at.incarnation != peer.incarnation || known.at.endpoint != peer.endpoint;
    known.at = std::move(peer);
    if (!changed || known.at.container < options_.container) continue;
    if (known.dialer) {
      known.dialer->retry_now();
    } else {
      known.dialer = std::make_unique<Dialer>(*this, known.at.container);
      known.dialer->start();
    }
  }
  arm_check();
}

// ---- Frames

void StreamManager::set_routes(std::shared_ptr<const RouteTable> routes) {
  if (routes_ && routes->epoch < routes_->epoch && !PETREL_MUTANT("stale plan epoch accepted")) {
    ++counters_.stale_plans;
    return;
  }
  routes_ = std::move(routes);
  arm_check();
}

void StreamManager::on_frame(Port& from, Frame frame) {
  switch (frame.header.kind) {
    case FrameKind::kLease:
      return;
    case FrameKind::kHosts:
      return on_hosts(from, frame);
    case FrameKind::kData:
      if (check_source(from, frame.header)) forward_data(from, std::move(frame));
      return;
    default:
      break;
  }
  if (!check_source(from, frame.header)) return;
  Port* to = way_to(from, frame.header.destination_host, frame.header.destination_incarnation);
  if (to != nullptr) send(*to, std::move(frame));
}

bool StreamManager::check_source(const Port& from, const FrameHeader& header) {
  if (!routes_) {
    drop(Drop::kNoPlan);
    return false;
  }
  const HostPlace* place = routes_->host(header.source_host);
  const bool own = from.local()
                       ? header.source_host == from.peer.slot && header.source_incarnation == from.peer.incarnation
                       : place != nullptr && place->container == from.peer.container;
  if (!own) {
    drop(Drop::kForeignSource);
  } else if (board_.gone(header.source_host, header.source_incarnation)) {
    drop(Drop::kStaleSource);
  } else {
    return true;
  }
  return false;
}

StreamManager::Port* StreamManager::way_to(const Port& from, uint32_t slot, uint32_t incarnation) {
  const HostPlace* place = routes_->host(slot);
  if (place == nullptr) {
    drop(Drop::kUnknownHost);
    return nullptr;
  }
  if (board_.gone(slot, incarnation)) {
    drop(Drop::kHostGone);
    return nullptr;
  }
  Port* port = nullptr;
  if (place->container == options_.container) {
    const auto local = locals_.find(slot);
    if (local != locals_.end()) port = local->second.get();
  } else if (!from.local()) {
    drop(Drop::kMisrouted);  // a frame crosses at most two stream managers
    return nullptr;
  } else {
    const auto peer = peers_.find(place->container);
    if (peer != peers_.end()) port = peer->second.get();
  }
  if (port == nullptr) drop(Drop::kNoLink);
  return port;
}

void StreamManager::send(Port& to, Frame frame) {
  if (to.link->queued_bytes() > options_.link_queue_bytes) {
    drop(Drop::kQueueFull);
    return;
  }
  ++counters_.frames;
  to.link->send(std::move(frame));
}

void StreamManager::forward_data(Port& from, Frame frame) {
  const Result<std::vector<SectionView>> parsed = parse_sections(frame.bytes());
  if (!parsed.ok()) {
    drop(Drop::kMalformed);
    return;
  }
  std::vector<std::pair<SectionView, uint32_t>> sections;  // with their slots
  sections.reserve(parsed->size());
  bool whole = true;
  for (const SectionView& section : *parsed) {
    const TaskRoute* route = routes_->find(section.header.destination_task);
    if (route == nullptr) {
      drop(Drop::kUnknownTask);
      whole = false;
      continue;
    }
    whole = whole && route->slot == frame.header.destination_host;
    sections.emplace_back(section, route->slot);
  }
  if (sections.empty()) return;
  if (!whole) return split(from, frame, sections);
  Port* to = way_to(from, frame.header.destination_host, frame.header.destination_incarnation);
  if (to == nullptr) return;
  count(from, frame.header.destination_host, sections);
  send(*to, std::move(frame));
}

void StreamManager::split(Port& from, const Frame& frame,
                          const std::vector<std::pair<SectionView, uint32_t>>& sections) {
  ++counters_.splits;
  std::map<uint32_t, std::vector<std::pair<SectionView, uint32_t>>> parts;
  for (const auto& section : sections) parts[section.second].push_back(section);
  for (const auto& [slot, part] : parts) {
    FrameHeader header = frame.header;
    if (slot != header.destination_host) {
      header.destination_host = slot;
      header.destination_incarnation = board_.incarnation(slot);
    }
    Port* to = way_to(from, slot, header.destination_incarnation);
    if (to == nullptr) continue;
    std::string body;
    for (const auto& section : part) append_section(body, section.first.header, section.first.bytes);
    count(from, slot, part);
    send(*to, make_frame(header, std::move(body)));
  }
}

void StreamManager::count(const Port& from, uint32_t slot,
                          const std::vector<std::pair<SectionView, uint32_t>>& sections) {
  if (!from.local()) return;
  PairCounters& pair = counters_.pairs[{options_.container, routes_->host(slot)->container}];
  ++pair.frames;
  for (const auto& [section, at] : sections) {
    pair.bytes += section.bytes.size();
    if (section.header.kind == SectionKind::kFragment) {
      // The first of them stands for the whole section.
      const Result<Fragment> fragment = parse_fragment(section.bytes);
      if (!fragment.ok() || fragment->index != 0) continue;
    }
    ++pair.sections;
    pair.tuples += section.header.count;
  }
}

// ---- News of hosts

void StreamManager::on_hosts(Port& from, const Frame& frame) {
  const Result<std::vector<HostEntry>> entries = parse_hosts(frame.bytes());
  if (!entries.ok()) return drop(Drop::kMalformed);
  bool changed = false;
  for (const HostEntry& entry : *entries) {
    if (from.local()) {  // of itself, and only its pressure is news to us
      const bool own = entry.slot == from.peer.slot && entry.incarnation == from.peer.incarnation;
      if (!own) drop(Drop::kForeignSource);
      changed |= own && board_.pressure(entry.slot, entry.incarnation, entry.pressure);
      continue;
    }
    const HostPlace* place = routes_ ? routes_->host(entry.slot) : nullptr;
    if (routes_ && (place == nullptr || place->container != from.peer.container)) {
      drop(Drop::kForeignSource);
      continue;
    }
    changed |= board_.learn(from.peer.container, entry);
  }
  if (changed) announce();
}

void StreamManager::host_ended(uint32_t slot, int32_t container, uint32_t incarnation) {
  if (!board_.lost(slot, container, incarnation)) return;
  ++counters_.hosts_lost;
  logger.warn("container {}: host {} of container {} (incarnation {}) has ended", options_.container, slot, container,
              incarnation);
  const auto local = locals_.find(slot);
  if (local != locals_.end() && local->second->peer.incarnation == incarnation) locals_.erase(local);
  announce();
}

void StreamManager::announce() {
  if (announce_posted_) return;
  announce_posted_ = true;
  reactor_.post([this, alive = alive_] {
    if (!*alive) return;
    announce_posted_ = false;
    for (const auto& [slot, port] : locals_) send_hosts(*port);
    for (const auto& [container, port] : peers_) send_hosts(*port);
  });
}

void StreamManager::send_hosts(Port& to) {
  const std::vector<HostEntry> entries = to.local() ? board_.all() : board_.own();
  FrameHeader header;
  header.kind = FrameKind::kHosts;
  header.plan_epoch = routes_ ? routes_->epoch : 0;
  header.destination_host = to.peer.slot;
  header.destination_incarnation = to.peer.incarnation;
  for (size_t first = 0; first < entries.size(); first += kMaxEntries) {
    std::string body;
    for (size_t i = first; i < std::min(entries.size(), first + kMaxEntries); ++i) append_entry(body, entries[i]);
    to.link->send(make_frame(header, std::move(body)));
  }
}

// ---- Peers that are inside their only host

bool StreamManager::in_host(int32_t container) const {
  if (!routes_) return false;
  return std::any_of(routes_->hosts.begin(), routes_->hosts.end(),
                     [container](const HostPlace& place) { return place.container == container && place.in_host; });
}

void StreamManager::on_no_listener(int32_t container, uint32_t incarnation) {
  // The endpoint was published after it listened, and closes with its process: the host in that process is dead.
  if (!in_host(container) || peers_.contains(container)) return;
  for (const HostPlace& place : routes_->hosts) {
    if (place.container == container) host_ended(place.slot, container, incarnation);
  }
}

bool StreamManager::to_check(int32_t container, const Known& known) const {
  if (!routes_ || known.dialer || peers_.contains(container)) return false;
  return std::any_of(routes_->hosts.begin(), routes_->hosts.end(), [&](const HostPlace& place) {
    return place.container == container && place.in_host && !board_.gone(place.slot, known.at.incarnation);
  });
}

void StreamManager::arm_check() {
  if (check_timer_ != 0) return;
  const bool needed = std::any_of(known_.begin(), known_.end(),
                                  [this](const auto& entry) { return to_check(entry.first, entry.second); });
  if (!needed) return;
  check_timer_ = reactor_.after(options_.dead_peer_check, [this] {
    check_timer_ = 0;
    check_dead_peers();
    arm_check();
  });
}

void StreamManager::check_dead_peers() {
  for (auto& [container, known] : known_) {
    if (known.checking || !to_check(container, known)) continue;
    known.checking = true;
    reactor_.connect(known.at.endpoint, Seconds(2),
                     [this, alive = alive_, c = container,
                      incarnation = known.at.incarnation](const Result<std::unique_ptr<ByteStream>>& stream) {
                       if (!*alive) return;
                       const auto found = known_.find(c);
                       if (found != known_.end()) found->second.checking = false;
                       // Somebody listens: it is its turn to dial.
                       if (stream.status().code() == StatusCode::kUnavailable) on_no_listener(c, incarnation);
                     });
  }
}

}  // namespace petrel
