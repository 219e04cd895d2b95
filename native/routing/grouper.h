// Grouper: chooses the tasks of one subscribing component for the tuples of one stream. Twin of the Java groupers in
// io.petrel.host.grouping: the same contract; fields grouping agrees to the bit, orders drawn from a seed need not.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "native/base/status.h"
#include "native/codec/value_codec.h"
#include "native/topology/logical_plan.h"

namespace petrel {

/// Fill of the queue of a task's executor, 0 to 1.
using LoadView = std::function<double(int32_t task)>;

/// One per (executor, stream, subscribing component). Thread: the executor's.
class Grouper {
 public:
  virtual ~Grouper() = default;
  /// Appends the chosen task ids to `out`. Errors: kMalformed with what the emitter must change (a direct grouping; a
  /// field that only a JVM can hash; a field that the tuple does not have).
  virtual Status choose(std::span<const Value> values, std::vector<int32_t>& out) = 0;
  /// Only emit_direct reaches the tasks.
  virtual bool direct() const { return false; }
  virtual bool uses_load() const { return false; }
  /// About once a second when uses_load().
  virtual void refresh_load(const LoadView&) {}
};

struct GrouperSpec {
  GroupingKind kind = GroupingKind::kShuffle;
  std::vector<uint32_t> fields;        // kFields: indices in the emitted tuple
  std::vector<int32_t> targets;        // sorted task ids of the subscribing component
  std::vector<int32_t> local_targets;  // the nearest of them: in this host, or else in this container; sorted
  bool load_aware = true;              // false: topology.disable.loadaware.messaging
  uint64_t seed = 0;                   // grouper_seed: different for every executor and edge
  double higher_bound = 0.8;           // topology.localityaware.higher.bound
  double lower_bound = 0.2;            // ... lower.bound
};

/// The spec of a subscription. Errors: kMalformed when a grouping field is not declared by the stream.
Result<GrouperSpec> grouper_spec(const Input& input, const Stream& stream, std::vector<int32_t> targets,
                                 std::vector<int32_t> local_targets, bool load_aware, uint64_t seed);

/// Errors: kMalformed for a custom grouping: it is a Java object, and native code has no JVM.
Result<std::unique_ptr<Grouper>> make_grouper(const GrouperSpec& spec);

/// A seed that no two executors and no two edges of an executor share. `base`: random, once per host process.
uint64_t grouper_seed(uint64_t base, int32_t first_task, std::string_view stream, std::string_view target);

}  // namespace petrel
