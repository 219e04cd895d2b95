// SimWorld: one event queue, one simulated time, one seed. Everything that happens in a schedule happens as an event
// here, so that the same seed gives the same schedule.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
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
  SimWorld(const SimWorld&) = delete;

  uint64_t seed() const { return seed_; }
  const Clock& clock() const { return clock_; }
  MonoTime now() const { return clock_.now(); }
  /// Milliseconds since the schedule began.
  int64_t now_ms() const;
  /// A generator of its own for every owner: what one draws does not move another.
  Rng rng(uint64_t owner) const { return Rng(seed_).split(owner); }

  /// Runs `callback` at `when` (now, when that is past), after everything that was put at the same time before.
  EventId at(MonoTime when, Callback callback);
  EventId after(Nanos delay, Callback callback) { return at(now() + delay, std::move(callback)); }
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
  struct Slot {
    Callback callback;
    uint32_t generation = 0;
    bool used = false;
  };
  struct Due {
    MonoTime when;
    uint64_t order;
    uint32_t slot;
    uint32_t generation;
  };
  struct Later {
    bool operator()(const Due& a, const Due& b) const { return a.when != b.when ? a.when > b.when : a.order > b.order; }
  };
  struct Line {
    int64_t at_us;
    const char* kind;
    uint64_t a, b, c;
  };
  void mix(uint64_t value);

  const uint64_t seed_;
  ManualClock clock_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  std::vector<Due> heap_;
  uint64_t next_order_ = 0;
  uint64_t events_run_ = 0;
  uint64_t hash_ = 0xcbf29ce484222325ULL;
  std::vector<Line> ring_;
  uint64_t lines_ = 0;
  std::string failure_;
  std::map<int, std::vector<Callback>> processes_;  // alive ones, with who waits for their end
};

}  // namespace petrel::sim
