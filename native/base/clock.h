// Clock: the only source of time. Everything that measures or waits takes a Clock& so that a simulator can own time.
#pragma once

#include <chrono>
#include <cstdint>

namespace petrel {

using Nanos = std::chrono::nanoseconds;
using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;
/// Monotonic time since an arbitrary start; the same for all processes of a machine (CLOCK_MONOTONIC).
using MonoTime = std::chrono::time_point<std::chrono::steady_clock, Nanos>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonoTime now() const = 0;
  /// Wall clock, milliseconds since 1970, for ids, logs and Storm's time fields. Never for intervals.
  virtual int64_t wall_ms() const = 0;
};

/// The machine's clocks. Thread-safe.
class SystemClock : public Clock {
 public:
  MonoTime now() const override;
  int64_t wall_ms() const override;
  static SystemClock& instance();
};

/// Stands still until told. Thread: one thread only.
class ManualClock : public Clock {
 public:
  MonoTime now() const override { return now_; }
  int64_t wall_ms() const override { return wall_ms_; }
  void advance(Nanos by) {
    now_ += by;
    wall_ms_ += std::chrono::duration_cast<Millis>(by).count();
  }

 private:
  MonoTime now_{};
  int64_t wall_ms_ = 1'700'000'000'000;
};

}  // namespace petrel
