#include "tests/sim/sim_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include "native/base/check.h"
#include "native/packing/packing.h"

namespace petrel::sim {
namespace {

uint64_t mixed(uint64_t a, uint64_t b) {
  uint64_t z = a * 0x9e3779b97f4a7c15ULL + b + 0x632be59bd9b4e019ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

int32_t between(Rng& rng, int32_t least, int32_t most) {
  return least + static_cast<int32_t>(rng.below(static_cast<uint64_t>(most - least + 1)));
}

SimGrouping any_grouping(Rng& rng) {
  switch (rng.below(10)) {
    case 0:
      return SimGrouping::kAll;
    case 1:
      return SimGrouping::kGlobal;
    case 2:
      return SimGrouping::kLocalOrShuffle;
    case 3:
      return SimGrouping::kDirect;
    case 4:
    case 5:
    case 6:
      return SimGrouping::kFields;
    default:
      return SimGrouping::kShuffle;
  }
}

GroupingKind to_kind(SimGrouping grouping) {
  switch (grouping) {
    case SimGrouping::kShuffle:
      return GroupingKind::kShuffle;
    case SimGrouping::kFields:
      return GroupingKind::kFields;
    case SimGrouping::kAll:
      return GroupingKind::kAll;
    case SimGrouping::kGlobal:
      return GroupingKind::kGlobal;
    case SimGrouping::kLocalOrShuffle:
      return GroupingKind::kLocalOrShuffle;
    case SimGrouping::kDirect:
      return GroupingKind::kDirect;
  }
  CHECK(false);
}

}  // namespace

SimPlan SimPlan::draw(Rng rng, bool only_graphs) {
  SimPlan plan;
  if (only_graphs || rng.below(5) == 0) {
    plan.draw_graph(rng);
  } else {
    plan.draw_shape(rng);
  }
  plan.draw_numbers(rng);
  plan.draw_placement(rng);
  return plan;
}

void SimPlan::draw_shape(Rng& rng) {
  const auto add = [&](SimRole role, int32_t most_tasks) {
    SimComponent component;
    component.role = role;
    component.tasks = between(rng, 1, most_tasks);
    component.executors = between(rng, 1, component.tasks);
    components.push_back(component);
    return static_cast<int>(components.size() - 1);
  };
  const auto join_edges = [&](int from, int to) {
    components[static_cast<size_t>(from)].outs.push_back({.to = to, .grouping = SimGrouping::kFields});
  };
  const auto edge = [&](int from, int to, uint32_t most) {
    SimGrouping grouping = any_grouping(rng);
    // A direct stream is nobody else's: a spout's emit goes to all of its edges.
    const bool spouts = components[static_cast<size_t>(from)].role == SimRole::kSpout;
    if (spouts && grouping == SimGrouping::kDirect) grouping = SimGrouping::kShuffle;
    components[static_cast<size_t>(from)].outs.push_back(
        {.to = to, .grouping = grouping, .most = static_cast<uint32_t>(between(rng, 1, static_cast<int32_t>(most)))});
  };
  const int spout = add(SimRole::kSpout, 3);
  switch (rng.below(5)) {
    case 0: {
      shape = "chain";
      const int bolt = add(SimRole::kBolt, 4);
      const int sink = add(SimRole::kSink, 3);
      edge(spout, bolt, 1);
      edge(bolt, sink, 4);
      break;
    }
    case 1: {
      shape = "diamond with join";
      const int a = add(SimRole::kBolt, 3);
      const int b = add(SimRole::kBolt, 3);
      const int join = add(SimRole::kJoin, 3);
      const int sink = add(SimRole::kSink, 2);
      components[static_cast<size_t>(spout)].outs = {{.to = a}, {.to = b}};
      join_edges(a, join);
      join_edges(b, join);
      edge(join, sink, 2);
      break;
    }
    case 2: {
      shape = "deep";
      int last = spout;
      for (int i = 0; i < 3; ++i) {
        const int bolt = add(SimRole::kBolt, 3);
        edge(last, bolt, i == 1 ? 2 : 1);
        last = bolt;
      }
      edge(last, add(SimRole::kSink, 3), 2);
      break;
    }
    case 3: {
      // Two bolts that do the same thing to the same tuples at the same time.
      shape = "twins";
      const int a = add(SimRole::kBolt, 2);
      const int sink = add(SimRole::kSink, 3);
      components[static_cast<size_t>(a)].tasks = between(rng, 2, 4);
      components[static_cast<size_t>(a)].executors = components[static_cast<size_t>(a)].tasks;
      components[static_cast<size_t>(spout)].tasks = components[static_cast<size_t>(spout)].executors = 1;
      components[static_cast<size_t>(spout)].outs = {{.to = a, .grouping = SimGrouping::kAll}};
      components[static_cast<size_t>(a)].outs = {{.to = sink, .grouping = any_grouping(rng)}};
      break;
    }
    default: {
      shape = "cycle";
      const int a = add(SimRole::kBolt, 3);
      const int b = add(SimRole::kBolt, 3);
      const int sink = add(SimRole::kSink, 2);
      edge(spout, a, 1);
      components[static_cast<size_t>(a)].outs = {{.to = b,
                                                  .grouping = SimGrouping::kShuffle,
                                                  .lane = 1,
                                                  .most = static_cast<uint32_t>(between(rng, 1, 2)),
                                                  .needs_turns = true}};
      components[static_cast<size_t>(b)].outs = {
          {.to = a, .grouping = SimGrouping::kFields, .lane = 1, .needs_turns = true}};
      edge(b, sink, 1);
      turns = static_cast<uint32_t>(between(rng, 2, 5));
      break;
    }
  }
  give_task_ids();
}

// As Storm: by name, and the names are in the order of the components.
void SimPlan::give_task_ids() {
  int32_t task = 1;
  for (SimComponent& component : components) {
    component.name = fmt::format("c{:02}", &component - components.data());
    component.first_task = task;
    task += component.tasks;
  }
}

void SimPlan::draw_graph(Rng& rng) {
  while (!draw_graph_once(rng)) {
  }
  shape = "graph with cycles";
}

// One to two spouts, bolts with edges forward and back, sinks. False: a root has too many tuples.
bool SimPlan::draw_graph_once(Rng& rng) {
  components.clear();
  const int spouts = between(rng, 1, 2);
  const int bolts = between(rng, 2, 6);
  const int sinks = between(rng, 1, 2);
  const int count = spouts + bolts + sinks;
  for (int c = 0; c < count; ++c) {
    SimComponent component;
    component.role = c < spouts ? SimRole::kSpout : c < spouts + bolts ? SimRole::kBolt : SimRole::kSink;
    component.tasks = between(rng, 1, component.role == SimRole::kSpout ? 2 : 3);
    component.executors = between(rng, 1, component.tasks);
    components.push_back(component);
  }
  const auto any = [&](int least, int most) { return between(rng, least, most); };
  const auto edge = [&](int from, int to, bool back) {
    SimEdge added;
    added.to = to;
    added.grouping = rng.below(3) == 0 ? SimGrouping::kFields : SimGrouping::kShuffle;
    const bool spout = from < spouts;
    added.most = !spout && rng.below(3) == 0 ? 2 : 1;
    added.needs_turns = back;
    std::vector<SimEdge>& outs = components[static_cast<size_t>(from)].outs;
    const auto same = [&](const SimEdge& out) { return out.to == to; };
    if (!spout || std::none_of(outs.begin(), outs.end(), same)) outs.push_back(added);
  };
  for (int c = 0; c < spouts; ++c) edge(c, any(spouts, spouts + bolts - 1), false);
  for (int c = spouts; c < count; ++c)
    edge(any(c < spouts + bolts ? 0 : spouts, std::min(c, spouts + bolts) - 1), c, false);
  for (int extra = any(0, 2); extra > 0; --extra) {
    const int from = any(spouts, spouts + bolts - 1);
    edge(from, any(from + 1, count - 1), false);
  }
  for (int back = any(1, 3); back > 0; --back) {
    const int from = any(spouts, spouts + bolts - 1);
    edge(from, any(spouts, from), true);
  }
  turns = static_cast<uint32_t>(between(rng, 1, 4));
  // What leads back to where it came from is inside a cycle.
  std::vector<std::vector<char>> reaches(static_cast<size_t>(count), std::vector<char>(static_cast<size_t>(count), 0));
  for (size_t c = 0; c < components.size(); ++c) {
    for (const SimEdge& out : components[c].outs) reaches[c][static_cast<size_t>(out.to)] = 1;
  }
  for (size_t via = 0; via < reaches.size(); ++via) {
    for (auto& from : reaches) {
      for (size_t to = 0; from[via] && to < from.size(); ++to) from[to] |= reaches[via][to];
    }
  }
  for (size_t c = 0; c < components.size(); ++c) {
    for (SimEdge& out : components[c].outs) out.lane = reaches[static_cast<size_t>(out.to)][c] ? 1 : 0;
  }
  give_task_ids();
  for (int c = 0; c < spouts; ++c) {
    std::vector<uint64_t> executions(components.size());
    constexpr uint32_t kSample = 20;
    for (uint32_t number = 1; number <= kSample; ++number)
      expected(components[static_cast<size_t>(c)].first_task, number, &executions);
    uint64_t sum = 0;
    for (const uint64_t n : executions) sum += n;
    if (sum > kSample * 60 || executions.back() == 0) return false;
  }
  return true;
}

void SimPlan::make_logical() {
  LogicalPlan& logical = physical.logical;
  logical = LogicalPlan();
  logical.topology_id = "sim-1-1";
  logical.topology_name = "sim";
  const std::vector<std::string> fields = {"key", "facts", "filler"};
  for (const SimComponent& from : components) {
    Component& component = logical.components.emplace_back();
    component.name = from.name;
    component.kind = from.role == SimRole::kSpout ? ComponentKind::kSpout : ComponentKind::kBolt;
    component.tasks = from.tasks;
    component.executors = from.executors;
    if (from.native) component.json_conf = R"({"petrel.native.library":"sim.so"})";
    for (size_t e = 0; e < (from.role == SimRole::kSpout ? 1 : from.outs.size()); ++e) {
      component.streams.push_back({fmt::format("s{:02}", e), fields, from.outs[e].grouping == SimGrouping::kDirect});
    }
  }
  for (const SimComponent& from : components) {
    for (size_t e = 0; e < from.outs.size(); ++e) {
      const SimEdge& edge = from.outs[e];
      Input input{
          from.name, fmt::format("s{:02}", from.role == SimRole::kSpout ? 0 : e), to_kind(edge.grouping), {}, ""};
      if (edge.grouping == SimGrouping::kFields) input.fields = {"key"};
      logical.components[static_cast<size_t>(edge.to)].inputs.push_back(std::move(input));
    }
  }
  assign_task_ids(logical);
  for (size_t c = 0; c < components.size(); ++c) {
    CHECK(logical.components[c].first_task == components[c].first_task);
  }
}

void SimPlan::make_conf(Rng& rng) {
  conf = ConfMap();
  conf.set("topology.workers", between(rng, 1, 4));
  conf.set("petrel.stream.manager", rng.below(2) == 0 ? "process" : "auto");
  conf.set("topology.acker.executors", acking ? 1 : 0);
  conf.set("topology.message.timeout.secs", static_cast<int>(timeout.count() / 1000));
  conf.set("topology.max.spout.pending", static_cast<int>(max_pending));
  conf.set("topology.disable.loadaware.messaging", rng.below(2) == 0);
  if (rng.below(4) == 0) conf.set("topology.tick.tuple.freq.secs", 1);
}

void SimPlan::draw_placement(Rng& rng) {
  while (!pack(rng)) {
  }
  stale = shifted();
}

// False: one host, nothing would be sent.
bool SimPlan::pack(Rng& rng) {
  const uint64_t mixed_hosts = rng.below(3);
  for (SimComponent& component : components) component.native = mixed_hosts > 0 && rng.below(2) == 0;
  make_conf(rng);
  make_logical();
  std::vector<Slot> slots;
  for (int32_t port = 6700; port < 6704; ++port) slots.push_back({"127.0.0.1", port});
  Result<PackingPlan> packed = find_packing("round_robin")->pack(physical.logical, conf, slots);
  CHECK(packed.ok());
  physical.epoch = 7;
  physical.status = TopologyStatus::kActive;
  physical.packing = std::move(*packed);
  if (physical.packing.hosts() < 2) return false;
  hosts.clear();
  containers.clear();
  executors.clear();
  executor_by_task_.assign(static_cast<size_t>(physical.logical.total_tasks()) + 1, 0);
  hosts.resize(physical.packing.hosts());
  for (const ContainerPlan& container : physical.packing.containers) {
    SimContainerPlan& here = containers.emplace_back();
    here.id = container.container_id;
    here.in_host = container.stream_manager == StreamManagerPlacement::kInHost;
    for (const HostPlan& host : container.hosts) {
      here.slots.push_back(host.slot);
      hosts[host.slot] = {host.slot, container.container_id, {}};
    }
  }
  Result<RouteTable> routes = RouteTable::of(physical);
  CHECK(routes.ok());
  for (size_t c = 0; c < components.size(); ++c) {
    for (const TaskRange& range : physical.logical.executors_of(physical.logical.components[c])) {
      const uint32_t slot = routes->find(range.first)->slot;
      hosts[slot].executors.push_back(static_cast<int>(executors.size()));
      for (int32_t task = range.first; task <= range.last; ++task) {
        executor_by_task_[static_cast<size_t>(task)] = executors.size();
      }
      executors.push_back({static_cast<int>(c), range.first, range.last, slot});
    }
  }
  return true;
}

// The executors of each host in the next one: what a route table of an older epoch would say.
PhysicalPlan SimPlan::shifted() const {
  PhysicalPlan plan = physical;
  plan.epoch = physical.epoch - 1;
  std::vector<std::vector<ExecutorPlacement>> of_host(hosts.size());
  for (const ContainerPlan& container : physical.packing.containers) {
    for (const HostPlan& host : container.hosts) {
      for (const ExecutorPlacement& placement : container.executors) {
        const bool here = slot_of(placement.tasks.first) == host.slot;
        if (here) of_host[(host.slot + 1) % hosts.size()].push_back(placement);
      }
    }
  }
  for (ContainerPlan& container : plan.packing.containers) {
    container.executors.clear();
    for (HostPlan& host : container.hosts) {
      host.executors.clear();
      for (const ExecutorPlacement& placement : of_host[host.slot]) {
        host.executors.push_back(placement.tasks.first);
        container.executors.push_back(placement);
      }
    }
  }
  CHECK(check_covers(plan.packing, plan.logical).ok());
  return plan;
}

const SimEdge& SimPlan::edge_of(int32_t source_task, size_t stream, int to) const {
  const SimComponent& from = component_of(source_task);
  if (from.role != SimRole::kSpout) return from.outs.at(stream);
  const auto found =
      std::find_if(from.outs.begin(), from.outs.end(), [to](const SimEdge& edge) { return edge.to == to; });
  CHECK(found != from.outs.end());
  return *found;
}

uint64_t SimPlan::first_path(int spout, const SimEdge& edge, uint64_t root_path) const {
  std::vector<SimChild> found;
  children(spout, root_path, turns, found);
  for (const SimChild& child : found) {
    if (child.edge == &edge) return child.path;
  }
  CHECK(false);
}

void SimPlan::draw_numbers(Rng& rng) {
  acking = rng.below(8) != 0;
  max_pending = static_cast<uint32_t>(between(rng, 120, 400));
  roots_most = acking ? 4000 : 2500;
  const bool forgets = acking && rng.below(3) == 0;
  timeout = Seconds(forgets ? between(rng, 4, 8) : 40);
  forget_per_million = forgets ? 3000 : 0;
  fail_per_million = acking && rng.below(3) == 0 ? 2000 : 0;
  filler_bytes = rng.below(2) == 0 ? 0 : 1U << between(rng, 4, 10);
  huge_per_million = rng.below(4) == 0 ? 300 : 0;
  first_window = 1ULL << between(rng, 11, 16);
  pool_bytes = 1ULL << between(rng, 13, 19);
  queue_bytes = 1ULL << between(rng, 13, 18);
  for (SimComponent& component : components) {
    component.cost = std::chrono::microseconds(component.role == SimRole::kSpout ? 50 : between(rng, 10, 150));
  }
  const auto is_spout = [](const SimComponent& c) { return c.role == SimRole::kSpout; };
  const auto spout_components = static_cast<size_t>(std::count_if(components.begin(), components.end(), is_spout));
  // One component is the bottleneck, so that roots are pending and queues fill.
  components[spout_components + rng.below(components.size() - spout_components)].cost =
      std::chrono::microseconds(between(rng, 1000, 2500));
  spout_interval = std::chrono::microseconds(between(rng, 1000, 8000));
  bound_load();
}

// What may be pending must be worked off well within the time-out, by one task of each component if need be: else
// time-outs and replays feed each other, and nothing ever drains.
void SimPlan::bound_load() {
  constexpr uint32_t kSample = 50;
  std::vector<uint64_t> executions(components.size());
  uint32_t spouts = 0;
  for (const SimComponent& component : components) {
    if (component.role != SimRole::kSpout) continue;
    ++spouts;
    for (uint32_t number = 1; number <= kSample; ++number) expected(component.first_task, number, &executions);
  }
  const auto pending = static_cast<int64_t>(max_pending) * spout_tasks() / spouts;
  constexpr Nanos kMostWork = Seconds(8);
  Nanos work{0};
  for (size_t i = 0; i < components.size(); ++i) {
    if (components[i].role == SimRole::kSpout) continue;
    const int64_t inputs = pending * static_cast<int64_t>(executions[i]) / kSample + 1;
    components[i].cost = std::min(components[i].cost, kMostWork / inputs);
    work = std::max(work, components[i].cost * inputs);
  }
  timeout = std::max(timeout, Millis(std::chrono::ceil<Seconds>(4 * work)));
}

int32_t SimPlan::spout_tasks() const {
  int32_t count = 0;
  for (const SimComponent& component : components) count += component.role == SimRole::kSpout ? component.tasks : 0;
  return count;
}

uint64_t SimPlan::root_path(int32_t spout_task, uint32_t number) {
  return mixed(static_cast<uint64_t>(spout_task), number);
}
uint64_t SimPlan::all_path(uint64_t path, int32_t task) {
  return mixed(path, static_cast<uint64_t>(task) + 1'000'003);
}
uint64_t SimPlan::join_path(uint64_t a, uint64_t b) {
  return a + b;  // whichever came first
}
uint64_t SimPlan::leaf_hash(uint64_t path) {
  return mixed(path, 0x1eaf);
}

void SimPlan::children(int component, uint64_t path, uint32_t turns_left, std::vector<SimChild>& out) const {
  out.clear();
  const std::vector<SimEdge>& outs = components[static_cast<size_t>(component)].outs;
  for (size_t e = 0; e < outs.size(); ++e) {
    const SimEdge& edge = outs[e];
    if (edge.needs_turns && turns_left == 0) continue;
    const uint64_t draw = mixed(path, static_cast<uint64_t>(component) * 16 + e);
    const uint64_t count = 1 + draw % edge.most;
    for (uint64_t i = 0; i < count; ++i) {
      out.push_back({&edge, mixed(draw, i), edge.needs_turns ? turns_left - 1 : turns_left});
    }
  }
}

SimExpected SimPlan::expected(int32_t spout_task, uint32_t number, std::vector<uint64_t>* executions) const {
  struct Step {
    int component;
    uint64_t path;
    uint32_t turns;
  };
  SimExpected result;
  const auto of_task = [spout_task](const SimComponent& c) {
    return spout_task >= c.first_task && spout_task < c.first_task + c.tasks;
  };
  const auto spout = std::find_if(components.begin(), components.end(), of_task);
  std::deque<Step> steps = {{static_cast<int>(spout - components.begin()), root_path(spout_task, number), turns}};
  std::map<int, uint64_t> joining;  // by join: path of the side that came first
  std::vector<SimChild> found;
  while (!steps.empty()) {
    Step step = steps.front();
    steps.pop_front();
    const SimComponent& component = components[static_cast<size_t>(step.component)];
    if (executions != nullptr) {
      ++(*executions)[static_cast<size_t>(step.component)];
      if (steps.size() > 10'000) return result;  // a graph that nobody wants
    }
    if (component.role == SimRole::kSink) {
      ++result.leaves;
      result.paths_sum += leaf_hash(step.path);
      continue;
    }
    if (component.role == SimRole::kJoin) {
      auto first = joining.find(step.component);
      if (first == joining.end()) {
        joining[step.component] = step.path;
        continue;
      }
      step.path = join_path(first->second, step.path);
      joining.erase(first);
    }
    children(step.component, step.path, step.turns, found);
    for (const SimChild& child : found) {
      const SimComponent& to = components[static_cast<size_t>(child.edge->to)];
      if (child.edge->grouping != SimGrouping::kAll) {
        steps.push_back({child.edge->to, child.path, child.turns});
        continue;
      }
      for (int32_t task = to.first_task; task < to.first_task + to.tasks; ++task) {
        steps.push_back({child.edge->to, all_path(child.path, task), child.turns});
      }
    }
  }
  return result;
}

std::string SimPlan::describe() const {
  std::string text = fmt::format("{}; {} containers:", shape, containers.size());
  for (const SimContainerPlan& container : containers) {
    text += fmt::format(" {}({})", container.in_host ? "in_host" : "process", container.slots.size());
  }
  text +=
      fmt::format("; {} tasks; {}; timeout {} ms; pending {}; pool {} window {}; filler {} huge {} forget {} fail {}",
                  executor_by_task_.size() - 1, acking ? "acks" : "no acks", timeout.count(), max_pending, pool_bytes,
                  first_window, filler_bytes, huge_per_million, forget_per_million, fail_per_million);
  for (const SimExecutorPlan& executor : executors) {
    text += fmt::format("\n  component {} tasks {}..{} in host {}", executor.component, executor.first, executor.last,
                        executor.slot);
  }
  return text;
}

}  // namespace petrel::sim
