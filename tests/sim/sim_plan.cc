#include "tests/sim/sim_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

#include "native/base/check.h"

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
  switch (rng.below(8)) {
    case 0:
      return SimGrouping::kAll;
    case 1:
      return SimGrouping::kGlobal;
    case 2:
    case 3:
    case 4:
      return SimGrouping::kFields;
    default:
      return SimGrouping::kShuffle;
  }
}

}  // namespace

SimPlan SimPlan::draw(Rng rng, bool only_graphs) {
  SimPlan plan;
  if (only_graphs || rng.below(5) == 0) {
    plan.draw_graph(rng);
  } else {
    plan.draw_shape(rng);
  }
  plan.draw_placement(rng);
  plan.draw_numbers(rng);
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
    components[static_cast<size_t>(from)].outs.push_back(
        {.to = to,
         .grouping = any_grouping(rng),
         .most = static_cast<uint32_t>(between(rng, 1, static_cast<int32_t>(most)))});
  };
  const int spout = add(SimRole::kSpout, 3);
  switch (rng.below(5)) {
    case 0: {
      shape = "chain";
      const int bolt = add(SimRole::kBolt, 4);
      const int sink = add(SimRole::kSink, 3);
      edge(spout, bolt, 4);
      edge(bolt, sink, 3);
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

// Storm gives task ids by name; any order will do here.
void SimPlan::give_task_ids() {
  int32_t task = 1;
  executor_by_task_.assign(1, 0);
  for (SimComponent& component : components) {
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
    added.most = rng.below(3) == 0 ? 2 : 1;
    added.needs_turns = back;
    components[static_cast<size_t>(from)].outs.push_back(added);
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

void SimPlan::draw_placement(Rng& rng) {
  const int32_t container_count = between(rng, 1, 4);
  for (int32_t id = 1; id <= container_count; ++id) {
    SimContainerPlan container;
    container.id = id;
    container.in_host = container_count > 1 && rng.below(2) == 0;
    const int host_count = container.in_host ? 1 : container_count == 1 ? 2 : between(rng, 1, 2);
    for (int i = 0; i < host_count; ++i) {
      const auto slot = static_cast<uint32_t>(hosts.size());
      hosts.push_back({slot, id, {}});
      container.slots.push_back(slot);
    }
    containers.push_back(container);
  }
  executor_by_task_.assign(1, 0);
  const uint64_t first_slot = rng.below(hosts.size());
  for (size_t c = 0; c < components.size(); ++c) {
    const SimComponent& component = components[c];
    int32_t first = component.first_task;
    for (int32_t e = 0; e < component.executors; ++e) {
      const int32_t size = component.tasks / component.executors + (e < component.tasks % component.executors ? 1 : 0);
      const size_t index = executors.size();
      // Most in turn over the hosts, some anywhere.
      const uint64_t slot = rng.below(4) == 0 ? rng.below(hosts.size()) : (first_slot + index) % hosts.size();
      executors.push_back({static_cast<int>(c), first, first + size - 1, static_cast<uint32_t>(slot)});
      hosts[slot].executors.push_back(static_cast<int>(index));
      for (int32_t i = 0; i < size; ++i) executor_by_task_.push_back(index);
      first += size;
    }
  }
  routes = route_table(7, 0);
  stale_routes = route_table(6, 1);
}

std::shared_ptr<const RouteTable> SimPlan::route_table(uint64_t epoch, uint32_t shift) const {
  auto table = std::make_shared<RouteTable>();
  table->epoch = epoch;
  table->tasks.resize(executor_by_task_.size());
  for (const SimExecutorPlan& executor : executors) {
    for (int32_t task = executor.first; task <= executor.last; ++task) {
      table->tasks[static_cast<size_t>(task)] = {executor.first,
                                                 static_cast<uint32_t>((executor.slot + shift) % hosts.size())};
    }
  }
  for (const SimHostPlan& host : hosts) {
    table->hosts.push_back({host.slot, host.container, containers[static_cast<size_t>(host.container) - 1].in_host});
  }
  return table;
}

void SimPlan::draw_numbers(Rng& rng) {
  acking = rng.below(8) != 0;
  max_pending = static_cast<uint32_t>(between(rng, 120, 400));
  roots_most = acking ? 5000 : 3000;
  const bool forgets = acking && rng.below(3) == 0;
  timeout = forgets ? Millis(between(rng, 4000, 8000)) : Millis(40000);
  forget_per_million = forgets ? 3000 : 0;
  fail_per_million = acking && rng.below(3) == 0 ? 2000 : 0;
  filler_bytes = rng.below(2) == 0 ? 0 : 1U << between(rng, 4, 10);
  huge_per_million = rng.below(4) == 0 ? 300 : 0;
  first_window = 1ULL << between(rng, 11, 16);
  pool_bytes = 1ULL << between(rng, 13, 19);
  for (SimComponent& component : components) {
    component.cost = std::chrono::microseconds(component.role == SimRole::kSpout ? 50 : between(rng, 10, 150));
  }
  const auto is_spout = [](const SimComponent& c) { return c.role == SimRole::kSpout; };
  const auto spout_components = static_cast<size_t>(std::count_if(components.begin(), components.end(), is_spout));
  // One component is the bottleneck, so that roots are pending and queues fill.
  components[spout_components + rng.below(components.size() - spout_components)].cost =
      std::chrono::microseconds(between(rng, 500, 1500));
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
  timeout = std::max(timeout, std::chrono::duration_cast<Millis>(4 * work));
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
