// SimMaster, SimManager: one incarnation of a topology master and of a stream manager process: the product's objects
// over a store of their own on the shared disk.
#pragma once

#include <memory>
#include <string>

#include "native/container/stream_manager_process.h"
#include "native/topology_master/topology_master.h"
#include "tests/sim/sim_host.h"

namespace petrel::sim {

/// Thread: the world's.
class SimMaster {
 public:
  SimMaster(const SimSurroundings& around, SimReactor& reactor);
  /// Errors: what the store has cannot be run; the process ends.
  Status start() { return master_.start(); }

 private:
  SimStore store_;
  TopologyMaster master_;
};

/// Thread: the world's.
class SimManager {
 public:
  /// `memory`: what it writes down for its successor; outlives it.
  SimManager(const SimSurroundings& around, SimReactor& reactor, int32_t container, uint32_t incarnation,
             std::string& memory);
  void start();
  void take_stale_plan();
  void report();

 private:
  const SimSurroundings around_;
  const int32_t container_;
  const uint32_t incarnation_;
  SimStore store_;
  StreamManagerProcess process_;
};

}  // namespace petrel::sim
