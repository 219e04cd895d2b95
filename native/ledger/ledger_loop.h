// LedgerLoop: what the thread `petrel-ledger` does: takes batches from the inbox, applies them, expires what is due,
// hands completions on.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "native/ledger/ack_ledger.h"
#include "native/ledger/ledger_inbox.h"

namespace petrel {

/// Thread: one owner. The inbox belongs to somebody else and outlives the loop.
class LedgerLoop {
 public:
  using Deliver = std::function<void(std::span<const Completion>)>;
  /// After a pause of the whole process (SIGSTOP, a swapped-out machine) nothing expires for this long, so that acks
  /// which the executors still hold arrive first.
  static constexpr Nanos kPauseGrace = Millis(200);
  static constexpr Nanos kPause = Millis(500);
  /// Records between deliveries of a round: a spout that waits for room goes on while the rest of a long batch is
  /// applied.
  static constexpr size_t kSlice = 1024;

  LedgerLoop(const Clock& clock, AckLedgerOptions options, LedgerInbox& inbox, Deliver deliver);

  /// Until the inbox is stopped.
  void run();
  /// One round without waiting: takes, applies, expires with a time read *before* the take (so that nothing which was
  /// inside by then counts as late), delivers, after every kSlice records and at the end.
  void run_once();

  const AckLedger& ledger() const { return ledger_; }

 private:
  std::optional<Nanos> sleep_time() const;
  void deliver();

  const Clock& clock_;
  AckLedger ledger_;
  LedgerInbox& inbox_;
  Deliver deliver_;
  LedgerBatch batch_;
  std::vector<Completion> completions_;
  MonoTime last_round_;
  MonoTime expire_from_;
  Nanos allowed_gap_ = kPause;
};

}  // namespace petrel
