#include "native/ledger/ledger_loop.h"

#include <algorithm>

#include "native/base/log.h"

namespace petrel {
namespace {
const Logger logger("ledger");
}  // namespace

LedgerLoop::LedgerLoop(const Clock& clock, AckLedgerOptions options, LedgerInbox& inbox, Deliver deliver)
    : clock_(clock),
      ledger_(clock, options),
      inbox_(inbox),
      deliver_(std::move(deliver)),
      last_round_(clock.now()),
      last_expiry_(last_round_),
      expire_from_(last_round_) {}

std::optional<Nanos> LedgerLoop::sleep_time() const {
  std::optional<Nanos> tick = ledger_.until_next_tick(clock_.now());
  if (!tick) return std::nullopt;
  return std::max(*tick, Nanos(Millis(1)));
}

void LedgerLoop::sleeps_for(std::optional<Nanos> time) {
  ticking_ = time.has_value();
  // A long sleep that we asked for is no pause; one that lasted longer than asked is.
  allowed_gap_ = time ? kPause + *time : Nanos::max();
}

void LedgerLoop::run() {
  for (;;) {
    std::optional<Nanos> sleep;
    {
      const std::scoped_lock lock(mutex_);
      sleep = sleep_time();
      sleeps_for(sleep);
    }
    if (!inbox_.wait(sleep)) return;
    run_once();
  }
}

void LedgerLoop::run_here() {
  inbox_.make_due();
  for (int rounds = 0; inbox_.is_due(); ++rounds) {
    if (rounds == kRoundsHere) return inbox_.wake();
    const std::unique_lock lock(mutex_, std::try_to_lock);
    // Who holds it looks at the inbox again after letting go.
    if (!lock) return;
    round(false);
  }
}

void LedgerLoop::run_once() {
  const std::scoped_lock lock(mutex_);
  round(true);
}

void LedgerLoop::round(bool own) noexcept {
  MonoTime now = clock_.now();
  if (now - last_round_ > allowed_gap_) expire_from_ = now + kPauseGrace;
  last_round_ = now;
  inbox_.take(batch_);
  for (const LedgerOpen& open : batch_.opens) {
    Status status = ledger_.open(TaskId(open.spout_task), Millis(open.timeout_ms));
    if (!status.ok()) logger.error("open of spout task {}: {}", open.spout_task, status.message());
  }
  std::span<const std::byte> records = batch_.records;
  while (!records.empty()) {
    const size_t size = std::min(records.size(), kSlice * LedgerInbox::kRecordBytes);
    Status status = ledger_.apply_bytes(records.first(size), completions_);
    if (!status.ok()) logger.error("{}", status.message());
    records = records.subspan(size);
    if (!records.empty()) deliver();
  }
  for (const LedgerLoss& loss : batch_.losses) ledger_.host_lost(loss.slot, loss.loss_number, completions_);
  if (now >= expire_from_ && (own || now - last_expiry_ >= kExpiryLate)) {
    ledger_.expire(now, completions_);
    last_expiry_ = now;
  }
  deliver();
  if (own || ticking_) return;
  if (const std::optional<Nanos> tick = ledger_.until_next_tick(now)) {
    sleeps_for(tick);
    inbox_.wake();  // it went to sleep when there was nothing that could expire
  }
}

void LedgerLoop::deliver() {
  if (completions_.empty()) return;
  deliver_(completions_);
  completions_.clear();
}

}  // namespace petrel
