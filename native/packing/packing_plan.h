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

enum class HostKind { kJvm = 1, kNative = 2 };
const char* to_string(HostKind kind);  // "jvm-host", "native-host": the name of the process

/// One process with executors.
struct HostPlan {
  uint32_t slot = 0;  // dense from 0 over the whole plan
  HostKind kind = HostKind::kJvm;
  std::vector<int32_t> executors;  // first tasks, in the order of the container's executors
  bool operator==(const HostPlan&) const = default;
};

/// Where the stream manager of a container runs.
enum class StreamManagerPlacement { kInHost = 1, kProcess = 2 };

struct ContainerPlan {
  int32_t container_id = 1;  // from 1; 0 is the topology master's
  std::string host;
  int32_t port = 0;  // Storm's worker slot
  std::vector<ExecutorPlacement> executors;
  Resources resources;
  std::vector<HostPlan> hosts;                                              // every executor is in exactly one
  StreamManagerPlacement stream_manager = StreamManagerPlacement::kInHost;  // kInHost: exactly one host
  uint32_t stream_manager_moves = 0;                                        // since the topology was submitted

  const HostPlan* find(HostKind kind) const;
  bool operator==(const ContainerPlan&) const = default;
};

struct PackingPlan {
  std::vector<ContainerPlan> containers;

  const ContainerPlan* find(int32_t container_id) const;
  size_t hosts() const;
  bool operator==(const PackingPlan&) const = default;
  proto::PackingPlan to_proto() const;
  static Result<PackingPlan> from_proto(const proto::PackingPlan& message);
};
proto::ContainerPlan to_proto(const ContainerPlan& container);
/// A plan of a Petrel that knew no hosts: one JVM host for each container. Others stay as they are.
void complete_hosts(proto::PackingPlan& plan);
Result<ContainerPlan> container_plan_from_proto(const proto::ContainerPlan& message);

/// kMalformed with a sentence unless every executor of `logical` is placed exactly once and nothing else is, each in
/// one host of its container, the slots are dense, and a stream manager inside a host has only that one.
Status check_covers(const PackingPlan& packing, const LogicalPlan& logical);

}  // namespace petrel
