#include "native/container/process_launcher.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "native/base/check.h"
#include "native/base/file.h"
#include "native/base/rng.h"
#include "native/container/proc_table.h"
#include "native/container/session_record.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace {

using testing::HasSubstr;

constexpr Nanos kPatience = Seconds(20);

class LauncherTest : public testing::Test {
 protected:
  void SetUp() override {
    directory = testing::TempDir() + "/launcher-" + std::to_string(system_entropy());
    ASSERT_TRUE(make_directories(directory).ok());
  }
  void TearDown() override { std::filesystem::remove_all(directory); }
  ProcessSpec shell(const std::string& command) {
    ProcessSpec spec;
    spec.argv = {"/bin/sh", "-c", command};
    spec.env = {"PATH=/usr/bin:/bin", "GREETING=hello"};
    spec.stdout_file = directory + "/out";
    spec.stderr_file = directory + "/err";
    return spec;
  }
  ExitStatus run(const ProcessSpec& spec) {
    std::optional<ExitStatus> ended;
    auto process = launcher.spawn(spec, [&](ExitStatus status) { ended = status; });
    EXPECT_TRUE(process.ok()) << process.status().to_string();
    EXPECT_TRUE(reactor.run_until([&] { return ended.has_value(); }, kPatience));
    return ended.value_or(ExitStatus{});
  }
  std::string text_of(const std::string& name) {
    auto text = read_small_file(directory + "/" + name, 100'000);
    return text.ok() ? *text : text.status().to_string();
  }

  AsioReactor reactor;
  SystemLauncher launcher{reactor};
  std::string directory;
};

TEST_F(LauncherTest, OutputEnvironmentDirectoryAndExitCode) {
  auto spec = shell("echo $GREETING; pwd; echo oops >&2; exit 7");
  spec.cwd = directory;
  EXPECT_EQ(run(spec).code, 7);
  EXPECT_EQ(text_of("out"), "hello\n" + std::filesystem::canonical(directory).string() + "\n");
  EXPECT_EQ(text_of("err"), "oops\n");
}

TEST_F(LauncherTest, ASignalIsReported) {
  auto status = run(shell("kill -KILL $$"));
  EXPECT_EQ(status.signal, SIGKILL);
  EXPECT_THAT(status.to_string(), HasSubstr("signal 9"));
}

TEST_F(LauncherTest, TheReactorTellsThatAProcessHasEnded) {
  bool reaped = false;
  auto process = launcher.spawn(shell("exec sleep 60"), [&](ExitStatus) { reaped = true; });
  ASSERT_TRUE(process.ok()) << process.status().to_string();
  int ended = 0;
  reactor.when_process_ends(process->pid, [&] { ++ended; });
  EXPECT_FALSE(reactor.run_until([&] { return ended > 0; }, Millis(50)));
  ASSERT_TRUE(launcher.signal(*process, SIGKILL).ok());
  EXPECT_TRUE(reactor.run_until([&] { return ended == 1 && reaped; }, kPatience));
  reactor.when_process_ends(process->pid, [&] { ++ended; });  // there is none any more
  EXPECT_EQ(ended, 1);
  EXPECT_TRUE(reactor.run_until([&] { return ended == 2; }, kPatience));
}

/// Leaves `left` descriptors to be had.
struct FewDescriptors {
  explicit FewDescriptors(int left) {
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    const int lowest_free = dup(STDIN_FILENO);
    CHECK(lowest_free >= 0 && close(lowest_free) == 0);
    const rlimit few{static_cast<rlim_t>(lowest_free + left), before.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
  }
  ~FewDescriptors() { CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0); }
  rlimit before{};
};

TEST_F(LauncherTest, TheReactorTellsItEvenWhenDescriptorsRunOut) {
  auto process = launcher.spawn(shell("exec sleep 60"), [](ExitStatus) {});
  ASSERT_TRUE(process.ok()) << process.status().to_string();
  int warm = 0;
  reactor.after(Millis(1), [&] { ++warm; });
  ASSERT_TRUE(reactor.run_until([&] { return warm == 1; }, kPatience));  // it has its own descriptors now
  int ended = 0;
  for (const int left : {1, 0}) {
    const FewDescriptors few(left);
    reactor.when_process_ends(process->pid, [&] { ++ended; });
  }
  EXPECT_FALSE(reactor.run_until([&] { return ended > 0; }, Millis(50)));
  ASSERT_TRUE(launcher.signal(*process, SIGKILL).ok());
  EXPECT_TRUE(reactor.run_until([&] { return ended == 2; }, kPatience));
}

TEST_F(LauncherTest, NoDescriptorLeaks) {
  int leak = open("/dev/null", O_RDONLY);  // without CLOEXEC, as a library might
  EXPECT_EQ(run(shell("ls /proc/self/fd | tr '\\n' ' '")).code, 0);
  EXPECT_EQ(text_of("out"), "0 1 2 3 ");  // 3 is ls reading the directory
  close(leak);
}

TEST_F(LauncherTest, ThePidFileIsThereWhenSpawnReturnsAndNamesTheProcess) {
  auto spec = shell("exec sleep 600");
  spec.pid_file = directory + "/p.pid";
  spec.pid_note = "42";
  bool ended = false;
  auto process = launcher.spawn(spec, [&](ExitStatus) { ended = true; });
  ASSERT_TRUE(process.ok());
  auto file = read_pid_file(spec.pid_file);
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  EXPECT_EQ(file->process, *process);
  EXPECT_EQ(file->note, "42");
  EXPECT_TRUE(launcher.alive(*process));
  EXPECT_FALSE(launcher.alive({process->pid, process->start_time + 1}));
  EXPECT_TRUE(launcher.signal(*process, SIGKILL).ok());
  EXPECT_TRUE(reactor.run_until([&] { return ended; }, kPatience));
  EXPECT_EQ(launcher.signal(*process, SIGTERM).code(), StatusCode::kNotFound);
}

TEST_F(LauncherTest, WhatCannotStartIsAnErrorThatNamesIt) {
  ProcessSpec missing;
  missing.argv = {directory + "/none"};
  auto process = launcher.spawn(missing, nullptr);
  EXPECT_THAT(process.status().message(), HasSubstr(directory + "/none"));
  auto nowhere = shell("true");
  nowhere.cwd = directory + "/nowhere";
  EXPECT_THAT(launcher.spawn(nowhere, nullptr).status().message(), HasSubstr("working directory"));
  auto unwritable = shell("true");
  unwritable.stdout_file = directory + "/no/such/out";
  EXPECT_FALSE(launcher.spawn(unwritable, nullptr).ok());
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // nothing is left behind
}

TEST_F(LauncherTest, AdoptedProcessesAreWatched) {
  // Not our child: the shell ends at once and leaves its child to somebody else.
  auto spec = shell("sleep 600 & echo $!");
  ASSERT_EQ(run(spec).code, 0);
  const pid_t pid = std::stoi(text_of("out"));
  auto entry = proc_entry(pid);
  ASSERT_TRUE(entry.has_value());
  bool ended = false;
  SystemLauncher other(reactor);
  EXPECT_EQ(other.adopt({pid, entry->start_time + 1}, nullptr).code(), StatusCode::kNotFound);
  ASSERT_TRUE(other
                  .adopt({pid, entry->start_time},
                         [&](ExitStatus status) {
                           ended = true;
                           EXPECT_FALSE(status.code.has_value());
                         })
                  .ok());
  EXPECT_TRUE(other.signal({pid, entry->start_time}, SIGKILL).ok());
  EXPECT_TRUE(reactor.run_until([&] { return ended; }, kPatience));
}

TEST(PidFile, GarbageIsCorrupt) {
  const std::string file = testing::TempDir() + "/pid-" + std::to_string(system_entropy());
  for (const char* text : {"", "x", "12", "12 ", "0 5 1", "1 5 1", "-3 5 1", "99999999999999999999 1 1", "12 x"}) {
    ASSERT_TRUE(write_small_file(file, text).ok());
    EXPECT_EQ(read_pid_file(file).status().code(), StatusCode::kCorrupt) << text;
  }
  EXPECT_EQ(read_pid_file(file + "-none").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(write_pid_file(file, current_process(), "9").ok());
  EXPECT_EQ(read_pid_file(file)->process.pid, getpid());
  std::filesystem::remove(file);
}

TEST(ProcTable, NamesWithBlanksAndParentheses) {
  auto entry = parse_stat("77 (a) b) (c)) S 5 6 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 123456 0 0\n");
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->pid, 77);
  EXPECT_EQ(entry->name, "a) b) (c)");
  EXPECT_EQ(entry->state, 'S');
  EXPECT_EQ(entry->parent, 5);
  EXPECT_EQ(entry->session, 7);
  EXPECT_EQ(entry->start_time, 123456u);
  for (const char* text : {"", "77", "77 (x", "77 (x) ", "x (y) S 1"}) EXPECT_FALSE(parse_stat(text).has_value());
  EXPECT_EQ(proc_entry(getpid())->parent, getppid());
}

TEST(SessionRecord, OnlyProcessesOfOurSessionsAreSelected) {
  const std::vector<SessionRecord> sessions = {{100, 1000}, {200, 2000}};
  const auto process = [](pid_t pid, pid_t session, uint64_t start, char state = 'S') {
    return ProcEntry{pid, 1, session, state, start, "x"};
  };
  auto found = select_processes(sessions,
                                {
                                    process(100, 100, 1000),       // the root
                                    process(101, 100, 1001),       // its child
                                    process(102, 100, 1001, 'Z'),  // ended
                                    process(103, 100, 999),        // older than the session: not ours
                                    process(200, 200, 9999),       // the id was reused by a stranger ...
                                    process(201, 200, 9999),       // ... and this is his
                                    process(300, 300, 1500),       // another session
                                },
                                1, 1);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].pid, 100);
  EXPECT_EQ(found[1].pid, 101);
  EXPECT_TRUE(select_processes(sessions, {process(101, 100, 1001)}, 101, 1).empty());  // never ourselves
  EXPECT_TRUE(select_processes(sessions, {process(101, 100, 1001)}, 7, 100).empty());  // never our own session
}

