#include "native/container/container_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zip.h>

#include <filesystem>
#include <map>

#include "native/base/file.h"
#include "native/base/rng.h"
#include "native/container/zip_extract.h"

namespace petrel {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// Artifacts from memory, by digest.
class MemorySource : public ArtifactSource {
 public:
  Status fetch(std::string_view digest, const fs::path& destination) override {
    ++fetches;
    auto found = files.find(std::string(digest));
    if (found == files.end()) return Status(StatusCode::kNotFound, "no such artifact");
    return write_small_file(destination.string(), found->second);
  }
  std::map<std::string, std::string> files;
  int fetches = 0;
};

struct ZipEntry {
  std::string name;
  std::string text;
  uint32_t mode = 0100600;
};

std::string make_zip(const std::string& file, const std::vector<ZipEntry>& entries) {
  int error = 0;
  zip_t* archive = zip_open(file.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
  EXPECT_NE(archive, nullptr);
  for (const ZipEntry& entry : entries) {
    zip_source_t* source = zip_source_buffer(archive, entry.text.data(), entry.text.size(), 0);
    zip_int64_t index = zip_file_add(archive, entry.name.c_str(), source, ZIP_FL_ENC_UTF_8);
    EXPECT_GE(index, 0) << entry.name;
    zip_file_set_external_attributes(archive, static_cast<zip_uint64_t>(index), 0, ZIP_OPSYS_UNIX, entry.mode << 16);
  }
  EXPECT_EQ(zip_close(archive), 0);
  return *read_small_file(file, 10'000'000);
}

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    directory = testing::TempDir() + "/files-" + std::to_string(system_entropy());
    ASSERT_TRUE(make_directories(directory + "/out").ok());
    spec.set_topology_id("words-1-2");
    spec.set_container_id(1);
    spec.set_port(6700);
    spec.set_worker_id("w1");
    spec.set_owner("ann \"x\"\nroot: true");
    spec.set_local_dir(directory + "/local");
    spec.set_log_dir(directory + "/logs");
  }
  void TearDown() override { fs::remove_all(directory); }
  void artifact(const std::string& name, const std::string& bytes) {
    proto::Artifact& added = *spec.add_artifacts();
    added.set_name(name);
    added.set_digest("digest of " + name);
    source.files["digest of " + name] = bytes;
  }
  std::string jar(const std::vector<ZipEntry>& entries) { return make_zip(directory + "/made.jar", entries); }

  std::string directory;
  proto::ContainerSpec spec;
  MemorySource source;
};

TEST_F(FilesTest, CodeDirectoryHoldsArtifactsAndResources) {
  artifact("stormjar.jar", jar({{"resources/split.py", "print(1)", 0100755},
                                {"resources/deep/er/data.txt", "data"},
                                {"com/example/A.class", "no"}}));
  artifact("stormconf.json", "{}");
  ASSERT_TRUE(prepare_container(spec, source).ok());
  const SpecDirs dirs(spec);
  EXPECT_EQ(*read_small_file(dirs.code + "/resources/deep/er/data.txt", 100), "data");
  EXPECT_FALSE(fs::exists(dirs.code + "/resources/com"));
  struct stat info{};
  ASSERT_EQ(stat((dirs.code + "/resources/split.py").c_str(), &info), 0);
  EXPECT_TRUE(info.st_mode & S_IXUSR);
  EXPECT_EQ(fs::canonical(dirs.worker + "/resources"), fs::canonical(dirs.code + "/resources"));
  EXPECT_EQ(*read_small_file(dirs.artifacts + "/worker.yaml", 1000),
            "worker-id: \"w1\"\ntopology.submitter.user: \"ann \\\"x\\\"\\nroot: true\"\n"
            "logs.users: [\"ann \\\"x\\\"\\nroot: true\"]\nlogs.groups: []\n");
  const int fetched = source.fetches;
  ASSERT_TRUE(prepare_container(spec, source).ok());  // repeated: nothing is fetched again
  EXPECT_EQ(source.fetches, fetched);
}

TEST_F(FilesTest, TheTopologyMastersContainerLeavesTheCodeDirectoryToTheOthers) {
  proto::ContainerSpec master = spec;
  master.clear_processes();
  master.add_processes(proto::PROCESS_TOPOLOGY_MASTER);
  master.clear_artifacts();
  ASSERT_TRUE(prepare_container(master, source).ok());
  artifact("stormconf.json", "{}");
  ASSERT_TRUE(prepare_container(spec, source).ok());
  EXPECT_TRUE(fs::exists(SpecDirs(spec).code + "/stormconf.json"));
}

TEST_F(FilesTest, AFailedFetchLeavesNoCodeDirectory) {
  artifact("stormjar.jar", "x");
  source.files.clear();
  Status prepared = prepare_container(spec, source);
  EXPECT_EQ(prepared.code(), StatusCode::kNotFound);
  EXPECT_THAT(prepared.message(), HasSubstr("stormjar.jar"));
  EXPECT_FALSE(fs::exists(SpecDirs(spec).code));
  EXPECT_TRUE(fs::is_empty(fs::path(SpecDirs(spec).code).parent_path()));
}

