#include "native/container/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "native/base/file.h"
#include "native/base/rng.h"
#include "native/container/fake_launcher.h"
#include "native/transport/manual_reactor.h"

namespace petrel {
namespace {

using testing::ElementsAre;
using testing::Pair;

class SupervisorTest : public testing::Test {
 protected:
  void SetUp() override {
    directory = testing::TempDir() + "/supervisor-" + std::to_string(system_entropy());
    ASSERT_TRUE(make_directories(directory).ok());
    renew();
  }
  void TearDown() override {
    supervisor.reset();
    std::filesystem::remove_all(directory);
  }
  /// As after a restart of the daemon: same disk, same processes, nothing in memory.
  void renew() { supervisor = std::make_unique<Supervisor>(reactor, launcher); }
  SupervisedProcess process(const std::string& name = "host") {
    SupervisedProcess process;
    process.name = name;
    process.stem = directory + "/" + name;
    process.make_spec = [this](Incarnation incarnation) -> Result<ProcessSpec> {
      incarnations.push_back(incarnation.get());
      ProcessSpec spec;
      spec.argv = {"/bin/host"};
      return spec;
    };
    return process;
  }
  void die(int code = 1) { launcher.end(launcher.last_pid, ExitStatus{code, {}}); }

  ManualReactor reactor;
  FakeLauncher launcher;
  std::string directory;
  std::unique_ptr<Supervisor> supervisor;
  std::vector<uint32_t> incarnations;
};

TEST_F(SupervisorTest, RestartsWithDoublingBackoffUpToTheLimit) {
  supervisor->add(process());
  ASSERT_EQ(launcher.spawned.size(), 1u);
  Nanos delay = Millis(100);
  for (int death = 0; death < 12; ++death) {
    const size_t before = launcher.spawned.size();
    die();
    reactor.advance(delay - Nanos(1));
    EXPECT_EQ(launcher.spawned.size(), before) << death;
    reactor.advance(Nanos(1));
    EXPECT_EQ(launcher.spawned.size(), before + 1) << death;
    delay = std::min<Nanos>(delay * 2, Seconds(30));
  }
  EXPECT_EQ(delay, Nanos(Seconds(30)));
}

TEST_F(SupervisorTest, ALongLifeResetsTheBackoff) {
  supervisor->add(process());
  for (int death = 0; death < 5; ++death) {
    die();
    reactor.advance(Seconds(30));
  }
  reactor.advance(Seconds(60));
  const size_t before = launcher.spawned.size();
  die();
  reactor.advance(Millis(100));
  EXPECT_EQ(launcher.spawned.size(), before + 1);
}

TEST_F(SupervisorTest, IncarnationsGrowOverRestartsOfTheSupervisorAndAreStoredBeforeTheStart) {
  auto watched = process();
  const std::string file = directory + "/host.incarnation";
  watched.make_spec = [&](Incarnation incarnation) -> Result<ProcessSpec> {
    EXPECT_EQ(*read_small_file(file, 100), fmt::format("{}\n", incarnation));
    incarnations.push_back(incarnation.get());
    ProcessSpec spec;
    spec.argv = {"/bin/host"};
    return spec;
  };
  supervisor->add(watched);
  die();
  reactor.advance(Seconds(1));
  die();
  renew();  // dies with a restart pending
  supervisor->add(watched);
  EXPECT_THAT(incarnations, ElementsAre(1, 2, 3));
  EXPECT_EQ(supervisor->list()[0].incarnation, Incarnation(3));
}

TEST_F(SupervisorTest, ADamagedIncarnationFileIsAnErrorAndNotANewBeginning) {
  ASSERT_TRUE(write_small_file(directory + "/host.incarnation", "garbage").ok());
  supervisor->add(process());
  EXPECT_TRUE(launcher.spawned.empty());
  EXPECT_THAT(supervisor->list()[0].last_exit, testing::HasSubstr("host.incarnation"));
}

TEST_F(SupervisorTest, AdoptsALivingProcessWithItsIncarnation) {
  supervisor->add(process());
  die();
  reactor.advance(Seconds(1));
  const pid_t pid = launcher.last_pid;
  renew();
  supervisor->add(process());
  EXPECT_EQ(launcher.spawned.size(), 2u);
  EXPECT_EQ(launcher.adopted.size(), 1u);
  auto state = supervisor->list()[0];
  EXPECT_TRUE(state.running);
  EXPECT_EQ(state.process.pid, pid);
  EXPECT_EQ(state.incarnation, Incarnation(2));
  EXPECT_EQ(state.starts, 0u);
  die();
  reactor.advance(Seconds(1));
  EXPECT_EQ(launcher.spawned.size(), 3u);
}

TEST_F(SupervisorTest, AReusedPidIsNotAdopted) {
  supervisor->add(process());
  auto file = read_pid_file(directory + "/host.pid");
  renew();
  ++file->process.start_time;
  ASSERT_TRUE(write_pid_file(directory + "/host.pid", file->process, "1").ok());
  supervisor->add(process());
  EXPECT_EQ(launcher.spawned.size(), 2u);
}

TEST_F(SupervisorTest, TheExitFileTellsTheCodeOfAnAdoptedProcess) {
  supervisor->add(process());
  ASSERT_TRUE(write_small_file(directory + "/host.exit", "13\n").ok());
  launcher.end(launcher.last_pid, ExitStatus{});
  EXPECT_EQ(supervisor->list()[0].last_exit, "exit code 13");
  reactor.advance(Seconds(1));
  launcher.end(launcher.last_pid, ExitStatus{});  // the file was removed at the start: an old code is not believed
  EXPECT_EQ(supervisor->list()[0].last_exit, "unknown exit status");
}

TEST_F(SupervisorTest, RemoveSendsTermThenKillAndThenIsDone) {
  bool done = false;
  supervisor->add(process());
  supervisor->remove("host", [&] { done = true; });
  EXPECT_THAT(launcher.signals, ElementsAre(Pair(launcher.last_pid, SIGTERM)));
  reactor.advance(Seconds(3));
  EXPECT_EQ(launcher.signals.back().second, SIGKILL);
  EXPECT_FALSE(done);
  launcher.end(launcher.last_pid, ExitStatus{{}, SIGKILL});
  EXPECT_TRUE(done);
  EXPECT_FALSE(supervisor->has("host"));
  reactor.advance(Seconds(100));
  EXPECT_EQ(launcher.spawned.size(), 1u);
}

TEST_F(SupervisorTest, RemoveWhileWaitingToRestartIsDoneAtOnce) {
  bool done = false;
  supervisor->add(process());
  die();
  supervisor->remove("host", [&] { done = true; });
  reactor.run();
  EXPECT_TRUE(done);
  reactor.advance(Seconds(100));
  EXPECT_EQ(launcher.spawned.size(), 1u);
}

TEST_F(SupervisorTest, RemoveAllWaitsForEach) {
  bool done = false;
  supervisor->add(process("a"));
  const pid_t a = launcher.last_pid;
  supervisor->add(process("b"));
  const pid_t b = launcher.last_pid;
  supervisor->remove_all([&] { done = true; });
  launcher.end(b, ExitStatus{0, {}});
  EXPECT_FALSE(done);
  launcher.end(a, ExitStatus{0, {}});
  EXPECT_TRUE(done);
}

TEST_F(SupervisorTest, AFailedStartIsTriedAgain) {
  launcher.fail_spawns = true;
  supervisor->add(process());
  EXPECT_FALSE(supervisor->list()[0].running);
  launcher.fail_spawns = false;
  reactor.advance(Millis(100));
  EXPECT_TRUE(supervisor->list()[0].running);
}

TEST_F(SupervisorTest, DestroyingItLeavesTheProcessesAndNoCallback) {
  supervisor->add(process());
  supervisor.reset();
  EXPECT_EQ(launcher.running.size(), 1u);
  EXPECT_TRUE(launcher.signals.empty());
  die();  // reaches nobody
  reactor.advance(Seconds(100));
  EXPECT_EQ(launcher.spawned.size(), 1u);
}

}  // namespace
}  // namespace petrel
