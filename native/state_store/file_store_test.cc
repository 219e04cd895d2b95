// What only the file store has: several processes, damaged files, leftovers. K6, K3, K4, K12 of the catalogue of bad
// input.
#include "native/state_store/file_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "native/base/rng.h"

namespace petrel {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string read_file(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

class FileStoreTest : public testing::Test {
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
  size_t files_in(const std::string& name) {
    return static_cast<size_t>(std::distance(fs::directory_iterator(directory + name), fs::directory_iterator()));
  }

  std::string directory;
  std::unique_ptr<FileStore> store;
};

TEST_F(FileStoreTest, K6_ATornFileIsNoticedAtEveryByteAndNeverDeleted) {
  ASSERT_TRUE(store->put_if("topologies/t/base", "payload", 0).ok());
  const std::string file = store->file_of("topologies/t/base");
  const std::string good = read_file(file);
  for (size_t length = 0; length < good.size(); ++length) {
    write_file(file, good.substr(0, length));
    auto read = store->get("topologies/t/base");
    ASSERT_EQ(read.status().code(), StatusCode::kCorrupt) << length;
    EXPECT_THAT(read.status().message(), HasSubstr(file));
    EXPECT_EQ(store->put_if("topologies/t/base", "new", 0).status().code(), StatusCode::kCorrupt);
    EXPECT_EQ(store->remove_if("topologies/t/base", 1).code(), StatusCode::kCorrupt);
    EXPECT_EQ(read_file(file).size(), length);
  }
  for (size_t at = 0; at < good.size(); ++at) {
    std::string flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x41);
    write_file(file, flipped);
    EXPECT_FALSE(store->get("topologies/t/base").ok()) << at;
    EXPECT_FALSE(store->list("topologies").ok()) << at;
  }
  write_file(file, good);
  EXPECT_EQ(store->get("topologies/t/base")->bytes, "payload");
}

TEST_F(FileStoreTest, K12_ANewerFormatIsRefusedClearly) {
  ASSERT_TRUE(store->put_if("a", "payload", 0).ok());
  std::string bytes = read_file(store->file_of("a"));
  bytes[8] = 9;
  write_file(store->file_of("a"), bytes);
  auto read = store->get("a");
  EXPECT_EQ(read.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(read.status().message(), HasSubstr("format 9"));
  EXPECT_EQ(read_file(store->file_of("a")), bytes);
}

TEST_F(FileStoreTest, AMovedRecordIsNoticed) {
  ASSERT_TRUE(store->put_if("a", "payload", 0).ok());
  fs::copy(store->file_of("a"), store->file_of("b"));
  EXPECT_EQ(store->get("b").status().code(), StatusCode::kCorrupt);
}

TEST_F(FileStoreTest, K6_LeftoversOfDeadWritersAreIgnoredAndRemoved) {
  ASSERT_TRUE(store->put_if("a", "payload", 0).ok());
  write_file(directory + "/.tmp/999-7", "half a rec");
  write_file(directory + "/.owners/999-dead", "");
  EXPECT_EQ(store->list("")->size(), 1u);
  auto again = open();
  EXPECT_EQ(files_in("/.tmp"), 0u);
  EXPECT_EQ(files_in("/.owners"), 0u);
  EXPECT_EQ(again->get("a")->bytes, "payload");
}

TEST_F(FileStoreTest, StrangersInTheDirectoryAreNoRecords) {
  ASSERT_TRUE(store->put_if("a", "payload", 0).ok());
  write_file(directory + "/README", "hello");
  EXPECT_EQ(store->list("")->size(), 1u);
  fs::create_directory(store->file_of("dir"));
  EXPECT_EQ(store->get("dir").status().code(), StatusCode::kCorrupt);
}

TEST_F(FileStoreTest, ASymbolicLinkIsNotFollowed) {
  write_file(directory + "/target", "secret");
  fs::create_symlink(directory + "/target", store->file_of("link"));
  EXPECT_FALSE(store->get("link").ok());
  EXPECT_EQ(read_file(directory + "/target"), "secret");
}

TEST_F(FileStoreTest, DirectoriesThatCannotBeUsedAreErrorsThatNameThem) {
  write_file(directory + "/plain", "");
  for (const std::string& bad : {directory + "/plain", directory + "/plain/below", std::string("/proc/petrel-state"),
                                 std::string("relative"), std::string()}) {
    auto opened = FileStore::open(bad);
    ASSERT_FALSE(opened.ok()) << bad;
    EXPECT_THAT(opened.status().message(), HasSubstr(bad));
  }
}

TEST_F(FileStoreTest, AMissingDirectoryUnderARunningStoreIsAnError) {
  fs::remove_all(directory);
  EXPECT_EQ(store->put_if("a", "x", 0).status().code(), StatusCode::kIo);
  EXPECT_EQ(store->get("a").status().code(), StatusCode::kNotFound);
}

TEST_F(FileStoreTest, RemovalLeavesNoEmptyDirectories) {
  auto version = store->put_if("topologies/t/errors/c", "x", 0);
  ASSERT_TRUE(store->remove_if("topologies/t/errors/c", *version).ok());
  EXPECT_FALSE(fs::exists(directory + "/topologies"));
}

TEST_F(FileStoreTest, TwoStoresOfOneDirectorySeeEachOther) {
  auto other = open();
  auto version = store->put_if("a", "one", 0);
  EXPECT_EQ(other->get("a")->version, *version);
  EXPECT_EQ(other->put_if("a", "x", 0).status().code(), StatusCode::kConflict);
  EXPECT_TRUE(other->put_if("a", "two", *version).ok());
  EXPECT_EQ(store->get("a")->bytes, "two");
}

}  // namespace
}  // namespace petrel
