#include "native/artifacts/artifact_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "native/artifacts/artifact_source.h"

namespace petrel {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// sha256 of "abc", from FIPS 180-2.
constexpr char kAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

class ArtifactTest : public ::testing::Test {
 protected:
  ArtifactTest() {
    std::string pattern = (fs::temp_directory_path() / "artifacts-XXXXXX").string();
    CHECK(mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
  }
  ~ArtifactTest() override { fs::remove_all(folder_); }
  fs::path write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static int mode(const fs::path& path) {
    struct stat info{};
    CHECK(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 0777;
  }
  fs::path folder_;
};

TEST_F(ArtifactTest, PutAndFetch) {
  ArtifactStore store = ArtifactStore::open(folder_ / "a").value();
  StoredArtifact artifact = store.put_file(write("x", "abc")).value();
  EXPECT_EQ(artifact.digest, kAbc);
  EXPECT_EQ(artifact.bytes, 3);
  fs::path path = store.path_of(kAbc).value();
  EXPECT_EQ(path, folder_ / "a" / "ba" / kAbc);
  EXPECT_EQ(mode(path), 0600);
  EXPECT_EQ(mode(folder_ / "a"), 0700);
  EXPECT_EQ(mode(folder_ / "a" / "ba"), 0700);
  EXPECT_EQ(store.read(kAbc, 3).value(), "abc");
  EXPECT_EQ(store.read(kAbc, 2).status().code(), StatusCode::kLimit);
  EXPECT_EQ(store.put_bytes("abc").value().digest, kAbc);

  auto source = open_artifact_source("file:" + store.root().string()).value();
  ASSERT_TRUE(source->fetch(kAbc, folder_ / "out").ok());
  EXPECT_EQ(read(folder_ / "out"), "abc");
  EXPECT_EQ(mode(folder_ / "out"), 0600);
}

TEST_F(ArtifactTest, LargerThanOneChunk) {
  ArtifactStore store = ArtifactStore::open(folder_ / "a").value();
  std::string bytes;
  for (int i = 0; i < 700'000; ++i) bytes.push_back(static_cast<char>(i * 7 % 251));
  StoredArtifact artifact = store.put_file(write("big", bytes)).value();
  EXPECT_EQ(artifact.digest, sha256_hex(bytes));
  EXPECT_EQ(store.read(artifact.digest, 1 << 20).value(), bytes);
}

TEST_F(ArtifactTest, CorruptBytesAreNoticed) {
  ArtifactStore store = ArtifactStore::open(folder_ / "a").value();
  ASSERT_TRUE(store.put_bytes("abc").ok());
  std::ofstream(store.path_of(kAbc).value(), std::ios::binary) << "abd";
  EXPECT_EQ(store.read(kAbc, 100).status().code(), StatusCode::kCorrupt);
  auto source = open_artifact_source("file:" + store.root().string()).value();
  Status status = source->fetch(kAbc, folder_ / "out");
  EXPECT_EQ(status.code(), StatusCode::kCorrupt);
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  // Nothing is left beside the destination.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(ArtifactTest, WrongInput) {
  ArtifactStore store = ArtifactStore::open(folder_ / "a").value();
  EXPECT_EQ(store.path_of("../../etc/passwd").status().code(), StatusCode::kMalformed);
  EXPECT_EQ(store.path_of(kAbc).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(store.put_file(folder_ / "none").status().code(), StatusCode::kNotFound);
  EXPECT_THAT(store.put_file(folder_).status().message(), HasSubstr("not a regular file"));
  EXPECT_THAT(open_artifact_source("http://x").status().message(), HasSubstr("use file:"));
  auto source = open_artifact_source("file:" + store.root().string()).value();
  EXPECT_EQ(source->fetch(kAbc, folder_ / "out").code(), StatusCode::kNotFound);
  EXPECT_EQ(source->fetch("BA", folder_ / "out").code(), StatusCode::kMalformed);
}

TEST_F(ArtifactTest, RemoveUnreferenced) {
  ArtifactStore store = ArtifactStore::open(folder_ / "a").value();
  std::string other = store.put_bytes("other").value().digest;
  ASSERT_TRUE(store.put_bytes("abc").ok());
  std::ofstream(folder_ / "a" / ".part-0011") << "half";
  EXPECT_EQ(store.remove_unreferenced({kAbc}).value(), 2);
  EXPECT_TRUE(store.path_of(kAbc).ok());
  EXPECT_FALSE(store.path_of(other).ok());
  EXPECT_FALSE(fs::exists(folder_ / "a" / ".part-0011"));
}

}  // namespace
}  // namespace petrel
