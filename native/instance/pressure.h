// Pressure: what the queues of this host ask to be held back, here and in all other hosts, and what those ask here: a
// bit for all spouts, and one for the way into each cycle (docs/links.md). Twin of io.petrel.host.Pressure.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>

namespace petrel {

/// Thread: any.
class Pressure {
 public:
  static constexpr uint16_t kSpouts = 1;  // petrel.flow.control: spout_back_pressure
  /// Two cycles may share a bit, and then wait for each other.
  static uint16_t cycle_bit(size_t number) { return static_cast<uint16_t>(1U << (1 + number % (kBits - 1))); }

  /// `publish` tells the other hosts what this one asks; `released`: something need not be held back any more. Neither
  /// may wait. Before the first raise().
  void connect(std::function<void(uint16_t)> publish, std::function<void()> released);
  /// One queue more asks for this.
  void raise(uint16_t bit);
  void lower(uint16_t bit);
  /// What all other hosts ask.
  void others(uint16_t bits);
  bool holds(uint16_t bit) const { return (all_ & bit) != 0; }

 private:
  static constexpr size_t kBits = 16;
  void tell(uint16_t bits);
  void update();

  std::function<void(uint16_t)> publish_;
  std::function<void()> released_;
  std::mutex mutex_;
  std::array<int, kBits> raised_{};
  uint16_t own_ = 0;
  uint16_t others_ = 0;
  std::atomic<uint16_t> all_{0};
};

/// From the time that a number of bytes reaches `high` until it has fallen to `low`, this asks for pressure.
/// Thread: one at a time.
struct WaterMark {
  Pressure* pressure = nullptr;
  uint16_t bit = 0;
  size_t high = 0;
  size_t low = 0;
  bool inner_only = false;  // of a queue: only what came over edges inside a cycle
  bool above = false;

  void look(size_t bytes);
};

}  // namespace petrel
