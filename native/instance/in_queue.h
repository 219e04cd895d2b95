// InQueue: the input of an executor: batches of its own host, sections of other hosts, markers, in the order of each
// writer. Charged in bytes. Above the limit of what its own host has put in, it refuses more of that; sections of other
// hosts are bounded by their credit, and do not take this room away.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "native/instance/parker.h"
#include "native/instance/ports.h"
#include "native/instance/pressure.h"
#include "native/instance/tuple.h"

namespace petrel {

struct InEntry {
  int32_t task = 0;
  TuplePtr tuple;
};

struct InItem {
  enum class Kind { kTuples, kSection, kMarker };
  Kind kind = Kind::kTuples;
  std::vector<InEntry> entries;  // kTuples
  InboundSection section;        // kSection
  Marker marker;                 // kMarker
  bool inner = false;            // over an edge inside a cycle
  uint64_t number = 0;           // the queue's: in the order in which they came
  size_t bytes = 0;              // what it is charged
  size_t tuples = 0;
};

/// Thread: any for try_push, push, await and the counts; poll, release, empty: the reader.
/// Limits: bytes() stays below the limit plus one batch, plus what credit allows to other hosts and edges inside a
/// cycle.
class InQueue {
 public:
  InQueue(Waker& reader, size_t limit_bytes) : reader_(reader), limit_bytes_(limit_bytes) {}

  /// False: no credit, `item` is unchanged; await() and try again. An item is taken whole while the queue is below its
  /// limit, so that a single large tuple always passes. `inner`: the edge is inside a cycle, never refused.
  bool try_push(InItem& item, bool inner);
  /// A section of another host.
  void push(InItem item);
  /// Wakes this writer once, when what its host has put in has fallen below half of the limit. Call it after
  /// Waker::prepare, and try once more after the call: the queue may have fallen before it.
  void await(Waker& writer);

  /// The oldest item; `inner_only`: of those that came over edges inside a cycle.
  std::optional<InItem> poll(bool inner_only = false);
  /// The item has been processed: its credit returns. Its content may have been taken.
  void release(const InItem& item);
  bool empty(bool inner_only = false) const;
  /// Looked at with every change. Before the first item.
  void watch(std::vector<WaterMark> marks) { marks_ = std::move(marks); }

  size_t bytes() const;
  size_t inner_bytes() const;
  size_t tuples() const;
  size_t limit_bytes() const { return limit_bytes_; }

 private:
  void add(InItem&& item);
  void look();

  Waker& reader_;
  const size_t limit_bytes_;
  mutable std::mutex mutex_;
  std::deque<InItem> items_[2];  // [1]: inner
  std::vector<WaterMark> marks_;
  uint64_t number_ = 0;
  std::vector<Waker*> waiting_;
  size_t bytes_ = 0;
  size_t own_bytes_ = 0;  // the part that came from this host
  size_t inner_bytes_ = 0;
  size_t tuples_ = 0;
};

}  // namespace petrel
