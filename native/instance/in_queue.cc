#include "native/instance/in_queue.h"

#include <algorithm>

namespace petrel {
namespace {

size_t own_bytes(const InItem& item) {
  return item.kind == InItem::Kind::kSection ? 0 : item.bytes;
}

}  // namespace

void InQueue::add(InItem&& item) {
  bytes_ += item.bytes;
  own_bytes_ += own_bytes(item);
  tuples_ += item.tuples;
  if (item.inner) inner_bytes_ += item.bytes;
  item.number = ++number_;
  items_[item.inner ? 1 : 0].push_back(std::move(item));
  look();
}

void InQueue::look() {
  for (WaterMark& mark : marks_) mark.look(mark.inner_only ? inner_bytes_ : bytes_);
}

bool InQueue::try_push(InItem& item, bool inner) {
  {
    std::lock_guard lock(mutex_);
    if (!inner && own_bytes_ >= limit_bytes_) return false;
    item.inner = inner;
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

std::optional<InItem> InQueue::poll(bool inner_only) {
  std::lock_guard lock(mutex_);
  auto& [outer, inner] = items_;
  const bool from_inner =
      inner_only || outer.empty() || (!inner.empty() && inner.front().number < outer.front().number);
  std::deque<InItem>& from = from_inner ? inner : outer;
  if (from.empty()) return std::nullopt;
  InItem item = std::move(from.front());
  from.pop_front();
  return item;
}

void InQueue::release(const InItem& item) {
  std::vector<Waker*> woken;
  {
    std::lock_guard lock(mutex_);
    bytes_ -= item.bytes;
    own_bytes_ -= own_bytes(item);
    tuples_ -= item.tuples;
    if (item.inner) inner_bytes_ -= item.bytes;
    look();
    if (own_bytes_ < limit_bytes_ / 2) woken.swap(waiting_);
  }
  for (Waker* writer : woken) writer->wake();
}

bool InQueue::empty(bool inner_only) const {
  std::lock_guard lock(mutex_);
  return items_[1].empty() && (inner_only || items_[0].empty());
}

size_t InQueue::inner_bytes() const {
  std::lock_guard lock(mutex_);
  return inner_bytes_;
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
