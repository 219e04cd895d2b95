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
      expire_from_(last_round_) {}

std::optional<Nanos> LedgerLoop::sleep_time() const {
  std::optional<Nanos> tick = ledger_.until_next_tick(clock_.now());
  if (!tick) return std::nullopt;
  return std::max(*tick, Nanos(Millis(1)));
}

void LedgerLoop::run() {
  for (;;) {
    std::optional<Nanos> sleep = sleep_time();
    MonoTime before = clock_.now();
    if (!inbox_.wait(sleep)) return;
    // A long sleep that we asked for is no pause; one that lasted longer than asked is.
    Nanos slept = clock_.now() - before;
    allowed_gap_ = kPause + (sleep ? std::min(*sleep, slept) : slept);
    run_once();
  }
}

void LedgerLoop::run_once() {
  MonoTime now = clock_.now();
  if (now - last_round_ > allowed_gap_) expire_from_ = now + kPauseGrace;
  last_round_ = now;
  inbox_.take(batch_);
  completions_.clear();
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
  if (now >= expire_from_) ledger_.expire(now, completions_);
  deliver();
}

void LedgerLoop::deliver() {
  if (completions_.empty()) return;
  deliver_(completions_);
  completions_.clear();
}

}  // namespace petrel
