#include "native/stream_manager/stream_manager.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "native/base/escape.h"
#include "native/base/log.h"
#include "native/base/mutant.h"
#include "native/stream_manager/credit_merger.h"
#include "native/stream_manager/placement.h"
#include "native/transport/address.h"

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
  CreditMerger credit;  // that waits

 private:
  StreamManager& manager_;
};

StreamManager::StreamManager(Reactor& reactor, StreamManagerOptions options)
    : reactor_(reactor), options_(std::move(options)), incarnation_(options_.incarnation), board_(options_.container) {}

StreamManager::~StreamManager() {
  *alive_ = false;
  reactor_.cancel(check_timer_);
  reactor_.cancel(credit_timer_);
}

PeerLoopOptions StreamManager::peer_loop_options(size_t index) const {
  PeerLoopOptions loop;
  loop.identity = LinkIdentity{options_.topology_id, options_.secret, LinkRole::kStreamManager, options_.container, 0,
                               incarnation_};
  loop.limits = options_.limits;
  loop.delays = delays_;
  loop.crossing.queue_bytes = options_.link_queue_bytes;
  loop.listen = options_.tcp_endpoint;
  if (index > 0) loop.listen.port = index <= options_.more_ports.size() ? options_.more_ports[index - 1] : uint16_t{0};
  loop.index = index;
  loop.loops = std::max<size_t>(1, options_.peer_loops.size());
  loop.random_bytes = options_.random_bytes;
  return loop;
}

Status StreamManager::check_address() const {
  const std::string& host = options_.tcp_endpoint.host;
  RETURN_IF_ERROR(check_listen_address(host));
  if (is_loopback_address(host)) return Status();
  if (options_.secret.empty()) {
    logger.warn(
        "container {}: LISTENING ON {} WITHOUT AUTHENTICATION: whoever reaches this port can read and write the "
        "tuples of topology {}",
        options_.container, host, escape(options_.topology_id));
  } else {
    logger.info("container {}: other machines can reach {}; peers prove the secret of the topology", options_.container,
                host);
  }
  return Status();
}

Status StreamManager::start() {
  RETURN_IF_ERROR(check_address());
  std::vector<Reactor*> loops = options_.peer_loops;
  if (loops.empty()) loops.push_back(&reactor_);
  PeerLoopHandler& peers = *this;
  for (size_t i = 0; i < loops.size(); ++i) {
    peer_loops_.push_back(std::make_unique<PeerLoop>(reactor_, *loops[i], peer_loop_options(i), peers));
    RETURN_IF_ERROR(peer_loops_.back()->start());
  }
  if (options_.unix_endpoint.host.empty()) return Status();
  LinkServerOptions server;
  server.identity = peer_loop_options(0).identity;
  server.limits = options_.limits;
  server.random_bytes = options_.random_bytes;
  server.listen = options_.unix_endpoint;
  LinkServerHandler& handler = *this;
  unix_server_ = std::make_unique<LinkServer>(reactor_, server, handler);
  return unix_server_->start();
}

Endpoint StreamManager::tcp_endpoint() const {
  return peer_loops_.empty() ? options_.tcp_endpoint : peer_loops_.front()->endpoint();
}

std::vector<uint16_t> StreamManager::more_ports() const {
  std::vector<uint16_t> ports;
  for (size_t i = 1; i < peer_loops_.size(); ++i) ports.push_back(peer_loops_[i]->endpoint().port);
  return ports;
}

StreamManagerCounters StreamManager::counters() const {
  StreamManagerCounters counters = counters_;
  for (const auto& loop : peer_loops_) counters.drops[static_cast<size_t>(Drop::kQueueFull)] += loop->dropped();
  counters.lease_delays = delays_->counts();
  return counters;
}

size_t StreamManager::queued_bytes() const {
  size_t sum = 0;
  for (const auto& [slot, port] : locals_) sum += port->link->queued_bytes();
  for (const auto& [container, port] : peers_) sum += port->link->queued_bytes();
  return sum;
}

// ---- Links

