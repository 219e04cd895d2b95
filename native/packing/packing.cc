#include "native/packing/packing.h"

#include <algorithm>
#include <cmath>

#include "native/base/escape.h"

namespace petrel {
namespace {

constexpr double kMebi = 1024.0 * 1024.0;
constexpr double kMaxMemoryMb = 1024.0 * 1024.0 * 1024.0;  // a pebibyte: more is a typing error
constexpr double kMaxCpuPercent = 1'000'000.0;

/// Storm has other keys for its own components; the default rows stand for all others.
struct ResourceKeys {
  const char* onheap;
  const char* offheap;
  const char* cpu;
};
constexpr ResourceKeys kUserKeys{"topology.component.resources.onheap.memory.mb",
                                 "topology.component.resources.offheap.memory.mb",
                                 "topology.component.cpu.pcore.percent"};
constexpr ResourceKeys kAckerKeys{"topology.acker.resources.onheap.memory.mb",
                                  "topology.acker.resources.offheap.memory.mb", "topology.acker.cpu.pcore.percent"};
constexpr ResourceKeys kMetricsKeys{"topology.metrics.consumer.resources.onheap.memory.mb",
                                    "topology.metrics.consumer.resources.offheap.memory.mb",
                                    "topology.metrics.consumer.cpu.pcore.percent"};

/// The component's own value, else that of its kind in the topology conf, else the topology's general one.
Result<double> find_amount(const Component& component, const ConfMap& own, const ConfMap& conf, const char* kind_key,
                           const char* general_key, double limit) {
  ASSIGN_OR_RETURN(double amount, conf.get_double(general_key, 0));
  ASSIGN_OR_RETURN(amount, conf.get_double(kind_key, amount));
  ASSIGN_OR_RETURN(amount, own.get_double(general_key, amount));
  if (!(amount >= 0 && amount <= limit)) {
    return Status::malformed("component {}: {} = {} is not between 0 and {}", escape(component.name), general_key,
                             amount, limit);
  }
  return amount;
}

struct Unplaced {
  const Component* component;
  TaskRange tasks;
  Resources resources;
  HostKind host = HostKind::kJvm;
  size_t pinned = 0;  // container id; 0: wherever its turn is
};

constexpr const char* kNativeLibrary = "petrel.native.library";
constexpr const char* kStreamManager = "petrel.stream.manager";
constexpr const char* kContainer = "petrel.container";

/// A component of a shared library runs in the container's native host, every other one in its JVM.
Result<Unplaced> unplaced(const Component& component, const ConfMap& conf) {
  const std::string what = "json_conf of component " + escape(component.name);
  ASSIGN_OR_RETURN(ConfMap own, parse_json_map(component.json_conf, what));
  const Result<std::string> library = own.get_string(kNativeLibrary, "");
  if (!library.ok()) return library.status().with_context("{}", what);
  const Result<int64_t> pinned = own.get_int(kContainer, 0, 0);
  if (!pinned.ok()) return pinned.status().with_context("{}", what);
  ASSIGN_OR_RETURN(Resources resources, resources_of(component, conf));
  const HostKind kind = library->empty() ? HostKind::kJvm : HostKind::kNative;
  return Unplaced{&component, {}, resources, kind, static_cast<size_t>(*pinned)};
}

enum class Wanted { kAuto, kInHost, kProcess };

Result<Wanted> wanted_stream_manager(const ConfMap& conf) {
  ASSIGN_OR_RETURN(const std::string text, conf.get_string(kStreamManager, "auto"));
  if (text == "auto") return Wanted::kAuto;
  if (text == "in_host") return Wanted::kInHost;
  if (text == "process") return Wanted::kProcess;
  return Status::malformed("conf {} = '{}'; it is auto, in_host or process", kStreamManager, escape(text));
}

Result<std::vector<Unplaced>> all_executors(const LogicalPlan& plan, const ConfMap& conf) {
  std::vector<Unplaced> executors;
  for (const Component& component : plan.components) {
    ASSIGN_OR_RETURN(Unplaced executor, unplaced(component, conf));
    for (const TaskRange& range : plan.executors_of(component)) {
      executor.tasks = range;
      executors.push_back(executor);
    }
  }
  return executors;
}

HostPlan& host_of(ContainerPlan* container, HostKind kind) {
  for (HostPlan& host : container->hosts) {
    if (host.kind == kind) return host;
  }
  return container->hosts.emplace_back(HostPlan{0, kind, {}});
}

void place(const Unplaced& executor, ContainerPlan* container) {
  host_of(container, executor.host).executors.push_back(executor.tasks.first);
  container->executors.push_back({executor.component->name, executor.tasks, executor.resources});
  container->resources.cpu_percent += executor.resources.cpu_percent;
  container->resources.memory_bytes += executor.resources.memory_bytes;
}

/// Pinned executors where they belong, all others in turn.
Status place_all(const std::vector<Unplaced>& executors, std::vector<ContainerPlan>* containers) {
  size_t turn = 0;
  for (const Unplaced& executor : executors) {
    if (executor.pinned > containers->size()) {
      return Status::malformed(
          "component {}: {} = {}, but the topology gets {} container(s); lower it, or raise "
          "topology.workers and free slots",
          escape(executor.component->name), kContainer, executor.pinned, containers->size());
    }
    place(executor, &(*containers)[executor.pinned ? executor.pinned - 1 : turn++ % containers->size()]);
  }
  for (const ContainerPlan& container : *containers) {
    if (container.executors.empty() && !executors.empty()) {
      return Status::malformed(
          "container {} of {} would have no executor; pin fewer components with {}, or lower "
          "topology.workers",
          container.container_id, containers->size(), kContainer);
    }
  }
  return Status();
}

/// Numbers the hosts and says where the stream managers run.
Status finish_hosts(PackingPlan* packing, Wanted wanted) {
  uint32_t slot = 0;
  for (ContainerPlan& container : packing->containers) {
    if (container.hosts.empty()) host_of(&container, HostKind::kJvm);  // a topology without executors
    std::sort(container.hosts.begin(), container.hosts.end(),
              [](const HostPlan& a, const HostPlan& b) { return a.kind < b.kind; });
    for (HostPlan& host : container.hosts) host.slot = slot++;
  }
  for (ContainerPlan& container : packing->containers) {
    const bool one = container.hosts.size() == 1;
    if (wanted == Wanted::kInHost && !one) {
      return Status::malformed(
          "conf {} = in_host, but container {} has {} hosts: components with {} run in a process of their own; use "
          "auto or process",
          kStreamManager, container.container_id, container.hosts.size(), kNativeLibrary);
    }
    // A lone host has nobody to talk to, wherever its stream manager is asked to run.
    const bool process = slot > 1 && (!one || wanted == Wanted::kProcess);
    container.stream_manager = process ? StreamManagerPlacement::kProcess : StreamManagerPlacement::kInHost;
  }
  return Status();
}

Result<PackingPlan> deal(const LogicalPlan& plan, const ConfMap& conf, std::span<const Slot> slots, size_t count) {
  ASSIGN_OR_RETURN(const Wanted wanted, wanted_stream_manager(conf));
  ASSIGN_OR_RETURN(std::vector<Unplaced> executors, all_executors(plan, conf));
  PackingPlan packing;
  // Fewer executors than containers: no empty container, except that a topology has at least one.
  count = std::max<size_t>(1, std::min(count, executors.size()));
  for (size_t i = 0; i < count; ++i) {
    packing.containers.push_back(ContainerPlan{static_cast<int32_t>(i) + 1, slots[i].host, slots[i].port, {}, {}, {}});
  }
  RETURN_IF_ERROR(place_all(executors, &packing.containers));
  RETURN_IF_ERROR(finish_hosts(&packing, wanted));
  return packing;
}

Status not_enough(size_t wanted, size_t free) {
  return Status::error(StatusCode::kUnavailable,
                       "the topology needs {} slot(s), {} are free; kill a topology or add "
                       "ports to supervisor.slots.ports",
                       wanted, free);
}

constexpr PackingRow kRegistry[] = {
    {"round_robin", "executors in turn over topology.workers containers", pack_round_robin},
    {"single_container", "one container per machine, whatever topology.workers says", pack_single_container},
};

}  // namespace

Result<Resources> resources_of(const Component& component, const ConfMap& conf) {
  const ResourceKeys& keys = component.name == "__acker"                  ? kAckerKeys
                             : component.name.rfind("__metrics_", 0) == 0 ? kMetricsKeys
                                                                          : kUserKeys;
  ASSIGN_OR_RETURN(ConfMap own,
                   parse_json_map(component.json_conf, "json_conf of component " + escape(component.name)));
  ASSIGN_OR_RETURN(double onheap, find_amount(component, own, conf, keys.onheap, kUserKeys.onheap, kMaxMemoryMb));
  ASSIGN_OR_RETURN(double offheap, find_amount(component, own, conf, keys.offheap, kUserKeys.offheap, kMaxMemoryMb));
  ASSIGN_OR_RETURN(double cpu, find_amount(component, own, conf, keys.cpu, kUserKeys.cpu, kMaxCpuPercent));
  return Resources{cpu, std::llround((onheap + offheap) * kMebi)};
}

std::span<const PackingRow> packing_registry() {
  return kRegistry;
}

const PackingRow* find_packing(std::string_view name) {
  for (const PackingRow& row : kRegistry) {
    if (name == row.name) return &row;
  }
  return nullptr;
}

Result<PackingPlan> pack_round_robin(const LogicalPlan& plan, const ConfMap& conf, std::span<const Slot> slots) {
  ASSIGN_OR_RETURN(int64_t workers, conf.get_int("topology.workers", 1, 0));
  if (slots.empty()) return not_enough(1, 0);
  // As Storm does: fewer free slots than workers only make the containers fuller.
  return deal(plan, conf, slots, std::min<size_t>(static_cast<size_t>(std::max<int64_t>(workers, 1)), slots.size()));
}

Result<PackingPlan> pack_single_container(const LogicalPlan& plan, const ConfMap& conf, std::span<const Slot> slots) {
  ASSIGN_OR_RETURN(int64_t workers, conf.get_int("topology.workers", 1, 0));
  if (slots.empty()) return not_enough(1, 0);
  std::vector<Slot> first_of_hosts;
  for (const Slot& slot : slots) {
    bool known =
        std::any_of(first_of_hosts.begin(), first_of_hosts.end(), [&](const Slot& s) { return s.host == slot.host; });
    if (!known) first_of_hosts.push_back(slot);
  }
  size_t count = std::min<size_t>(static_cast<size_t>(std::max<int64_t>(workers, 1)), first_of_hosts.size());
  return deal(plan, conf, first_of_hosts, count);
}

}  // namespace petrel
