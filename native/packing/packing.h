// Packing: from a logical plan to containers on hosts. Pure functions: the same input gives the same plan.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "native/base/status.h"
#include "native/config/conf_value.h"
#include "native/packing/packing_plan.h"
#include "native/topology/logical_plan.h"

namespace petrel {

/// A place where a container may run.
struct Slot {
  std::string host;
  int32_t port = 0;
};

/// What one executor of the component asks for: its own json_conf, else the topology conf
/// (topology.component.resources.{onheap,offheap}.memory.mb, topology.component.cpu.pcore.percent, the __acker's and
/// metrics consumers' own keys). Errors: wrong types, negative numbers.
Result<Resources> resources_of(const Component& component, const ConfMap& conf);

/// `conf`: the merged topology conf. `slots`: free slots, in the order of preference. kMalformed: conf values;
/// kUnavailable: not enough slots, with the numbers.
using PackFunction = Result<PackingPlan> (*)(const LogicalPlan& plan, const ConfMap& conf, std::span<const Slot> slots);

struct PackingRow {
  const char* name;
  const char* doc;
  PackFunction pack;
};
/// All algorithms, by name. The contract test runs over every row.
std::span<const PackingRow> packing_registry();
const PackingRow* find_packing(std::string_view name);

/// A component whose json_conf names `petrel.native.library` runs in its container's native host, all others in its
/// JVM. `petrel.stream.manager` of the topology conf: auto (the default: in the host when a container has only one),
/// in_host, process. Executors dealt in turn over min(topology.workers, executors) containers, each on its own slot;
/// but those of a component whose json_conf says `petrel.container: N` go to the Nth (from 1). kMalformed where there
/// is no Nth, or where a container would stay empty.
Result<PackingPlan> pack_round_robin(const LogicalPlan& plan, const ConfMap& conf, std::span<const Slot> slots);
/// As round robin over the hosts of `slots`, but one container per host: no links are needed on one machine.
Result<PackingPlan> pack_single_container(const LogicalPlan& plan, const ConfMap& conf, std::span<const Slot> slots);

}  // namespace petrel
