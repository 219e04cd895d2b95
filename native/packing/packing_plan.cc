#include "native/packing/packing_plan.h"

#include <map>
#include <set>
#include <utility>

#include "native/base/escape.h"

namespace petrel {
namespace {

constexpr int kMaxContainers = 10'000;
constexpr int kMaxExecutors = 1'000'000;
constexpr uint32_t kMaxHosts = 20'000;

void write(const Resources& from, proto::Resources* to) {
  to->set_cpu_percent(from.cpu_percent);
  to->set_memory_bytes(from.memory_bytes);
}

Resources read(const proto::Resources& from) {
  return Resources{from.cpu_percent(), from.memory_bytes()};
}

Result<HostPlan> host_from_proto(const proto::HostPlan& message, int32_t container_id) {
  HostPlan out;
  out.slot = message.slot();
  if (out.slot >= kMaxHosts) {
    return Status::malformed("container {}: slot {} of a host is not below {}", container_id, out.slot, kMaxHosts);
  }
  if (message.kind() != proto::HOST_JVM && message.kind() != proto::HOST_NATIVE) {
    return Status::malformed("container {}: host {} has the unknown kind {}", container_id, out.slot,
                             static_cast<int>(message.kind()));
  }
  out.kind = static_cast<HostKind>(message.kind());
  out.executors.assign(message.executors().begin(), message.executors().end());
  return out;
}

/// The hosts of one container share out its executors.
Status check_hosts(const ContainerPlan& container) {
  std::set<int32_t> unhosted;
  for (const ExecutorPlacement& placement : container.executors) unhosted.insert(placement.tasks.first);
  std::set<HostKind> kinds;
  for (const HostPlan& host : container.hosts) {
    if (!kinds.insert(host.kind).second) {
      return Status::malformed("container {} has two hosts of the kind {}", container.container_id,
                               to_string(host.kind));
    }
    for (int32_t executor : host.executors) {
      if (unhosted.erase(executor) == 0) {
        return Status::malformed("container {}: executor {} of host {} is not there or in two hosts",
                                 container.container_id, executor, host.slot);
      }
    }
  }
  if (!unhosted.empty()) {
    return Status::malformed("container {}: executor {} is in no host", container.container_id, *unhosted.begin());
  }
  if (container.stream_manager == StreamManagerPlacement::kInHost && container.hosts.size() != 1) {
    return Status::malformed("container {}: a stream manager inside a host needs exactly one host, there are {}",
                             container.container_id, container.hosts.size());
  }
  return Status();
}

Status check_slots(const PackingPlan& packing) {
  std::vector<bool> seen(packing.hosts());
  for (const ContainerPlan& container : packing.containers) {
    for (const HostPlan& host : container.hosts) {
      if (host.slot >= seen.size() || seen[host.slot]) {
        return Status::malformed("container {}: slot {} is twice in the plan or not below its {} hosts",
                                 container.container_id, host.slot, seen.size());
      }
      seen[host.slot] = true;
    }
  }
  return Status();
}

}  // namespace

const char* to_string(HostKind kind) {
  return kind == HostKind::kNative ? "native-host" : "jvm-host";
}

const HostPlan* ContainerPlan::find(HostKind kind) const {
  for (const HostPlan& candidate : hosts) {
    if (candidate.kind == kind) return &candidate;
  }
  return nullptr;
}

size_t PackingPlan::hosts() const {
  size_t count = 0;
  for (const ContainerPlan& container : containers) count += container.hosts.size();
  return count;
}

void complete_hosts(proto::PackingPlan& plan) {
  for (const proto::ContainerPlan& container : plan.containers()) {
    if (container.hosts_size() != 0) return;
  }
  uint32_t slot = 0;
  for (proto::ContainerPlan& container : *plan.mutable_containers()) {
    proto::HostPlan& host = *container.add_hosts();
    host.set_slot(slot++);
    host.set_kind(proto::HOST_JVM);
    for (const proto::ExecutorPlacement& placement : container.executors()) host.add_executors(placement.first_task());
    container.set_stream_manager(proto::STREAM_MANAGER_IN_HOST);
  }
}

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
  for (const HostPlan& host : container.hosts) {
    proto::HostPlan* h = out.add_hosts();
    h->set_slot(host.slot);
    h->set_kind(static_cast<proto::HostKind>(host.kind));
    h->mutable_executors()->Assign(host.executors.begin(), host.executors.end());
  }
  out.set_stream_manager(static_cast<proto::StreamManagerPlacement>(container.stream_manager));
  out.set_stream_manager_moves(container.stream_manager_moves);
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
  for (const proto::HostPlan& host : message.hosts()) {
    ASSIGN_OR_RETURN(HostPlan read_host, host_from_proto(host, out.container_id));
    out.hosts.push_back(std::move(read_host));
  }
  out.stream_manager_moves = message.stream_manager_moves();
  switch (message.stream_manager()) {
    case proto::STREAM_MANAGER_UNSET:  // of a plan that knew none
    case proto::STREAM_MANAGER_IN_HOST:
      out.stream_manager = StreamManagerPlacement::kInHost;
      break;
    case proto::STREAM_MANAGER_PROCESS:
      out.stream_manager = StreamManagerPlacement::kProcess;
      break;
    default:
      return Status::malformed("container {}: placement {} of its stream manager is unknown", out.container_id,
                               static_cast<int>(message.stream_manager()));
  }
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
  proto::PackingPlan completed = message;
  complete_hosts(completed);
  std::set<int32_t> ids;
  for (const proto::ContainerPlan& container : completed.containers()) {
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
  for (const ContainerPlan& container : packing.containers) RETURN_IF_ERROR(check_hosts(container));
  return check_slots(packing);
}

}  // namespace petrel
