// One schedule: a topology, a cluster, load, faults, then calm, and everything must drain. All of it from one seed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/oracle.h"

namespace petrel::sim {

struct ScheduleResult {
  uint64_t seed = 0;
  std::string failure;   // empty: all promises were kept
  bool counted = false;  // a fault hit while at least 100 roots (without acks: leaves) were pending
  uint64_t trace_hash = 0;
  uint64_t events = 0;
  int64_t simulated_ms = 0;
  Oracle::Counts counts;
  std::map<std::string, uint64_t> reached;  // how often each "sometimes" point was passed
  // For people, when asked for or when it failed:
  std::string plan;
  std::string faults;
  std::string cluster;
  std::string last_events;
};

/// The points that many schedules together have to reach.
const std::vector<std::string>& sometimes_points();

/// Thread: any; two may run at once.
struct ScheduleOptions {
  bool explain = false;      // with the texts for people
  size_t events = 200;       // of the trace that are kept
  bool only_graphs = false;  // random graphs with cycles only
};
ScheduleResult run_schedule(uint64_t seed, const ScheduleOptions& options = {});

}  // namespace petrel::sim
