#include "tests/sim/schedule.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/cluster.h"

namespace petrel::sim {
namespace {

enum class Fault {
  kCut,
  kHalfOpen,
  kStall,
  kSeparate,
  kKillHost,
  kKillManager,
  kKillMaster,
  kSecondMaster,
  kTear,
  kDeactivate,
  kPause,
  kSlow,
  kStalePlan,
  kMove
};
constexpr int kFaults = 14;
constexpr size_t kPendingLeast = 100;
constexpr Millis kFirstFault{300};
constexpr Millis kLastFault{3500};

NetworkProfile draw_network(Rng& rng) {
  NetworkProfile profile;
  profile.latency_max = std::chrono::microseconds(100 << rng.below(7));
  profile.bytes_per_second = 5'000'000ULL << rng.below(6);
  profile.buffer_bytes = size_t{16 * 1024} << rng.below(6);
  profile.split_percent = rng.below(3) == 0 ? 60 : 5;
  return profile;
}

class Schedule {
 public:
  Schedule(uint64_t seed, const ScheduleOptions& options)
      : events_(options.events),
        world_(seed, options.events),
        rng_(world_.rng(1)),
        plan_(SimPlan::draw(world_.rng(2), options.only_graphs)),
        network_(world_, draw_network(rng_), world_.rng(3)),
        oracle_(world_, plan_),
        disk_(world_),
        control_(world_),
        around_(surroundings()),
        cluster_(around_, network_) {}

  ScheduleResult run(bool explain) {
    cluster_.start();
    wait_until([this] { return cluster_.started(); }, Seconds(60), "the executors did not start");
    put_faults();
    world_.run_until(world_.now() + kLastFault + Millis(500));
    oracle_.stop_new_roots();
    world_.run_until(calm_);
    world_.trace("calm");
    oracle_.calm();
    drain();
    if (!world_.failed()) oracle_.check_end();
    deactivate();
    ScheduleResult result;
    result.cluster = explain || world_.failed() ? cluster_.describe() : "";
    cluster_.report();
    result.seed = world_.seed();
    result.failure = world_.failure();
    result.counted = counted_;
    result.trace_hash = world_.trace_hash();
    result.events = world_.events();
    result.simulated_ms = world_.now_ms();
    result.counts = oracle_.counts();
    result.reached = std::move(reached_);
    result.reached["host lost: roots failed at once"] += result.counts.host_lost;
    result.reached["time-out"] += result.counts.timed_out;
    result.reached["failed by a bolt"] += result.counts.failed;
    result.reached["replayed"] += result.counts.replayed;
    result.reached["connect refused"] += network_.refused_connects;
    result.reached["torn record noticed"] += disk_.noticed();
    result.reached["another topology master took over"] += control_.masters() > 1 ? control_.masters() - 1 : 0;
    if (explain || world_.failed()) {
      result.plan = plan_.describe();
      result.faults = faults_text_;
      result.last_events = world_.last_events(events_);
    }
    return result;
  }

 private:
  SimSurroundings surroundings() {
    SimSurroundings around;
    around.world = &world_;
    around.plan = &plan_;
    around.oracle = &oracle_;
    around.disk = &disk_;
    around.control = &control_;
    around.duplicate_percent = rng_.below(3) == 0 ? static_cast<uint32_t>(1 + rng_.below(20)) : 0;
    around.one_machine = rng_.below(3) == 0;
    around.reached = &reached_;
    return around;
  }

  template <typename Condition>
  void wait_until(Condition condition, Nanos most, const char* what) {
    const MonoTime end = world_.now() + most;
    while (!world_.failed() && !condition()) {
      if (world_.now() >= end) return world_.fail("liveness", what);
      world_.run_until(world_.now() + Millis(10));
    }
  }

  // Each seed uses some kinds of fault only, so that combinations of few kinds are frequent too.
  void put_faults() {
    std::vector<Fault> kinds;
    for (int kind = 0; kind < kFaults; ++kind) {
      if (rng_.below(3) == 0) kinds.push_back(static_cast<Fault>(kind));
    }
    if (kinds.empty()) kinds.push_back(static_cast<Fault>(rng_.below(kFaults)));
    calm_ = world_.now() + kLastFault + Millis(500);
    uint64_t count = 1 + rng_.below(7);
    // One killed host and nothing else: then every root that it held must fail at once, and none may time out.
    if (rng_.below(6) == 0) {
      kinds = {Fault::kKillHost};
      count = 1 + rng_.below(2);
    }
    // What is decided and written by one topology master, and may be read by another before and after it.
    if (rng_.below(12) == 0) {
      kinds = {Fault::kMove, Fault::kMove, Fault::kKillMaster, Fault::kSecondMaster, Fault::kKillHost};
      count = 4 + rng_.below(12);
    }
    for (uint64_t i = 0; i < count; ++i) {
      const Fault kind = kinds[rng_.below(kinds.size())];
      const auto span = static_cast<uint64_t>((kLastFault - kFirstFault).count());
      world_.after(kFirstFault + Millis(static_cast<int64_t>(rng_.below(span))), [this, kind] { strike(kind); });
    }
  }

