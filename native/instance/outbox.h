// Outbox: what one executor has emitted and not yet handed over: an open batch per destination, and behind it what was
// refused for want of credit. Twin of io.petrel.host.Outbox, by the same rules: a batch leaves at 128 tuples or 64 KiB,
// when the burst is over, after 250 microseconds, or by the host's sweep after 1 to 2 ms; nothing overtakes what was
// refused; above a hard cap emit waits.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <vector>

#include "native/instance/cycle_room.h"
#include "native/instance/in_queue.h"
#include "native/instance/ports.h"

namespace petrel {

/// An executor that this one may emit to.
struct OutDestination {
  int32_t executor = 0;       // its first task
  int32_t tasks = 1;          // it has so many
  bool inner = false;         // the edge is inside a cycle: lane 1, never refused
  InQueue* queue = nullptr;   // nullptr: in another host
  CycleRoom* room = nullptr;  // of `inner` ones of this host
};

struct OutboxLimits {
  size_t hard_cap_bytes = 8U << 20;    // above so many refused bytes, emit waits
  size_t max_tuple_bytes = 64U << 20;  // a tuple for another host
};

/// Thread: one writer (the executor); sweep(): the host's timer; stop() and the counts: any.
/// Limits: 128 tuples or 64 KiB per open batch, and hard_cap_bytes plus what one execute or next_tuple emits at once.
class Outbox {
 public:
  static constexpr size_t kMaxTuples = 128;
  static constexpr size_t kMaxBatchBytes = 64 * 1024;
  /// A writer without credit looks again after this time even if nobody wakes it.
  static constexpr Nanos kBlockedPark = Millis(100);

  Outbox(int32_t executor, std::vector<OutDestination> destinations, RemotePort* remote, Waker& self,
         const Clock& clock, OutboxLimits limits);

  const std::vector<OutDestination>& destinations() const { return destinations_; }

  /// A tuple for a task of this host. Errors: kUnavailable when stop() was called while it waited.
  Status add_local(size_t destination, int32_t task, TuplePtr tuple);
  /// A tuple for a task of another host; it is encoded here. Errors: kMalformed for values that cannot be encoded,
  /// kLimit above max_tuple_bytes: the tuple is then not sent; kUnavailable as above.
  Status add_remote(size_t destination, int32_t task, int32_t source_task, uint32_t stream,
                    const std::vector<Anchor>& anchors, const Values& values);
  /// Behind everything that has been added for the destination.
  Status add_marker(size_t destination, const Marker& marker);

  /// Something waits in an open batch.
  bool dirty() const;
  /// Hands over all open batches.
  Status flush();
  bool has_refused() const { return refused_batches_.load(std::memory_order_relaxed) != 0; }
  /// Tries what was refused again, in order. True when nothing is left.
  Result<bool> retry();
  /// Asks to be woken by every destination that has refused. After Waker::prepare; then look once more.
  void await_credit();
  /// Takes batches that have been open since the last sweep: their writer sits in user code. True when one was open.
  bool sweep();
  /// emit does not wait any more.
  void stop() { stopping_ = true; }

  /// Time in which the executor had something to do and no credit, counted to the destination that has refused longest.
  void add_blocked(Nanos time);
  struct Blocked {
    int32_t executor = 0;
    int64_t nanos = 0;
  };
  std::vector<Blocked> blocked() const;

 private:
  struct Batch {
    InItem item;              // for an executor of this host
    OutboundSection section;  // for another host
    size_t bytes = 0;
  };
  struct OpenRemote {
    TupleBatchBuilder builder;
    int32_t source_task = 0;
    size_t bytes = 0;
  };
  struct Target {
    InItem open;                     // of this host
    std::vector<OpenRemote> remote;  // by task of the executor
    size_t open_tuples = 0;
    uint64_t opened = 0;  // number of the oldest open batch
    uint64_t seen = 0;    // ... at the last sweep
    std::deque<Batch> refused;
    uint64_t refused_since = 0;
    int64_t blocked_ns = 0;
  };

  void opened(Target& target);
  Status close(size_t destination);
  Status close_remote(size_t destination, size_t task_index);
  Status leave(size_t destination, Batch batch);
  Result<bool> try_send(size_t destination, Batch& batch);
  Status retry_one(size_t destination);
  Result<bool> retry_locked();
  Status wait_for_room(std::unique_lock<std::mutex>& lock);
  Status encode(size_t destination, size_t task_index, int32_t source_task, uint32_t stream,
                const std::vector<Anchor>& anchors, const Values& values);

  const int32_t executor_;
  const std::vector<OutDestination> destinations_;
  RemotePort* remote_;
  Waker& self_;
  const Clock& clock_;
  const OutboxLimits limits_;
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> refused_batches_{0};

  mutable std::mutex mutex_;
  std::vector<Target> targets_;
  size_t refused_bytes_ = 0;
  size_t open_targets_ = 0;
  uint64_t counter_ = 0;
};

}  // namespace petrel
