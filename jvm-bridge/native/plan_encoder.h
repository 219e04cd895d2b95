// plan_encoder: what Host.boot gets as `plan` (jvm-bridge/README.md), from the topology master's PhysicalPlan.
#pragma once

#include <string>

#include "native/base/status.h"
#include "native/host/host_identity.h"
#include "proto/control.pb.h"

namespace petrel {

/// kMalformed when the plan has no such container, or more than Java can be given.
Result<std::string> encode_plan(const proto::PhysicalPlan& plan, const HostIdentity& host);

}  // namespace petrel
