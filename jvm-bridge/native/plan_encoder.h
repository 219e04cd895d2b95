// plan_encoder: what Host.boot gets as `plan` (jvm-bridge/README.md), from the topology master's PhysicalPlan.
#pragma once

#include <string>

#include "native/base/status.h"
#include "proto/control.pb.h"

namespace petrel {

struct HostIdentity {
  int32_t container_id = 0;
  uint32_t incarnation = 0;
  std::string host;
  int32_t port = 0;
  std::string worker_id;
  std::string code_dir;  // stormdist/<id>
  std::string pid_dir;   // workers/<id>/pids
  uint32_t slot = 0;     // of the host in the packing plan
};

/// kMalformed when the plan has no such container, or more than Java can be given.
Result<std::string> encode_plan(const proto::PhysicalPlan& plan, const HostIdentity& host);

}  // namespace petrel
