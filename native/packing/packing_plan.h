// PackingPlan: which executor runs in which container. Twin of proto/packing_plan.proto. Thread: a value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "native/base/status.h"
#include "native/topology/logical_plan.h"
#include "proto/packing_plan.pb.h"

namespace petrel {

struct Resources {
  double cpu_percent = 0;  // 100 = one core
  int64_t memory_bytes = 0;
  bool operator==(const Resources&) const = default;
};

struct ExecutorPlacement {
  std::string component;
  TaskRange tasks;
  Resources resources;
  bool operator==(const ExecutorPlacement&) const = default;
};

struct ContainerPlan {
  int32_t container_id = 1;  // from 1; 0 is the topology master's
  std::string host;
  int32_t port = 0;  // Storm's worker slot
  std::vector<ExecutorPlacement> executors;
  Resources resources;
  bool operator==(const ContainerPlan&) const = default;
};

struct PackingPlan {
  std::vector<ContainerPlan> containers;

  const ContainerPlan* find(int32_t container_id) const;
  bool operator==(const PackingPlan&) const = default;
  proto::PackingPlan to_proto() const;
  static Result<PackingPlan> from_proto(const proto::PackingPlan& message);
};
proto::ContainerPlan to_proto(const ContainerPlan& container);
Result<ContainerPlan> container_plan_from_proto(const proto::ContainerPlan& message);

/// kMalformed with a sentence unless every executor of `logical` is placed exactly once and nothing else is.
Status check_covers(const PackingPlan& packing, const LogicalPlan& logical);

}  // namespace petrel