  Nanos draw_time(int64_t least_ms, int64_t most_ms) {
    return Millis(least_ms + static_cast<int64_t>(rng_.below(static_cast<uint64_t>(most_ms - least_ms + 1))));
  }

  // Short ones are frequent, and one in six is longer than a lease.
  Nanos draw_outage() {
    switch (rng_.below(6)) {
      case 0:
        return draw_time(5000, 8000);
      case 1:
      case 2:
        return draw_time(500, 3000);
      default:
        return draw_time(5, 500);
    }
  }

  void hit(const std::string& what, Nanos lasts) {
    faults_text_ += fmt::format("  {:>6} ms  {} for {} ms, {} roots pending\n", world_.now_ms(), what,
                                std::chrono::duration_cast<Millis>(lasts).count(), oracle_.pending());
    if (oracle_.in_flight() >= kPendingLeast) counted_ = true;
    oracle_.disturbed(lasts);
    calm_ = std::max(calm_, world_.now() + lasts + Millis(100));
    ++reached_["fault: " + what.substr(0, what.find(' '))];
  }

  void strike(Fault kind) {
    const size_t connections = network_.open_connections();
    const size_t which = connections == 0 ? 0 : rng_.below(connections);
    switch (kind) {
      case Fault::kCut:
        if (connections == 0) return;
        hit("cut", Seconds(1));
        return network_.cut(which);
      case Fault::kHalfOpen:
        if (connections == 0) return;
        hit("half-open", Seconds(7));
        return network_.half_open(which, rng_.below(2) == 0, draw_time(0, 1000));
      case Fault::kStall: {
        if (connections == 0) return;
        const Nanos time = draw_outage();
        hit("stall", time + Seconds(1));
        return network_.stall(which, static_cast<int>(rng_.below(3)), time);
      }
      case Fault::kSeparate: {
        const auto containers = plan_.containers.size();
        if (containers < 2 || around_.one_machine) return;
        // 0: the machine of the topology master.
        const int a = static_cast<int>(rng_.below(containers + 1));
        const int b = 1 + static_cast<int>(rng_.below(containers));
        if (a == b) return;
        const Nanos time = draw_outage();
        hit(fmt::format("separate {} and {}", a, b), time + Seconds(2));
        return network_.separate(a, b, time);
      }
      case Fault::kSecondMaster: {
        const Nanos time = draw_time(200, 4000);
        hit("second topology master", time + Seconds(2));
        return cluster_.start_second_master(time);
      }
      case Fault::kTear: {
        const Nanos time = draw_time(200, 3000);
        hit("tear a record", time + Seconds(1));
        cluster_.tear(rng_, time);
        // Whoever comes back now has to read it.
        return kill_one(Cluster::Kind::kMaster, draw_time(10, 300));
      }
      case Fault::kDeactivate: {
        const Nanos time = draw_time(20, 2000);
        hit("deactivate", time + Seconds(1));
        cluster_.set_status(TopologyStatus::kInactive);
        world_.after(time, [this] { cluster_.set_status(TopologyStatus::kActive); });
        return;
      }
      case Fault::kMove:
        return move_one();
      case Fault::kKillHost:
        return kill_one(Cluster::Kind::kHost, draw_away());
      case Fault::kKillManager:
        return kill_one(Cluster::Kind::kManager, draw_away());
      case Fault::kKillMaster:
        return kill_one(Cluster::Kind::kMaster, draw_away());
      default:
        return strike_process(kind);
    }
  }

  Nanos draw_away() { return draw_time(10, rng_.below(2) == 0 ? 200 : 2500); }

  void kill_one(Cluster::Kind kind, Nanos away) {
    std::vector<size_t> alive;
    for (size_t i = 0; i < cluster_.processes(); ++i) {
      if (cluster_.kind(i) == kind && cluster_.is_alive(i)) alive.push_back(i);
    }
    if (alive.empty()) return;
    const size_t index = alive[rng_.below(alive.size())];
    const bool master = kind == Cluster::Kind::kMaster;
    // A host that comes back meanwhile waits for it.
    hit((master ? "end " : "kill ") + cluster_.name(index), away + Seconds(master ? 2 : 1));
    cluster_.kill(index, away);
  }

