#include "native/instance/in_queue.h"

#include <algorithm>

namespace petrel {

void InQueue::add(InItem&& item) {
  bytes_ += item.bytes;
  tuples_ += item.tuples;
  items_.push_back(std::move(item));
}

bool InQueue::try_push(InItem& item, bool inner) {
  {
    std::lock_guard lock(mutex_);
    if (!inner && bytes_ >= limit_bytes_) return false;
    add(std::move(item));
  }
  reader_.wake();
  return true;
}

void InQueue::push(InItem item) {
  {
    std::lock_guard lock(mutex_);
    add(std::move(item));
  }
  reader_.wake();
}

void InQueue::await(Waker& writer) {
  std::lock_guard lock(mutex_);
  if (std::find(waiting_.begin(), waiting_.end(), &writer) == waiting_.end()) waiting_.push_back(&writer);
}

std::optional<InItem> InQueue::poll() {
  std::lock_guard lock(mutex_);
  if (items_.empty()) return std::nullopt;
  InItem item = std::move(items_.front());
  items_.pop_front();
  return item;
}

void InQueue::release(size_t bytes, size_t tuples) {
  std::vector<Waker*> woken;
  {
    std::lock_guard lock(mutex_);
    bytes_ -= bytes;
    tuples_ -= tuples;
    if (bytes_ < limit_bytes_ / 2) woken.swap(waiting_);
  }
  for (Waker* writer : woken) writer->wake();
}

bool InQueue::empty() const {
  std::lock_guard lock(mutex_);
  return items_.empty();
}

size_t InQueue::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

size_t InQueue::tuples() const {
  std::lock_guard lock(mutex_);
  return tuples_;
}

}  // namespace petrel
