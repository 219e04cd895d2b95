// LogLimit: a line that others can cause as often as they like is written the first time, then at most once an interval
// with the number of those that were not.
#pragma once

#include <cstdint>
#include <optional>

#include "native/base/clock.h"

namespace petrel {

/// Thread: one owner.
class LogLimit {
 public:
  explicit LogLimit(Nanos interval = Seconds(10)) : interval_(interval) {}

  /// A value when the line is to be written now: how many were left out since the last one.
  std::optional<uint64_t> pass(MonoTime now) {
    if (next_ && now < *next_) {
      ++left_out_;
      return std::nullopt;
    }
    next_ = now + interval_;
    const uint64_t left_out = left_out_;
    left_out_ = 0;
    return left_out;
  }

 private:
  const Nanos interval_;
  std::optional<MonoTime> next_;
  uint64_t left_out_ = 0;
};

}  // namespace petrel
