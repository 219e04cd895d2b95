#include "native/base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "native/base/rng.h"

namespace petrel {
namespace {

class FileTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_directories(directory).ok()); }
  void TearDown() override { std::filesystem::remove_all(directory); }
  const std::string directory = testing::TempDir() + "/file-test-" + std::to_string(system_entropy()) + "/a/b";
};

TEST_F(FileTest, WriteReadAndMode) {
  const std::string file = directory + "/f";
  ASSERT_TRUE(write_small_file(file, "one").ok());
  ASSERT_TRUE(write_small_file(file, "two", 0600).ok());
  EXPECT_EQ(*read_small_file(file, 3), "two");
  EXPECT_EQ(read_small_file(file, 2).status().code(), StatusCode::kLimit);
  EXPECT_EQ(read_small_file(directory + "/none", 10).status().code(), StatusCode::kNotFound);
  struct stat info{};
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator()), 1);
}

TEST_F(FileTest, ErrorsNameTheFile) {
  Status status = write_small_file(directory + "/none/f", "x");
  EXPECT_NE(status.message().find(directory + "/none/f"), std::string::npos);
  ASSERT_TRUE(write_small_file(directory + "/plain", "x").ok());
  EXPECT_FALSE(make_directories(directory + "/plain/below/it").ok());
}

TEST_F(FileTest, ALockIsHeldUntilItsHolderIsGone) {
  const std::string file = directory + "/lock";
  EXPECT_FALSE(FileLock::held(file));
  {
    auto lock = FileLock::take(file);
    ASSERT_TRUE(lock.ok());
    EXPECT_TRUE(FileLock::held(file));
    EXPECT_EQ(FileLock::take(file).status().code(), StatusCode::kConflict);
  }
  EXPECT_FALSE(FileLock::held(file));
  EXPECT_TRUE(FileLock::take(file).ok());
}

}  // namespace
}  // namespace petrel
