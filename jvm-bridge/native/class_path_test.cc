#include "jvm-bridge/native/class_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace petrel {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ClassPathTest : public testing::Test {
 protected:
  ClassPathTest() {
    std::string pattern = testing::TempDir() + "/class_path_XXXXXX";
    root_ = fs::canonical(mkdtemp(pattern.data()));
    for (const char* file : {"java/storm-2.8/b.jar", "java/storm-2.8/a.jar", "java/storm-2.8/note.txt",
                             "java/host/petrel-host-core.jar", "lib/y.JAR", "lib/x.jar", "lib/sub/z.jar"}) {
      fs::create_directories((root_ / file).parent_path());
      std::ofstream(root_ / file) << "x";
    }
  }
  ~ClassPathTest() override { fs::remove_all(root_); }

  Result<std::vector<std::string>> class_path(const std::string& json, std::vector<std::string> artifacts = {}) {
    Result<ConfMap> conf = parse_json_map(json, "test conf");
    EXPECT_TRUE(conf.ok());
    return worker_class_path(*conf, {root_ / "java", root_ / "code", std::move(artifacts)});
  }
  std::string at(const std::string& path) { return (root_ / path).string(); }

  fs::path root_;
};

TEST_F(ClassPathTest, HasStormsOrder) {
  auto out = class_path("{\"topology.classpath\": \"/u/*:/u/conf\", \"topology.classpath.beginning\": \"/early\"}",
                        {"stormjar.jar", "dep-2.jar", "dep-1.jar", "topology.thrift", "../evil.jar"});
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_THAT(*out,
              ElementsAre(at("java/storm-2.8/a.jar"), at("java/storm-2.8/b.jar"), at("java/host/petrel-host-core.jar"),
                          at("code/stormjar.jar"), at("code/dep-2.jar"), at("code/dep-1.jar"), "/u/conf"));
}

TEST_F(ClassPathTest, TheBeginningIsForThoseWhoAllowIt) {
  auto out = class_path(
      "{\"topology.classpath.beginning\": [\"/early\"], \"storm.topology.classpath.beginning.enabled\": true}");
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(out->front(), "/early");
}

TEST_F(ClassPathTest, WildcardsAreExpandedSortedAndNotInDepth) {
  EXPECT_THAT(expand_class_path("/a.jar:" + at("lib") + "/*::/b"),
              ElementsAre("/a.jar", at("lib/x.jar"), at("lib/y.JAR"), "/b"));
  EXPECT_THAT(expand_class_path(""), IsEmpty());
  EXPECT_THAT(expand_class_path(":::"), IsEmpty());
  EXPECT_THAT(expand_class_path("/nowhere/*"), IsEmpty());
  EXPECT_EQ(join_class_path({"a", "b"}), "a:b");
}

TEST_F(ClassPathTest, MissingLibrariesAreASentence) {
  fs::remove_all(root_ / "java/host");
  auto out = class_path("{}");
  ASSERT_FALSE(out.ok());
  EXPECT_THAT(out.status().message(), HasSubstr("java/host"));
  EXPECT_THAT(out.status().message(), HasSubstr("PETREL_JAVA_DIR"));
}

TEST_F(ClassPathTest, AWrongTypeIsRefused) {
  EXPECT_FALSE(class_path("{\"topology.classpath\": 5}").ok());
  EXPECT_FALSE(class_path("{\"topology.classpath\": \"a\\u0000b\"}").ok());
}

TEST_F(ClassPathTest, TheJavaFolderIsBesideTheBinaryOrNamed) {
  fs::create_directories(root_ / "dev/bin");
  fs::create_directories(root_ / "bin");
  EXPECT_EQ(find_java_dir("", root_ / "dev/bin/petrel-jvm-host")->string(), at("java"));
  EXPECT_EQ(find_java_dir("", root_ / "bin/petrel-jvm-host")->string(), at("java"));
  EXPECT_EQ(find_java_dir(at("java"), "/x/y")->string(), at("java"));
  auto missing = find_java_dir("/nowhere", "/x/y");
  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(missing.status().message(), HasSubstr("'/nowhere'"));
}

}  // namespace
}  // namespace petrel
