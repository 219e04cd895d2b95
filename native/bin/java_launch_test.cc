#include "native/bin/java_launch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <fstream>

namespace petrel::cli {
namespace {

namespace fs = std::filesystem;

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class JavaLaunch : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "petrel-java-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(dir_); }

  fs::path jdk(const std::string& name, const std::string& version) {
    fs::create_directories(dir_ / name / "bin");
    std::ofstream(dir_ / name / "bin/java") << "#!/bin/sh\n";
    ::chmod((dir_ / name / "bin/java").c_str(), 0755);
    std::ofstream(dir_ / name / "release") << "IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"" << version << "\"\n";
    return dir_ / name;
  }
  Environment environment() const {
    return [this](const std::string& name) -> std::optional<std::string> {
      const auto it = variables_.find(name);
      return it == variables_.end() ? std::nullopt : std::optional(it->second);
    };
  }

  fs::path dir_;
  std::map<std::string, std::string> variables_;
};

TEST_F(JavaLaunch, TakesTheNewestJdkFrom17Up) {
  jdk("a-jdk8", "1.8.0_392");
  jdk("b-jdk11", "11.0.2");
  EXPECT_THAT(find_java_home("", environment(), dir_).status().message(), HasSubstr("no JDK of version 17 or newer"));
  const fs::path seventeen = jdk("z-jdk17", "17.0.15");
  EXPECT_EQ(find_java_home("", environment(), dir_).value(), seventeen);
  const fs::path newer = jdk("c-jdk21", "21");
  EXPECT_EQ(find_java_home("", environment(), dir_).value(), newer);
}

TEST_F(JavaLaunch, JavaHomeWinsAndMustHoldAJava) {
  const fs::path old = jdk("jdk11", "11.0.2");
  variables_["JAVA_HOME"] = old.string();
  EXPECT_EQ(find_java_home("", environment(), dir_).value(), old);
  variables_["JAVA_HOME"] = "/nonexistent";
  EXPECT_THAT(find_java_home("", environment(), dir_).status().message(),
              HasSubstr("JAVA_HOME '/nonexistent' has no bin/java"));
  EXPECT_EQ(find_java_home(old.string(), environment(), dir_).value(), old);  // the setting is asked first
  EXPECT_THAT(find_java_home("/nowhere", environment(), dir_).status().message(), HasSubstr("java.home '/nowhere'"));
}

TEST_F(JavaLaunch, JavaDirIsBesideTheBinaryOrNamed) {
  EXPECT_THAT(find_java_dir("", environment(), dir_ / "dev/bin").status().message(),
              HasSubstr((dir_ / "java").string()));
  fs::create_directories(dir_ / "java/storm-2.8");
  EXPECT_EQ(find_java_dir("", environment(), dir_ / "dev/bin").value(), dir_ / "java");
  EXPECT_EQ(find_java_dir("", environment(), dir_ / "bin").value(), dir_ / "java");
  EXPECT_FALSE(find_java_dir("", environment(), dir_ / "a/b/c").ok());
  variables_["PETREL_JAVA_DIR"] = "/nowhere";
  EXPECT_THAT(find_java_dir("", environment(), dir_ / "bin").status().message(), HasSubstr("/nowhere"));
}

TEST_F(JavaLaunch, TheCommandIsStorms) {
  JarRun run;
  run.java_home = "/jdk";
  run.storm_jars = {"/s/a.jar", "/s/b.jar"};
  run.jar = "my.jar";
  run.main_class = "org.Main";
  run.args = {"name", "-x", "two words"};
  run.extra_jars = {"d1.jar", "d2.jar"};
  run.storm_options = {"a.b=1 2", "c=x,y"};
  run.conf_file = "/c/storm.yaml";
  run.conf_dirs = {"/home/u/.storm", "/c"};
  run.jvm_options = {"-Xmx64m"};
  run.ext_classpath = "/ext/*";
  const std::vector<std::string> command = java_command(run);
  EXPECT_EQ(command.front(), "/jdk/bin/java");
  EXPECT_THAT(command, Contains("-Dstorm.options=a.b%3D1+2,c%3Dx%2Cy"));
  EXPECT_THAT(command, Contains("-Dstorm.conf.file=/c/storm.yaml"));
  EXPECT_THAT(command, Contains("/s/a.jar:/s/b.jar:/ext/*:my.jar:/home/u/.storm:/c:d1.jar:d2.jar"));
  EXPECT_THAT(command, Contains("-Dstorm.jar=my.jar"));
  EXPECT_THAT(command, Contains("-Dstorm.dependency.jars=d1.jar,d2.jar"));
  EXPECT_THAT(command, Contains("-Dstorm.dependency.artifacts={}"));
  EXPECT_THAT(std::vector<std::string>(command.end() - 5, command.end()),
              ElementsAre("-Dstorm.dependency.artifacts={}", "org.Main", "name", "-x", "two words"));
}

TEST_F(JavaLaunch, ShellWords) {
  EXPECT_THAT(shell_words(R"( -Da="b c" 'd e' f\ g "" )").value(), ElementsAre("-Da=b c", "d e", "f g", ""));
  EXPECT_THAT(shell_words("").value(), ElementsAre());
  EXPECT_THAT(shell_words("'open").status().message(), HasSubstr("an open '"));
}

TEST_F(JavaLaunch, ExitCodesAndSignalsAreTheCommandsOwn) {
  EXPECT_EXIT(become({"/bin/sh", "-c", "exit 7"}), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(become({"/bin/sh", "-c", "kill -TERM $$"}), testing::KilledBySignal(SIGTERM), "");
  EXPECT_THAT(become({"/nonexistent/java"}).message(), HasSubstr("/nonexistent/java"));
}

}  // namespace
}  // namespace petrel::cli
