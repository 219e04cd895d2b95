#include "native/routing/task_table.h"

#include <algorithm>

#include "native/base/escape.h"
#include "native/topology/cycles.h"

namespace petrel {
namespace {
constexpr const char* kAcker = "__acker";
}  // namespace

Result<std::shared_ptr<const TaskTable>> TaskTable::of(LogicalPlan plan, std::vector<TaskPlace> places) {
  for (const Component& component : plan.components) {
    for (int32_t task : tasks_of(component)) {
      bool placed = static_cast<size_t>(task) < places.size() && places[static_cast<size_t>(task)].executor != 0;
      if (!placed) {
        return Status::malformed("task {} of {} has no place in the plan of '{}'", task, escape(component.name),
                                 escape(plan.topology_id));
      }
    }
  }
  return std::shared_ptr<const TaskTable>(new TaskTable(std::move(plan), std::move(places)));
}

TaskTable::TaskTable(LogicalPlan plan, std::vector<TaskPlace> places)
    : plan_(std::move(plan)), places_(std::move(places)), component_of_(places_.size()) {
  for (size_t i = 0; i < plan_.components.size(); ++i) {
    for (int32_t task : tasks_of(plan_.components[i])) {
      component_of_[static_cast<size_t>(task)] = static_cast<uint32_t>(i + 1);
    }
  }
  size_t group = 0;
  std::vector<std::vector<std::string>> cycles = find_cycles(plan_);
  std::sort(cycles.begin(), cycles.end());
  for (const std::vector<std::string>& cycle : cycles) {
    for (const std::string& name : cycle) cycle_of_[name] = group;
    ++group;
  }
}

const Component* TaskTable::component(int32_t task) const {
  if (task <= 0 || static_cast<size_t>(task) >= component_of_.size()) return nullptr;
  const uint32_t index = component_of_[static_cast<size_t>(task)];
  return index == 0 ? nullptr : &plan_.components[index - 1];
}

TaskPlace TaskTable::place(int32_t task) const {
  if (component(task) == nullptr) return {};
  return places_[static_cast<size_t>(task)];
}

std::vector<int32_t> TaskTable::tasks_of(const Component& component) {
  std::vector<int32_t> tasks(static_cast<size_t>(component.tasks));
  for (size_t i = 0; i < tasks.size(); ++i) tasks[i] = component.first_task + static_cast<int32_t>(i);
  return tasks;
}

std::vector<int32_t> TaskTable::executors_of(const Component& component) const {
  std::vector<int32_t> executors;
  for (int32_t task : tasks_of(component)) {
    const int32_t executor = place(task).executor;
    if (executors.empty() || executors.back() != executor) executors.push_back(executor);
  }
  return executors;
}

std::vector<int32_t> TaskTable::nearest(const std::vector<int32_t>& tasks, int32_t from) const {
  const TaskPlace here = place(from);
  std::vector<int32_t> in_host;
  std::vector<int32_t> in_container;
  for (int32_t task : tasks) {
    const TaskPlace there = place(task);
    if (there.slot == here.slot) in_host.push_back(task);
    if (there.container == here.container) in_container.push_back(task);
  }
  return in_host.empty() ? in_container : in_host;
}

std::vector<const Component*> TaskTable::readers_of(const Component& component) const {
  std::vector<const Component*> readers;
  for (const Component& reader : plan_.components) {
    if (reader.name == kAcker) continue;
    const auto reads = [&](const Input& input) { return input.component == component.name; };
    if (std::any_of(reader.inputs.begin(), reader.inputs.end(), reads)) readers.push_back(&reader);
  }
  return readers;
}

std::optional<size_t> TaskTable::cycle(const Component& component) const {
  const auto found = cycle_of_.find(component.name);
  return found == cycle_of_.end() ? std::nullopt : std::optional<size_t>(found->second);
}

bool TaskTable::inner(const Component& from, const Component& to) const {
  auto a = cycle_of_.find(from.name);
  auto b = cycle_of_.find(to.name);
  return a != cycle_of_.end() && b != cycle_of_.end() && a->second == b->second;
}

}  // namespace petrel
