#include "tests/sim/sim_tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "native/base/check.h"

namespace petrel::sim {
namespace {

/// The second value of every tuple; the third has `filler` bytes.
struct Facts {
  uint64_t root = 0;   // as RootId makes it, also when nothing is tracked
  uint64_t path = 0;   // a reader makes its own of it: SimPlan::first_path, all_path
  uint64_t check = 0;  // of everything else
  uint32_t number = 0;
  uint32_t serial = 0;  // of the source task's emits
  int32_t source_task = 0;
  uint32_t source_incarnation = 0;
  uint32_t turns = 0;
  uint32_t filler = 0;
};
static_assert(sizeof(Facts) == 48);

uint64_t check_of(Facts facts) {
  facts.check = 0;
  uint64_t words[sizeof(facts) / 8];
  std::memcpy(words, &facts, sizeof(facts));
  uint64_t hash = 0x51e5;
  for (const uint64_t word : words) hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL + (hash >> 31);
  return hash;
}

char filler_byte(const Facts& facts) {
  return static_cast<char>(facts.path);
}

/// Nothing but what the task that emitted it put in. Errors: what has changed on the way.
Result<Facts> facts_of(const TupleData& tuple) {
  Facts facts;
  const auto* bytes = tuple.values->size() == 3 ? std::get_if<Value::Bytes>(&(*tuple.values)[1].data) : nullptr;
  const auto* filler = bytes == nullptr ? nullptr : std::get_if<Value::Bytes>(&(*tuple.values)[2].data);
  if (filler == nullptr || bytes->data.size() != sizeof(facts)) return Status::malformed("other values than were sent");
  std::memcpy(&facts, bytes->data.data(), sizeof(facts));
  if (facts.check != check_of(facts) || facts.source_task != tuple.source_task) {
    return Status::malformed("other facts than were sent");
  }
  const std::string& text = filler->data;
  if (text.size() != facts.filler ||
      (!text.empty() && (text.front() != filler_byte(facts) || text.back() != text.front())))
    return Status::malformed("other bytes than were sent");
  return facts;
}

/// What spouts and bolts share: building tuples and telling the oracle where they went.
class SimTask {
 public:
  explicit SimTask(const SimUser& user) : user_(user) {}

 protected:
  void begin(const TaskContext& context) {
    task_ = context.task;
    component_ = user_.plan->executor_of(task_).component;
    rng_ = user_.rng.split(static_cast<uint64_t>(task_));
  }
  const SimPlan& plan() const { return *user_.plan; }
  const SimComponent& component() const { return plan().components[static_cast<size_t>(component_)]; }
  Oracle& oracle() { return *user_.oracle; }
  void broken(const std::string& rule, const std::string& text) { user_.world->fail(rule, text); }

  Values values_of(Facts facts, uint64_t key) {
    facts.source_task = task_;
    facts.source_incarnation = user_.incarnation;
    facts.serial = ++serial_;
    facts.filler = 0;
    if (plan().filler_bytes > 0) facts.filler = static_cast<uint32_t>(rng_.below(plan().filler_bytes));
    if (rng_.below(1'000'000) < plan().huge_per_million) facts.filler = static_cast<uint32_t>(rng_.below(1'000'000));
    facts.check = check_of(facts);
    Values values;
    values.reserve(3);
    values.push_back({static_cast<int64_t>(key)});
    values.push_back({Value::Bytes{std::string(reinterpret_cast<const char*>(&facts), sizeof(facts))}});
    values.push_back({Value::Bytes{std::string(facts.filler, filler_byte(facts))}});
    return values;
  }
  void sent(std::span<const int32_t> targets) {
    for (const int32_t target : targets) oracle().sent(task_, user_.incarnation, target, serial_);
  }

