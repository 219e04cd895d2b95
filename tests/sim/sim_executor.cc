#include "tests/sim/sim_executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "native/base/check.h"
#include "native/base/mutant.h"
#include "tests/sim/sim_host.h"

namespace petrel::sim {
namespace {

uint64_t check_of(const WireTuple& tuple) {
  WireTuple copy = tuple;
  copy.check = 0;
  uint64_t words[sizeof(copy) / 8];
  std::memcpy(words, &copy, sizeof(copy));
  uint64_t hash = 0x51e5;
  for (const uint64_t word : words) hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL + (hash >> 31);
  return hash;
}

char filler_byte(const WireTuple& tuple) {
  return static_cast<char>(tuple.path);
}

}  // namespace

SimExecutor::SimExecutor(SimHost& host, const SimExecutorPlan& plan)
    : host_(host),
      plan_(plan),
      component_(host.plan().component_of(plan.first)),
      rng_(host.rng(static_cast<uint64_t>(plan.first))) {
  for (int32_t task = plan.first; task <= plan.last; ++task) {
    Rng edges = host.rng(1'000'000 + static_cast<uint64_t>(task));
    if (PETREL_MUTANT("same random seed in two tasks")) edges = Rng(42);
    tasks_.emplace(task, Task(edges));
  }
}

void SimExecutor::start() {
  schedule(std::chrono::microseconds(10 + rng_.below(1000)));
}

void SimExecutor::schedule(Nanos delay) {
  if (scheduled_ || !host_.started()) return;
  scheduled_ = true;
  const Nanos busy = busy_until_ - host_.world().now();
  host_.reactor().after(std::max(delay, busy), [this] {
    scheduled_ = false;
    run();
  });
}

void SimExecutor::deliver(const InSection& section) {
  if (section.lane == 0) remote_bytes_ += section.bytes.size();
  inbox_.push_back({section.frame, section.bytes, section.source_task, section.lane, true, section.flow});
  schedule(std::chrono::microseconds(1 + rng_.below(30)));
}

void SimExecutor::deliver_local(int32_t source_task, uint8_t lane, std::string bytes) {
  auto keeper = std::make_shared<const std::string>(std::move(bytes));
  const std::string_view view = *keeper;
  inbox_.push_back({std::move(keeper), view, source_task, lane, false, FlowId{}});
  ++local_sections_;
  schedule(std::chrono::microseconds(1 + rng_.below(10)));
}

void SimExecutor::wake() {
  schedule(std::chrono::microseconds(1 + rng_.below(10)));
}

void SimExecutor::run() {
  if (!waiting_.empty()) retry();
  if (blocked()) return;  // wake() comes with credit or with room
  loss_number_ = host_.loss_number();
  const uint32_t done = component_.role == SimRole::kSpout ? run_spout() : run_bolt();
  flush();
  if (!records_.empty()) {
    host_.records(records_);
    records_.clear();
  }
  busy_until_ = host_.world().now() + component_.cost * done * slow_;
  if (blocked()) return;
  if (component_.role == SimRole::kSpout) {
    schedule(host_.plan().spout_interval / 2 +
             Nanos(static_cast<int64_t>(rng_.below(static_cast<uint64_t>(host_.plan().spout_interval.count()) + 1))));
  } else if (!inbox_.empty()) {
    schedule(Nanos(0));
  }
}

uint32_t SimExecutor::run_spout() {
  uint32_t sent = 0;
  for (auto& [id, task] : tasks_) {
    const auto burst = static_cast<uint32_t>(1 + rng_.below(16));
    for (uint32_t i = 0; i < burst; ++i) {
      if (host_.plan().acking && task.pending.size() >= host_.plan().max_pending) break;
      const uint32_t number = host_.oracle().next_number(id);
      if (number == 0) break;
      Emission emission;
      emission.root = RootId::make(id, host_.incarnation(), ++task.roots);
      emission.number = number;
      host_.oracle().emitted(emission.root, id, number);
      emit_children(id, SimPlan::root_path(id, number), host_.plan().turns, emission);
      if (host_.plan().acking) task.pending.emplace(emission.root, number);
      record({.root = emission.root, .xor_value = emission.edges, .host_mask = emission.mask, .kind = AckKind::kInit});
      ++sent;
    }
  }
  return sent;
}

uint32_t SimExecutor::run_bolt() {
  uint32_t done = 0;
  while (!inbox_.empty() && done < kBurst) {
    const Entry entry = std::move(inbox_.front());
    inbox_.pop_front();
    const uint64_t before = host_.oracle().counts().received;
    take_section(entry);
    done += static_cast<uint32_t>(host_.oracle().counts().received - before);
    if (!entry.remote) {
      --local_sections_;
    } else {
      if (entry.lane == 0) remote_bytes_ -= entry.bytes.size();
      host_.endpoint().consumed(entry.flow, entry.bytes.size());
    }
  }
  if (local_sections_ < kLocalSections / 2 && !waiters_.empty()) {
    auto waiters = std::move(waiters_);
    waiters_.clear();
    for (SimExecutor* waiter : waiters) waiter->wake();
  }
  return done;
}

void SimExecutor::take_section(const Entry& entry) {
  std::string_view rest = entry.bytes;
  while (!rest.empty()) {
    WireTuple tuple;
    if (rest.size() < sizeof(tuple)) return host_.world().fail("ALO6", "a section ends inside a tuple");
    std::memcpy(&tuple, rest.data(), sizeof(tuple));
    rest.remove_prefix(sizeof(tuple));
    const bool whole = tuple.filler <= rest.size();
    if (!whole || tuple.check != check_of(tuple) || tuple.source_task != entry.source_task ||
        tasks_.count(tuple.destination_task) == 0) {
      return host_.world().fail(
          "ALO6", fmt::format("a broken tuple from task {} for task {}", entry.source_task, tuple.destination_task));
    }
    const std::string_view filler = rest.substr(0, tuple.filler);
    if (!filler.empty() && (filler.front() != filler_byte(tuple) || filler.back() != filler_byte(tuple))) {
      return host_.world().fail("ALO6", "the bytes of a tuple have changed");
    }
    rest.remove_prefix(tuple.filler);
    execute(tuple.destination_task, tuple);
  }
}

void SimExecutor::execute(int32_t task, const WireTuple& tuple) {
  const SimPlan& plan = host_.plan();
  Oracle& oracle = host_.oracle();
  oracle.received({tuple.root, tuple.path, tuple.source_task, tuple.source_incarnation, task, tuple.link_number},
                  host_.incarnation());
  if (component_.role == SimRole::kSink) {
    oracle.leaf(tuple.root, tuple.path);
    record({.root = tuple.root, .xor_value = tuple.edge});
    return;
  }
  if (!oracle.is_calm() && rng_.below(1'000'000) < plan.forget_per_million) return oracle.forgotten(tuple.root);
  if (!oracle.is_calm() && rng_.below(1'000'000) < plan.fail_per_million) {
    oracle.failed(tuple.root);
    record({.root = tuple.root, .kind = AckKind::kFail});
    return;
  }
  Emission emission;
  emission.root = tuple.root;
  emission.number = tuple.number;
  emission.edges = tuple.edge;
  uint64_t path = tuple.path;
  if (component_.role == SimRole::kJoin) {
    const auto [half, first] = joining_.try_emplace({task, tuple.root}, Half{tuple.edge, tuple.path, 0});
    if (first) return;
    emission.edges ^= half->second.edge;
    path = SimPlan::join_path(half->second.path, path);
    joining_.erase(half);
  }
  emit_children(task, path, tuple.turns, emission);
  record({.root = tuple.root, .xor_value = emission.edges, .host_mask = emission.mask});
}

void SimExecutor::emit_children(int32_t task, uint64_t path, uint32_t turns, Emission& emission) {
  host_.plan().children(plan_.component, path, turns, children_);
  const std::vector<SimChild> children = children_;
  for (size_t i = 0; i < children.size(); ++i) {
    const SimChild& child = children[i];
    const bool last = i + 1 == children.size();
    const bool anchored = !(PETREL_MUTANT("ack before the last leaf") && last && component_.role != SimRole::kSpout);
    const SimComponent& to = host_.plan().components[static_cast<size_t>(child.edge->to)];
    if (child.edge->grouping == SimGrouping::kAll) {
      for (int32_t t = to.first_task; t < to.first_task + to.tasks; ++t) {
        emit(task, *child.edge, t, SimPlan::all_path(child.path, t), child.turns, anchored, emission);
      }
    } else {
      const int32_t t = choose(task, *child.edge, emission.root, child.path);
      emit(task, *child.edge, t, child.path, child.turns, anchored, emission);
    }
  }
}

int32_t SimExecutor::choose(int32_t task, const SimEdge& edge, uint64_t root, uint64_t path) {
  const SimComponent& to = host_.plan().components[static_cast<size_t>(edge.to)];
  const auto count = static_cast<uint64_t>(to.tasks);
  switch (edge.grouping) {
    case SimGrouping::kGlobal:
      return to.first_task;
    case SimGrouping::kFields: {
      // A join finds both halves of a root at one task.
      const uint64_t key = to.role == SimRole::kJoin ? SimPlan::leaf_hash(root) : path;
      return to.first_task + static_cast<int32_t>(key % count);
    }
    default:
      return to.first_task + static_cast<int32_t>(tasks_.at(task).turn++ % count);
  }
}

void SimExecutor::emit(int32_t task, const SimEdge& edge, int32_t to, uint64_t path, uint32_t turns, bool anchored,
                       Emission& emission) {
  Task& from = tasks_.at(task);
  WireTuple tuple;
  tuple.root = emission.root;
  tuple.path = path;
  tuple.number = emission.number;
  tuple.source_task = task;
  tuple.source_incarnation = host_.incarnation();
  tuple.destination_task = to;
  tuple.link_number = ++from.link_numbers[to];
  tuple.turns = turns;
  tuple.edge = from.rng.next();
  if (!anchored) tuple.edge = 0;
  if (host_.plan().filler_bytes > 0) tuple.filler = static_cast<uint32_t>(rng_.below(host_.plan().filler_bytes));
  Staged& staged = staged_[{task, to}];
  if (rng_.below(1'000'000) < host_.plan().huge_per_million && staged.bytes.size() < 65'536)
    tuple.filler = static_cast<uint32_t>(rng_.below(1'000'000));
  tuple.check = check_of(tuple);
  emission.edges ^= tuple.edge;
  emission.mask |= uint64_t{1} << (host_.plan().slot_of(to) % 64);
  staged.lane = edge.lane;
  staged.bytes.append(reinterpret_cast<const char*>(&tuple), sizeof(tuple));
  staged.bytes.append(tuple.filler, filler_byte(tuple));
  ++staged.count;
}

void SimExecutor::record(const AckRecord& record) {
  if (!host_.plan().acking) return;
  records_.push_back(record);
  records_.back().loss_number = loss_number_;
}

void SimExecutor::flush() {
  for (auto& [pair, staged] : staged_) {
    OutSection section;
    section.source_task = pair.first;
    section.destination_task = pair.second;
    section.lane = staged.lane;
    section.kind = SectionKind::kTuples;
    section.count = staged.count;
    section.bytes = std::move(staged.bytes);
    auto found = waiting_.find(pair);
    if (found == waiting_.end() && send(pair.first, pair.second, section)) continue;
    if (section.lane == 0) ++waiting_sections_;
    waiting_[pair].push_back(std::move(section));
  }
  staged_.clear();
}

bool SimExecutor::send(int32_t source_task, int32_t destination_task, OutSection& section) {
  if (SimExecutor* local = host_.local(destination_task)) {
    if (section.lane == 0 && local->full()) {
      local->add_waiter(this);
      return false;
    }
    local->deliver_local(source_task, section.lane, std::move(section.bytes));
    return true;
  }
  const uint8_t lane = section.lane;
  switch (host_.endpoint().offer(plan_.first, std::move(section))) {
    case Admit::kTaken:
      return true;
    case Admit::kNoCredit:
      host_.count("refused for credit");
      if (lane == 1) host_.world().fail("lane 1", "a section of a cycle was refused for credit");
      return false;
    case Admit::kTooLarge:
      host_.world().fail("offer", "a section is said to be too large");
      return true;
    case Admit::kUnknownTask:
      host_.world().fail("offer", fmt::format("task {} is said to be unknown", destination_task));
      return true;
  }
  return true;
}

void SimExecutor::retry() {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    auto& [pair, sections] = *it;
    while (!sections.empty()) {
      const uint8_t lane = sections.front().lane;
      if (!send(pair.first, pair.second, sections.front())) break;
      if (lane == 0) --waiting_sections_;
      sections.pop_front();
    }
    it = sections.empty() ? waiting_.erase(it) : std::next(it);
  }
}

void SimExecutor::add_waiter(SimExecutor* executor) {
  if (std::find(waiters_.begin(), waiters_.end(), executor) == waiters_.end()) waiters_.push_back(executor);
}

void SimExecutor::complete(const Completion& completion) {
  Task& task = tasks_.at(completion.spout_task);
  if (task.pending.erase(completion.root) == 0) return host_.count("completion of an unknown root");
  host_.oracle().completed(completion.root, completion.kind);
  wake();
}

}  // namespace petrel::sim
