#include "native/links/route_table.h"

namespace petrel {
namespace {

Status place_executor(RouteTable& table, const ContainerPlan& container, int32_t first_task, uint32_t slot) {
  for (const ExecutorPlacement& executor : container.executors) {
    if (executor.tasks.first != first_task) continue;
    for (int32_t task = executor.tasks.first; task <= executor.tasks.last; ++task) {
      if (task < 1 || static_cast<size_t>(task) >= table.tasks.size()) {
        return Status::malformed("task {} of container {} is not in the logical plan", task, container.container_id);
      }
      table.tasks[static_cast<size_t>(task)] = TaskRoute{first_task, slot};
    }
    return Status();
  }
  return Status::malformed("host {} of container {} has executor {}, which the container has not", slot,
                           container.container_id, first_task);
}

}  // namespace

Result<RouteTable> RouteTable::of(const PhysicalPlan& plan) {
  RouteTable table;
  table.epoch = plan.epoch;
  table.tasks.resize(static_cast<size_t>(plan.logical.total_tasks()) + 1);
  table.hosts.resize(plan.packing.hosts());
  for (const ContainerPlan& container : plan.packing.containers) {
    for (const HostPlan& host : container.hosts) {
      if (host.slot >= table.hosts.size()) {
        return Status::malformed("host slot {} in a plan of {} hosts; slots are dense from 0", host.slot,
                                 table.hosts.size());
      }
      table.hosts[host.slot] = HostPlace{host.slot, container.container_id};
      for (const int32_t first_task : host.executors) {
        RETURN_IF_ERROR(place_executor(table, container, first_task, host.slot));
      }
    }
  }
  return table;
}

}  // namespace petrel
