#include "native/ledger/timing_wheel.h"

#include "native/base/check.h"

namespace petrel {
namespace {

uint32_t bucket_of(int64_t tick) {
  return static_cast<uint32_t>(tick) % TimingWheel::kBuckets;
}

}  // namespace

TimingWheel::TimingWheel(MonoTime start) : current_tick_(tick_of(start)) {
  heads_.fill(kNone);
}

void TimingWheel::arm(uint32_t index, MonoTime deadline) {
  disarm(index);
  const int64_t tick = due_tick(deadline, current_tick_);
  Link& link = links_[index];
  uint32_t& head = heads_[bucket_of(tick)];
  link = {.tick = tick, .previous = kNone, .next = head};
  if (head != kNone) links_[head].previous = index;
  head = index;
  ++armed_;
}

void TimingWheel::disarm(uint32_t index) {
  Link& link = links_[index];
  if (link.tick == kIdle) return;
  if (link.previous != kNone) {
    links_[link.previous].next = link.next;
  } else {
    heads_[bucket_of(link.tick)] = link.next;
  }
  if (link.next != kNone) links_[link.next].previous = link.previous;
  link = Link{};
  --armed_;
}

void TimingWheel::advance(MonoTime now, std::vector<uint32_t>& due) {
  const int64_t target = tick_of(now);
  if (target <= current_tick_) return;
  // After a pause of more than one turn each bucket needs to be looked at only once.
  const int64_t steps = std::min<int64_t>(target - current_tick_, kBuckets);
  for (int64_t step = 1; step <= steps && armed_ > 0; ++step) collect(bucket_of(current_tick_ + step), target, due);
  current_tick_ = target;
}

void TimingWheel::collect(uint32_t bucket, int64_t tick, std::vector<uint32_t>& due) {
  uint32_t index = heads_[bucket];
  while (index != kNone) {
    const uint32_t next = links_[index].next;
    if (links_[index].tick <= tick) {
      disarm(index);
      due.push_back(index);
    }
    index = next;
  }
}

}  // namespace petrel