TEST(SessionRecord, FileIsBoundedAndGarbageIsSkipped) {
  const std::string file = testing::TempDir() + "/sessions-" + std::to_string(system_entropy());
  ASSERT_TRUE(write_small_file(file, "garbage\n\n0 1\n1 2\n55 66\n").ok());
  ASSERT_EQ(read_sessions(file).size(), 1u);
  EXPECT_EQ(read_sessions(file)[0].session, 55);
  ASSERT_TRUE(record_session(file, {77, 88}).ok());
  EXPECT_EQ(read_sessions(file).size(), 2u);
  std::filesystem::remove(file);
}

TEST(ProcTable, AFileThatOpensAndCannotBeReadIsNoProcess) {
  // As the stat file of a process that ended in between: open succeeds, read says no (here EIO, there ESRCH).
  EXPECT_FALSE(read_stat("/proc/self/mem").has_value());
  EXPECT_FALSE(read_stat("/proc/self/nothing").has_value());
  EXPECT_EQ(proc_entry(::getpid())->parent, ::getppid());
}

TEST(ProcTable, ProcessesThatComeAndGoAreNoError) {
  for (int i = 0; i < 200; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ASSERT_GT(child, 0);
    EXPECT_THAT(children_of(::getpid()), testing::Contains(testing::Field(&ProcEntry::pid, child)));
    EXPECT_THAT(own_children(), testing::ElementsAre(testing::Field(&ProcEntry::pid, child)));
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    EXPECT_FALSE(proc_entry(child).has_value());
  }
}

}  // namespace
}  // namespace petrel
