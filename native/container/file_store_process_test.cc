// The file store between processes: owners and writers that are killed. Here because only this module starts processes.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "native/base/rng.h"
#include "native/state_store/file_store.h"

namespace petrel {
namespace {

namespace fs = std::filesystem;

class FileStoreProcesses : public testing::Test {
 protected:
  void SetUp() override {
    directory = testing::TempDir() + "/file-store-" + std::to_string(system_entropy());
    store = open();
  }
  void TearDown() override {
    store.reset();
    fs::remove_all(directory);
  }
  std::unique_ptr<FileStore> open() {
    auto opened = FileStore::open(directory);
    EXPECT_TRUE(opened.ok()) << opened.status().to_string();
    return opened.ok() ? std::move(opened).value() : nullptr;
  }

  std::string directory;
  std::unique_ptr<FileStore> store;
};

/// A child process that holds `path` until it is killed. Tells through the pipe when it does.
pid_t hold_in_child(const std::string& directory, const std::string& path) {
  int ready[2];
  EXPECT_EQ(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    auto opened = FileStore::open(directory);
    auto held = opened.ok() ? (*opened)->create_ephemeral(path, "child")
                            : Result<std::unique_ptr<EphemeralRecord>>(opened.status());
    char answer = held.ok() ? 'y' : 'n';
    [[maybe_unused]] ssize_t n = write(ready[1], &answer, 1);
    for (;;) pause();
  }
  char answer = 0;
  EXPECT_EQ(read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  close(ready[0]);
  close(ready[1]);
  return child;
}

TEST_F(FileStoreProcesses, K4_TheRecordOfAKilledOwnerVanishes) {
  store.reset();  // the child must not inherit open files of ours
  pid_t child = hold_in_child(directory, "t/master");
  store = open();
  EXPECT_EQ(store->get("t/master")->bytes, "child");
  EXPECT_EQ(store->create_ephemeral("t/master", "me").status().code(), StatusCode::kAlreadyExists);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(store->get("t/master").status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(store->list("t")->empty());
  EXPECT_FALSE(fs::exists(store->file_of("t/master")));  // swept
  auto mine = store->create_ephemeral("t/master", "me");
  ASSERT_TRUE(mine.ok()) << mine.status().to_string();
  EXPECT_EQ(store->get("t/master")->bytes, "me");
}

TEST_F(FileStoreProcesses, WritersKilledAtAnyTimeLeaveTheOldOrTheNewRecord) {
  ASSERT_TRUE(store->put_if("a", std::string(5000, 'A'), 0).ok());
  store.reset();
  Rng rng(7);
  for (int round = 0; round < 20; ++round) {
    pid_t child = fork();
    if (child == 0) {
      auto opened = FileStore::open(directory);
      for (char c = 'B';; c = c == 'Z' ? 'A' : static_cast<char>(c + 1)) {
        auto record = (*opened)->get("a");
        if (!record.ok() || !(*opened)->put_if("a", std::string(5000, c), record->version).ok()) _exit(1);
      }
    }
    usleep(static_cast<useconds_t>(rng.below(8000)));  // the instant of the kill; any is right
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status));
    auto reopened = open();
    auto record = reopened->get("a");
    ASSERT_TRUE(record.ok()) << record.status().to_string();
    EXPECT_EQ(record->bytes, std::string(5000, record->bytes[0]));
  }
}

}  // namespace
}  // namespace petrel