  const SimUser& user_;
  int32_t task_ = 0;
  int component_ = 0;
  Rng rng_{0};
  uint32_t serial_ = 0;
};

class SimSpout : public SpoutTask, private SimTask {
 public:
  using SimTask::SimTask;
  Status open(const TaskContext& context, SpoutOutput& output) override {
    begin(context);
    output_ = &output;
    return {};
  }
  // A burst now and then, some of it in each call.
  Status next_tuple() override {
    constexpr uint32_t kMostInACall = 4;
    const MonoTime now = user_.world->now();
    if (burst_ == 0) {
      user_.due(task_, std::max(now, due_));
      if (now < due_) return {};
      burst_ = static_cast<uint32_t>(1 + rng_.below(16));
      const auto interval = static_cast<uint64_t>(plan().spout_interval.count());
      due_ = now + Nanos(static_cast<int64_t>(interval / 2 + rng_.below(interval + 1)));
    }
    for (uint32_t i = 0; i < kMostInACall && burst_ > 0; ++i, --burst_) {
      const uint32_t number = oracle().next_number(task_);
      if (number == 0) {
        burst_ = 0;
        due_ = std::max(due_, now + Millis(100));
        break;
      }
      Status emitted = emit(number);
      if (!emitted.ok()) return emitted;
    }
    return {};
  }
  Status ack(const Value& id) override {
    if (!plan().acking) return {};
    const auto root = static_cast<uint64_t>(std::get<int64_t>(id.data));
    const CompletionKind kind = user_.end_of(root);
    if (kind != CompletionKind::kAck) broken("ALO4", fmt::format("ack() of root {:x}, which the ledger failed", root));
    oracle().completed(root, kind);
    return {};
  }
  Status fail(const Value& id) override {
    const auto root = static_cast<uint64_t>(std::get<int64_t>(id.data));
    const CompletionKind kind = user_.end_of(root);
    if (kind == CompletionKind::kAck) broken("ALO2", fmt::format("fail() of root {:x}, which is acked", root));
    oracle().completed(root, kind);
    return {};
  }

 private:
  Status emit(uint32_t number) {
    user_.spend(component().cost);
    Facts facts;
    facts.root = RootId::make(task_, user_.incarnation, ++roots_);
    facts.path = SimPlan::root_path(task_, number);
    facts.number = number;
    facts.turns = plan().turns;
    oracle().emitted(facts.root, task_, number);
    Result<std::vector<int32_t>> targets =
        output_->emit("s00", values_of(facts, facts.path), Value{static_cast<int64_t>(facts.root)});
    if (!targets.ok()) return targets.status();
    sent(*targets);
    return {};
  }

  SpoutOutput* output_ = nullptr;
  uint64_t roots_ = 0;
  uint32_t burst_ = 0;
  MonoTime due_{};
};

class SimBolt : public BoltTask, private SimTask {
 public:
  using SimTask::SimTask;
  Status prepare(const TaskContext& context, BoltOutput& output) override {
    begin(context);
    output_ = &output;
    for (size_t e = 0; e < component().outs.size(); ++e) streams_.push_back(fmt::format("s{:02}", e));
    return {};
  }

  Status execute(const TuplePtr& tuple) override {
    if (tuple->source == nullptr) return {};  // a tick
    user_.spend(component().cost);
    Result<Facts> read = facts_of(*tuple);
    if (!read.ok()) {
      broken("ALO6", fmt::format("task {} got from task {}: {}", task_, tuple->source_task, read.status().message()));
      return {};
    }
    const Facts& facts = *read;
    if (plan().acking && (tuple->anchors.size() != 1 || tuple->anchors[0].root != facts.root)) {
      broken("ALO6", fmt::format("task {} got a tuple of root {:x} with other anchors", task_, facts.root));
      return {};
    }
    const auto stream = static_cast<size_t>(tuple->stream - tuple->source->streams.data());
    const SimEdge& edge = plan().edge_of(facts.source_task, stream, component_);
    uint64_t path = facts.path;
    if (plan().component_of(facts.source_task).role == SimRole::kSpout) {
      path = plan().first_path(plan().executor_of(facts.source_task).component, edge, path);
    }
    if (edge.grouping == SimGrouping::kAll) path = SimPlan::all_path(path, task_);
    oracle().received({facts.root, path, facts.source_task, facts.source_incarnation, task_, facts.serial},
                      user_.incarnation);
    return take(tuple, facts, path);
  }

