#include "native/packing/physical_plan.h"

namespace petrel {

const char* to_string(TopologyStatus status) {
  switch (status) {
    case TopologyStatus::kActive:
      return "ACTIVE";
    case TopologyStatus::kInactive:
      return "INACTIVE";
    case TopologyStatus::kKilled:
      return "KILLED";
  }
  return "UNKNOWN";
}

proto::PhysicalPlan PhysicalPlan::to_proto() const {
  proto::PhysicalPlan message;
  message.set_epoch(epoch);
  *message.mutable_logical() = logical.to_proto();
  *message.mutable_packing() = packing.to_proto();
  message.set_status(static_cast<proto::TopologyStatus>(status));
  for (int32_t container : missing_containers) message.add_missing_containers(container);
  return message;
}

Result<PhysicalPlan> PhysicalPlan::from_proto(const proto::PhysicalPlan& message) {
  PhysicalPlan plan;
  plan.epoch = message.epoch();
  if (plan.epoch == 0) return Status::malformed("physical plan without an epoch");
  ASSIGN_OR_RETURN(plan.logical, LogicalPlan::from_proto(message.logical()));
  ASSIGN_OR_RETURN(plan.packing, PackingPlan::from_proto(message.packing()));
  RETURN_IF_ERROR(check_covers(plan.packing, plan.logical));
  if (message.status() < proto::STATUS_ACTIVE || message.status() > proto::STATUS_KILLED) {
    return Status::malformed("physical plan with status {}", static_cast<int>(message.status()));
  }
  plan.status = static_cast<TopologyStatus>(message.status());
  plan.missing_containers.assign(message.missing_containers().begin(), message.missing_containers().end());
  return plan;
}

}  // namespace petrel
