#include "native/instance/ack_batch.h"

#include <algorithm>

#include "native/base/mutant.h"

namespace petrel {

void AckBatch::add(const AckRecord& record) {
  std::lock_guard lock(mutex_);
  records_.push_back(record);
  if (records_.size() >= kMost) flush_locked();
}

bool AckBatch::empty() const {
  std::lock_guard lock(mutex_);
  return records_.empty();
}

void AckBatch::flush() {
  std::lock_guard lock(mutex_);
  flush_locked();
}

bool AckBatch::sweep() {
  std::lock_guard lock(mutex_);
  if (records_.empty()) return false;
  if (flushes_ == seen_flushes_) {
    flush_locked();
  } else {
    seen_flushes_ = flushes_;
  }
  return true;
}

// Inits and acks of a root become one record by XOR; it touched all the hosts of both, and knew of no more losses than
// the one that knew least. Fails and resets stay as they are, behind them.
void AckBatch::flush_locked() {
  if (records_.empty()) return;
  ++flushes_;
  merged_.clear();
  index_.clear();
  for (const AckRecord& record : records_) {
    if (record.kind > AckKind::kAck) continue;
    auto [at, is_new] = index_.try_emplace(record.root, merged_.size());
    if (is_new) {
      merged_.push_back(record);
      continue;
    }
    AckRecord& sum = merged_[at->second];
    sum.xor_value ^= record.xor_value;
    if (!PETREL_MUTANT("loss mask lost in a merge")) sum.host_mask |= record.host_mask;
    sum.loss_number = std::min(sum.loss_number, record.loss_number);
    if (record.kind == AckKind::kInit) sum.kind = AckKind::kInit;
  }
  for (const AckRecord& record : records_) {
    if (record.kind > AckKind::kAck) merged_.push_back(record);
  }
  records_.clear();
  port_.records(merged_);
}

}  // namespace petrel
