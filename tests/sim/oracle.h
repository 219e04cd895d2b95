// Oracle: sees everything that spouts, bolts and sinks do in one schedule, outlives all processes, and says at once
// which promise is broken. The rules have the names of the delivery invariants:
//   AMO1  each (attempt, path) reaches the sinks at most once (every attempt has a root id of its own)
//   AMO3, ALO3  nothing is lost: without a killed host never, with acks never at all
//   ALO1  every attempt of a living spout ends, once
//   ALO2  an ack comes after all leaves of its attempt
//   ALO4  no fail without a cause: a bolt that failed it, a time-out of at least T, a killed host
//   ALO5  a time-out comes within T and T + 1 s (and the pauses of its own host)
//   ALO6  no tuple that nobody sent, none changed on its way
//   ORD1-3  per (source task, destination task) in order and without holes in one pair of incarnations, never back to
//         an older incarnation of the source
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "native/ledger/ack_record.h"
#include "tests/sim/sim_plan.h"
#include "tests/sim/sim_world.h"

namespace petrel::sim {

/// What a tuple says of itself, for the checkers.
struct TupleFacts {
  uint64_t root = 0;
  uint64_t path = 0;
  int32_t source_task = 0;
  uint32_t source_incarnation = 0;
  int32_t destination_task = 0;
  uint32_t serial = 0;  // of the source task's emits, from 1
};

/// Thread: the world's.
class Oracle {
 public:
  Oracle(SimWorld& world, const SimPlan& plan);

  // Spouts.
  /// The next root that the task has to send: first what an earlier incarnation or a fail left over. 0: nothing now.
  uint32_t next_number(int32_t spout_task);
  void emitted(uint64_t root, int32_t spout_task, uint32_t number);
  /// The completion that the spout's pending table knew.
  void completed(uint64_t root, CompletionKind kind);
  void stop_new_roots() { new_roots_ = false; }
  bool new_roots() const { return new_roots_; }
  /// From here on bolts forget and fail nothing, so that everything can drain.
  void calm() { calm_ = true; }
  bool is_calm() const { return calm_; }

  // Bolts and sinks.
  /// Emit number `serial` of a task went to `destination` too.
  void sent(int32_t source_task, uint32_t source_incarnation, int32_t destination, uint32_t serial);
  void received(const TupleFacts& facts, uint32_t incarnation);
  void leaf(uint64_t root, uint64_t path);
  void forgotten(uint64_t root);
  void failed(uint64_t root);

  // Faults.
  /// A process ended: tuples and roots in its memory are gone.
  void host_killed(uint32_t slot);
  /// A host hears of the loss of one, which may be long after it; of its own restart when its links come up.
  void loss_heard() { last_loss_ = world_.now(); }
  /// A fault that may hold tuples up for `time`.
  void disturbed(Nanos time) { disturbance_ += time; }
  void host_paused(uint32_t slot, Nanos time) { paused_[slot] += time; }
  uint32_t hosts_killed() const { return killed_; }

  size_t pending() const { return pending_; }
  /// Attempts without an end; without acks: leaves that have not come.
  size_t in_flight() const {
    return plan_.acking ? pending_
                        : static_cast<size_t>(std::max<int64_t>(0, expected_leaves_ - static_cast<int64_t>(leaves_)));
  }
  /// Nothing is left to send and, with acks, nothing is left to wait for.
  bool finished() const;
  void check_end();
  /// Leaves that came, for progress.
  uint64_t leaves() const { return leaves_; }

  struct Counts {
    uint64_t roots = 0, attempts = 0, acked = 0, failed = 0, timed_out = 0, host_lost = 0, replayed = 0, received = 0;
    uint64_t loops = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  enum class Fate : uint8_t { kNotSent, kWaiting, kAgain, kDone };
  struct Attempt {
    int32_t spout_task = 0;
    uint32_t number = 0;
    MonoTime emitted{};
    Nanos paused_before{0};
    uint64_t leaves = 0;
    uint64_t paths_sum = 0;
    SimExpected expected;
    uint32_t killed_before = 0;
    bool forgotten = false;
    bool failed = false;
    bool ended = false;
    std::vector<uint64_t> paths;  // of its leaves, for doubles
  };
  struct Spout {
    std::vector<Fate> roots;  // by number - 1
    std::vector<uint32_t> again;
    size_t again_from = 0;
    size_t undone = 0;
    uint32_t slot = 0;
    bool full() const { return again_from == again.size(); }
  };
  struct Link {
    uint32_t source_incarnation = 0;
    uint32_t destination_incarnation = 0;
    size_t number = 0;  // of the tuples that this incarnation of the source has sent here, from 1
  };
  struct LinkKey {
    int32_t source = 0;
    int32_t destination = 0;
    uint32_t source_incarnation = 0;
    auto operator<=>(const LinkKey&) const = default;
  };

  size_t number_of(const TupleFacts& facts, const Link& link) const;
  void check_fail(const Attempt& attempt, uint64_t root, CompletionKind kind);
  std::string text_of(uint64_t root, const Attempt& attempt) const;

  SimWorld& world_;
  const SimPlan& plan_;
  bool new_roots_ = true;
  bool calm_ = false;
  std::map<int32_t, Spout> spouts_;
  std::unordered_map<uint64_t, Attempt> attempts_;  // looked up, never walked
  std::vector<uint64_t> roots_;                     // in the order of their emission
  std::map<std::pair<int32_t, int32_t>, Link> links_;
  std::map<LinkKey, std::vector<uint32_t>> sent_;  // serials, rising
  std::vector<Nanos> paused_;                      // by slot, in all
  Nanos disturbance_{0};
  MonoTime last_loss_{};  // or the news of it
  uint32_t killed_ = 0;
  size_t pending_ = 0;
  uint64_t leaves_ = 0;
  int64_t expected_leaves_ = 0;
  Counts counts_;
};

}  // namespace petrel::sim
