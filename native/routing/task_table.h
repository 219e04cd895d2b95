// TaskTable: what every emitter of a topology knows about tasks: whose they are, in which executor and host slot they
// run, and which edges lie inside a cycle.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "native/base/status.h"
#include "native/topology/logical_plan.h"

namespace petrel {

/// Where a task runs: first task of its executor (0: no such task), the slot of its host, and the container.
struct TaskPlace {
  int32_t executor = 0;
  uint32_t slot = 0;
  int32_t container = 0;
  bool operator==(const TaskPlace&) const = default;
};

/// Thread: immutable.  Limits: one entry per task id of the plan.
class TaskTable {
 public:
  /// `places` by task id, [0] unused. Errors: kMalformed when a task of the plan has no place.
  static Result<std::shared_ptr<const TaskTable>> of(LogicalPlan plan, std::vector<TaskPlace> places);

  const LogicalPlan& plan() const { return plan_; }
  /// nullptr for a task that does not exist; __system's -1 does not.
  const Component* component(int32_t task) const;
  TaskPlace place(int32_t task) const;
  /// All task ids of a component, sorted.
  static std::vector<int32_t> tasks_of(const Component& component);
  /// First tasks of all executors of a component, sorted.
  std::vector<int32_t> executors_of(const Component& component) const;
  /// Of `tasks` those in the same host as task `from`, or when there are none, those in its container (Storm's "same
  /// worker").
  std::vector<int32_t> nearest(const std::vector<int32_t>& tasks, int32_t from) const;
  /// The components that read any stream of `component`, in the order of the plan; without __acker, whose work the
  /// ledger does.
  std::vector<const Component*> readers_of(const Component& component) const;
  /// An edge inside a cycle: it is never refused, and markers do not cross it.
  bool inner(const Component& from, const Component& to) const;
  /// The number of the cycle that a component is in; cycles are counted in order of their first names.
  std::optional<size_t> cycle(const Component& component) const;
  /// The bit of a slot in an ack record's mask.
  static uint64_t mask_of(uint32_t slot) { return uint64_t{1} << (slot % 64); }

 private:
  TaskTable(LogicalPlan plan, std::vector<TaskPlace> places);

  LogicalPlan plan_;
  std::vector<TaskPlace> places_;
  std::vector<uint32_t> component_of_;      // by task: index + 1; 0 = no such task
  std::map<std::string, size_t> cycle_of_;  // components in a cycle: which one
};

}  // namespace petrel
