// LedgerInbox: the door of the ledger. Executors put batches of ack records in; who runs the ledger takes all at once.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "native/base/clock.h"
#include "native/base/status.h"

namespace petrel {

struct LedgerOpen {
  int32_t spout_task = 0;
  int64_t timeout_ms = 0;
};

/// A host was lost: AckLedger::host_lost.
struct LedgerLoss {
  uint32_t slot = 0;
  uint32_t loss_number = 0;
};

/// What had arrived when it was taken. Opens come before all records: an executor opens before its first emit.
/// Losses come after all records: those that were inside before the loss must not wait for their time-out.
struct LedgerBatch {
  std::vector<LedgerOpen> opens;
  std::vector<std::byte> records;
  std::vector<LedgerLoss> losses;
  bool empty() const { return opens.empty() && records.empty() && losses.empty(); }
  void clear();
};

/// Thread: wait() one, take() one at a time, all else any. A lock is held for one copy of a batch, never per record.
/// Limits: what is inside is bounded by the spouts' pending roots; the memory of a burst is given back by take().
class LedgerInbox {
 public:
  static constexpr size_t kRecordBytes = 32;
  static constexpr size_t kKeptBytes = 4u << 20;      // capacity that stays for reuse
  static constexpr size_t kMostWaiting = 256u << 10;  // what waits for its pusher's word is due above it

  void open(int32_t spout_task, int64_t timeout_ms);
  /// `more`: the caller goes on, and says make_due() within a moment; nobody is woken for these alone.
  /// kMalformed when the size is not a multiple of 32.
  Status push(std::span<const std::byte> records, bool more = false);
  /// What is inside waits no longer. Wakes nobody: the caller sees to it.
  void make_due();
  /// Something is inside that waits for nobody's word.
  bool is_due() const;
  /// Ends a wait(), also without content.
  void wake();
  void host_lost(uint32_t slot, uint32_t loss_number);
  void stop();

  /// Blocks until something is due, wake() or stop() was called, or `timeout` has passed (nothing: no limit). By then
  /// another may have taken what was due. False after stop().
  bool wait(std::optional<Nanos> timeout);
  /// Swaps the content into `batch`, which is cleared first and whose memory is used for the next round.
  void take(LedgerBatch& batch);
  /// How often a waiting owner was woken.
  uint64_t wakes() const;

 private:
  void wake_owner(std::unique_lock<std::mutex> lock);

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  LedgerBatch inside_;
  bool due_ = false;
  bool poked_ = false;  // by wake()
  bool waiting_ = false;
  bool stopped_ = false;
  uint64_t wakes_ = 0;
};

}  // namespace petrel
