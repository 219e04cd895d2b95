// Some schedules with the unit tests (and so under sanitizers), that one seed is one schedule, and that the oracle
// sees.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>

#include "native/base/log.h"
#include "tests/sim/sim_workers.h"

namespace petrel::sim {
namespace {

class SimTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { configure_log(LogLevel::kError); }
};

TEST_F(SimTest, SixtySchedulesKeepEveryPromise) {
  uint64_t counted = 0;
  for (uint64_t seed = 100'001; seed <= 100'060; ++seed) {
    const ScheduleResult result = run_schedule(seed);
    EXPECT_EQ(result.failure, "") << "./dev sim --seed " << seed;
    counted += result.counted ? 1 : 0;
  }
  EXPECT_GE(counted, 40u);
}

TEST_F(SimTest, GraphsWithCyclesDoNotDeadlock) {
  for (uint64_t seed = 200'001; seed <= 200'030; ++seed) {
    EXPECT_EQ(run_schedule(seed, {.only_graphs = true}).failure, "") << "./dev sim --graphs --seed " << seed;
  }
}

TEST_F(SimTest, TheSameSeedTwiceIsTheSameSchedule) {
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    const ScheduleResult first = run_schedule(seed);
    const ScheduleResult second = run_schedule(seed);
    EXPECT_EQ(first.trace_hash, second.trace_hash) << seed;
    EXPECT_EQ(first.events, second.events) << seed;
    EXPECT_EQ(first.reached, second.reached) << seed;
    EXPECT_NE(first.trace_hash, run_schedule(seed + 1000).trace_hash) << seed;
  }
}

TEST_F(SimTest, AWorkerIsTheSameSchedule) {
  constexpr uint64_t kSeeds = 6;
  SimWorkers workers(2, {});
  uint64_t next = 1;
  std::map<uint64_t, ScheduleResult> results;
  while (results.size() < kSeeds) {
    while (next <= kSeeds && workers.start(next)) ++next;
    ScheduleResult result = workers.wait();
    results[result.seed] = std::move(result);
  }
  EXPECT_EQ(workers.running(), 0u);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const ScheduleResult here = run_schedule(seed);
    EXPECT_EQ(results[seed].trace_hash, here.trace_hash) << seed;
    EXPECT_EQ(results[seed].reached, here.reached) << seed;
    EXPECT_EQ(results[seed].counts.received, here.counts.received) << seed;
    EXPECT_EQ(results[seed].counted, here.counted) << seed;
  }
}

TEST_F(SimTest, AWorkerThatDiesIsAFailureOfItsSeedOnly) {
  SimWorkers workers(1, {}, [](uint64_t seed, const ScheduleOptions&) {
    if (seed == 2) std::_Exit(7);
    ScheduleResult result;
    result.seed = seed;
    result.failure = seed == 3 ? "a failure" : "";
    return result;
  });
  const std::map<uint64_t, std::string> expected = {{1, ""}, {2, "its process ended with code 7"}, {3, "a failure"}};
  for (const auto& [seed, failure] : expected) {
    ASSERT_TRUE(workers.start(seed));
    EXPECT_FALSE(workers.start(99)) << "it is busy";
    const ScheduleResult result = workers.wait();
    EXPECT_EQ(result.seed, seed);
    EXPECT_EQ(result.failure, failure);
  }
}

// The oracle on small histories: each broken promise is seen, and a good history is not complained about.
class OracleTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kRoot = 0x401000000001;
  OracleTest() : plan(acking_plan()), spout(plan.components[0].first_task), oracle(world, plan) {}
  static SimPlan acking_plan() {
    for (uint64_t seed = 1;; ++seed) {
      SimPlan plan = SimPlan::draw(Rng(seed));
      if (plan.acking && plan.forget_per_million == 0 && plan.fail_per_million == 0 && plan.shape == "chain")
        return plan;
    }
  }
  void emit(uint64_t root = kRoot, uint32_t number = 1) { oracle.emitted(root, spout, number); }
  // All leaves of the root, found by walking the plan.
  std::vector<uint64_t> leaves(uint32_t number = 1) {
    std::vector<uint64_t> paths;
    walk(plan.executor_of(spout).component, SimPlan::root_path(spout, number), paths);
    return paths;
  }
  void walk(int component, uint64_t path, std::vector<uint64_t>& paths) {
    if (plan.components[static_cast<size_t>(component)].role == SimRole::kSink) return paths.push_back(path);
    std::vector<SimChild> children;
    plan.children(component, path, plan.turns, children);
    for (const SimChild& child : children) {
      const SimComponent& to = plan.components[static_cast<size_t>(child.edge->to)];
      if (child.edge->grouping != SimGrouping::kAll) {
        walk(child.edge->to, child.path, paths);
        continue;
      }
      for (int32_t t = to.first_task; t < to.first_task + to.tasks; ++t)
        walk(child.edge->to, SimPlan::all_path(child.path, t), paths);
    }
  }
  void wait(Nanos time) { world.run_until(world.now() + time); }
  std::string broken() const { return world.failure().substr(0, world.failure().find(' ')); }

  SimWorld world{1};
  SimPlan plan;
  int32_t spout;
  Oracle oracle;
};

