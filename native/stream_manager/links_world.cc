#include "native/stream_manager/links_world.h"

#include <algorithm>
#include <cstring>

namespace petrel {

// ---- The wire

class LossyWire::End : public Link {
 public:
  End(std::shared_ptr<LossyWire> wire, size_t index, LinkPeer peer)
      : wire_(std::move(wire)), index_(index), peer_(std::move(peer)) {
    wire_->alive_[index_] = true;
  }
  ~End() override {
    wire_->alive_[index_] = false;
    wire_->handlers_[index_] = nullptr;
    wire_->cut();
  }
  void start(LinkHandler& handler) override { wire_->handlers_[index_] = &handler; }
  void send(Frame frame) override {
    if (wire_->cut_) return;
    wire_->queues_[1 - index_][static_cast<size_t>(lane_of(frame.header.kind))].push_back(std::move(frame));
  }
  void close(Status) override { wire_->cut(); }
  size_t queued_bytes() const override {
    size_t sum = 0;
    for (const auto& lane : wire_->queues_[1 - index_]) {
      for (const Frame& frame : lane) sum += frame.bytes().size();
    }
    return sum;
  }
  size_t priority_bytes() const override {
    size_t sum = 0;
    for (const Frame& frame : wire_->queues_[1 - index_][1]) sum += frame.bytes().size();
    return sum;
  }
  const LinkPeer& peer() const override { return peer_; }

 private:
  std::shared_ptr<LossyWire> wire_;
  size_t index_;
  LinkPeer peer_;
};

std::unique_ptr<Link> LossyWire::end(size_t index, LinkPeer peer) {
  return std::make_unique<End>(shared_from_this(), index, std::move(peer));
}

void LossyWire::cut() {
  if (cut_) return;
  cut_ = true;
  for (auto& direction : queues_) {
    for (auto& lane : direction) lane.clear();
  }
  for (size_t index = 0; index < 2; ++index) {
    reactor_.post([self = shared_from_this(), index] {
      LinkHandler* handler = std::exchange(self->handlers_[index], nullptr);
      if (handler != nullptr) handler->on_closed(Status(StatusCode::kIo, "cut"));
    });
  }
}

size_t LossyWire::waiting() const {
  size_t sum = 0;
  for (const auto& direction : queues_) sum += direction[0].size() + direction[1].size();
  return sum;
}

bool LossyWire::deliver_one(Rng& rng) {
  std::vector<std::pair<size_t, size_t>> ready;
  for (size_t to = 0; to < 2; ++to) {
    for (size_t lane = 0; lane < 2; ++lane) {
      if (!queues_[to][lane].empty() && handlers_[to] != nullptr) ready.emplace_back(to, lane);
    }
  }
  if (ready.empty()) return false;
  const auto [to, lane] = ready[rng.below(ready.size())];
  Frame frame = std::move(queues_[to][lane].front());
  queues_[to][lane].pop_front();
  handlers_[to]->on_frame(std::move(frame));
  return true;
}

// ---- Hosts

struct LinksWorld::Host : EndpointHandler {
  Host(LinksWorld& w, uint32_t s, uint32_t i) : world(w), slot(s), incarnation(i) {}
  void on_section(const InSection& section) override { world.arrived(*this, section); }
  void on_credit(const std::vector<int32_t>& named) override {
    for (const int32_t executor : named) may_try.insert(executor);
    world.try_offers(*this);
  }
  void on_acks(std::string_view records) override { world.acks_arrived(*this, records); }
  void on_host_lost(uint32_t lost, uint32_t number) override {
    losses.emplace_back(lost, number);
    if (number > endpoint->loss_number()) world.fail("a loss number that is not known yet");
  }
  void on_links_up(uint64_t epoch) override { links_up = epoch; }

