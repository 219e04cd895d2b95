// ControlOracle: sees which topology master each host hears, and says at once when CP3 is broken: one effective master
// at a time, in the order in which they registered; plan epochs never go back at a container.
#pragma once

#include <cstdint>
#include <map>

#include "tests/sim/sim_world.h"

namespace petrel::sim {

/// Thread: the world's.
class ControlOracle {
 public:
  explicit ControlOracle(SimWorld& world) : world_(world) {}

  /// The store names the master that listens there. Its number: they count in the order of their registration.
  uint64_t found(int32_t port);
  /// A host got a message of master `number`; `epoch`: of the plan in it, or 0.
  void heard(uint32_t slot, uint32_t incarnation, uint64_t number, uint64_t epoch);
  /// A stream manager process works by this plan.
  void works_by(int32_t container, uint32_t incarnation, uint64_t epoch);
  /// Masters that were effective so far.
  uint64_t masters() const { return last_; }

 private:
  struct Host {
    uint32_t incarnation = 0;
    uint64_t master = 0;
    uint64_t epoch = 0;
  };
  SimWorld& world_;
  std::map<int32_t, uint64_t> numbers_;  // by port; ports are not given out twice
  uint64_t last_ = 0;
  std::map<uint32_t, Host> hosts_;
  std::map<int32_t, Host> managers_;
};

}  // namespace petrel::sim
