// Tuple data inside a native host: values and anchors, shared by reference between executors of the host.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "native/base/clock.h"
#include "native/codec/tuple_batch.h"
#include "native/topology/logical_plan.h"

namespace petrel {

using Values = Value::List;

/// A tuple at the task that received it. Thread: the receiving executor's, except for the values, which are immutable
/// and may be shared by the tuples of several tasks.
struct TupleData {
  const Component* source = nullptr;  // nullptr: __system (ticks)
  const Stream* stream = nullptr;     // nullptr: __tick
  int32_t source_task = -1;
  std::shared_ptr<const Values> values;
  std::vector<Anchor> anchors;  // one per root: the root, and this tuple's edge in its tree

  // What has been anchored to it so far; goes into its ack.
  uint64_t emitted_edges = 0;         // XOR
  uint64_t emitted_hosts = 0;         // mask of slots
  uint32_t loss_number = UINT32_MAX;  // smallest that was known when something was anchored
  bool settled = false;               // of several acks and fails the first counts
  MonoTime execute_since{};           // when it is sampled
  bool sampled = false;
};
using TuplePtr = std::shared_ptr<TupleData>;

/// What a tuple is charged in a queue: a constant, and the bytes of its values, roughly. Limits: looks 3 levels deep.
size_t charge_of(const Values& values);

}  // namespace petrel
