// SimWorkers: schedules in processes of their own, one at a time in each. In a process with one thread, locks and
// counts of references cost little, and a broken CHECK ends a schedule and not the whole run.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "tests/sim/schedule.h"

namespace petrel::sim {

/// Thread: one, and the process has no other.
class SimWorkers {
 public:
  /// `schedule` runs in the workers.
  using Schedule = ScheduleResult (*)(uint64_t seed, const ScheduleOptions& options);
  SimWorkers(unsigned jobs, const ScheduleOptions& options, Schedule schedule = run_schedule);
  ~SimWorkers();
  SimWorkers(const SimWorkers&) = delete;

  /// False: all of them are busy.
  bool start(uint64_t seed);
  size_t running() const;
  /// Waits until one of those that were started has ended; there is one. Without the texts for people. A worker that
  /// died is a failure, and another takes its place.
  ScheduleResult wait();

 private:
  struct Worker {
    pid_t pid = 0;
    int fd = -1;
    uint64_t seed = 0;
    bool busy = false;
  };
  void fork_worker(Worker& worker);
  [[noreturn]] void work(int fd) const;
  ScheduleResult take(Worker& worker);

  const ScheduleOptions options_;
  const Schedule schedule_;
  std::vector<Worker> workers_;
};

}  // namespace petrel::sim