Status StreamManager::on_hello(const LinkPeer& peer) {
  if (retired_) {
    return Status::error(StatusCode::kUnavailable, "the stream manager of container {} has moved into a host",
                         options_.container);
  }
  if (peer.role != LinkRole::kHost || peer.container != options_.container) {
    return Status::malformed("a {} of container {} cannot link to the stream manager of container {}",
                             to_string(peer.role), peer.container, options_.container);
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
  add_local(std::move(link));
}

void StreamManager::add_local(std::unique_ptr<Link> link) {
  const LinkPeer peer = link->peer();
  if (retired_ || !board_.local_up(peer.slot, peer.incarnation)) return;
  ++counters_.links;
  std::unique_ptr<Port>& port = locals_[peer.slot];
  port = std::make_unique<Port>(*this, std::move(link));
  port->link->start(*port);
  // Once for each process: a watch keeps a descriptor until the process ends, and its links come and go.
  if (peer.pid != 0 && std::exchange(watched_[peer.slot], peer.incarnation) != peer.incarnation) {
    reactor_.when_process_ends(peer.pid, [this, alive = alive_, slot = peer.slot, incarnation = peer.incarnation] {
      if (*alive) host_ended(slot, options_.container, incarnation);
    });
  }
  logger.info("container {}: linked to {}", options_.container, peer.text);
  announce();
}

void StreamManager::add_peer(std::unique_ptr<Link> link) {
  const LinkPeer peer = link->peer();
  if (retired_ || peer.container == options_.container) return;
  ++counters_.links;
  if (peer.pid != 0) ++counters_.near_links;  // a port does not know whose process dials
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
  for (const PeerEndpoint& peer : peers) {
    if (peer.container == options_.container) continue;
    Known& known = known_[peer.container];
    if (const auto before = old.find(peer.container); before != old.end()) known = std::move(before->second);
    known.at = peer;
    const auto link = peers_.find(peer.container);
    if (link != peers_.end() && link->second->peer.incarnation < peer.incarnation) peers_.erase(link);
  }
  if (retired_) return;
  for (const auto& loop : peer_loops_) loop->set_peers(peers);
  arm_check();
}

void StreamManager::retire() {
  if (std::exchange(retired_, true)) return;
  logger.info("container {}: the stream manager has moved to another process", options_.container);
  for (const auto& loop : peer_loops_) loop->retire();
  locals_.clear();
  peers_.clear();
  reactor_.cancel(std::exchange(check_timer_, 0));
}

void StreamManager::serve(uint32_t incarnation) {
  retired_ = false;
  incarnation_ = incarnation;
  for (const auto& loop : peer_loops_) loop->serve(incarnation);
  if (unix_server_) unix_server_->set_incarnation(incarnation);
  peers_.clear();
  std::vector<PeerEndpoint> peers;
  for (const auto& [container, known] : known_) peers.push_back(known.at);
  set_peers(std::move(peers));
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
  if (frame.header.kind == FrameKind::kCredit && hold_credit(to, frame)) return;
  if (to.link->queued_bytes() > options_.link_queue_bytes) {
    drop(Drop::kQueueFull);
    return;
  }
  ++counters_.frames;
  to.link->send(std::move(frame));
}

bool StreamManager::hold_credit(Port& to, const Frame& frame) {
  if (to.credit.empty() && to.link->priority_bytes() <= options_.credit_high_bytes) return false;
  const uint64_t merged = to.credit.merged();
  const Status held = to.credit.add(frame);
  if (!held.ok()) drop(held.code() == StatusCode::kLimit ? Drop::kQueueFull : Drop::kMalformed);
  counters_.credit_merged += to.credit.merged() - merged;
  arm_credit();
  return true;
}

void StreamManager::arm_credit() {
  if (credit_timer_ != 0) return;
  credit_timer_ = reactor_.after(options_.credit_retry, [this] {
    credit_timer_ = 0;
    flush_credit();
  });
}

void StreamManager::flush_credit() {
  const auto flush = [this](Port& port) {
    if (port.credit.empty()) return;
    if (port.link->priority_bytes() > options_.credit_high_bytes) return arm_credit();
    for (Frame& frame : port.credit.take()) {
      ++counters_.frames;
      port.link->send(std::move(frame));
    }
  };
  for (const auto& [slot, port] : locals_) flush(*port);
  for (const auto& [container, port] : peers_) flush(*port);
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

void StreamManager::on_no_listener(int32_t container, uint32_t incarnation) {
  // The endpoint was published after it listened, and closes with its process: the host in that process is dead.
  const auto known = known_.find(container);
  if (!routes_ || known == known_.end() || peers_.contains(container)) return;
  if (!known->second.at.in_host || known->second.at.incarnation != incarnation) return;
  for (const HostPlace& place : routes_->hosts) {
    if (place.container == container) host_ended(place.slot, container, process_incarnation(incarnation));
  }
}

bool StreamManager::to_check(int32_t container, const Known& known) const {
  // Those with greater ids are ours to dial: that tells.
  if (!routes_ || !known.at.in_host || container > options_.container || peers_.contains(container)) return false;
  return std::any_of(routes_->hosts.begin(), routes_->hosts.end(), [&](const HostPlace& place) {
    return place.container == container && !board_.gone(place.slot, process_incarnation(known.at.incarnation));
  });
}

void StreamManager::arm_check() {
  if (check_timer_ != 0 || retired_) return;
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
