// Scheduler: who makes the containers of a topology run. It is handed specs and keeps them running until told
// otherwise; the caller may die at any time and hands over again after its restart.
#pragma once

#include <string>
#include <vector>

#include "native/base/ids.h"
#include "native/base/status.h"
#include "proto/control.pb.h"

namespace petrel {

struct ContainerRef {
  TopologyId topology;
  ContainerId container;
  auto operator<=>(const ContainerRef&) const = default;
};

/// Thread: one caller at a time.
/// Every call may be repeated; one that was cut off by a crash and is repeated ends as if it had run once.
class Scheduler {
 public:
  virtual ~Scheduler() = default;
  /// All containers of one topology (same topology_id). After OK they will run and survive a crash of the caller.
  /// Containers of the topology that are not among `specs` are ended.
  virtual Status launch(const std::vector<proto::ContainerSpec>& specs) = 0;
  /// Ends all containers of the topology. OK when there are none.
  virtual Status kill(const TopologyId& topology) = 0;
  /// Ends the container's processes and starts them anew. kNotFound.
  virtual Status restart(const TopologyId& topology, ContainerId container) = 0;
  /// What is to run, sorted.
  virtual Result<std::vector<ContainerRef>> list() = 0;
  /// Which of the topology's containers still have living processes (after kill: wait until this is empty).
  virtual Result<std::vector<ContainerRef>> living(const TopologyId& topology) = 0;
};

}  // namespace petrel
