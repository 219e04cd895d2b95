// Real processes: root, agents, hosts; each killed in turn.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "native/base/file.h"
#include "native/base/rng.h"
#include "native/container/container_paths.h"
#include "native/container/lease.h"
#include "native/container/proc_table.h"
#include "native/container/process_launcher.h"
#include "native/container/root.h"
#include "native/container/session_record.h"

namespace petrel {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;

bool wait_for(const std::function<bool()>& done, Nanos timeout = Seconds(30)) {
  const MonoTime end = SystemClock::instance().now() + timeout;
  while (!done()) {
    if (SystemClock::instance().now() > end) return done();
    usleep(10'000);
  }
  return true;
}

bool runs(const ProcessId& process) {
  auto entry = proc_entry(process.pid);
  return entry && entry->state != 'Z' && entry->start_time == process.start_time;
}

class ClusterTest : public testing::Test {
 protected:
  void SetUp() override {
    home = fs::temp_directory_path().string() + "/petrel-cluster-" + std::to_string(system_entropy());
    ASSERT_TRUE(make_directories(home + "/artifacts").ok());
    options.home = home;
    options.executable = PETREL_TEST_CLUSTER;
  }
  void TearDown() override {
    auto report = shutdown_all(home, Seconds(20));
    EXPECT_TRUE(report.ok());
    EXPECT_TRUE(report.ok() && report->left.empty());
    fs::remove_all(home);
  }
  void up() {
    auto root = start_root_daemon(options);
    ASSERT_TRUE(root.ok()) << root.status().to_string();
  }
  proto::ContainerSpec spec(const std::vector<std::string>& argv, int32_t container = 1) {
    proto::ContainerSpec spec;
    spec.set_topology_id("words-1-1700000000");
    spec.set_container_id(container);
    spec.set_port(6700);
    spec.set_worker_id("worker-" + std::to_string(container));
    spec.set_owner("me \"and\" you");
    spec.set_artifact_source("file:" + home + "/artifacts");
    spec.set_local_dir(home + "/local");
    spec.set_log_dir(home + "/logs");
    proto::TestProcess& process = *spec.add_test_processes();
    process.set_name("jvm-host");
    process.add_argv(PETREL_TEST_CLUSTER);
    for (const std::string& arg : argv) process.add_argv(arg);
    return spec;
  }
  void desire(const proto::ContainerSpec& spec) {
    const std::string directory = home + "/run/desired/" + spec.topology_id();
    ASSERT_TRUE(make_directories(directory).ok());
    ASSERT_TRUE(
        write_small_file(directory + "/" + std::to_string(spec.container_id()) + ".spec", spec.SerializeAsString())
            .ok());
  }
  ContainerPaths paths(int32_t container = 1) {
    return ContainerPaths::of(HomePaths(home), "words-1-1700000000", container);
  }
  ProcessId running(const std::string& stem) {
    auto file = read_pid_file(stem + ".pid");
    return file.ok() && runs(file->process) ? file->process : ProcessId{};
  }
  ProcessId agent(int32_t container = 1) { return running(paths(container).agent_stem()); }
  ProcessId host(int32_t container = 1) { return running(paths(container).process_stem("jvm-host")); }
  ProcessId root() {
    auto pid = running_root(home);
    auto entry = pid.ok() ? proc_entry(*pid) : std::nullopt;
    return entry ? ProcessId{entry->pid, entry->start_time} : ProcessId{};
  }
  /// Waits until `find` shows a process other than `old`.
  ProcessId wait_new(const std::function<ProcessId()>& find, const ProcessId& old = {}) {
    ProcessId found;
    EXPECT_TRUE(wait_for([&] {
      found = find();
      return found.pid != 0 && !(found == old);
    }));
    return found;
  }
  std::string log() {
    std::ifstream in(home + "/logs/workers-artifacts/words-1-1700000000/container-1.log");
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string home;
  RootOptions options;
};

TEST_F(ClusterTest, EachIsKilledInTurnAndTheHostLivesOn) {
  up();
  desire(spec({"host"}));
  const ProcessId first_host = wait_new([&] { return host(); });
  const ProcessId first_agent = wait_new([&] { return agent(); });
  const ProcessId first_nimbus = wait_new([&] { return running(home + "/run/nimbus"); });
  const Lease lease(paths().spec_file());
  EXPECT_TRUE(lease.agent_alive());
  EXPECT_TRUE(lease.root_alive());

  // The agent dies: a new one adopts the host.
  kill(first_agent.pid, SIGKILL);
  const ProcessId second_agent = wait_new([&] { return agent(); }, first_agent);
  EXPECT_TRUE(wait_for([&] { return log().find("adopted jvm-host") != std::string::npos; })) << log();
  EXPECT_TRUE(runs(first_host));
  EXPECT_EQ(host(), first_host);

  // Nimbus dies: it is started again, nothing else changes.
  kill(first_nimbus.pid, SIGKILL);
  wait_new([&] { return running(home + "/run/nimbus"); }, first_nimbus);
  EXPECT_TRUE(runs(second_agent));
  EXPECT_TRUE(runs(first_host));

  // The root dies and is started by hand: it adopts Nimbus and the agent.
  const ProcessId second_nimbus = running(home + "/run/nimbus");
  kill(root().pid, SIGKILL);
  ASSERT_TRUE(wait_for([&] { return !lease.root_alive(); }));
  EXPECT_TRUE(lease.agent_alive());
  up();
  EXPECT_TRUE(lease.root_alive());
  EXPECT_EQ(running(home + "/run/nimbus"), second_nimbus);
  EXPECT_EQ(agent(), second_agent);
  EXPECT_EQ(host(), first_host);

  // The host dies: the agent starts it as the next incarnation.
  kill(first_host.pid, SIGKILL);
  const ProcessId second_host = wait_new([&] { return host(); }, first_host);
  auto note = read_pid_file(paths().process_stem("jvm-host") + ".pid");
  EXPECT_EQ(note->note, "2");

  // Root, agent dead at once, started again: still the same host.
  kill(root().pid, SIGKILL);
  kill(second_agent.pid, SIGKILL);
  ASSERT_TRUE(wait_for([&] { return !lease.root_alive() && !lease.agent_alive(); }));
  EXPECT_TRUE(runs(second_host));
  up();
  wait_new([&] { return agent(); }, second_agent);
  EXPECT_EQ(host(), second_host);
}

TEST_F(ClusterTest, EveryProcessOfAContainerIsRestartedAdoptedAndEndedByItself) {
  up();
  auto wanted = spec({"host"});
  for (const char* name : {"native-host", "stream-manager"}) {
    proto::TestProcess& process = *wanted.add_test_processes();
    process.set_name(name);
    process.add_argv(PETREL_TEST_CLUSTER);
    process.add_argv("host");
  }
  desire(wanted);
  const auto process = [&](const char* name) { return running(paths().process_stem(name)); };
  const ProcessId java = wait_new([&] { return process("jvm-host"); });
  const ProcessId native = wait_new([&] { return process("native-host"); });
  const ProcessId manager = wait_new([&] { return process("stream-manager"); });

  // One dies: it comes back as its own next incarnation, the others are the same.
  kill(manager.pid, SIGKILL);
  const ProcessId second_manager = wait_new([&] { return process("stream-manager"); }, manager);
  EXPECT_EQ(read_pid_file(paths().process_stem("stream-manager") + ".pid")->note, "2");
  EXPECT_EQ(process("jvm-host"), java);
  EXPECT_EQ(process("native-host"), native);
  kill(native.pid, SIGKILL);
  const ProcessId second_native = wait_new([&] { return process("native-host"); }, native);
  EXPECT_EQ(process("stream-manager"), second_manager);

  // A new agent adopts all three.
  const ProcessId first_agent = agent();
  kill(first_agent.pid, SIGKILL);
  wait_new([&] { return agent(); }, first_agent);
  for (const char* name : {"adopted jvm-host", "adopted native-host", "adopted stream-manager"}) {
    EXPECT_TRUE(wait_for([&] { return log().find(name) != std::string::npos; })) << name;
  }
  EXPECT_EQ(process("jvm-host"), java);
  EXPECT_EQ(process("native-host"), second_native);
  EXPECT_EQ(process("stream-manager"), second_manager);

  // The worker of Storm's tools is the JVM.
  const std::string logs = home + "/logs/workers-artifacts/words-1-1700000000";
  EXPECT_TRUE(wait_for([&] {
    auto pid = read_small_file(logs + "/6700/worker.pid", 100);
    return pid.ok() && *pid == std::to_string(java.pid);
  }));
  EXPECT_TRUE(fs::exists(logs + "/6700/native-host.log.out"));
  EXPECT_TRUE(fs::exists(logs + "/container-1-stream-manager.log"));

  fs::remove_all(home + "/run/desired/words-1-1700000000");
  EXPECT_TRUE(wait_for([&] { return !fs::exists(home + "/run/containers/words-1-1700000000"); }));
  for (const ProcessId& ended : {java, second_native, second_manager}) EXPECT_FALSE(runs(ended));
}

TEST_F(ClusterTest, StormsLayoutIsThere) {
  up();
  desire(spec({"host"}));
  const ProcessId process = wait_new([&] { return host(); });
  const std::string worker = home + "/local/workers/worker-1";
  const std::string artifacts = home + "/logs/workers-artifacts/words-1-1700000000/6700";
  EXPECT_EQ(fs::read_symlink("/proc/" + std::to_string(process.pid) + "/cwd"), fs::canonical(worker));
  EXPECT_EQ(fs::canonical(worker + "/artifacts"), fs::canonical(artifacts));
  EXPECT_TRUE(fs::is_directory(worker + "/resources"));
  EXPECT_TRUE(fs::is_directory(worker + "/tmp"));
  EXPECT_TRUE(wait_for([&] { return fs::exists(worker + "/pids/" + std::to_string(process.pid)); }));
  EXPECT_TRUE(fs::exists(artifacts + "/worker.yaml"));
  EXPECT_TRUE(fs::exists(artifacts + "/worker.log.out"));
}

TEST_F(ClusterTest, KillEndsTheProcessesAndRemovesTheFilesButNotTheLogs) {
  up();
  desire(spec({"host"}));
  const ProcessId process = wait_new([&] { return host(); });
  fs::remove_all(home + "/run/desired/words-1-1700000000");
  EXPECT_TRUE(wait_for([&] { return !fs::exists(home + "/run/containers/words-1-1700000000"); }));
  EXPECT_FALSE(runs(process));
  EXPECT_TRUE(wait_for([&] { return !fs::exists(home + "/local/supervisor/stormdist/words-1-1700000000"); }));
  EXPECT_FALSE(fs::exists(home + "/local/workers/worker-1"));
  EXPECT_TRUE(fs::exists(home + "/logs/workers-artifacts/words-1-1700000000/container-1.log"));
}

TEST_F(ClusterTest, KilledWhileTheRootWasDownIsEndedByTheNextRoot) {
  up();
  desire(spec({"host"}));
  const ProcessId process = wait_new([&] { return host(); });
  const ProcessId first_agent = agent();
  kill(root().pid, SIGKILL);
  kill(first_agent.pid, SIGKILL);
  fs::remove_all(home + "/run/desired/words-1-1700000000");
  ASSERT_TRUE(wait_for([&] { return root().pid == 0; }));
  up();
  EXPECT_TRUE(wait_for([&] { return !fs::exists(home + "/run/containers/words-1-1700000000"); }));
  EXPECT_FALSE(runs(process));
}

TEST_F(ClusterTest, AHigherGenerationRestartsTheContainer) {
  up();
  auto wanted = spec({"host"});
  desire(wanted);
  const ProcessId process = wait_new([&] { return host(); });
  wanted.set_generation(1);
  desire(wanted);
  wait_new([&] { return host(); }, process);
  EXPECT_FALSE(runs(process));
}

TEST_F(ClusterTest, AProcessThatDiesAtOnceIsRestartedAsHigherIncarnations) {
  up();
  desire(spec({"dies", "7"}));
  EXPECT_TRUE(wait_for([&] {
    auto text = read_small_file(paths().process_stem("jvm-host") + ".incarnation", 100);
    return text.ok() && *text >= "3";
  }));
  EXPECT_TRUE(wait_for([&] { return log().find("exit code 7") != std::string::npos; }));
  EXPECT_NE(agent().pid, 0);
}

TEST_F(ClusterTest, ChildrenOfADeadHostEnd) {
  up();
  desire(spec({"forks"}));
  const ProcessId process = wait_new([&] { return host(); });
  std::vector<ProcEntry> children;
  ASSERT_TRUE(wait_for([&] { return !(children = children_of(process.pid)).empty(); }));
  kill(process.pid, SIGKILL);
  EXPECT_TRUE(wait_for([&] { return !runs({children[0].pid, children[0].start_time}); }));
}

TEST_F(ClusterTest, DownEndsAllAlsoWhatIgnoresTerm) {
  up();
  desire(spec({"stubborn"}));
  desire(spec({"host"}, 2));
  const ProcessId stubborn = wait_new([&] { return host(1); });
  const ProcessId plain = wait_new([&] { return host(2); });
  auto sessions = read_sessions(home + "/run/sessions");
  ASSERT_EQ(sessions.size(), 1u);
  auto report = shutdown_all(home, Seconds(30));
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->root_was_running);
  EXPECT_THAT(report->left, IsEmpty());
  EXPECT_FALSE(runs(stubborn));
  EXPECT_FALSE(runs(plain));
  EXPECT_THAT(processes_of(sessions), IsEmpty());
  // What was desired is still desired: up runs it again.
  up();
  wait_new([&] { return host(2); });
}

TEST_F(ClusterTest, DownWithoutARootEndsAllToo) {
  up();
  desire(spec({"host"}));
  const ProcessId process = wait_new([&] { return host(); });
  kill(root().pid, SIGKILL);
  ASSERT_TRUE(wait_for([&] { return root().pid == 0; }));
  auto report = shutdown_all(home, Seconds(20));
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->root_was_running);
  EXPECT_FALSE(runs(process));
  EXPECT_THAT(report->left, IsEmpty());
}

TEST_F(ClusterTest, UpTwiceIsOneRootAndBadSpecsDoNoHarm) {
  up();
  const ProcessId first = root();
  up();
  EXPECT_EQ(root(), first);
  ASSERT_TRUE(make_directories(home + "/run/desired/broken").ok());
  ASSERT_TRUE(write_small_file(home + "/run/desired/broken/1.spec", "\xff\xff not a spec").ok());
  auto stray = spec({"host"});
  stray.set_topology_id("other");  // lies under another name
  ASSERT_TRUE(write_small_file(home + "/run/desired/broken/2.spec", stray.SerializeAsString()).ok());
  desire(spec({"host"}));
  wait_new([&] { return host(); });
  EXPECT_EQ(root(), first);
  EXPECT_FALSE(fs::exists(home + "/run/containers/broken"));
  EXPECT_FALSE(fs::exists(home + "/run/containers/other"));
}

}  // namespace
}  // namespace petrel
