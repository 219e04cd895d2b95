#include "native/instance/host_instance.h"

#include <algorithm>
#include <array>

#include "native/base/escape.h"

namespace petrel {
namespace {

constexpr const char* kAcker = "__acker";

// What a component may set of Storm's own keys.
constexpr std::array kAllowed = {"topology.debug",
                                 "topology.max.spout.pending",
                                 "topology.max.task.parallelism",
                                 "topology.transactional.id",
                                 "topology.tick.tuple.freq.secs",
                                 "topology.sleep.spout.wait.strategy.time.ms",
                                 "topology.spout.wait.strategy",
                                 "topology.state.provider",
                                 "topology.state.provider.config"};
constexpr std::array kStorms = {"topology.", "storm.", "nimbus.", "supervisor.",
                                "worker.",   "drpc.",  "ui.",     "pacemaker."};

bool may_set(const std::string& key) {
  if (key.starts_with("topology.bolts.")) return true;
  if (std::find(kAllowed.begin(), kAllowed.end(), key) != kAllowed.end()) return true;
  return std::none_of(kStorms.begin(), kStorms.end(), [&](const char* prefix) { return key.starts_with(prefix); });
}

}  // namespace

Result<ConfMap> component_conf(const ConfMap& topology, const Component& component) {
  ASSIGN_OR_RETURN(ConfMap own, parse_json_map(component.json_conf, "conf of " + escape(component.name)));
  ConfMap conf = topology;
  for (const ConfEntry& entry : own.entries()) {
    if (may_set(entry.key)) conf.set(entry.key, entry.value);
  }
  return conf;
}

Result<std::unique_ptr<HostInstance>> HostInstance::build(const ExecutorServices& services, const ConfMap& conf,
                                                          TaskFactory& factory,
                                                          std::function<std::unique_ptr<Parker>()> parkers,
                                                          const HostInstanceOptions& options) {
  std::unique_ptr<HostInstance> host(new HostInstance(services));
  host->make_parker_ = std::move(parkers);
  HostInstance* self = host.get();
  host->services_.load = [self](int32_t task) {
    if (std::optional<double> here = self->load_of(task)) return *here;
    return self->services_.remote == nullptr ? 0.0 : self->services_.remote->load_of(task);
  };
  host->services_.pressure = &host->pressure_;
  host->pressure_.connect(
      [self](uint16_t bits) {
        if (self->services_.remote != nullptr) self->services_.remote->set_pressure(bits);
      },
      [self] {
        for (auto& executor : self->executors_) executor->waker().wake();
      });
  ASSIGN_OR_RETURN(int64_t ackers, conf.get_int("topology.acker.executors", 1));
  if (ackers <= 0) host->services_.acks = nullptr;
  const TaskTable& table = *services.table;
  for (const Component& component : table.plan().components) {
    for (const TaskRange& range : table.plan().executors_of(component)) {
      if (table.place(range.first).slot != services.slot) continue;
      if (component.name == kAcker) {
        host->idle_.emplace_back(&component, range);
      } else {
        RETURN_IF_ERROR(host->add(component, range, conf, factory, options));
      }
    }
  }
  std::vector<Executor*> local;
  for (auto& executor : host->executors_) local.push_back(executor.get());
  for (Executor* executor : local) RETURN_IF_ERROR(executor->connect(local));
  return host;
}

Status HostInstance::add(const Component& component, TaskRange range, const ConfMap& conf, TaskFactory& factory,
                         const HostInstanceOptions& options) {
  ExecutorSpec spec;
  spec.component = &component;
  spec.tasks = range;
  ASSIGN_OR_RETURN(spec.conf, component_conf(conf, component));
  spec.queue_limit_bytes = options.queue_limit_bytes;
  spec.outbox = options.outbox;
  parkers_.push_back(make_parker_());
  const bool spout = component.kind == ComponentKind::kSpout;
  std::vector<std::unique_ptr<BoltTask>> bolts;
  std::vector<std::unique_ptr<SpoutTask>> spouts;
  for (int32_t task = range.first; task <= range.last; ++task) {
    if (spout) {
      ASSIGN_OR_RETURN(spouts.emplace_back(), factory.spout(component, spec.conf));
    } else {
      ASSIGN_OR_RETURN(bolts.emplace_back(), factory.bolt(component, spec.conf));
    }
  }
  by_task_.resize(std::max(by_task_.size(), static_cast<size_t>(range.last) + 1));
  spout_of_.resize(by_task_.size());
  if (spout) {
    auto made = std::make_unique<SpoutExecutor>(std::move(spec), services_, *parkers_.back(), std::move(spouts));
    for (int32_t task = range.first; task <= range.last; ++task) spout_of_[static_cast<size_t>(task)] = made.get();
    executors_.push_back(std::move(made));
  } else {
    auto made = std::make_unique<BoltExecutor>(std::move(spec), services_, *parkers_.back(), std::move(bolts));
    RETURN_IF_ERROR(control(*made, component, options));
    executors_.push_back(std::move(made));
  }
  for (int32_t task = range.first; task <= range.last; ++task) {
    by_task_[static_cast<size_t>(task)] = executors_.back().get();
  }
  return {};
}

Status HostInstance::control(BoltExecutor& bolt, const Component& component, const HostInstanceOptions& options) {
  const ConfMap& conf = bolt.spec().conf;
  ASSIGN_OR_RETURN(const std::string mode, conf.get_string("petrel.flow.control", "credit"));
  if (mode != "credit" && mode != "spout_back_pressure") {
    return Status::malformed("petrel.flow.control is '{}'; set it to credit or to spout_back_pressure", escape(mode));
  }
  std::vector<WaterMark> marks;
  const size_t limit = options.queue_limit_bytes;
  if (mode == "spout_back_pressure") marks.push_back({&pressure_, Pressure::kSpouts, limit / 2, limit / 4, false});
  if (const std::optional<size_t> cycle = services_.table->cycle(component)) {
    const uint16_t bit = Pressure::cycle_bit(*cycle);
    marks.push_back({&pressure_, bit, limit, limit / 2, true});
    bolt.in_cycle(bit);
    ASSIGN_OR_RETURN(const int64_t most,
                     conf.get_int(CycleRoom::kSetting, static_cast<int64_t>(options.cycle_max_bytes), 1, INT64_MAX));
    bolt.set_room(static_cast<size_t>(most));
  }
  bolt.queue().watch(std::move(marks));
  return {};
}

void HostInstance::refuse(Executor& executor, const InboundSection& section) {
  executor.room()->refuse(section.count);
  const Result<TupleBatchView> batch = TupleBatchView::parse(section.bytes);
  std::vector<AckRecord> records;
  if (batch.ok() && services_.acks != nullptr) {
    const uint32_t loss = services_.remote == nullptr ? 0 : services_.remote->loss_number();
    for (const TupleView& tuple : batch->tuples()) {
      for (uint32_t i = 0; i < tuple.anchors(); ++i) {
        AckRecord record;
        record.root = tuple.anchor(i).root;
        record.kind = AckKind::kFail;
        record.loss_number = loss;
        records.push_back(record);
      }
    }
    if (!records.empty()) services_.acks->records(records);
  }
  if (section.consumed) section.consumed();
}

Executor* HostInstance::find(int32_t task) const {
  return task > 0 && static_cast<size_t>(task) < by_task_.size() ? by_task_[static_cast<size_t>(task)] : nullptr;
}

bool HostInstance::deliver(InboundSection section) {
  Executor* executor = find(section.executor);
  if (executor == nullptr) return false;
  const bool inner = section.lane != 0;
  if (inner && section.kind != SectionKind::kMarker && executor->room() != nullptr && executor->room()->full()) {
    refuse(*executor, section);
    return true;
  }
  InItem item;
  item.inner = inner;
  item.kind = InItem::Kind::kSection;
  item.bytes = section.bytes.size();
  item.tuples = section.count;
  item.section = std::move(section);
  executor->queue().push(std::move(item));
  return true;
}

void HostInstance::credit(std::span<const int32_t> executors) {
  for (int32_t first_task : executors) {
    if (Executor* executor = find(first_task)) executor->credit();
  }
}

void HostInstance::completions(std::span<const Completion> done) {
  // Consecutive completions are mostly of one executor: one lock for each run.
  size_t from = 0;
  const auto owner = [&](const Completion& one) -> SpoutExecutor* {
    const auto task = static_cast<size_t>(one.spout_task);
    return one.spout_task > 0 && task < spout_of_.size() ? spout_of_[task] : nullptr;
  };
  while (from < done.size()) {
    SpoutExecutor* executor = owner(done[from]);
    size_t to = from + 1;
    while (to < done.size() && owner(done[to]) == executor) ++to;
    if (executor != nullptr) executor->completions(done.subspan(from, to - from));
    from = to;
  }
}

void HostInstance::set_active(bool active) {
  for (auto& executor : executors_) executor->set_active(active);
}

void HostInstance::drain(uint64_t epoch) {
  for (auto& executor : executors_) executor->drain(epoch);
}

void HostInstance::stop() {
  for (auto& executor : executors_) executor->stop();
}

bool HostInstance::sweep() {
  bool any = false;
  for (auto& executor : executors_) any |= executor->sweep();
  return any;
}

void HostInstance::sample(proto::HostSample& out) const {
  for (const auto& executor : executors_) executor->sample(*out.add_executors());
  for (const auto& [component, range] : idle_) {
    proto::ExecutorSample& sample = *out.add_executors();
    sample.set_component(component->name);
    sample.set_first_task(range.first);
    sample.set_last_task(range.last);
  }
}

std::optional<double> HostInstance::load_of(int32_t task) const {
  Executor* executor = find(task);
  if (executor == nullptr) return std::nullopt;
  const InQueue& queue = executor->queue();
  return std::min(1.0, static_cast<double>(queue.bytes()) / static_cast<double>(queue.limit_bytes()));
}

}  // namespace petrel
