// RouteTable: where each task is, at one epoch of the plan. Thread: a value; shared read-only.
#pragma once

#include <cstdint>
#include <vector>

#include "native/base/status.h"
#include "native/packing/physical_plan.h"

namespace petrel {

struct TaskRoute {
  int32_t executor = 0;  // first task of the task's executor; 0: no such task
  uint32_t slot = 0;     // of its host
  bool operator==(const TaskRoute&) const = default;
};

struct HostPlace {
  uint32_t slot = 0;
  int32_t container = 0;
  bool operator==(const HostPlace&) const = default;
};

struct RouteTable {
  uint64_t epoch = 0;
  std::vector<TaskRoute> tasks;  // by task id; [0] is nobody
  std::vector<HostPlace> hosts;  // by slot

  const TaskRoute* find(int32_t task) const {
    if (task < 1 || static_cast<size_t>(task) >= tasks.size()) return nullptr;
    const TaskRoute& route = tasks[static_cast<size_t>(task)];
    return route.executor == 0 ? nullptr : &route;
  }
  const HostPlace* host(uint32_t slot) const { return slot < hosts.size() ? &hosts[slot] : nullptr; }

  /// kMalformed for a plan that breaks what check_covers() checks.
  static Result<RouteTable> of(const PhysicalPlan& plan);
  bool operator==(const RouteTable&) const = default;
};

}  // namespace petrel
