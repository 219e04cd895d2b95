#include "native/packing/packing_plan.h"

#include <map>
#include <set>
#include <utility>

#include "native/base/escape.h"

namespace petrel {
namespace {

constexpr int kMaxContainers = 10'000;
constexpr int kMaxExecutors = 1'000'000;

void write(const Resources& from, proto::Resources* to) {
  to->set_cpu_percent(from.cpu_percent);
  to->set_memory_bytes(from.memory_bytes);
}

Resources read(const proto::Resources& from) {
  return Resources{from.cpu_percent(), from.memory_bytes()};
}

}  // namespace

const ContainerPlan* PackingPlan::find(int32_t container_id) const {
  for (const ContainerPlan& container : containers) {
    if (container.container_id == container_id) return &container;
  }
  return nullptr;
}

proto::ContainerPlan to_proto(const ContainerPlan& container) {
  proto::ContainerPlan out;
  out.set_container_id(container.container_id);
  out.set_host(container.host);
  out.set_port(container.port);
  for (const ExecutorPlacement& placement : container.executors) {
    proto::ExecutorPlacement* e = out.add_executors();
    e->set_component(placement.component);
    e->set_first_task(placement.tasks.first);
    e->set_last_task(placement.tasks.last);
    write(placement.resources, e->mutable_resources());
  }
  write(container.resources, out.mutable_resources());
  return out;
}

Result<ContainerPlan> container_plan_from_proto(const proto::ContainerPlan& message) {
  ContainerPlan out;
  out.container_id = message.container_id();
  out.host = message.host();
  out.port = message.port();
  if (out.container_id < 0 || out.port < 0 || out.port > 65535) {
    return Status::malformed("container {} on port {}: ids start at 0, ports end at 65535", out.container_id, out.port);
  }
  if (message.executors_size() > kMaxExecutors) {
    return Status::error(StatusCode::kLimit, "container {} has more than {} executors", out.container_id,
                         kMaxExecutors);
  }
  for (const proto::ExecutorPlacement& e : message.executors()) {
    if (e.first_task() < 1 || e.last_task() < e.first_task()) {
      return Status::malformed("container {}: executor [{}, {}] of {} is not a range of tasks", out.container_id,
                               e.first_task(), e.last_task(), escape(e.component()));
    }
    out.executors.push_back(ExecutorPlacement{e.component(), {e.first_task(), e.last_task()}, read(e.resources())});
  }
  out.resources = read(message.resources());
  return out;
}

proto::PackingPlan PackingPlan::to_proto() const {
  proto::PackingPlan message;
  for (const ContainerPlan& container : containers) *message.add_containers() = petrel::to_proto(container);
  return message;
}

Result<PackingPlan> PackingPlan::from_proto(const proto::PackingPlan& message) {
  PackingPlan plan;
  if (message.containers_size() > kMaxContainers) {
    return Status::error(StatusCode::kLimit, "{} containers are more than {}", message.containers_size(),
                         kMaxContainers);
  }
  std::set<int32_t> ids;
  for (const proto::ContainerPlan& container : message.containers()) {
    ASSIGN_OR_RETURN(ContainerPlan read, container_plan_from_proto(container));
    if (!ids.insert(read.container_id).second) {
      return Status::malformed("container {} is in the packing plan twice", read.container_id);
    }
    plan.containers.push_back(std::move(read));
  }
  return plan;
}

Status check_covers(const PackingPlan& packing, const LogicalPlan& logical) {
  std::map<TaskRange, const std::string*> expected;
  for (const Component& component : logical.components) {
    for (const TaskRange& range : logical.executors_of(component)) expected[range] = &component.name;
  }
  for (const ContainerPlan& container : packing.containers) {
    for (const ExecutorPlacement& placement : container.executors) {
      auto it = expected.find(placement.tasks);
      if (it == expected.end() || *it->second != placement.component) {
        return Status::malformed("executor [{}, {}] of {} in container {} is unknown or placed twice",
                                 placement.tasks.first, placement.tasks.last, escape(placement.component),
                                 container.container_id);
      }
      expected.erase(it);
    }
  }
  if (!expected.empty()) {
    const auto& [range, name] = *expected.begin();
    return Status::malformed("executor [{}, {}] of {} is in no container", range.first, range.last, escape(*name));
  }
  return Status();
}

}  // namespace petrel