  // A stream manager can be in its container's host only when that has one.
  void move_one() {
    std::vector<int32_t> movable;
    for (const SimContainerPlan& container : plan_.containers) {
      if (container.slots.size() == 1) movable.push_back(container.id);
    }
    if (movable.empty()) return;
    const int32_t container = movable[rng_.below(movable.size())];
    hit(fmt::format("move the stream manager of container {}", container), Seconds(2));
    cluster_.move_manager(container);
    // And back, before everybody has heard of it.
    for (uint64_t more = rng_.below(3); more > 0; --more) {
      world_.after(draw_time(0, 300), [this, container] { cluster_.move_manager(container); });
    }
  }

  void strike_process(Fault kind) {
    const size_t index = rng_.below(cluster_.processes());
    if (!cluster_.is_alive(index) || cluster_.is_paused(index)) return;
    const std::string name = cluster_.name(index);
    const bool host = cluster_.kind(index) == Cluster::Kind::kHost;
    if (kind == Fault::kPause) {
      const Nanos time = draw_outage();
      hit("pause " + name, time);
      cluster_.pause(index, time, rng_.below(3) == 0, rng_.below(2) == 0);
    } else if (kind == Fault::kSlow) {
      if (!host) return;
      const Nanos time = draw_time(200, 3000);
      const auto factor = static_cast<uint32_t>(5 + rng_.below(100));
      hit(fmt::format("slow {} by {}", name, factor), time + Seconds(3));
      cluster_.slow(index, factor, time);
    } else if (kind == Fault::kStalePlan) {
      hit("stale plan at " + name, Nanos(0));
      cluster_.send_stale_plan(index);
    }
  }

  // Everything that was sent has come, everything that was emitted has an end, and nobody holds anything.
  void drain() {
    const Nanos most = 3 * plan_.timeout + Seconds(60);
    const MonoTime end = world_.now() + most;
    int calm_looks = 0;
    while (!world_.failed() && calm_looks < 4) {
      if (world_.now() >= end) {
        return world_.fail(
            "liveness",
            fmt::format("{} attempts pending and {} leaves out {} ms after the last fault; the cluster is {}",
                        oracle_.pending(), oracle_.in_flight(), std::chrono::duration_cast<Millis>(most).count(),
                        cluster_.quiet() ? "quiet" : "not quiet"));
      }
      world_.run_until(world_.now() + Millis(250));
      calm_looks = oracle_.finished() && cluster_.quiet() ? calm_looks + 1 : 0;
    }
  }

  // Markers go behind the last tuples, and every executor that has those of all its inputs says so.
  void deactivate() {
    if (world_.failed()) return;
    cluster_.drained();
    cluster_.set_status(TopologyStatus::kInactive);
    // A host whose connection to the topology master is dead in silence takes up to 25 s to notice.
    wait_until([this] { return cluster_.drained(); }, Seconds(40), "the deactivated topology was not drained");
    ++reached_["drained"];
  }

  const size_t events_;
  SimWorld world_;
  Rng rng_;
  SimPlan plan_;
  SimNetwork network_;
  Oracle oracle_;
  SimDisk disk_;
  ControlOracle control_;
  std::map<std::string, uint64_t> reached_;
  SimSurroundings around_;
  Cluster cluster_;
  MonoTime calm_{};
  bool counted_ = false;
  std::string faults_text_;
};

}  // namespace

const std::vector<std::string>& sometimes_points() {
  static const std::vector<std::string> points = {
      "fault: cut",
      "fault: half-open",
      "fault: stall",
      "fault: separate",
      "fault: kill",
      "fault: pause",
      "fault: slow",
      "fault: stale",
      "fault: end",
      "fault: second",
      "fault: tear",
      "fault: deactivate",
      "fault: move",
      "moved into a process",
      "moved into a host",
      "topology master: started again",
      "topology master: cannot start",
      "another topology master took over",
      "torn record noticed",
      "drained",
      "refused for credit",
      "credit came",
      "reservation served",
      "host link up",
      "manager: near link",
      "connect refused",
      "host lost",
      "host lost: roots failed at once",
      "bytes lost with a host",
      "stale record dropped",
      "time-out",
      "failed by a bolt",
      "replayed",
      "re-sent pieces",
      "resume",
      "probe",
      "dropped seen",
      "dropped gap",
      "acks merged",
      "acks seen",
      "acks gap",
      "acks dropped",
      "stale plan refused",
      "manager: stale plan refused",
      "manager: hosts lost",
      "manager drop: no link",
      "manager drop: host gone",
  };
  return points;
}

ScheduleResult run_schedule(uint64_t seed, const ScheduleOptions& options) {
  return Schedule(seed, options).run(options.explain);
}

}  // namespace petrel::sim
