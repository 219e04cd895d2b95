// Runs over every row of scheduler_registry().
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "native/base/file.h"
#include "native/base/rng.h"
#include "native/scheduler/scheduler_registry.h"

namespace petrel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Crash {};

proto::ContainerSpec spec(const std::string& id, int32_t container) {
  proto::ContainerSpec spec;
  spec.set_topology_id(id);
  spec.set_container_id(container);
  spec.set_secret(std::string(32, 's'));
  return spec;
}

ContainerRef ref(const std::string& id, int32_t container) {
  return {TopologyId(id), ContainerId(container)};
}

class SchedulerContract : public testing::TestWithParam<SchedulerRow> {
 protected:
  void SetUp() override { reset(); }
  void TearDown() override { std::filesystem::remove_all(home); }
  void reset() {
    if (!home.empty()) std::filesystem::remove_all(home);
    home = testing::TempDir() + "/scheduler-" + std::to_string(system_entropy());
    ASSERT_TRUE(make_directories(home).ok());
    scheduler = GetParam().make(home, nullptr);
  }
  /// A scheduler whose process dies before its n-th step; tells whether it died.
  bool dies_at(int n, const std::function<Status(Scheduler&)>& call) {
    int steps = 0;
    auto mortal = GetParam().make(home, [&](const char*) {
      if (++steps == n) throw Crash();
    });
    try {
      EXPECT_TRUE(call(*mortal).ok());
      return false;
    } catch (const Crash&) {
      return true;
    }
  }

  std::string home;
  std::unique_ptr<Scheduler> scheduler;
};

TEST_P(SchedulerContract, LaunchListKill) {
  EXPECT_THAT(*scheduler->list(), IsEmpty());
  ASSERT_TRUE(scheduler->launch({spec("b-2-2", 0), spec("b-2-2", 1)}).ok());
  ASSERT_TRUE(scheduler->launch({spec("a-1-1", 0)}).ok());
  EXPECT_THAT(*scheduler->list(), ElementsAre(ref("a-1-1", 0), ref("b-2-2", 0), ref("b-2-2", 1)));
  EXPECT_TRUE(scheduler->kill(TopologyId("b-2-2")).ok());
  EXPECT_TRUE(scheduler->kill(TopologyId("b-2-2")).ok());
  EXPECT_THAT(*scheduler->list(), ElementsAre(ref("a-1-1", 0)));
}

TEST_P(SchedulerContract, LaunchAgainBringsIntoLine) {
  ASSERT_TRUE(scheduler->launch({spec("a", 0), spec("a", 1), spec("a", 2)}).ok());
  ASSERT_TRUE(scheduler->launch({spec("a", 0), spec("a", 3)}).ok());
  EXPECT_THAT(*scheduler->list(), ElementsAre(ref("a", 0), ref("a", 3)));
}

TEST_P(SchedulerContract, RestartNeedsAContainer) {
  ASSERT_TRUE(scheduler->launch({spec("a", 1)}).ok());
  EXPECT_TRUE(scheduler->restart(TopologyId("a"), ContainerId(1)).ok());
  EXPECT_EQ(scheduler->restart(TopologyId("a"), ContainerId(2)).code(), StatusCode::kNotFound);
  EXPECT_EQ(scheduler->restart(TopologyId("b"), ContainerId(1)).code(), StatusCode::kNotFound);
}

TEST_P(SchedulerContract, BadSpecsAreRefused) {
  EXPECT_EQ(scheduler->launch({}).code(), StatusCode::kMalformed);
  EXPECT_EQ(scheduler->launch({spec("a", 0), spec("b", 1)}).code(), StatusCode::kMalformed);
  EXPECT_EQ(scheduler->launch({spec("a", 1), spec("a", 1)}).code(), StatusCode::kMalformed);
  EXPECT_EQ(scheduler->launch({spec("a", -1)}).code(), StatusCode::kMalformed);
  for (const std::string& id : {std::string(), std::string("../x"), std::string(".x"), std::string(201, 'x')}) {
    EXPECT_EQ(scheduler->launch({spec(id, 0)}).code(), StatusCode::kMalformed) << id;
    EXPECT_EQ(scheduler->kill(TopologyId(id)).code(), StatusCode::kMalformed) << id;
  }
  EXPECT_THAT(*scheduler->list(), IsEmpty());
}

TEST_P(SchedulerContract, ACrashAtAnyStepOfAFirstLaunchShowsAllOrNothingAndARepeatMendsIt) {
  const auto launch = [](Scheduler& s) { return s.launch({spec("a", 0), spec("a", 1), spec("a", 2)}); };
  int crashes = 0;
  for (int n = 1; dies_at(n, launch); ++n, ++crashes) {
    const size_t shown = scheduler->list()->size();
    EXPECT_TRUE(shown == 0 || shown == 3) << "step " << n << " shows " << shown;
    ASSERT_TRUE(launch(*scheduler).ok());
    EXPECT_EQ(scheduler->list()->size(), 3u);
    reset();
  }
  EXPECT_GE(crashes, 3);
}

TEST_P(SchedulerContract, ACrashAtAnyStepOfAKillIsMendedByARepeat) {
  const auto kill = [](Scheduler& s) { return s.kill(TopologyId("a")); };
  int crashes = 0;
  for (int n = 1;; ++n, ++crashes) {
    ASSERT_TRUE(scheduler->launch({spec("a", 0), spec("a", 1)}).ok());
    if (!dies_at(n, kill)) break;
    const size_t shown = scheduler->list()->size();
    EXPECT_TRUE(shown == 0 || shown == 2) << "step " << n << " shows " << shown;
    ASSERT_TRUE(kill(*scheduler).ok());
    EXPECT_THAT(*scheduler->list(), IsEmpty());
  }
  EXPECT_GE(crashes, 2);
}

TEST_P(SchedulerContract, ACrashInASecondLaunchIsMendedByARepeat) {
  const auto launch = [](Scheduler& s) { return s.launch({spec("a", 0), spec("a", 5)}); };
  for (int n = 1;; ++n) {
    ASSERT_TRUE(scheduler->launch({spec("a", 0), spec("a", 1), spec("a", 2)}).ok());
    const bool died = dies_at(n, launch);
    ASSERT_TRUE(launch(*scheduler).ok());
    EXPECT_THAT(*scheduler->list(), ElementsAre(ref("a", 0), ref("a", 5)));
    if (!died) break;
  }
}

TEST_P(SchedulerContract, LivingIsEmptyBeforeAnythingRan) {
  EXPECT_THAT(*scheduler->living(TopologyId("a")), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(AllSchedulers, SchedulerContract, testing::ValuesIn(scheduler_registry()),
                         [](const auto& param_info) { return std::string(param_info.param.name); });

TEST(LocalScheduler, SpecFilesArePrivate) {
  const std::string home = testing::TempDir() + "/scheduler-mode-" + std::to_string(system_entropy());
  ASSERT_TRUE(make_directories(home).ok());
  auto scheduler = scheduler_registry()[0].make(home, nullptr);
  ASSERT_TRUE(scheduler->launch({spec("a", 0)}).ok());
  struct stat info{};
  ASSERT_EQ(stat((home + "/run/desired/a/0.spec").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  std::filesystem::remove_all(home);
}

}  // namespace
}  // namespace petrel
