#include "native/instance/step_world.h"

#include <algorithm>

#include "native/base/check.h"

namespace petrel::testing {
namespace {

// The world decides when an executor runs again, and how long a park took.
class WorldPark : public Parker {
 public:
  explicit WorldPark(StepWorld& world) : world_(world) {}
  void park(Nanos timeout) override { world_.clock.advance(std::min(timeout, world_.slow_parks)); }
  void unpark() override {}

 private:
  StepWorld& world_;
};

class ScriptBolt : public BoltTask {
 public:
  explicit ScriptBolt(Script& script) : script_(script) {}
  Status prepare(const TaskContext& context, BoltOutput& output) override {
    context_ = std::make_unique<TaskContext>(context);
    output_ = &output;
    return {};
  }
  Status execute(const TuplePtr& tuple) override { return script_.execute(*context_, tuple, *output_); }

 private:
  Script& script_;
  std::unique_ptr<TaskContext> context_;
  BoltOutput* output_ = nullptr;
};

class ScriptSpout : public SpoutTask {
 public:
  explicit ScriptSpout(Script& script) : script_(script) {}
  Status open(const TaskContext& context, SpoutOutput& output) override {
    task_ = context.task;
    output_ = &output;
    return {};
  }
  Status next_tuple() override { return script_.next_tuple(task_, *output_); }
  Status ack(const Value& id) override {
    script_.acked(task_, id);
    return {};
  }
  Status fail(const Value& id) override {
    script_.failed(task_, id);
    return {};
  }

 private:
  Script& script_;
  int32_t task_ = 0;
  SpoutOutput* output_ = nullptr;
};

class ScriptFactory : public TaskFactory {
 public:
  explicit ScriptFactory(Script& script) : script_(script) {}
  Result<std::unique_ptr<BoltTask>> bolt(const Component&, const ConfMap&) override {
    return std::unique_ptr<BoltTask>(std::make_unique<ScriptBolt>(script_));
  }
  Result<std::unique_ptr<SpoutTask>> spout(const Component&, const ConfMap&) override {
    return std::unique_ptr<SpoutTask>(std::make_unique<ScriptSpout>(script_));
  }

 private:
  Script& script_;
};

}  // namespace

struct StepWorld::Host : RemotePort, AckPort, HostEvents {
  Host(StepWorld& w, uint32_t s, uint64_t seed)
      : world(w), slot(s), ledger(w.clock, AckLedgerOptions{.incarnation = Incarnation(1), .hash_seed = seed}) {}

  Offer offer(int32_t source, OutboundSection&& section) override {
    return world.offer(slot, source, std::move(section));
  }
  double load_of(int32_t) const override { return 0; }
  uint32_t loss_number() const override { return world.losses; }
  void set_pressure(uint16_t bits) override {
    asked = bits;
    for (auto& to : world.hosts_) {
      uint16_t all = 0;
      for (auto& from : world.hosts_) all |= from != to ? from->asked : 0;
      if (to.get() != this && to->instance) to->instance->pressure(all);
    }
  }
  void open(int32_t task, int64_t timeout_ms) override { CHECK(ledger.open(TaskId(task), Millis(timeout_ms)).ok()); }
  void records(std::span<const AckRecord> batch) override {
    for (const AckRecord& record : batch) {
      world.all_records_.push_back(record);
      const uint32_t owner = world.table_->place(RootId::spout_task(record.root)).slot;
      world.hosts_[owner]->inbox.push_back(record);
    }
  }
  void report_error(const std::string&, int32_t, const std::string&) override {}
  void drained(int32_t executor, uint64_t epoch) override { world.script_.drained(executor, epoch); }

