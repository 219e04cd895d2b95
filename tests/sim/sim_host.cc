#include "tests/sim/sim_host.h"

#include <fmt/format.h>

#include <cstring>

#include "native/base/check.h"
#include "tests/sim/duplicating_link.h"

namespace petrel::sim {
namespace {

constexpr char kTopologyId[] = "sim-1-1";
constexpr char kSecret[] = "0123456789abcdef0123456789abcdef";

/// Nonces: what is in them decides nothing, so a counter will do, and the same seed gives the same bytes.
std::function<std::string(size_t)> nonces(Rng rng) {
  auto shared = std::make_shared<Rng>(rng);
  return [shared](size_t n) {
    std::string bytes(n, '\0');
    for (char& byte : bytes) byte = static_cast<char>(shared->next());
    return bytes;
  };
}

uint64_t owner_of(uint32_t kind, uint32_t number, uint32_t incarnation) {
  return (uint64_t{kind} << 56) | (uint64_t{number} << 32) | incarnation;
}

StreamManagerOptions manager_options(const SimSurroundings& around, int32_t container, uint32_t incarnation,
                                     const std::string& unix_name) {
  StreamManagerOptions options;
  options.container = container;
  options.incarnation = incarnation;
  options.topology_id = kTopologyId;
  options.secret = kSecret;
  if (!unix_name.empty()) options.unix_endpoint = Endpoint{unix_name, 0};
  options.tcp_endpoint = Endpoint{"127.0.0.1", 0};
  options.random_bytes = nonces(around.world->rng(owner_of(3, static_cast<uint32_t>(container), incarnation)));
  return options;
}

void report_manager(const SimSurroundings& around, const StreamManager& manager) {
  const StreamManagerCounters& c = manager.counters();
  around.count("manager: frames", c.frames);
  around.count("manager: splits", c.splits);
  around.count("manager: hosts lost", c.hosts_lost);
  around.count("manager: stale plan refused", c.stale_plans);
  for (size_t why = 0; why < c.drops.size(); ++why) {
    (*around.reached)[std::string("manager drop: ") + to_string(static_cast<Drop>(why))] += c.drops[why];
  }
}

const SimContainerPlan& container_of(const SimPlan& plan, int32_t id) {
  return plan.containers[static_cast<size_t>(id) - 1];
}

}  // namespace

std::string manager_socket(int32_t container) {
  return fmt::format("@petrel-sim-{}", container);
}

SimHost::SimHost(const SimSurroundings& around, SimReactor& reactor, const SimHostPlan& plan, uint32_t incarnation)
    : around_(around), reactor_(reactor), host_plan_(plan), incarnation_(incarnation) {
  AckLedgerOptions ledger;
  ledger.incarnation = Incarnation(incarnation);
  ledger.hash_seed = rng(1).next();
  ledger.max_losses_per_minute = 1000;
  ledger_ =
      std::make_unique<LedgerLoop>(reactor.clock(), ledger, inbox_, [this](std::span<const Completion> completions) {
        for (const Completion& completion : completions) {
          SimExecutor* spout = local(completion.spout_task);
          CHECK(spout != nullptr);
          spout->complete(completion);
        }
      });
  HostEndpointOptions options;
  options.slot = plan.slot;
  options.incarnation = incarnation;
  options.flows.first_window = around.plan->first_window;
  options.flows.max_tuple_bytes = around.plan->largest_bytes();
  endpoint_ = std::make_unique<HostEndpoint>(reactor, options, static_cast<EndpointHandler&>(*this));
  endpoint_->set_routes(around.plan->routes);
  for (const int index : plan.executors) {
    const SimExecutorPlan& executor = around.plan->executors[static_cast<size_t>(index)];
    executors_[executor.first] = std::make_unique<SimExecutor>(*this, executor);
    endpoint_->add_executor(executor.first, around.plan->pool_bytes);
    if (around.plan->component_of(executor.first).role != SimRole::kSpout) continue;
    for (int32_t task = executor.first; task <= executor.last; ++task) inbox_.open(task, around.plan->timeout.count());
  }
}

SimHost::~SimHost() = default;

Rng SimHost::rng(uint64_t owner) const {
  return around_.world->rng(owner_of(2, host_plan_.slot, incarnation_)).split(owner);
}

void SimHost::start() {
  const SimContainerPlan& container = container_of(plan(), host_plan_.container);
  if (container.in_host) {
    manager_ = std::make_unique<StreamManager>(reactor_, manager_options(around_, container.id, incarnation_, ""));
    manager_->set_routes(plan().routes);
    const Status listening = manager_->start();
    CHECK(listening.ok());
    LinkPeer host{.role = LinkRole::kHost,
                  .container = container.id,
                  .slot = host_plan_.slot,
                  .incarnation = incarnation_,
                  .text = "host"};
    LinkPeer manager{
        .role = LinkRole::kStreamManager, .container = container.id, .incarnation = incarnation_, .text = "manager"};
    auto [near, far] = make_loop_link(reactor_, manager, host);
    // The first end sees the second argument as its peer: the endpoint's end sees the manager.
    if (near->peer().role == LinkRole::kHost) std::swap(near, far);
    manager_->add_local(std::move(far));
    attach(std::move(near));
  } else {
    LinkClientOptions options;
    options.identity = {kTopologyId, kSecret, LinkRole::kHost, container.id, host_plan_.slot, incarnation_};
    options.random_bytes = nonces(rng(2));
    client_ = std::make_unique<LinkClient>(
        reactor_, options,
        [container = container.id]() -> Result<Endpoint> { return Endpoint{manager_socket(container), 0}; },
        static_cast<LinkClientHandler&>(*this));
    client_->start();
  }
  tick();
}

void SimHost::attach(std::unique_ptr<Link> link) {
  if (around_.duplicate_percent > 0) {
    link = std::make_unique<DuplicatingLink>(std::move(link), reactor_, rng(3), around_.duplicate_percent);
  }
  endpoint_->attach(std::move(link));
}

void SimHost::on_link(std::unique_ptr<FrameLink> link) {
  count("host link up");
  attach(std::move(link));
}

void SimHost::on_refused(const Status&) {
  count("host link refused");
}

void SimHost::start_executors() {
  started_ = true;
  for (auto& [task, executor] : executors_) executor->start();
}

void SimHost::set_peers(const std::vector<StreamManager::PeerEndpoint>& peers) {
  if (manager_) manager_->set_peers(peers);
}

void SimHost::set_stale_routes() {
  endpoint_->set_routes(plan().stale_routes);
  if (manager_) manager_->set_routes(plan().stale_routes);
}

Endpoint SimHost::tcp_endpoint() const {
  CHECK(manager_ != nullptr);
  return manager_->tcp_endpoint();
}

void SimHost::set_slow(uint32_t factor) {
  for (auto& [task, executor] : executors_) executor->set_slow(factor);
}

SimExecutor* SimHost::local(int32_t task) {
  const SimExecutorPlan& executor = plan().executor_of(task);
  auto found = executors_.find(executor.first);
  return found == executors_.end() ? nullptr : found->second.get();
}

void SimHost::records(const std::vector<AckRecord>& records) {
  std::vector<AckRecord> far;
  std::vector<AckRecord> near;
  for (const AckRecord& record : records) {
    (plan().slot_of(RootId::spout_task(record.root)) == host_plan_.slot ? near : far).push_back(record);
  }
  if (!far.empty()) endpoint_->acks(far);
  if (near.empty()) return;
  CHECK(inbox_.push(std::as_bytes(std::span(near))).ok());
  for (const AckRecord& record : near) {
    if (RootId::incarnation(record.root) != (incarnation_ & RootId::kIncarnationMask)) ++stale_records_;
  }
  put_ledger_round();
}

void SimHost::on_section(const InSection& section) {
  auto found = executors_.find(section.executor);
  if (found == executors_.end()) {
    return world().fail("routing",
                        fmt::format("host {} got a section for executor {}", host_plan_.slot, section.executor));
  }
  if (section.kind != SectionKind::kTuples) return;
  found->second->deliver(section);
  check_memory();
}

void SimHost::on_credit(const std::vector<int32_t>& executors) {
  count("credit came");
  for (const int32_t executor : executors) {
    auto found = executors_.find(executor);
    if (found != executors_.end()) found->second->wake();
  }
}

void SimHost::on_acks(std::string_view records) {
  if (records.size() % sizeof(AckRecord) != 0) return world().fail("ALO6", "a torn batch of ack records");
  for (size_t at = 0; at < records.size(); at += sizeof(AckRecord)) {
    AckRecord record;
    std::memcpy(&record, records.data() + at, sizeof(record));
    if (plan().slot_of(RootId::spout_task(record.root)) != host_plan_.slot) {
      return world().fail("routing", fmt::format("host {} got a record of root {:x}", host_plan_.slot, record.root));
    }
    if (RootId::incarnation(record.root) != (incarnation_ & RootId::kIncarnationMask)) ++stale_records_;
  }
  CHECK(inbox_.push(std::as_bytes(std::span(records.data(), records.size()))).ok());
  put_ledger_round();
}

void SimHost::on_host_lost(uint32_t slot, uint32_t loss_number) {
  count("host lost");
  world().trace("host lost", host_plan_.slot, slot, loss_number);
  inbox_.host_lost(slot, loss_number);
  put_ledger_round();
}

void SimHost::on_links_up(uint64_t) {
  world().trace("links up", host_plan_.slot);
  links_up_ = true;
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
    world().fail("ALO8", fmt::format("the ledger of host {} dropped {} records of earlier incarnations; {} came",
                                     host_plan_.slot, dropped, stale_records_));
  }
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
  for (const auto& [task, executor] : executors_) {
    const uint64_t bound = p.pool_bytes + 2 * p.hosts.size() * p.first_window + p.largest_bytes();
    if (executor->remote_bytes() > bound) {
      world().fail("RS1", fmt::format("{} bytes of tuples wait at executor {}; the bound is {}",
                                      executor->remote_bytes(), task, bound));
    }
  }
}