TEST_F(OracleTest, AGoodHistoryIsFine) {
  emit();
  for (const uint64_t path : leaves()) oracle.leaf(kRoot, path);
  oracle.completed(kRoot, CompletionKind::kAck);
  oracle.stop_new_roots();
  oracle.check_end();
  EXPECT_TRUE(oracle.finished());
  EXPECT_EQ(world.failure(), "");
}

TEST_F(OracleTest, AnAckBeforeTheLastLeaf) {
  emit();
  const std::vector<uint64_t> all = leaves();
  for (size_t i = 0; i + 1 < all.size(); ++i) oracle.leaf(kRoot, all[i]);
  oracle.completed(kRoot, CompletionKind::kAck);
  EXPECT_EQ(broken(), "ALO2");
}

TEST_F(OracleTest, ALeafTwice) {
  emit();
  oracle.leaf(kRoot, leaves()[0]);
  oracle.leaf(kRoot, leaves()[0]);
  EXPECT_EQ(broken(), "AMO1");
}

TEST_F(OracleTest, AnEndTwiceAndNoEnd) {
  emit();
  oracle.failed(kRoot);
  oracle.completed(kRoot, CompletionKind::kFail);
  EXPECT_EQ(world.failure(), "");
  EXPECT_EQ(oracle.next_number(spout), 1u);  // it is sent again
  oracle.check_end();
  EXPECT_EQ(broken(), "ALO1");
}

TEST_F(OracleTest, FailsWithoutACause) {
  emit();
  oracle.completed(kRoot, CompletionKind::kFail);
  EXPECT_EQ(broken(), "ALO4");
}

TEST_F(OracleTest, ALostHostThatNobodyKilled) {
  emit();
  oracle.completed(kRoot, CompletionKind::kHostLost);
  EXPECT_EQ(broken(), "ALO4");
}

TEST_F(OracleTest, TimeOutsEarlyAndLate) {
  emit();
  oracle.forgotten(kRoot);
  wait(plan.timeout - Millis(1));
  oracle.completed(kRoot, CompletionKind::kTimeout);
  EXPECT_EQ(broken(), "ALO4");
}

TEST_F(OracleTest, ATimeOutTooLate) {
  emit();
  oracle.forgotten(kRoot);
  wait(plan.timeout + Millis(1200));
  oracle.completed(kRoot, CompletionKind::kTimeout);
  EXPECT_EQ(broken(), "ALO5");
}

TEST_F(OracleTest, OrderAndHoles) {
  emit();
  for (uint32_t serial : {3, 5, 6}) oracle.sent(spout, 1, 4, serial);
  const auto receive = [&](uint32_t incarnation, uint32_t serial) {
    oracle.received({kRoot, 0, spout, incarnation, 4, serial}, 1);
  };
  receive(1, 3);
  receive(1, 5);
  EXPECT_EQ(world.failure(), "");
  receive(1, 5);
  EXPECT_EQ(broken(), "ORD1");
}

TEST_F(OracleTest, AHole) {
  emit();
  for (uint32_t serial : {3, 5, 6}) oracle.sent(spout, 1, 4, serial);
  oracle.received({kRoot, 0, spout, 1, 4, 3}, 1);
  EXPECT_EQ(world.failure(), "");
  oracle.received({kRoot, 0, spout, 1, 4, 6}, 1);
  EXPECT_EQ(broken(), "ORD1");
}

TEST_F(OracleTest, AnOlderIncarnationAfterANewerOne) {
  emit();
  oracle.host_killed(plan.slot_of(spout));
  oracle.sent(spout, 2, 4, 7);
  oracle.sent(spout, 1, 4, 8);
  oracle.received({kRoot, 0, spout, 2, 4, 7}, 1);
  EXPECT_EQ(world.failure(), "");
  oracle.received({kRoot, 0, spout, 1, 4, 8}, 1);
  EXPECT_EQ(broken(), "ORD3");
}

TEST_F(OracleTest, ATupleThatNobodySent) {
  emit();
  oracle.sent(spout, 1, 5, 1);
  oracle.received({kRoot, 0, spout, 1, 4, 1}, 1);
  EXPECT_EQ(broken(), "ALO6");
}

}  // namespace
}  // namespace petrel::sim
