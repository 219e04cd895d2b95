// LeaseDelays: how late the signs of life of peers have come, one count for each second of a link. Whoever sends
// nothing for the lease interval sends a lease, so a sign of life that comes later than that was held up: here, there
// or on the way.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>

#include "native/base/clock.h"

namespace petrel {

/// Thread: any.
class LeaseDelays {
 public:
  /// [0] counts below 1 ms, [i] below 2^i ms, the last all others.
  static constexpr size_t kClasses = 14;
  using Counts = std::array<uint64_t, kClasses>;

  void add(int32_t container, Nanos delay) {
    size_t at = 0;
    while (at + 1 < kClasses && delay >= Millis(1LL << at)) ++at;
    const std::lock_guard lock(mutex_);
    ++counts_[container][at];
  }

  std::map<int32_t, Counts> counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<int32_t, Counts> counts_;  // of peers that have linked: containers of the plan
};

}  // namespace petrel
