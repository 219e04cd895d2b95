// AckLedger: which trees of tuples are complete, failed, late, or touched a host that died.
//
// A tree is acked when its INIT has been seen and the XOR of all its records is 0. Every edge of a tree occurs in
// exactly two records (of its emitter and of its consumer), so the XOR is 0 only when every record was applied an odd
// number of times: order never matters, a lost record ends in a time-out, and a duplicate can turn an ack into a
// time-out but never make an ack of a tree of which a record is missing. What is *not* promised here: one completion
// per root. A record that comes (again) after the completion starts an entry of its own; a duplicated INIT can so bring
// a second completion, which the spout's pending table does not know and drops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "native/base/clock.h"
#include "native/base/ids.h"
#include "native/base/status.h"
#include "native/ledger/ack_record.h"
#include "native/ledger/root_ring.h"
#include "native/ledger/timing_wheel.h"

namespace petrel {

struct AckLedgerOptions {
  Incarnation incarnation{0};          // of this host; records of another one (modulo 1024) are dropped
  uint64_t hash_seed = 0;              // from Rng, so that nobody can choose colliding roots
  size_t max_entries = 1U << 26;       // above it an INIT fails its root at once and other records are dropped
  Nanos orphan_ttl = Seconds(300);     // an entry without INIT, of a spout task whose time-outs are off
  bool fail_on_host_loss = true;       // off: trees that touched a dead host wait for their time-out
  uint32_t max_losses_per_minute = 6;  // per host slot; a host that flaps faster falls back to time-outs
};

/// Cumulative since construction.
struct AckLedgerCounters {
  uint64_t records = 0;
  uint64_t acked = 0;
  uint64_t failed = 0;  // explicit fails
  uint64_t timed_out = 0;
  uint64_t host_lost = 0;
  uint64_t refused_full = 0;  // failed because max_entries was reached
  uint64_t duplicate_inits = 0;
  uint64_t orphans_expired = 0;  // entries that never saw an INIT (late records of finished trees)
  uint64_t dropped_incarnation = 0;
  uint64_t dropped_unknown_spout = 0;
  uint64_t dropped_malformed = 0;
  uint64_t dropped_full = 0;
  uint64_t ignored_losses = 0;  // of hosts that flap, or because the setting is off
};

/// Thread: one at a time. Never locks, never blocks.
/// Limits: memory is entries() x ~100 bytes, doubled when full, never returned; calls allocate only then.
class AckLedger {
 public:
  AckLedger(const Clock& clock, AckLedgerOptions options);

  /// Before the first record of a spout task. timeout 0: time-outs off. Again with another timeout: for later INITs.
  /// Errors: kMalformed for a task outside [1, 2^18) or a negative time-out.
  Status open(TaskId spout_task, Millis timeout);

  /// Applies the records in their order; completions are appended to `out`. Never expires anything: the caller drains
  /// its inbox before it calls expire(), so that a pause of the process is not taken for a time-out.
  void apply(std::span<const AckRecord> records, std::vector<Completion>& out);
  /// The same for bytes off the border, of any alignment. Errors: kMalformed when the size is not a multiple of 32 (no
  /// record is applied then). A record with an unknown kind or non-zero padding is counted and dropped.
  Status apply_bytes(std::span<const std::byte> bytes, std::vector<Completion>& out);

  /// Fails what is due at `now`: a root at the earliest its time-out after its INIT (or reset), at the latest one wheel
  /// tick after that, plus the time between calls. Call at least every 500 ms to stay within T and T + 1 s.
  void expire(MonoTime now, std::vector<Completion>& out);
  /// How long the owner may sleep; nothing when no entry can expire.
  std::optional<Nanos> until_next_tick(MonoTime now) const;

  /// Host slot `slot` died; `loss_number` counts the losses of the topology from 1. Fails every pending root that was
  /// emitted to the slot by somebody who did not know of the loss; records that come later are checked as well.
  void host_lost(uint32_t slot, uint32_t loss_number, std::vector<Completion>& out);

  /// Trees with INIT and without an end.
  size_t pending() const { return pending_; }
  /// All entries, with those that wait for their INIT.
  size_t entries() const { return ring_.size() + in_table_; }
  size_t memory_bytes() const;
  const AckLedgerCounters& counters() const { return counters_; }

 private:
  // Cell of the open addressing table: where the entry is, and enough of the hash to skip most others.
  struct Cell {
    uint32_t fingerprint;
    uint32_t index_plus_one;  // 0: free
  };
  struct HostLoss {
    uint32_t loss_number = 0;
    MonoTime window_start{};
    uint32_t losses_in_window = 0;
  };
  static constexpr int64_t kNotOpened = -1;
  static constexpr size_t kHostSlots = 64;

  void apply_one(const AckRecord& record, MonoTime now, std::vector<Completion>& out);
  bool belongs_here(const AckRecord& record);
  void on_init(LedgerEntry& entry, uint32_t index, const AckRecord& record, MonoTime now);
  void settle(uint32_t index, std::vector<Completion>& out);
  void refuse_full(const AckRecord& record, std::vector<Completion>& out);
  bool touched_lost_host(uint64_t mask, uint32_t loss_number) const;
  void finish(uint32_t index, CompletionKind kind, std::vector<Completion>& out);
  void arm(uint32_t index, MonoTime now);
  bool admit_loss(HostLoss& host, MonoTime now) const;

  LedgerEntry& entry_of(uint32_t index) {
    return (index & kInRing) != 0 ? ring_.entry(index & ~kInRing) : slab_[index];
  }
  uint64_t hash(uint64_t root) const;
  uint32_t find(uint64_t root) const;  // index, or kNone
  uint32_t find_in_table(uint64_t root) const;
  uint32_t insert(uint64_t root);
  uint32_t insert_in_table(uint64_t root);
  void erase(uint32_t index);
  void erase_from_table(uint32_t index);
  void grow();

  static constexpr uint32_t kNone = TimingWheel::kNone;
  static constexpr uint32_t kInRing = 0x80000000;  // of an index: it is one of ring_, else one of slab_

  const Clock& clock_;
  AckLedgerOptions options_;
  std::vector<int64_t> timeout_ns_;  // by spout task; kNotOpened
  RootRing ring_;
  // The table of roots that have no place in the ring.
  std::vector<Cell> cells_;  // power of two, at most half full
  std::vector<LedgerEntry> slab_;
  std::vector<uint32_t> free_;
  TimingWheel wheel_;
  size_t in_table_ = 0;

  std::vector<uint32_t> due_;
  HostLoss losses_[kHostSlots];
  uint64_t lost_slots_ = 0;
  size_t pending_ = 0;
  AckLedgerCounters counters_;
};

}  // namespace petrel