 private:
  struct Half {
    TuplePtr tuple;
    uint64_t path = 0;
  };

  Status take(const TuplePtr& tuple, const Facts& facts, uint64_t path) {
    if (component().role == SimRole::kSink) {
      oracle().leaf(facts.root, path);
      output_->ack(tuple);
      return {};
    }
    if (!oracle().is_calm() && rng_.below(1'000'000) < plan().forget_per_million) {
      oracle().forgotten(facts.root);
      return {};
    }
    if (!oracle().is_calm() && rng_.below(1'000'000) < plan().fail_per_million) {
      oracle().failed(facts.root);
      output_->report_error("a tuple was failed");
      output_->fail(tuple);
      return {};
    }
    if (component().role != SimRole::kJoin) return pass_on({&tuple, 1}, facts, path);
    const auto [half, first] = joining_.try_emplace(facts.root, Half{tuple, path});
    if (first) return {};
    const TuplePtr both[2] = {half->second.tuple, tuple};
    path = SimPlan::join_path(half->second.path, path);
    joining_.erase(half);
    return pass_on(both, facts, path);
  }

  Status pass_on(std::span<const TuplePtr> from, const Facts& facts, uint64_t path) {
    plan().children(component_, path, facts.turns, children_);
    for (const SimChild& child : children_) {
      Status emitted = emit(from, facts, child);
      if (!emitted.ok()) return emitted;
    }
    for (const TuplePtr& tuple : from) output_->ack(tuple);
    return {};
  }

  Status emit(std::span<const TuplePtr> anchors, const Facts& from, const SimChild& child) {
    const SimComponent& to = plan().components[static_cast<size_t>(child.edge->to)];
    Facts facts = from;
    facts.path = child.path;
    facts.turns = child.turns;
    // A join finds both halves of a root at one task.
    const uint64_t key = to.role == SimRole::kJoin ? SimPlan::leaf_hash(facts.root) : facts.path;
    const std::string& name = streams_[static_cast<size_t>(child.edge - component().outs.data())];
    if (child.edge->grouping == SimGrouping::kDirect) {
      const int32_t target = to.first_task + static_cast<int32_t>(key % static_cast<uint64_t>(to.tasks));
      Status emitted = output_->emit_direct(target, name, anchors, values_of(facts, key));
      if (emitted.ok()) sent({&target, 1});
      return emitted;
    }
    Result<std::vector<int32_t>> targets = output_->emit(name, anchors, values_of(facts, key));
    if (!targets.ok()) return targets.status();
    const size_t wanted = child.edge->grouping == SimGrouping::kAll ? static_cast<size_t>(to.tasks) : 1;
    if (targets->size() != wanted) broken("routing", fmt::format("{} targets instead of {}", targets->size(), wanted));
    sent(*targets);
    return {};
  }

  BoltOutput* output_ = nullptr;
  std::vector<std::string> streams_;
  std::map<uint64_t, Half> joining_;
  std::vector<SimChild> children_;
};

}  // namespace

Result<std::unique_ptr<BoltTask>> SimTaskFactory::bolt(const Component&, const ConfMap&) {
  return std::unique_ptr<BoltTask>(std::make_unique<SimBolt>(user_));
}

Result<std::unique_ptr<SpoutTask>> SimTaskFactory::spout(const Component&, const ConfMap&) {
  return std::unique_ptr<SpoutTask>(std::make_unique<SimSpout>(user_));
}

}  // namespace petrel::sim
