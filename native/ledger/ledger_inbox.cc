#include "native/ledger/ledger_inbox.h"

#include <utility>

namespace petrel {

void LedgerBatch::clear() {
  opens.clear();
  losses.clear();
  bool burst = records.capacity() > LedgerInbox::kKeptBytes && records.size() < records.capacity() / 4;
  records.clear();
  if (burst) records.shrink_to_fit();
}

void LedgerInbox::open(int32_t spout_task, int64_t timeout_ms) {
  std::unique_lock lock(mutex_);
  inside_.opens.push_back({spout_task, timeout_ms});
  due_ = true;
  wake_owner(std::move(lock));
}

Status LedgerInbox::push(std::span<const std::byte> records, bool more) {
  if (records.size() % kRecordBytes != 0) {
    return Status::malformed("{} bytes of ack records; a record has {} bytes", records.size(), kRecordBytes);
  }
  if (records.empty()) return {};
  std::unique_lock lock(mutex_);
  inside_.records.insert(inside_.records.end(), records.begin(), records.end());
  const bool was_due = due_;
  due_ |= !more || inside_.records.size() >= kMostWaiting;
  // What was due already, somebody has been called for.
  if (!more || due_ != was_due) wake_owner(std::move(lock));
  return {};
}

void LedgerInbox::make_due() {
  std::lock_guard lock(mutex_);
  due_ = !inside_.empty();
}

bool LedgerInbox::is_due() const {
  std::lock_guard lock(mutex_);
  return due_;
}

void LedgerInbox::wake() {
  std::unique_lock lock(mutex_);
  poked_ = true;
  wake_owner(std::move(lock));
}

void LedgerInbox::host_lost(uint32_t slot, uint32_t loss_number) {
  std::unique_lock lock(mutex_);
  inside_.losses.push_back({slot, loss_number});
  due_ = true;
  wake_owner(std::move(lock));
}

void LedgerInbox::wake_owner(std::unique_lock<std::mutex> lock) {
  if (!waiting_) return;
  waiting_ = false;  // the next batch before it runs needs no second wake
  ++wakes_;
  lock.unlock();  // before, or else it would wake to wait for us
  wake_.notify_one();
}

void LedgerInbox::stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  wake_.notify_one();
}

bool LedgerInbox::wait(std::optional<Nanos> timeout) {
  std::unique_lock lock(mutex_);
  if (!stopped_ && !due_ && !poked_) {
    waiting_ = true;
    // By who woke it, not by what is inside: another may have taken that, and the next push wakes only who waits.
    const auto woken = [&] { return stopped_ || !waiting_; };
    if (timeout) {
      wake_.wait_for(lock, *timeout, woken);
    } else {
      wake_.wait(lock, woken);
    }
    waiting_ = false;
  }
  poked_ = false;
  return !stopped_;
}

void LedgerInbox::take(LedgerBatch& batch) {
  batch.clear();
  std::lock_guard lock(mutex_);
  std::swap(inside_, batch);
  due_ = false;
}

uint64_t LedgerInbox::wakes() const {
  std::lock_guard lock(mutex_);
  return wakes_;
}

}  // namespace petrel
