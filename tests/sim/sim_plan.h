// SimPlan: a random topology, its placement, and what must come out of it.
//
// A root is (spout task, number). Which tuples follow from a tuple is a pure function of the plan and of the tuple's
// path, so that a sequential walk without hosts, links or faults says which leaves every root must reach. The product
// gets it as it gets any topology: a LogicalPlan and a conf, packed by native/packing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "native/base/clock.h"
#include "native/base/rng.h"
#include "native/config/conf_value.h"
#include "native/links/route_table.h"
#include "native/packing/physical_plan.h"

namespace petrel::sim {

enum class SimRole { kSpout, kBolt, kJoin, kSink };
enum class SimGrouping { kShuffle, kFields, kAll, kGlobal, kLocalOrShuffle, kDirect };

/// A bolt has a stream for each of its edges; a spout has one, which all of its edges read: a root is one emit.
struct SimEdge {
  int to = 0;  // component
  SimGrouping grouping = SimGrouping::kShuffle;
  uint8_t lane = 0;          // 1: an edge inside a cycle
  uint32_t most = 1;         // an input has 1 to `most` children on this edge; 1 for spouts
  bool needs_turns = false;  // only while the tuple has turns left; takes one
};

struct SimComponent {
  std::string name;
  SimRole role = SimRole::kBolt;
  int32_t first_task = 0;
  int32_t tasks = 1;
  int32_t executors = 1;
  Nanos cost{0};        // of one input
  bool native = false;  // runs in the native host of its container, else in the other one
  std::vector<SimEdge> outs;
};

struct SimExecutorPlan {
  int component = 0;
  int32_t first = 0;
  int32_t last = 0;
  uint32_t slot = 0;
};
struct SimHostPlan {
  uint32_t slot = 0;
  int32_t container = 0;
  std::vector<int> executors;  // indices
};
struct SimContainerPlan {
  int32_t id = 0;
  bool in_host = true;
  std::vector<uint32_t> slots;
};

/// A child of a tuple on one edge, before its target is chosen.
struct SimChild {
  const SimEdge* edge = nullptr;
  uint64_t path = 0;
  uint32_t turns = 0;
};

struct SimExpected {
  uint64_t leaves = 0;
  uint64_t paths_sum = 0;  // of leaf_hash(path)
};

struct SimPlan {
  std::vector<SimComponent> components;
  std::vector<SimExecutorPlan> executors;
  std::vector<SimHostPlan> hosts;  // by slot
  std::vector<SimContainerPlan> containers;
  PhysicalPlan physical;
  PhysicalPlan stale;  // an older epoch, with tasks in other hosts
  ConfMap conf;
  std::string shape;

  bool acking = true;
  Millis timeout{30000};
  uint32_t max_pending = 200;
  uint32_t turns = 3;             // of tuples in cycles
  uint32_t filler_bytes = 0;      // most that a tuple carries
  uint32_t huge_per_million = 0;  // tuples of up to 1 MiB
  uint32_t forget_per_million = 0;
  uint32_t fail_per_million = 0;
  uint64_t pool_bytes = 256 * 1024;
  uint64_t first_window = 64 * 1024;
  uint64_t queue_bytes = 64 * 1024;  // of an executor, for its own host
  uint32_t roots_most = 4000;        // of one spout task
  Nanos spout_interval{0};           // between bursts

  /// `only_graphs`: random graphs with cycles, small windows; the rest of the mix is left out.
  static SimPlan draw(Rng rng, bool only_graphs = false);

  const SimExecutorPlan& executor_of(int32_t task) const {
    return executors[executor_by_task_[static_cast<size_t>(task)]];
  }
  const SimComponent& component_of(int32_t task) const {
    return components[static_cast<size_t>(executor_of(task).component)];
  }
  uint32_t slot_of(int32_t task) const { return executor_of(task).slot; }
  int32_t spout_tasks() const;
  /// More than any section has: one huge tuple and small ones around it.
  uint64_t largest_bytes() const { return huge_per_million > 0 ? 1'400'000 : 300'000; }

  /// The edge that a tuple of this task and stream took to `to`. The plan has it.
  const SimEdge& edge_of(int32_t source_task, size_t stream, int to) const;
  /// Of the tuple that a spout's root sent along `edge`.
  uint64_t first_path(int spout, const SimEdge& edge, uint64_t root_path) const;
  /// Children of one execution: `path` is the input's (a join: join_path of both).
  void children(int component, uint64_t path, uint32_t turns_left, std::vector<SimChild>& out) const;
  static uint64_t root_path(int32_t spout_task, uint32_t number);
  static uint64_t all_path(uint64_t path, int32_t task);
  static uint64_t join_path(uint64_t a, uint64_t b);
  static uint64_t leaf_hash(uint64_t path);
  /// `executions`, when given, counts inputs by component.
  SimExpected expected(int32_t spout_task, uint32_t number, std::vector<uint64_t>* executions = nullptr) const;
  std::string describe() const;

 private:
  void draw_shape(Rng& rng);
  void draw_graph(Rng& rng);
  bool draw_graph_once(Rng& rng);
  void give_task_ids();
  void draw_placement(Rng& rng);
  bool pack(Rng& rng);
  void make_logical();
  void make_conf(Rng& rng);
  PhysicalPlan shifted() const;
  void draw_numbers(Rng& rng);
  void bound_load();
  std::vector<size_t> executor_by_task_;
};

}  // namespace petrel::sim