  struct Waiting {
    OutSection section;
    bool refused = false;
  };
  LinksWorld& world;
  const uint32_t slot;
  const uint32_t incarnation;
  std::unique_ptr<HostEndpoint> endpoint;
  std::vector<int32_t> executors;
  std::map<std::pair<int32_t, int32_t>, std::deque<Waiting>> out;  // (source executor, task): in order
  std::map<std::pair<int32_t, int32_t>, uint32_t> next;            // sequence
  std::map<int32_t, int> left;                                     // sections, by source executor
  std::set<int32_t> may_try;
  std::deque<std::pair<FlowId, uint64_t>> inbox;
  std::map<Stream, uint32_t> expected;
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> acks_expected;  // (slot, incarnation): next fail record
  std::map<uint32_t, uint64_t> fails_sent;                          // by slot
  std::map<uint64_t, std::pair<uint64_t, uint64_t>> sums;           // root: XOR, mask of all ACKs that came
  std::vector<std::pair<uint32_t, uint32_t>> losses;
  std::map<uint64_t, std::pair<uint64_t, uint64_t>> sums_sent;
  uint64_t links_up = 0;
};

HostEndpoint& LinksWorld::endpoint(uint32_t slot) {
  return *hosts_[slot]->endpoint;
}

namespace {

struct Payload {
  uint32_t incarnation;
  int32_t source_executor;
  int32_t task;
  uint32_t sequence;
  uint32_t size;
};

std::string payload_bytes(const Payload& payload, SectionKind kind) {
  if (kind == SectionKind::kMarker) {
    return encode_marker(Marker{1, payload.sequence, payload.source_executor});
  }
  std::string bytes(std::max<size_t>(payload.size, sizeof(Payload)), static_cast<char>(payload.sequence));
  std::memcpy(bytes.data(), &payload, sizeof(Payload));
  return bytes;
}

}  // namespace

LinksWorld::LinksWorld(WorldOptions options) : options_(std::move(options)), rng_(options_.seed) {
  build_routes();
  for (size_t c = 0; c < options_.hosts_of_container.size(); ++c) {
    restart_stream_manager(static_cast<int>(c) + 1);
  }
  hosts_.resize(routes_->hosts.size());
  for (uint32_t slot = 0; slot < hosts_.size(); ++slot) start_host(slot);
  reconnect_all();
}

LinksWorld::~LinksWorld() {
  for (auto& host : hosts_) host->endpoint.reset();
  managers_.clear();
  reactor_.run();
}

void LinksWorld::build_routes() {
  auto routes = std::make_shared<RouteTable>();
  routes->epoch = 1;
  routes->tasks.emplace_back();
  uint32_t slot = 0;
  for (size_t c = 0; c < options_.hosts_of_container.size(); ++c) {
    for (int h = 0; h < options_.hosts_of_container[c]; ++h, ++slot) {
      routes->hosts.push_back({slot, static_cast<int32_t>(c) + 1});
      for (int e = 0; e < options_.executors_per_host; ++e) {
        const auto first = static_cast<int32_t>(routes->tasks.size());
        for (int t = 0; t < options_.tasks_per_executor; ++t) routes->tasks.push_back({first, slot});
      }
    }
  }
  routes_ = std::move(routes);
}

void LinksWorld::start_host(uint32_t slot) {
  const uint32_t incarnation = hosts_[slot] ? hosts_[slot]->incarnation + 1 : 1;
  auto host = std::make_unique<Host>(*this, slot, incarnation);
  HostEndpointOptions endpoint;
  endpoint.slot = slot;
  endpoint.incarnation = incarnation;
  endpoint.flows = options_.flows;
  host->endpoint = std::make_unique<HostEndpoint>(reactor_, endpoint, *host);
  host->endpoint->set_routes(routes_);
  for (size_t task = 1; task < routes_->tasks.size(); ++task) {
    const TaskRoute& route = routes_->tasks[task];
    if (route.slot != slot || route.executor != static_cast<int32_t>(task)) continue;
    host->executors.push_back(route.executor);
    host->left[route.executor] = options_.sections_per_source;
    host->endpoint->add_executor(route.executor, options_.pool_bytes);
  }
  if (hosts_[slot]) host->fails_sent = {};
  hosts_[slot] = std::move(host);
}

// ---- Links

namespace {

LinkPeer peer_of(LinkRole role, int32_t container, uint32_t slot, uint32_t incarnation) {
  LinkPeer peer;
  peer.role = role;
  peer.container = container;
  peer.slot = slot;
  peer.incarnation = incarnation;
  return peer;
}

}  // namespace

void LinksWorld::attach_host(uint32_t slot) {
  Host& host = *hosts_[slot];
  const int32_t container = routes_->hosts[slot].container;
  auto wire = std::make_shared<LossyWire>(reactor_);
  host_wires_[slot] = wire;
  const LinkPeer manager = peer_of(LinkRole::kStreamManager, container, 0, 1);
  const LinkPeer self = peer_of(LinkRole::kHost, container, slot, host.incarnation);
  managers_.at(container)->add_local(wire->end(1, self));
  host.endpoint->attach(wire->end(0, manager));
}

void LinksWorld::link_managers(int a, int b) {
  auto wire = std::make_shared<LossyWire>(reactor_);
  peer_wires_[{a, b}] = wire;
  managers_.at(a)->add_peer(wire->end(0, peer_of(LinkRole::kStreamManager, b, 0, 1)));
  managers_.at(b)->add_peer(wire->end(1, peer_of(LinkRole::kStreamManager, a, 0, 1)));
}

void LinksWorld::reconnect_all() {
  reactor_.run();
  for (uint32_t slot = 0; slot < hosts_.size(); ++slot) {
    if (!host_wires_[slot] || host_wires_[slot]->cut_off()) attach_host(slot);
  }
  const int n = static_cast<int>(options_.hosts_of_container.size());
  for (int a = 1; a <= n; ++a) {
    for (int b = a + 1; b <= n; ++b) {
      auto& wire = peer_wires_[{a, b}];
      if (!wire || wire->cut_off()) link_managers(a, b);
    }
  }
  reactor_.run();
}

void LinksWorld::cut_something() {
  ++cuts_;
  const size_t wires = host_wires_.size() + peer_wires_.size();
  size_t index = rng_.below(wires);
  for (auto& [slot, wire] : host_wires_) {
    if (index-- == 0) return wire->cut();
  }
  for (auto& [pair, wire] : peer_wires_) {
    if (index-- == 0) return wire->cut();
  }
}

void LinksWorld::restart_stream_manager(int container) {
  ++cuts_;
  managers_.erase(container);  // closes its links
  StreamManagerOptions manager;
  manager.container = container;
  manager.incarnation = 1;
  managers_[container] = std::make_unique<StreamManager>(reactor_, manager);
  managers_[container]->set_routes(routes_);
}

void LinksWorld::crash_host(uint32_t slot) {
  const uint32_t old = hosts_[slot]->incarnation;
  const int32_t container = routes_->hosts[slot].container;
  crashed_ever_.insert(slot);
  hosts_[slot]->endpoint.reset();
  reactor_.run();
  // Sometimes the end of the process is seen, sometimes only its successor.
  if (rng_.below(2) == 0) managers_.at(container)->host_ended(slot, container, old);
  start_host(slot);
}

// ---- What hosts do

void LinksWorld::produce() {
  Host& host = *hosts_[rng_.below(hosts_.size())];
  if (rng_.below(4) == 0) produce_acks(host);
  const int32_t executor = host.executors[rng_.below(host.executors.size())];
  if (host.left[executor] == 0) return;
  const auto task = static_cast<int32_t>(1 + rng_.below(routes_->tasks.size() - 1));
  if (routes_->tasks[static_cast<size_t>(task)].slot == host.slot) return;
  --host.left[executor];
  const std::pair<int32_t, int32_t> key{executor, task};
  OutSection section;
  section.source_task = executor;
  section.destination_task = task;
  section.lane =
      options_.cycle_one_in != 0 && task % static_cast<int32_t>(options_.cycle_one_in) == 0 ? kCycleLane : kTupleLane;
  const bool marker = rng_.below(options_.marker_one_in) == 0;
  section.kind = marker ? SectionKind::kMarker : SectionKind::kTuples;
  const uint64_t most = rng_.below(options_.large_one_in) == 0 ? options_.flows.max_tuple_bytes : options_.max_section;
  const Payload payload{host.incarnation, executor, task, host.next[key]++, static_cast<uint32_t>(rng_.below(most))};
  section.count = marker ? 0 : 1;
  section.bytes = payload_bytes(payload, section.kind);
  host.out[key].push_back({std::move(section), false});
  try_offers(host);
}

void LinksWorld::try_offers(Host& host) {
  for (auto& [key, queue] : host.out) {
    // Who was refused waits until it is named: a credit that is forgotten is a wedge.
    while (!queue.empty() && (!queue.front().refused || host.may_try.contains(key.first))) {
      OutSection copy = queue.front().section;
      const Admit admit = host.endpoint->offer(key.first, std::move(copy));
      if (admit == Admit::kTaken) {
        queue.pop_front();
        continue;
      }
      if (admit != Admit::kNoCredit) fail("an offer was answered with " + std::to_string(static_cast<int>(admit)));
      queue.front().refused = true;
      break;
    }
  }
  host.may_try.clear();
}

void LinksWorld::produce_acks(Host& host) {
  std::vector<AckRecord> records;
  for (uint64_t n = rng_.below(6); n > 0; --n) {
    const auto task = static_cast<int32_t>(1 + rng_.below(routes_->tasks.size() - 1));
    const uint32_t slot = routes_->tasks[static_cast<size_t>(task)].slot;
    if (slot == host.slot) continue;
    AckRecord record;
    const uint32_t incarnation = hosts_[slot]->incarnation;
    if (rng_.below(2) == 0) {
      record.kind = AckKind::kFail;  // never merged: its number is in xor_value
      record.root = RootId::make(task, incarnation, 1U << 30);
      record.xor_value = host.fails_sent[slot]++;
      record.host_mask = uint64_t{host.slot} << 32 | host.incarnation;
    } else {
      record.root = RootId::make(task, incarnation, rng_.below(20) + (uint64_t{host.slot} << 20));
      record.xor_value = rng_.next();
      record.host_mask = uint64_t{1} << rng_.below(64);
      auto& [sum, mask] = host.sums_sent[record.root];
      sum ^= record.xor_value;
      mask |= record.host_mask;
    }
    records.push_back(record);
  }
  if (!records.empty()) host.endpoint->acks(records);
}

void LinksWorld::acks_arrived(Host& host, std::string_view records) {
  if (records.size() % sizeof(AckRecord) != 0) return fail("ack records of a strange size");
  for (size_t at = 0; at < records.size(); at += sizeof(AckRecord)) {
    AckRecord record;
    std::memcpy(&record, records.data() + at, sizeof(record));
    ++acks_delivered_;
    if (RootId::incarnation(record.root) != host.incarnation) continue;  // the ledger's to drop
    if (record.kind == AckKind::kFail) {
      const std::pair<uint32_t, uint32_t> from{static_cast<uint32_t>(record.host_mask >> 32),
                                               static_cast<uint32_t>(record.host_mask)};
      uint64_t& next = host.acks_expected[from];
      const bool exact = crashed_ever_.empty();
      if (exact ? record.xor_value != next : record.xor_value < next) {
        fail("ack record " + std::to_string(record.xor_value) + " came, " + std::to_string(next) + " was expected");
      }
      next = record.xor_value + 1;
    } else {
      auto& [sum, mask] = host.sums[record.root];
      sum ^= record.xor_value;
      mask |= record.host_mask;
    }
  }
}

void LinksWorld::arrived(Host& host, const InSection& section) {
  ++delivered_;
  host.inbox.emplace_back(section.flow, section.bytes.size());
  Payload payload{};
  if (section.kind == SectionKind::kMarker) {
    const auto marker = parse_marker(section.bytes);
    if (!marker.ok()) return fail("a broken marker");
    payload = {section.flow.source_incarnation, marker->source_task, section.destination_task,
               static_cast<uint32_t>(marker->epoch), 0};
  } else {
    if (section.bytes.size() < sizeof(Payload)) return fail("a section of " + std::to_string(section.bytes.size()));
    std::memcpy(&payload, section.bytes.data(), sizeof(Payload));
    if (section.bytes.size() != std::max<size_t>(payload.size, sizeof(Payload))) fail("a section of another size");
    for (size_t i = sizeof(Payload); i < section.bytes.size(); ++i) {
      if (section.bytes[i] != static_cast<char>(payload.sequence)) return fail("a section with foreign bytes");
    }
  }
  if (payload.task != section.destination_task || payload.source_executor != section.source_task ||
      routes_->tasks[static_cast<size_t>(payload.task)].slot != host.slot ||
      payload.incarnation != section.flow.source_incarnation) {
    return fail("a section for somebody else");
  }
  uint32_t& next = host.expected[{section.source_host, payload.incarnation, payload.source_executor, payload.task}];
  // A new incarnation of the receiver starts where its senders are.
  const bool exact =
      crashed_ever_.empty() || (!crashed_ever_.contains(host.slot) && !crashed_ever_.contains(section.source_host));
  if (exact ? payload.sequence != next : payload.sequence < next) {
    fail("from executor " + std::to_string(payload.source_executor) + " to task " + std::to_string(payload.task) +
         ": section " + std::to_string(payload.sequence) + " came, " + std::to_string(next) + " was expected");
  }
  next = payload.sequence + 1;
}

void LinksWorld::consume() {
  Host& host = *hosts_[rng_.below(hosts_.size())];
  for (uint64_t n = rng_.below(5); n > 0 && !host.inbox.empty(); --n) {
    const auto [flow, bytes] = host.inbox.front();
    host.inbox.pop_front();
    host.endpoint->consumed(flow, bytes);
  }
}

bool LinksWorld::deliver() {
  std::vector<LossyWire*> wires;
  for (auto& [slot, wire] : host_wires_) wires.push_back(wire.get());
  for (auto& [pair, wire] : peer_wires_) wires.push_back(wire.get());
  const size_t first = rng_.below(wires.size());
  for (size_t i = 0; i < wires.size(); ++i) {
    if (wires[(first + i) % wires.size()]->deliver_one(rng_)) return true;
  }
  return false;
}

void LinksWorld::step(bool faults) {
  const uint64_t dice = rng_.below(100);
  if (dice < 25) {
    produce();
  } else if (dice < 75) {
    deliver();
  } else if (dice < 93) {
    consume();
  } else if (dice < 97) {
    reactor_.advance(Millis(static_cast<int64_t>(rng_.below(120))));
  } else if (faults) {
    const uint64_t fault = rng_.below(10);
    if (fault < 4) {
      cut_something();
    } else if (fault < 5) {
      restart_stream_manager(1 + static_cast<int>(rng_.below(options_.hosts_of_container.size())));
    } else {
      reconnect_all();
    }
  }
  reactor_.run();
  check_bounds();
}

void LinksWorld::check_bounds() {
  for (const auto& host : hosts_) {
    for (const ReceiveSide::ExecutorGauge& gauge : host->endpoint->executors()) {
      const uint64_t windows = gauge.flows * options_.flows.first_window;
      const uint64_t bound = options_.pool_bytes + options_.flows.max_tuple_bytes;
      if (gauge.share_bytes > bound) fail("shares of " + std::to_string(gauge.share_bytes));
      if (gauge.exposure_bytes > bound + windows) fail("exposure of " + std::to_string(gauge.exposure_bytes));
    }
  }
}

bool LinksWorld::all_sent() const {
  return std::all_of(hosts_.begin(), hosts_.end(), [](const auto& host) {
    return std::all_of(host->out.begin(), host->out.end(), [](const auto& entry) { return entry.second.empty(); });
  });
}

std::string LinksWorld::drain() {
  reconnect_all();
  for (int round = 0; round < 600 && error_.empty(); ++round) {
    while (deliver()) reactor_.run();
    bool inboxes_empty = true;
    for (auto& host : hosts_) {
      inboxes_empty = inboxes_empty && host->inbox.empty();
      for (int n = 0; n < 20 && !host->inbox.empty(); ++n) {
        const auto [flow, bytes] = host->inbox.front();
        host->inbox.pop_front();
        host->endpoint->consumed(flow, bytes);
      }
    }
    reactor_.run();
    const bool quiet = std::all_of(hosts_.begin(), hosts_.end(), [](const auto& h) { return h->endpoint->quiet(); });
    if (inboxes_empty && quiet && all_sent()) break;
    reactor_.advance(Millis(20));
    check_bounds();
  }
  reactor_.advance(Seconds(1));  // probes of the last tail
  while (deliver()) reactor_.run();
  if (!error_.empty()) return error_;
  if (!all_sent()) return "sections were refused and never asked for again";
  const EndpointCounters total = sum();
  if (total.send.kept_bytes + total.send.ack_kept_bytes + total.send.ack_waiting_bytes != 0) {
    return "kept: " + std::to_string(total.send.kept_bytes) + " bytes, " + std::to_string(total.send.ack_kept_bytes) +
           " + " + std::to_string(total.send.ack_waiting_bytes) + " of acks";
  }
  if (total.receive.waiting_bytes + total.receive.assembly_bytes != 0) return "bytes wait that nobody has";
  if (reactor_.timers() != 0) return "a timer is armed in a quiet world";
  for (const auto& host : hosts_) {
    if (host->links_up != routes_->epoch) return "a host was not told that the links are up";
    for (const auto& [key, next] : host->next) {
      const TaskRoute& route = routes_->tasks[static_cast<size_t>(key.second)];
      if (crashed_ever_.contains(host->slot) || crashed_ever_.contains(route.slot)) continue;
      if (hosts_[route.slot]->expected[{host->slot, host->incarnation, key.first, key.second}] != next) {
        return "sections are missing at the end";
      }
    }
    for (const auto& [root, sums] : host->sums_sent) {
      const uint32_t slot = routes_->tasks[static_cast<size_t>(RootId::spout_task(root))].slot;
      if (crashed_ever_.contains(host->slot) || crashed_ever_.contains(slot)) continue;
      if (hosts_[slot]->sums[root] != sums) return "the acks of a root do not add up";
    }
    for (const auto& [slot, count] : host->fails_sent) {
      if (crashed_ever_.contains(host->slot) || crashed_ever_.contains(slot)) continue;
      if (hosts_[slot]->acks_expected[{host->slot, host->incarnation}] != count) return "ack records are missing";
    }
  }
  return {};
}

EndpointCounters LinksWorld::sum() const {
  EndpointCounters sum;
  for (const auto& host : hosts_) {
    const EndpointCounters one = host->endpoint->counters();
    sum.send.kept_bytes += one.send.kept_bytes;
    sum.send.ack_kept_bytes += one.send.ack_kept_bytes;
    sum.send.ack_waiting_bytes += one.send.ack_waiting_bytes;
    sum.send.refused += one.send.refused;
    sum.send.resumes += one.send.resumes;
    sum.send.probes += one.send.probes;
    sum.send.pieces_sent_again += one.send.pieces_sent_again;
    sum.send.bad_credit += one.send.bad_credit;
    sum.send.acks_merged += one.send.acks_merged;
    sum.receive.waiting_bytes += one.receive.waiting_bytes;
    sum.receive.assembly_bytes += one.receive.assembly_bytes;
    sum.receive.dropped_seen += one.receive.dropped_seen;
    sum.receive.dropped_gap += one.receive.dropped_gap;
    sum.receive.dropped_bad += one.receive.dropped_bad;
    sum.receive.dropped_beyond_credit += one.receive.dropped_beyond_credit;
    sum.receive.bad_reserves += one.receive.bad_reserves;
    sum.receive.acks_seen += one.receive.acks_seen;
    sum.dropped_malformed += one.dropped_malformed;
    sum.dropped_stale += one.dropped_stale;
    sum.hosts_lost += one.hosts_lost;
  }
  return sum;
}

}  // namespace petrel
