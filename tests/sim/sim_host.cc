#include "tests/sim/sim_host.h"

#include <fmt/format.h>

#include <cstring>

#include "native/base/check.h"
#include "tests/sim/duplicating_link.h"

namespace petrel::sim {
namespace {

uint64_t owner_of(uint32_t kind, uint32_t number, uint32_t incarnation) {
  return (uint64_t{kind} << 56) | (uint64_t{number} << 32) | incarnation;
}

}  // namespace

void report_manager(const SimSurroundings& around, const StreamManager& manager) {
  const StreamManagerCounters& c = manager.counters();
  around.count("manager: frames", c.frames);
  around.count("manager: splits", c.splits);
  around.count("manager: hosts lost", c.hosts_lost);
  around.count("manager: near link", c.near_links);
  around.count("manager: stale plan refused", c.stale_plans);
  for (size_t why = 0; why < c.drops.size(); ++why) {
    (*around.reached)[std::string("manager drop: ") + to_string(static_cast<Drop>(why))] += c.drops[why];
  }
}

std::shared_ptr<const RouteTable> routes_of(const PhysicalPlan& plan) {
  Result<RouteTable> routes = RouteTable::of(plan);
  CHECK(routes.ok());
  return std::make_shared<const RouteTable>(std::move(*routes));
}

std::string manager_socket(int32_t container) {
  return fmt::format("@petrel-sim-{}", container);
}

SimHost::SimHost(const SimSurroundings& around, SimReactor& reactor, uint32_t slot, uint32_t incarnation)
    : around_(around),
      reactor_(reactor),
      slot_(slot),
      container_(around.plan->hosts[slot].container),
      incarnation_(incarnation),
      store_(*around.disk, reactor),
      state_(store_) {
  make_session();
}

SimHost::~SimHost() = default;

Rng SimHost::rng(uint64_t owner) const {
  return around_.world->rng(owner_of(2, slot_, incarnation_)).split(owner);
}

void SimHost::make_session() {
  HostSessionOptions options;
  options.topology_id = kSimTopology;
  options.host.container_id = container_;
  options.host.incarnation = incarnation_;
  options.host.slot = slot_;
  HostSessionLinks links;
  links.send = [this](const proto::Envelope& message) { return client_->send(message); };
  links.somebody_cares = [] { return true; };
  links.fail = [this](const Status& why) {
    world().fail("host", fmt::format("host {} cannot run: {}", slot_, why.message()));
  };
  links.endpoints = [this](const proto::DataEndpoints& endpoints) {
    if (links_) links_->set_peers(endpoints);
  };
  links.placement = [this](const proto::ContainerPlan& container) {
    const bool in_host = container.stream_manager() == proto::STREAM_MANAGER_IN_HOST;
    const Status placed = links_->place(in_host, container.stream_manager_moves());
    if (!placed.ok()) world().fail("move", placed.message());
  };
  links.link_sample = [this] { return link_sample_; };
  HostRuntime& runtime = *this;
  session_ = std::make_unique<HostSession>(reactor_, options, std::move(links), runtime, errors_);
  ControlClientOptions client;
  client.identity = {kSimTopology, kSimSecret, proto::ROLE_HOST, container_, incarnation_, slot_};
  auto find_master = [this]() -> Result<Endpoint> {
    ASSIGN_OR_RETURN(proto::MasterEndpoint master, state_.master(TopologyId(kSimTopology)));
    master_ = around_.control->found(master.port());
    return Endpoint{master.host(), static_cast<uint16_t>(master.port())};
  };
  ControlClientHandler& handler = *this;
  client_ = std::make_unique<ControlClient>(reactor_, client, find_master, handler);
}

void SimHost::start() {
  session_->start();
  client_->start();
}

// --- the talk with the topology master -------------------------------------------------------------------------------

void SimHost::on_connected() {
  count("host: connected to a topology master");
  session_->on_connected();
}

void SimHost::on_message(proto::Envelope message) {
  const uint64_t epoch = message.has_physical_plan() ? message.physical_plan().epoch() : 0;
  around_.control->heard(slot_, incarnation_, master_, epoch);
  session_->on_message(std::move(message));
}

void SimHost::on_disconnected(const Status& reason) {
  session_->on_disconnected(reason);
}

void SimHost::on_refused(const std::string& reason) {
  world().fail("CP", fmt::format("host {} incarnation {} is refused: {}", slot_, incarnation_, reason));
}

Result<std::string> SimHost::encode(const proto::PhysicalPlan& plan, const HostIdentity&) {
  return plan.SerializeAsString();
}

Result<proto::HostSample> SimHost::decode(const std::string& sample) {
  proto::HostSample message;
  if (!message.ParseFromString(sample)) return Status::malformed("a sample does not parse");
  return message;
}

void SimHost::boot(std::string bytes, Done done) {
  proto::PhysicalPlan message;
  Status status = message.ParseFromString(bytes) ? Status() : Status::malformed("the plan does not parse");
  if (status.ok()) {
    const Result<PhysicalPlan> plan = PhysicalPlan::from_proto(message);
    make_user();
    make_ledger();
    status = plan.ok() ? build(*plan) : plan.status();
  }
  if (status.ok()) tick();
  reactor_.post([status, done = std::move(done)] { done(status); });
}

void SimHost::start(bool active, Done done) {
  started_ = true;
  world().trace("executors start", slot_, active ? 1 : 0);
  set_active(active, std::move(done));
  if (!active) session_->prepared();
}

void SimHost::set_active(bool active, Done done) {
  instance_->set_active(active);
  if (active) start_threads();
  reactor_.post([done = std::move(done)] { done(Status()); });
}

// As the threads of a host: tasks are prepared when the topology is active for the first time.
void SimHost::start_threads() {
  if (std::exchange(threads_started_, true)) return;
  unprepared_ = threads_.size();
  for (auto& thread : threads_) thread->start();
}

void SimHost::drain(uint64_t epoch) {
  instance_->drain(epoch);
}

void SimHost::drained(int32_t executor, uint64_t epoch) {
  drained_[executor] = epoch;
  if (epoch <= drained_told_ || drained_.size() < instance_->executors().size()) return;
  for (const auto& [task, newest] : drained_) {
    if (newest < epoch) return;
  }
  drained_told_ = epoch;
  world().trace("drained", slot_, epoch);
  reactor_.post([this, epoch] { session_->drained(epoch); });
}

void SimHost::sample(std::function<void(Result<std::string>)> done) {
  proto::HostSample sample;
  instance_->sample(sample);
  reactor_.post([bytes = sample.SerializeAsString(), done = std::move(done)] { done(bytes); });
}

void SimHost::stop(Millis, int) {
  world().fail("host", fmt::format("host {} stops, and nobody asked for it", slot_));
}

void SimHost::report_error(const std::string& component, int32_t, const std::string& text) {
  proto::ErrorEntry entry;
  entry.set_component(component);
  entry.set_text(text);
  errors_.push(std::move(entry));
  reactor_.post([this] { session_->send_errors(); });
}

// --- put together ----------------------------------------------------------------------------------------------------

void SimHost::make_user() {
  user_.world = around_.world;
  user_.plan = around_.plan;
  user_.oracle = around_.oracle;
  user_.incarnation = incarnation_;
  user_.rng = rng(4);
  user_.spend = [this](Nanos time) { running_->spend(time); };
  user_.due = [this](int32_t, MonoTime due) { running_->due(due); };
  user_.end_of = [this](uint64_t root) {
    const auto found = ended_.find(root);
    if (found == ended_.end()) {
      world().fail("ALO1", fmt::format("a spout hears of root {:x}, of which its ledger said nothing", root));
      return CompletionKind::kAck;
    }
    const CompletionKind kind = found->second;
    ended_.erase(found);
    return kind;
  };
}

void SimHost::make_ledger() {
  AckLedgerOptions ledger;
  ledger.incarnation = Incarnation(incarnation_);
  ledger.hash_seed = rng(1).next();
  ledger.max_losses_per_minute = 1000;
  ledger_ = std::make_unique<LedgerLoop>(reactor_.clock(), ledger, inbox_, [this](std::span<const Completion> done) {
    for (const Completion& one : done) {
      if (!ended_.emplace(one.root, one.kind).second) {
        world().fail("ALO1", fmt::format("the ledger ends root {:x} twice", one.root));
      }
    }
    instance_->completions(done);
  });
}

Status SimHost::build(const PhysicalPlan& plan) {
  std::shared_ptr<const RouteTable> routes = routes_of(plan);
  std::vector<TaskPlace> places;
  for (const TaskRoute& route : routes->tasks) {
    const HostPlace* host = routes->host(route.slot);
    places.push_back({route.executor, route.slot, host == nullptr ? 0 : host->container});
  }
  ExecutorServices services;
  services.clock = &reactor_.clock();
  ASSIGN_OR_RETURN(services.table, TaskTable::of(plan.logical, std::move(places)));
  services.slot = slot_;
  services.incarnation = incarnation_;
  services.seed = rng(5).next();
  services.remote = &port_;
  services.acks = this;
  services.events = this;
  HostInstanceOptions sizes;
  sizes.queue_limit_bytes = this->plan().queue_bytes;
  sizes.outbox.hard_cap_bytes = SIZE_MAX;  // a step cannot wait inside emit
  factory_ = std::make_unique<SimTaskFactory>(user_);
  std::vector<SimParker*> parkers;
  const auto parker = [&parkers]() -> std::unique_ptr<Parker> {
    auto made = std::make_unique<SimParker>();
    parkers.push_back(made.get());
    return made;
  };
  ASSIGN_OR_RETURN(instance_, HostInstance::build(services, this->plan().conf, *factory_, parker, sizes));
  make_threads(parkers);
  make_links(plan, std::move(routes));
  port_.connect(*links_, *instance_);
  return links_->start(port_);
}

void SimHost::make_threads(const std::vector<SimParker*>& parkers) {
  for (size_t i = 0; i < parkers.size(); ++i) {
    Executor& executor = *instance_->executors()[i];
    SimThread::Events events;
    events.failed = [this, &executor](const Status& why) {
      world().fail("executor", fmt::format("host {} executor {}: {}", slot_, executor.first_task(), why.message()));
    };
    events.prepared = [this] {
      if (--unprepared_ == 0) session_->prepared();
    };
    events.runs = [this](SimThread* thread) { running_ = thread; };
    events.stepped = [this] { put_sweep(); };
    threads_.push_back(std::make_unique<SimThread>(
        reactor_, executor, rng(1000 + static_cast<uint64_t>(executor.first_task())), std::move(events)));
    parkers[i]->attach(*threads_.back());
  }
}

void SimHost::make_links(const PhysicalPlan& plan, std::shared_ptr<const RouteTable> routes) {
  HostLinksOptions links;
  links.topology_id = kSimTopology;
  links.secret = kSimSecret;
  links.container = container_;
  links.incarnation = incarnation_;
  links.slot = slot_;
  const ContainerPlan& container = *plan.packing.find(container_);
  links.in_host = container.stream_manager == StreamManagerPlacement::kInHost;
  links.moves = container.stream_manager_moves;
  links.unix_endpoint = Endpoint{manager_socket(container_), 0};
  for (const auto& executor : instance_->executors()) links.executors.push_back(executor->first_task());
  links.pool_bytes = this->plan().pool_bytes;
  links.endpoint.flows.first_window = this->plan().first_window;
  links.endpoint.flows.max_tuple_bytes = this->plan().largest_bytes();
  links.through = [this](std::unique_ptr<Link> link) {
    count("host link up");
    if (around_.duplicate_percent == 0) return link;
    return std::unique_ptr<Link>(
        std::make_unique<DuplicatingLink>(std::move(link), reactor_, rng(3), around_.duplicate_percent));
  };
  HostLinksEvents events;
  events.on_listening = [this](const Endpoint& at) { session_->listening(at); };
  events.on_links_up = [this](uint64_t epoch) {
    world().trace("links up", slot_);
    links_up_ = true;
    session_->links_up(epoch);
  };
  events.on_acks = [this](std::span<const std::byte> records, bool) { take_records(records); };
  events.on_host_lost = [this](uint32_t slot, uint32_t loss_number) {
    count("host lost");
    world().trace("host lost", slot_, slot, loss_number);
    around_.oracle->loss_heard();
    inbox_.host_lost(slot, loss_number);
    put_ledger_round();
  };
  events.on_sample = [this](proto::LinkSample sample) { link_sample_ = std::move(sample); };
  links_ = std::make_unique<HostLinks>(reactor_, std::move(links), std::move(routes), plan.packing, std::move(events));
}

void SimHost::set_stale_routes() {
  if (!links_) return;
  const auto routes = routes_of(plan().stale);
  links_->endpoint().set_routes(routes);
  if (links_->stream_manager() != nullptr) links_->stream_manager()->set_routes(routes);
}

void SimHost::set_slow(uint32_t factor) {
  for (auto& thread : threads_) thread->set_slow(factor);
}

// --- ports -----------------------------------------------------------------------------------------------------------

Offer SimHost::Port::offer(int32_t source_executor, OutboundSection&& section) {
  const Offer answer = LinksPort::offer(source_executor, std::move(section));
  if (answer != Offer::kNoCredit) return answer;
  host_.count("refused for credit");
  if (section.lane == kCycleLane) host_.world().fail("lane 1", "a section of a cycle was refused for credit");
  return answer;
}

void SimHost::open(int32_t spout_task, int64_t timeout_ms) {
  inbox_.open(spout_task, timeout_ms);
}

void SimHost::records(std::span<const AckRecord> records) {
  CHECK(links_->acks(std::as_bytes(records)).ok());
}

void SimHost::Port::deliver(std::span<const InSection> sections) {
  for (const InSection& section : sections) {
    if (section.flow.lane == kTupleLane) host_.remote_bytes_[section.executor] += section.bytes.size();
  }
  LinksPort::deliver(sections);
  host_.check_memory();
}

void SimHost::Port::consumed(const FlowId& flow, uint64_t bytes) {
  if (flow.lane == kTupleLane) host_.remote_bytes_[flow.executor] -= bytes;
  LinksPort::consumed(flow, bytes);
}

void SimHost::Port::misrouted(const InSection& section) {
  host_.world().fail("routing", fmt::format("host {} got a section for executor {}", host_.slot_, section.executor));
}

void SimHost::Port::credit(std::span<const int32_t> executors) {
  host_.count("credit came");
  LinksPort::credit(executors);
}

// --- the ledger's thread and the timer's -----------------------------------------------------------------------------

void SimHost::take_records(std::span<const std::byte> records) {
  for (size_t at = 0; at < records.size(); at += sizeof(AckRecord)) {
    AckRecord record;
    std::memcpy(&record, records.data() + at, sizeof(record));
    if (plan().slot_of(RootId::spout_task(record.root)) != slot_) {
      return world().fail("routing", fmt::format("host {} got a record of root {:x}", slot_, record.root));
    }
    if (RootId::incarnation(record.root) != (incarnation_ & RootId::kIncarnationMask)) ++stale_records_;
  }
  const Status pushed = inbox_.push(records);
  if (!pushed.ok()) world().fail("ALO6", pushed.message());
  put_ledger_round();
}

void SimHost::put_ledger_round() {
  if (ledger_round_put_) return;
  ledger_round_put_ = true;
  reactor_.after(std::chrono::microseconds(5), [this] {
    ledger_round_put_ = false;
    run_ledger();
  });
}

void SimHost::run_ledger() {
  ledger_->run_once();
  const uint64_t dropped = ledger_->ledger().counters().dropped_incarnation;
  if (dropped != stale_records_) {
    world().fail("ALO8", fmt::format("the ledger of host {} dropped {} records of earlier incarnations; {} came", slot_,
                                     dropped, stale_records_));
  }
}

// As the host's timer, but only while something may be open.
void SimHost::put_sweep() {
  if (sweep_put_) return;
  sweep_put_ = true;
  reactor_.after(Millis(1), [this] {
    sweep_put_ = false;
    if (instance_->sweep()) put_sweep();
  });
}

// The ledger sleeps one tick of its wheel at most while anything is pending.
void SimHost::tick() {
  reactor_.after(Millis(100), [this] {
    run_ledger();
    check_gauges();
    tick();
  });
}

// RS1: what waits here is at most the pool, a first window for every flow and one reservation.
void SimHost::check_memory() {
  const SimPlan& p = plan();
  const uint64_t bound = p.pool_bytes + 2 * p.hosts.size() * p.first_window + p.largest_bytes();
  for (const auto& [task, bytes] : remote_bytes_) {
    if (bytes <= bound) continue;
    world().fail("RS1", fmt::format("{} bytes of tuples wait at executor {}; the bound is {}", bytes, task, bound));
  }
}

void SimHost::check_gauges() {
  const SimPlan& p = plan();
  for (const ReceiveSide::ExecutorGauge& gauge : links_->endpoint().executors()) {
    const uint64_t bound = gauge.pool_bytes + gauge.flows * p.first_window + p.largest_bytes();
    if (gauge.exposure_bytes > bound || gauge.share_bytes > gauge.pool_bytes + p.largest_bytes()) {
      world().fail(
          "RS1",
          fmt::format("executor {}: {} bytes wait or may come, {} of them shares; pool {}, {} flows, bound {}",
                      gauge.executor, gauge.exposure_bytes, gauge.share_bytes, gauge.pool_bytes, gauge.flows, bound));
    }
  }
}

bool SimHost::idle() const {
  if (!started_) return false;
  for (const auto& thread : threads_) {
    if (!thread->idle()) return false;
  }
  return ended_.empty() && links_->endpoint().quiet() && links_->endpoint().counters().receive.waiting_bytes == 0;
}

std::string SimHost::describe() const {
  if (!links_) return "not booted";
  const EndpointCounters c = links_->endpoint().counters();
  std::string text = fmt::format(
      "link {}, links up {}; kept {} B, acks kept {} waiting {} B; received {} sections, seen {}, gaps {}, stale {}, "
      "waiting {} B, assembly {} B; ledger {} entries",
      links_->endpoint().attached(), links_up_, c.send.kept_bytes, c.send.ack_kept_bytes, c.send.ack_waiting_bytes,
      c.receive.sections, c.receive.dropped_seen, c.receive.dropped_gap, c.dropped_stale, c.receive.waiting_bytes,
      c.receive.assembly_bytes, ledger_->ledger().entries());
  for (const auto& thread : threads_) {
    if (thread->idle()) continue;
    Executor& executor = thread->executor();
    text += fmt::format("\n      executor {}: queue {} tuples {} B, refused {}, dirty {}", executor.first_task(),
                        executor.queue().tuples(), executor.queue().bytes(), executor.outbox().has_refused(),
                        executor.outbox().dirty());
  }
  return text;
}

void SimHost::report() {
  if (!links_) return;
  const EndpointCounters c = links_->endpoint().counters();
  count("re-sent pieces", c.send.pieces_sent_again);
  count("resume", c.send.resumes);
  count("probe", c.send.probes);
  count("acks merged", c.send.acks_merged);
  count("acks dropped", c.send.acks_dropped);
  count("bytes lost with a host", c.send.lost_bytes);
  count("dropped seen", c.receive.dropped_seen);
  count("dropped gap", c.receive.dropped_gap);
  count("acks seen", c.receive.acks_seen);
  count("acks gap", c.receive.acks_gap);
  count("dropped stale incarnation", c.dropped_stale);
  count("stale plan refused", c.stale_plans);
  count("stale record dropped", stale_records_);
  for (const ReceiveSide::ExecutorGauge& gauge : links_->endpoint().executors())
    count("reservation served", gauge.reservations_served);
  if (links_->stream_manager() != nullptr) report_manager(around_, *links_->stream_manager());
  const auto broken = [&](const char* what, uint64_t times) {
    if (times != 0) world().fail("protocol", fmt::format("host {}: {} {}", slot_, times, what));
  };
  broken("credit entries that claim what cannot be", c.send.bad_credit);
  broken("sections beyond the credit", c.receive.dropped_beyond_credit);
  broken("broken sections", c.receive.dropped_bad);
  broken("malformed frames", c.dropped_malformed);
}

}  // namespace petrel::sim