void SimHost::check_gauges() {
  const SimPlan& p = plan();
  for (const ReceiveSide::ExecutorGauge& gauge : endpoint_->executors()) {
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
  for (const auto& [task, executor] : executors_) {
    if (!executor->idle()) return false;
  }
  return endpoint_->quiet() && endpoint_->counters().receive.waiting_bytes == 0;
}

std::string SimHost::describe() const {
  const EndpointCounters c = endpoint_->counters();
  std::string text = fmt::format(
      "link {}, links up {}; kept {} B, acks kept {} waiting {} B; received {} sections, seen {}, gaps {}, stale {}, "
      "waiting {} B, assembly {} B; ledger {} entries",
      endpoint_->attached(), links_up_, c.send.kept_bytes, c.send.ack_kept_bytes, c.send.ack_waiting_bytes,
      c.receive.sections, c.receive.dropped_seen, c.receive.dropped_gap, c.dropped_stale, c.receive.waiting_bytes,
      c.receive.assembly_bytes, ledger_->ledger().entries());
  for (const auto& [task, executor] : executors_) {
    if (executor->idle()) continue;
    text += fmt::format("\n      executor {}: inbox {} sections, {} refused", task, executor->inbox_sections(),
                        executor->waiting_sections());
  }
  return text;
}

void SimHost::report() {
  const EndpointCounters c = endpoint_->counters();
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
  for (const ReceiveSide::ExecutorGauge& gauge : endpoint_->executors())
    count("reservation served", gauge.reservations_served);
  if (manager_) report_manager(around_, *manager_);
  const auto broken = [&](const char* what, uint64_t times) {
    if (times != 0) world().fail("protocol", fmt::format("host {}: {} {}", host_plan_.slot, times, what));
  };
  broken("credit entries that claim what cannot be", c.send.bad_credit);
  broken("sections beyond the credit", c.receive.dropped_beyond_credit);
  broken("broken sections", c.receive.dropped_bad);
  broken("malformed frames", c.dropped_malformed);
}

SimManager::SimManager(const SimSurroundings& around, SimReactor& reactor, int32_t container, uint32_t incarnation)
    : around_(around),
      manager_(std::make_unique<StreamManager>(
          reactor, manager_options(around, container, incarnation, manager_socket(container)))) {
  manager_->set_routes(around.plan->routes);
}

SimManager::~SimManager() = default;

void SimManager::start() {
  const Status listening = manager_->start();
  CHECK(listening.ok());
}

void SimManager::set_peers(const std::vector<StreamManager::PeerEndpoint>& peers) {
  manager_->set_peers(peers);
}

void SimManager::report() {
  report_manager(around_, *manager_);
}

void SimManager::set_stale_routes() {
  manager_->set_routes(around_.plan->stale_routes);
}

}  // namespace petrel::sim
