// petrel-sim: schedules of the simulator. `./dev sim` calls it.
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>

#include "native/base/clock.h"
#include "native/base/log.h"
#include "native/base/mutant.h"
#include "tests/sim/schedule.h"
#include "tests/sim/sim_workers.h"

namespace petrel::sim {
namespace {

constexpr uint64_t kProgress = 5000;

struct Options {
  uint64_t seeds = 2000;
  uint64_t first = 1;
  bool one = false;  // --seed: one schedule, explained
  unsigned jobs = 2;
  std::string mutant;
  uint64_t most_failures = 3;
  ScheduleOptions schedule;
};

uint64_t current_seed = 0;

// A broken CHECK ends the process: say which seed did it.
void on_abort(int) {
  char text[80];
  const int n =
      std::snprintf(text, sizeof(text), "seed %llu ended in an abort: ./dev sim --seed %llu\n",
                    static_cast<unsigned long long>(current_seed), static_cast<unsigned long long>(current_seed));
  if (n > 0 && ::write(2, text, static_cast<size_t>(n)) < 0) std::_Exit(4);
  std::_Exit(3);
}

ScheduleResult run_named(uint64_t seed, const ScheduleOptions& options) {
  current_seed = seed;
  return run_schedule(seed, options);
}

void explain(const ScheduleResult& result) {
  fmt::print("seed {}: {}\n", result.seed, result.failure.empty() ? "every promise was kept" : result.failure);
  fmt::print("  {}\n", result.plan);
  fmt::print("faults:\n{}", result.faults);
  fmt::print("at the end:\n{}", result.cluster);
  fmt::print("last events:\n{}", result.last_events);
  const auto& c = result.counts;
  fmt::print(
      "roots {} attempts {} acked {} failed {} timed out {} host lost {} replayed {} received {}; {} events, {} ms "
      "simulated, trace {:016x}\n",
      c.roots, c.attempts, c.acked, c.failed, c.timed_out, c.host_lost, c.replayed, c.received, result.events,
      result.simulated_ms, result.trace_hash);
  for (const auto& [point, times] : result.reached) fmt::print("  {:<34} {}\n", point, times);
}

class Runner {
 public:
  explicit Runner(const Options& options) : options_(options), next_(options.first) {}

  int run() {
    const MonoTime begin = SystemClock::instance().now();
    SimWorkers workers(options_.jobs, options_.schedule, run_named);
    for (;;) {
      while (wants_more(workers.running()) && workers.start(next_)) ++next_;
      if (workers.running() == 0) break;
      take(workers.wait());
    }
    const auto took = std::chrono::duration_cast<Millis>(SystemClock::instance().now() - begin).count();
    fmt::print(
        "{} schedules ({} more did not count: no fault hit while 100 roots were pending), seeds {} to {}, {} failed; "
        "{} roots, {} tuples, {} s simulated in {}.{} s\n",
        counted_, void_, options_.first, next_ - 1, failures_, roots_, tuples_, simulated_ms_ / 1000, took / 1000,
        took % 1000 / 100);
    if (failures_ > 0) return 1;
    const bool mix = options_.mutant.empty() && !options_.schedule.only_graphs;
    return options_.seeds >= 2000 && mix ? check_sometimes() : 0;
  }

 private:
  bool wants_more(size_t running) const {
    if (failures_ >= options_.most_failures || counted_ + void_ > 3 * options_.seeds + 10) return false;
    return counted_ + running < options_.seeds;
  }

  void take(const ScheduleResult& result) {
    ++(result.counted ? counted_ : void_);
    if (result.counted && counted_ % kProgress == 0 && counted_ < options_.seeds) {
      fmt::print("  {} schedules so far, the newest of seed {}, {} failed\n", counted_, result.seed, failures_);
      std::fflush(stdout);
    }
    roots_ += result.counts.roots;
    tuples_ += result.counts.received;
    simulated_ms_ += result.simulated_ms;
    for (const auto& [point, times] : result.reached) {
      if (times > 0) ++reached_[point];
    }
    if (result.failure.empty()) return;
    ++failures_;
    fmt::print("seed {} failed: {}\n  again, with the last 200 events: ./dev sim {}--seed {}\n", result.seed,
               result.failure, options_.schedule.only_graphs ? "--graphs " : "", result.seed);
    std::fflush(stdout);
  }

  // A point that few schedules reach tests nothing: ten of 2,000 at least.
  int check_sometimes() {
    int missing = 0;
    for (const std::string& point : sometimes_points()) {
      if (reached_[point] * 2000 >= 10 * options_.seeds) continue;
      fmt::print("'{}' was reached in {} schedules only\n", point, reached_[point]);
      ++missing;
    }
    return missing == 0 ? 0 : 1;
  }

  const Options options_;
  uint64_t next_;
  uint64_t counted_ = 0;
  uint64_t void_ = 0;
  uint64_t failures_ = 0;
  uint64_t roots_ = 0;
  uint64_t tuples_ = 0;
  int64_t simulated_ms_ = 0;
  std::map<std::string, uint64_t> reached_;
};

bool parse_number(const char* text, uint64_t& out) {
  const char* end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, out);
  return error == std::errc() && rest == end;
}

int usage() {
  std::fprintf(
      stderr,
      "usage: petrel-sim [--seeds N] [--first S] [--jobs N] [--graphs] [--mutant NAME] | --seed S [--events N]\n");
  return 2;
}

int main(int argc, char** argv) {
  Options options;
  options.jobs = std::max(1U, std::thread::hardware_concurrency());
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--graphs") {
      options.schedule.only_graphs = true;
      continue;
    }
    if (i + 1 >= argc) return usage();
    const char* value = argv[++i];
    uint64_t number = 0;
    if (name == "--mutant") {
      options.mutant = value;
    } else if (!parse_number(value, number)) {
      return usage();
    } else if (name == "--seeds") {
      options.seeds = number;
    } else if (name == "--first") {
      options.first = number;
    } else if (name == "--jobs") {
      options.jobs = static_cast<unsigned>(number);
    } else if (name == "--events") {
      options.schedule.events = std::max<uint64_t>(1, number);
    } else if (name == "--seed") {
      options.one = true;
      options.schedule.explain = true;
      options.first = number;
    } else {
      return usage();
    }
  }
#ifdef PETREL_MUTANTS
  active_mutant() = options.mutant;
  options.most_failures = 1;
#else
  if (!options.mutant.empty()) {
    std::fprintf(stderr, "petrel-sim: this build has no mutants (./dev sim --mutants builds one that has)\n");
    return 2;
  }
#endif
  // Links say in their logs what faults do to them; here that is noise.
  configure_log(options.one ? LogLevel::kInfo : LogLevel::kError);
  std::signal(SIGABRT, on_abort);
  if (!options.one) return Runner(options).run();
  const ScheduleResult result = run_named(options.first, options.schedule);
  explain(result);
  return result.failure.empty() ? 0 : 1;
}

}  // namespace
}  // namespace petrel::sim

int main(int argc, char** argv) {
  return petrel::sim::main(argc, argv);
}
