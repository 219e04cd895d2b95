// Counters of an executor, as proto ExecutorSample shows them.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "native/base/rng.h"

namespace petrel {

/// One writer, any readers: a reader may see it a moment late.
class Count {
 public:
  void add(int64_t by) { value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed); }
  void set(int64_t to) { value_.store(to, std::memory_order_relaxed); }
  int64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

/// Of one output stream.
struct OutputCounts {
  std::string stream;
  Count emitted;
  Count transferred;
  Count acked;
  Count failed;
  Count complete_ns;
  Count complete_samples;
};

/// Of one input: stream of a component.
struct InputCounts {
  std::string component;
  std::string stream;
  Count acked;
  Count failed;
  Count executed;
  Count execute_ns;
  Count execute_samples;
  Count process_ns;
  Count process_samples;
};

/// One in so many, at a random place in each run of so many, as Storm samples. Thread: one.
class Sampler {
 public:
  /// rate 1 = all, 0.05 = one in twenty; 0 or less = none.
  Sampler(double rate, uint64_t seed) : rng_(seed) {
    if (rate > 0) every_ = rate >= 1 ? 1 : static_cast<uint64_t>(1 / rate + 0.5);
    if (every_ > 1'000'000) every_ = 1'000'000;
    if (every_ > 1) target_ = rng_.below(every_);
  }
  bool take() {
    if (every_ <= 1) return every_ == 1;
    const bool hit = at_ == target_;
    if (++at_ == every_) {
      at_ = 0;
      target_ = rng_.below(every_);
    }
    return hit;
  }

 private:
  uint64_t every_ = 0;
  uint64_t at_ = 0;
  uint64_t target_ = 0;
  Rng rng_;
};

}  // namespace petrel
