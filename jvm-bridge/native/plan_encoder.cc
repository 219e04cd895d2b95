#include "jvm-bridge/native/plan_encoder.h"

#include <set>
#include <vector>

#include "jvm-bridge/native/java_data.h"

namespace petrel {
namespace {

constexpr int32_t kPlanVersion = 2;
constexpr size_t kMaxPlanBytes = 256u << 20;

void write_components(const proto::LogicalPlan& logical, JavaDataWriter& out) {
  out.i32(logical.components_size());
  for (const proto::Component& component : logical.components()) {
    out.str(component.name());
    out.u8(component.kind() == proto::COMPONENT_SPOUT ? 1 : 2);
    out.u8(component.system() ? 1 : 0);
    out.i32(component.first_task());
    out.i32(component.tasks());
    out.i32(component.executors());
    out.str(component.json_conf());
  }
}

void write_containers(const proto::PackingPlan& packing, JavaDataWriter& out) {
  out.i32(packing.containers_size());
  for (const proto::ContainerPlan& container : packing.containers()) {
    out.i32(container.container_id());
    out.str(container.host());
    out.i32(container.port());
    int32_t tasks = 0;
    for (const proto::ExecutorPlacement& e : container.executors()) tasks += e.last_task() - e.first_task() + 1;
    out.i32(tasks);
    for (const proto::ExecutorPlacement& e : container.executors()) {
      for (int32_t task = e.first_task(); task <= e.last_task(); ++task) out.i32(task);
    }
  }
}

/// The executors of a host of the container, in the container's order.
std::vector<const proto::ExecutorPlacement*> executors_of(const proto::ContainerPlan& container,
                                                          const proto::HostPlan& host) {
  std::set<int32_t> first_tasks(host.executors().begin(), host.executors().end());
  std::vector<const proto::ExecutorPlacement*> result;
  for (const proto::ExecutorPlacement& e : container.executors()) {
    if (first_tasks.contains(e.first_task())) result.push_back(&e);
  }
  return result;
}

void write_ranges(const std::vector<const proto::ExecutorPlacement*>& executors, JavaDataWriter& out) {
  out.i32(static_cast<int32_t>(executors.size()));
  for (const proto::ExecutorPlacement* e : executors) {
    out.i32(e->first_task());
    out.i32(e->last_task());
  }
}

void write_hosts(const proto::PackingPlan& packing, uint32_t own_slot, JavaDataWriter& out) {
  out.i32(static_cast<int32_t>(own_slot));
  int32_t hosts = 0;
  for (const proto::ContainerPlan& container : packing.containers()) hosts += container.hosts_size();
  out.i32(hosts);
  for (const proto::ContainerPlan& container : packing.containers()) {
    for (const proto::HostPlan& host : container.hosts()) {
      out.i32(static_cast<int32_t>(host.slot()));
      out.i32(container.container_id());
      write_ranges(executors_of(container, host), out);
    }
  }
}

/// Its executors: those of its slot, or all of the container when the plan knows no hosts.
Result<std::vector<const proto::ExecutorPlacement*>> own_executors(const proto::ContainerPlan& own, uint32_t slot) {
  std::vector<const proto::ExecutorPlacement*> all;
  for (const proto::ExecutorPlacement& e : own.executors()) all.push_back(&e);
  if (own.hosts_size() == 0) return all;
  for (const proto::HostPlan& host : own.hosts()) {
    if (host.slot() == slot) return executors_of(own, host);
  }
  return Status::malformed("container {} has no host with slot {}; it has {} hosts", own.container_id(), slot,
                           own.hosts_size());
}

Status check_ranges(const proto::PackingPlan& packing) {
  constexpr int64_t kMostTasks = 1 << 18;  // root ids have 18 bits for the task
  for (const proto::ContainerPlan& container : packing.containers()) {
    for (const proto::ExecutorPlacement& e : container.executors()) {
      bool good = e.first_task() >= 1 && e.last_task() >= e.first_task() && e.last_task() < kMostTasks;
      if (!good) {
        return Status::malformed("container {}: executor [{}, {}] of '{}' is not a range of task ids below {}",
                                 container.container_id(), e.first_task(), e.last_task(), e.component(), kMostTasks);
      }
    }
  }
  return {};
}

}  // namespace

Result<std::string> encode_plan(const proto::PhysicalPlan& plan, const HostIdentity& host) {
  RETURN_IF_ERROR(check_ranges(plan.packing()));
  const proto::ContainerPlan* own = nullptr;
  for (const proto::ContainerPlan& container : plan.packing().containers()) {
    if (container.container_id() == host.container_id) own = &container;
  }
  if (own == nullptr) {
    return Status::malformed("plan epoch {} of '{}' has no container {}; it has {} containers", plan.epoch(),
                             plan.logical().topology_id(), host.container_id, plan.packing().containers_size());
  }
  ASSIGN_OR_RETURN(auto executors, own_executors(*own, host.slot));
  JavaDataWriter out;
  out.i32(kPlanVersion);
  out.str(plan.logical().topology_id());
  out.str(plan.logical().topology_name());
  out.i64(static_cast<int64_t>(plan.epoch()));
  out.i32(host.container_id);
  out.i32(static_cast<int32_t>(host.incarnation));
  out.str(host.host);
  out.i32(host.port);
  out.str(host.worker_id);
  out.str(host.code_dir);
  out.str(host.pid_dir);
  write_components(plan.logical(), out);
  out.i32(static_cast<int32_t>(executors.size()));
  for (const proto::ExecutorPlacement* e : executors) {
    out.str(e->component());
    out.i32(e->first_task());
    out.i32(e->last_task());
  }
  write_containers(plan.packing(), out);
  write_hosts(plan.packing(), host.slot, out);
  std::string bytes = out.take();
  if (bytes.size() > kMaxPlanBytes) {
    return Status::error(StatusCode::kLimit, "the plan of '{}' takes {} bytes; at most {} are handed to a host",
                         plan.logical().topology_id(), bytes.size(), kMaxPlanBytes);
  }
  return bytes;
}

}  // namespace petrel
