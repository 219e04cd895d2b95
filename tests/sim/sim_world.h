// SimWorld: one event queue, one simulated time, one seed. Everything that happens in a schedule happens as an event
// here, so that the same seed gives the same schedule.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "native/base/clock.h"
#include "native/base/rng.h"

namespace petrel::sim {

/// Thread: one thread per world; worlds share nothing.
class SimWorld {
 public:
  using Callback = std::function<void()>;
  using EventId = uint64_t;  // 0 is never given out

  /// `kept_lines`: of the trace, for last_events().
  explicit SimWorld(uint64_t seed, size_t kept_lines = 256);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;

  uint64_t seed() const { return seed_; }
  const Clock& clock() const { return clock_; }
  MonoTime now() const { return clock_.now(); }
  /// Milliseconds since the schedule began.
  int64_t now_ms() const;
  /// A generator of its own for every owner: what one draws does not move another.
  Rng rng(uint64_t owner) const { return Rng(seed_).split(owner); }

  /// Runs `callback` at `when` (now, when that is past), after everything that was put at the same time before.
  template <typename F>
  EventId at(MonoTime when, F callback) {
    if constexpr (sizeof(F) > Slot::kRoom) {
      return at(when, [boxed = std::make_unique<F>(std::move(callback))] { (*boxed)(); });
    } else {
      const uint32_t index = take_slot();
      Slot& slot = *slots_[index];
      new (static_cast<void*>(slot.room)) F(std::move(callback));
      slot.run = [](void* room) { (*static_cast<F*>(room))(); };
      slot.destroy = [](void* room) { static_cast<F*>(room)->~F(); };
      return put(when, index);
    }
  }
  template <typename F>
  EventId after(Nanos delay, F callback) {
    return at(now() + delay, std::move(callback));
  }
  void cancel(EventId event);
  /// False when nothing is left, `end` is reached (time then stands there) or the schedule has failed.
  bool run_one(MonoTime end);
  void run_until(MonoTime end);
  uint64_t events() const { return events_run_; }

  /// One line of the trace: goes into the hash, and into the ring of the last events. `kind` is a literal.
  void trace(const char* kind, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0);
  uint64_t trace_hash() const { return hash_; }
  std::string last_events(size_t count) const;

  /// A broken promise: the first one stays, and the schedule ends.
  void fail(const std::string& rule, const std::string& text);
  bool failed() const { return !failure_.empty(); }
  const std::string& failure() const { return failure_; }

  /// Ends of simulated processes, for Reactor::when_process_ends.
  void process_started(int pid);
  void process_ended(int pid);
  void when_process_ends(int pid, Callback callback);

 private:
  /// Holds a callback where it is until it has run: no event is allocated.
  struct Slot {
    static constexpr size_t kRoom = 64;
    alignas(std::max_align_t) std::byte room[kRoom];
    void (*run)(void*) = nullptr;
    void (*destroy)(void*) = nullptr;
    uint32_t generation = 0;
    bool used = false;  // will run
  };
  struct Due {
    MonoTime when;
    uint64_t order;
    uint32_t slot;
  };
  struct Later {
    bool operator()(const Due& a, const Due& b) const { return a.when != b.when ? a.when > b.when : a.order > b.order; }
  };
  struct Line {
    int64_t at_us;
    const char* kind;
    uint64_t a, b, c;
  };
  uint32_t take_slot();
  EventId put(MonoTime when, uint32_t index);
  void free_slot(uint32_t index) { free_slots_.push_back(index); }
  void drop_cancelled();
  bool next_slot(MonoTime end, uint32_t& index);
  void mix(uint64_t value);

  const uint64_t seed_;
  ManualClock clock_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<uint32_t> free_slots_;
  // What is due now came after all that the heap has of this time: no order is needed. A cancelled event keeps its slot
  // until it is taken out here.
  std::deque<uint32_t> due_now_;
  std::vector<Due> heap_;
  size_t cancelled_ = 0;
  uint64_t next_order_ = 0;
  uint64_t events_run_ = 0;
  uint64_t hash_ = 0xcbf29ce484222325ULL;
  std::vector<Line> ring_;
  uint64_t lines_ = 0;
  std::string failure_;
  std::map<int, std::vector<Callback>> processes_;  // alive ones, with who waits for their end
};

}  // namespace petrel::sim