  StepWorld& world;
  uint32_t slot;
  AckLedger ledger;
  uint16_t asked = 0;
  std::deque<AckRecord> inbox;
  std::unique_ptr<HostInstance> instance;
};

StepWorld::StepWorld(LogicalPlan plan, WorldOptions options, Script& script)
    : options_(std::move(options)), script_(script), rng_(options_.seed) {
  std::vector<TaskPlace> places(static_cast<size_t>(plan.total_tasks()) + 1);
  uint32_t next = 0;
  for (const Component& component : plan.components) {
    for (const TaskRange& range : plan.executors_of(component)) {
      const uint32_t slot =
          options_.slots.empty() ? next++ % options_.hosts : options_.slots.at(static_cast<size_t>(range.first));
      for (int32_t task = range.first; task <= range.last; ++task) {
        places[static_cast<size_t>(task)] = {range.first, slot};
      }
    }
  }
  Result<std::shared_ptr<const TaskTable>> table = TaskTable::of(std::move(plan), std::move(places));
  CHECK(table.ok());
  table_ = *table;
  ScriptFactory factory(script);
  for (uint32_t slot = 0; slot < options_.hosts; ++slot) {
    hosts_.push_back(std::make_unique<Host>(*this, slot, options_.seed));
    Host& host = *hosts_.back();
    ExecutorServices services;
    services.clock = &clock;
    services.table = table_;
    services.slot = slot;
    services.incarnation = 1;
    services.seed = options_.seed * 1000 + slot;
    services.remote = &host;
    services.acks = &host;
    services.events = &host;
    HostInstanceOptions instance;
    instance.queue_limit_bytes = options_.queue_limit_bytes;
    instance.outbox.hard_cap_bytes = SIZE_MAX;  // a step cannot wait inside emit
    Result<std::unique_ptr<HostInstance>> built = HostInstance::build(
        services, options_.conf, factory, [this] { return std::make_unique<WorldPark>(*this); }, instance);
    if (!built.ok()) {
      error = built.status();
      return;
    }
    host.instance = std::move(*built);
    for (const auto& executor : host.instance->executors()) CHECK(executor->init().ok());
  }
}

StepWorld::~StepWorld() = default;

Offer StepWorld::offer(uint32_t slot, int32_t source, OutboundSection&& section) {
  const TaskPlace to = table_->place(section.destination_task);
  if (to.executor == 0) return Offer::kUnknownTask;
  Flow& flow = flows_[{slot, {to.executor, section.lane}}];
  if (section.lane == 0 && flow.credit_used >= options_.queue_limit_bytes) {
    flow.refused.insert(source);
    flow.refused_host = slot;
    return Offer::kNoCredit;
  }
  flow.credit_used += section.bytes.size();
  flow.sections.push_back(std::move(section));
  return Offer::kTaken;
}

void StepWorld::step() {
  const uint64_t dice = rng_.below(100);
  if (dice < 60) {
    step_executor();
  } else if (dice < 80) {
    step_link();
  } else if (dice < 90) {
    step_ledger();
  } else if (dice < 94) {
    host(static_cast<uint32_t>(rng_.below(hosts_.size()))).sweep();
  } else {
    clock.advance(std::chrono::microseconds(rng_.below(200)));
  }
}

void StepWorld::step_executor() {
  Host& host = *hosts_[rng_.below(hosts_.size())];
  const auto& executors = host.instance->executors();
  if (executors.empty()) return;
  Executor& executor = *executors[rng_.below(executors.size())];
  if (frozen_.contains(executor.first_task())) return;
  Result<bool> worked = executor.run_once(clock.now());
  if (!worked.ok()) {
    if (error.ok()) error = worked.status();
  } else if (!*worked) {
    executor.idle();
  }
}

void StepWorld::step_link() {
  if (flows_.empty()) return;
  auto at = flows_.begin();
  std::advance(at, static_cast<ptrdiff_t>(rng_.below(flows_.size())));
  Flow& flow = at->second;
  if (flow.sections.empty()) return;
  OutboundSection out = std::move(flow.sections.front());
  flow.sections.pop_front();
  const TaskPlace to = table_->place(out.destination_task);
  InboundSection in;
  in.executor = to.executor;
  in.destination_task = out.destination_task;
  in.kind = out.kind;
  in.count = out.count;
  const auto bytes = std::make_shared<const std::string>(std::move(out.bytes));
  in.frame = bytes;
  in.bytes = *bytes;
  in.consumed = [this, &flow, bytes = in.bytes.size()] {
    flow.credit_used -= bytes;
    const std::vector<int32_t> waiting(flow.refused.begin(), flow.refused.end());
    flow.refused.clear();
    host(flow.refused_host).credit(waiting);
  };
  CHECK(host(to.slot).deliver(std::move(in)));
}

// Records arrive in any order and in parts.
void StepWorld::step_ledger() {
  Host& host = *hosts_[rng_.below(hosts_.size())];
  std::vector<AckRecord> batch;
  for (uint64_t n = rng_.below(20); n > 0 && !host.inbox.empty(); --n) {
    const bool front = rng_.below(2) == 0;
    batch.push_back(front ? host.inbox.front() : host.inbox.back());
    front ? host.inbox.pop_front() : host.inbox.pop_back();
  }
  std::vector<Completion> done;
  host.ledger.apply(batch, done);
  host.ledger.expire(clock.now(), done);
  host.instance->completions(done);
}

bool StepWorld::run_until(const std::function<bool()>& done, int steps) {
  for (int i = 0; i < steps && error.ok(); ++i) {
    if (done()) return true;
    step();
  }
  return done();
}

Result<bool> StepWorld::run(int32_t first_task) {
  Executor& e = executor(first_task);
  Result<bool> worked = e.run_once(clock.now());
  if (worked.ok() && !*worked) e.idle();
  return worked;
}

Executor& StepWorld::executor(int32_t first_task) {
  for (auto& host : hosts_) {
    for (const auto& executor : host->instance->executors()) {
      if (executor->first_task() == first_task) return *executor;
    }
  }
  CHECK(false);
}

HostInstance& StepWorld::host(uint32_t slot) {
  return *hosts_.at(slot)->instance;
}

AckLedger& StepWorld::ledger(uint32_t slot) {
  return hosts_.at(slot)->ledger;
}

void StepWorld::set_active(bool active) {
  for (auto& host : hosts_) host->instance->set_active(active);
}

void StepWorld::drain(uint64_t epoch) {
  for (auto& host : hosts_) host->instance->drain(epoch);
}

size_t StepWorld::bytes_on_links() const {
  size_t sum = 0;
  for (const auto& [key, flow] : flows_) sum += flow.credit_used;
  return sum;
}

bool StepWorld::quiet() const {
  for (const auto& host : hosts_) {
    if (!host->inbox.empty() || host->ledger.pending() != 0) return false;
    for (const auto& executor : host->instance->executors()) {
      if (!executor->queue().empty() || executor->outbox().has_refused() || executor->outbox().dirty()) return false;
    }
  }
  return bytes_on_links() == 0;
}

LogicalPlan make_plan(const std::vector<PlanComponent>& components) {
  LogicalPlan plan;
  plan.topology_id = "test-1-1";
  plan.topology_name = "test";
  for (const PlanComponent& from : components) {
    Component component;
    component.name = from.name;
    component.kind = from.inputs.empty() ? ComponentKind::kSpout : ComponentKind::kBolt;
    component.streams = {Stream{"default", {"v"}, false}};
    component.inputs = from.inputs;
    component.tasks = from.tasks;
    component.executors = from.executors;
    component.json_conf = from.conf;
    plan.components.push_back(std::move(component));
  }
  assign_task_ids(plan);
  return plan;
}

Input reads(const std::string& component, GroupingKind grouping, std::vector<std::string> fields) {
  return Input{component, "default", grouping, std::move(fields), ""};
}

}  // namespace petrel::testing
