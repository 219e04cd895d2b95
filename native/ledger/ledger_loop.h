// LedgerLoop: takes batches from the inbox, applies them, expires what is due, hands completions on. Whoever has put
// records in may run a round himself; the thread `petrel-ledger` runs those that nobody else does, and the time-outs.
#pragma once

#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "native/ledger/ack_ledger.h"
#include "native/ledger/ledger_inbox.h"

namespace petrel {

/// Thread: run() one, run_here() any. The inbox belongs to somebody else and outlives the loop.
class LedgerLoop {
 public:
  /// On the thread that runs the round; never two at a time.
  using Deliver = std::function<void(std::span<const Completion>)>;
  /// After a pause of the whole process (SIGSTOP, a swapped-out machine) nothing expires for this long, so that acks
  /// which the executors still hold arrive first.
  static constexpr Nanos kPauseGrace = Millis(200);
  static constexpr Nanos kPause = Millis(500);
  /// Records between deliveries of a round: a spout that waits for room goes on while the rest of a long batch is
  /// applied.
  static constexpr size_t kSlice = 1024;
  /// Of run_here(): when others go on putting records in, the ledger's own thread takes over.
  static constexpr int kRoundsHere = 4;
  /// To expire looks at every tree, so who calls run_here() does it only when that thread is as late as this.
  static constexpr Nanos kExpiryLate = Millis(300);

  LedgerLoop(const Clock& clock, AckLedgerOptions options, LedgerInbox& inbox, Deliver deliver);

  /// Until the inbox is stopped.
  void run();
  /// Rounds on the calling thread until nothing is due; none when another thread runs one, which then sees to what the
  /// caller has put in. To wake a thread would cost as much as a thousand records.
  void run_here();
  /// One round without waiting: takes, applies, expires with a time read *before* the take (so that nothing which was
  /// inside by then counts as late), delivers, after every kSlice records and at the end.
  void run_once();

  const AckLedger& ledger() const { return ledger_; }

 private:
  std::optional<Nanos> sleep_time() const;
  /// The thread of run() is about to sleep for that long; nothing: without end.
  void sleeps_for(std::optional<Nanos> time);
  /// Not to be left half way: what is in the batch is everybody's. @param own on the thread of run()
  void round(bool own) noexcept;
  void deliver();

  const Clock& clock_;
  std::mutex mutex_;  // of all below but the inbox
  AckLedger ledger_;
  LedgerInbox& inbox_;
  Deliver deliver_;
  LedgerBatch batch_;
  std::vector<Completion> completions_;
  MonoTime last_round_;
  MonoTime last_expiry_;
  MonoTime expire_from_;
  Nanos allowed_gap_ = kPause;
  bool ticking_ = false;  // the thread of run() sleeps no longer than to the next time-out
};

}  // namespace petrel
