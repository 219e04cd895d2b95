// TimingWheel: hashed wheel of small integers (slab indices) with a deadline each. Intrusive: arm and disarm are O(1)
// and allocate only when the range of indices grows.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "native/base/clock.h"

namespace petrel {

/// Thread: one owner.
class TimingWheel {
 public:
  static constexpr uint32_t kNone = 0xFFFFFFFF;
  static constexpr Nanos kTick = Millis(128);
  static constexpr uint32_t kBuckets = 1024;  // one turn is 131 s; a longer deadline stays for more turns

  explicit TimingWheel(MonoTime start);

  /// The number of the tick in which `time` lies.
  static int64_t tick_of(MonoTime time) { return time.time_since_epoch() / kTick; }
  /// The tick with which a deadline is due, which must not be `last` or before it: the first one whose beginning is not
  /// before the deadline.
  static int64_t due_tick(MonoTime deadline, int64_t last) {
    return std::max(tick_of(deadline - Nanos(1)) + 1, last + 1);
  }

  /// Room for indices below `size`.
  void resize(size_t size) { links_.resize(size); }
  /// Arms, or arms anew. Never due before `deadline`, due at most one tick after it.
  void arm(uint32_t index, MonoTime deadline);
  void disarm(uint32_t index);
  /// Disarms what is due at `now` and appends it to `due`. A `now` earlier than the last one changes nothing.
  void advance(MonoTime now, std::vector<uint32_t>& due);

  /// Everything due at or before this tick has been handed out.
  int64_t current_tick() const { return current_tick_; }
  size_t armed() const { return armed_; }
  size_t memory_bytes() const { return links_.capacity() * sizeof(Link) + sizeof(*this); }

 private:
  struct Link {
    int64_t tick = kIdle;
    uint32_t previous = kNone;  // kNone: first of its bucket
    uint32_t next = kNone;
  };
  static constexpr int64_t kIdle = -1;

  void collect(uint32_t bucket, int64_t tick, std::vector<uint32_t>& due);

  std::array<uint32_t, kBuckets> heads_;
  std::vector<Link> links_;
  int64_t current_tick_;
  size_t armed_ = 0;
};

}  // namespace petrel