TEST_F(FilesTest, RemovalKeepsLogsAndTheCodeOfOtherContainers) {
  ASSERT_TRUE(prepare_container(spec, source).ok());
  const SpecDirs dirs(spec);
  ASSERT_TRUE(remove_container_files(spec, false).ok());
  EXPECT_FALSE(fs::exists(dirs.worker));
  EXPECT_TRUE(fs::exists(dirs.code));
  ASSERT_TRUE(remove_container_files(spec, true).ok());
  EXPECT_FALSE(fs::exists(dirs.code));
  EXPECT_TRUE(fs::exists(dirs.artifacts));
}

TEST_F(FilesTest, NamesThatClimbAreRefused) {
  for (const char* name : {"resources/../../evil", "resources//abs", "resources/a/../b", "resources/./x",
                           "resources/..\\evil", "resources/.."}) {
    jar({{name, "evil"}});
    auto files = extract_below(directory + "/made.jar", "resources/", directory + "/out");
    ASSERT_FALSE(files.ok()) << name;
    EXPECT_EQ(files.status().code(), StatusCode::kMalformed) << name;
    EXPECT_TRUE(fs::is_empty(directory + "/out")) << name;
  }
}

TEST_F(FilesTest, LinksAreSkippedAndLimitsHold) {
  jar({{"resources/link", "/etc/passwd", 0120777}, {"resources/a", std::string(1000, 'a')}, {"resources/b", "b"}});
  auto files = extract_below(directory + "/made.jar", "resources/", directory + "/out");
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(*files, 2u);
  EXPECT_FALSE(fs::exists(fs::symlink_status(directory + "/out/link")));
  ASSERT_TRUE(make_directories(directory + "/two").ok());
  EXPECT_EQ(extract_below(directory + "/made.jar", "resources/", directory + "/two", {1, 5000}).status().code(),
            StatusCode::kLimit);
  ASSERT_TRUE(make_directories(directory + "/three").ok());
  EXPECT_EQ(extract_below(directory + "/made.jar", "resources/", directory + "/three", {10, 999}).status().code(),
            StatusCode::kLimit);
}

TEST_F(FilesTest, WhatIsNoZipIsNamed) {
  for (const std::string& bytes : {std::string(), std::string("PK\3\4 cut"), std::string(1000, 'x')}) {
    ASSERT_TRUE(write_small_file(directory + "/bad.jar", bytes).ok());
    auto files = extract_below(directory + "/bad.jar", "resources/", directory + "/out");
    if (bytes.empty() && files.ok()) continue;  // libzip reads an empty file as an empty archive
    EXPECT_EQ(files.status().code(), StatusCode::kMalformed);
    EXPECT_THAT(files.status().message(), HasSubstr("bad.jar"));
  }
}

TEST_F(FilesTest, ConfGivesGraceAndEnvironmentAndSurvivesNonsense) {
  const auto conf_of = [&](const std::string& json) {
    EXPECT_TRUE(write_small_file(directory + "/out/stormconf.json", json).ok());
    return read_container_conf(directory + "/out");
  };
  EXPECT_EQ(read_container_conf(directory + "/none").shutdown_grace, Nanos(Seconds(3)));
  auto conf = conf_of(
      R"({"supervisor.worker.shutdown.sleep.secs": 7, "topology.environment": {"A": "b c", "N": 5, "X=Y": "z"}})");
  EXPECT_EQ(conf.shutdown_grace, Nanos(Seconds(7)));
  EXPECT_THAT(conf.environment, testing::ElementsAre("A=b c", "N=5"));
  EXPECT_EQ(conf_of(R"({"supervisor.worker.shutdown.sleep.secs": 1e300})").shutdown_grace, Nanos(Seconds(60)));
  EXPECT_EQ(conf_of(R"({"supervisor.worker.shutdown.sleep.secs": "x"})").shutdown_grace, Nanos(Seconds(3)));
  for (const char* text : {"", "[", "[]", "null", R"({"topology.environment": []})"}) {
    EXPECT_TRUE(conf_of(text).environment.empty()) << text;
  }
}

TEST_F(FilesTest, SpecsThatCannotBeRunAreRefused) {
  EXPECT_TRUE(check_container_spec(spec).ok());
  const auto refused = [&](const std::function<void(proto::ContainerSpec&)>& change) {
    proto::ContainerSpec changed = spec;
    change(changed);
    return check_container_spec(changed).code() == StatusCode::kMalformed;
  };
  EXPECT_TRUE(refused([](auto& s) { s.set_topology_id("../x"); }));
  EXPECT_TRUE(refused([](auto& s) { s.set_topology_id(""); }));
  EXPECT_TRUE(refused([](auto& s) { s.set_local_dir("relative"); }));
  EXPECT_TRUE(refused([](auto& s) { s.set_container_id(-1); }));
  EXPECT_TRUE(refused([](auto& s) { s.set_port(70000); }));
  EXPECT_TRUE(refused([](auto& s) { s.add_artifacts()->set_name("a/b"); }));
  EXPECT_TRUE(refused([](auto& s) { s.add_test_processes()->set_name("x"); }));
  EXPECT_TRUE(refused([](auto& s) {
    s.add_processes(proto::PROCESS_JVM_HOST);
    s.set_worker_id("..");
  }));
  ASSERT_TRUE(write_small_file(directory + "/bad.spec", "\xff\xff").ok());
  EXPECT_EQ(load_container_spec(directory + "/bad.spec").status().code(), StatusCode::kCorrupt);
}

}  // namespace
}  // namespace petrel
