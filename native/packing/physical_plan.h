// PhysicalPlan: logical plan + packing plan at one epoch. Twin of PhysicalPlan in proto/control.proto. Thread: a value.
#pragma once

#include <cstdint>
#include <vector>

#include "native/packing/packing_plan.h"
#include "native/topology/logical_plan.h"
#include "proto/control.pb.h"

namespace petrel {

enum class TopologyStatus { kActive = 1, kInactive = 2, kKilled = 3 };
const char* to_string(TopologyStatus status);  // "ACTIVE", as Storm prints it

struct PhysicalPlan {
  uint64_t epoch = 1;
  LogicalPlan logical;
  PackingPlan packing;
  TopologyStatus status = TopologyStatus::kInactive;
  std::vector<int32_t> missing_containers;  // not registered yet

  bool operator==(const PhysicalPlan&) const = default;
  proto::PhysicalPlan to_proto() const;
  /// Both plans are checked, and that the packing covers the logical plan.
  static Result<PhysicalPlan> from_proto(const proto::PhysicalPlan& message);
};

}  // namespace petrel
