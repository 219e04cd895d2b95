#include "native/config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <fstream>
#include <map>

namespace petrel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() {
    std::string pattern = (fs::temp_directory_path() / "settings-XXXXXX").string();
    CHECK(mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    variables_["HOME"] = folder_;
  }
  ~SettingsTest() override { fs::remove_all(folder_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(folder_ + path).parent_path());
    std::ofstream(folder_ + path) << text;
  }

  Result<Settings> load(const std::vector<std::pair<std::string, std::string>>& overrides = {},
                        const std::string& home = "") {
    SettingsEnvironment environment;
    environment.variable = [this](const std::string& name) -> std::optional<std::string> {
      auto it = variables_.find(name);
      if (it == variables_.end()) return std::nullopt;
      return it->second;
    };
    environment.working_dir = folder_ + "/cwd";
    return load_settings(environment, overrides, home);
  }

  std::string folder_;
  std::map<std::string, std::string> variables_;
};

TEST_F(SettingsTest, Defaults) {
  Settings s = load().value();
  EXPECT_EQ(s.home, folder_ + "/.petrel");
  EXPECT_EQ(s.nimbus_host, "localhost");
  EXPECT_EQ(s.nimbus_port, 6627);
  EXPECT_EQ(s.nimbus_max_connections, 1024);
  EXPECT_THAT(s.slots_ports, ElementsAre(6700, 6701, 6702, 6703));
  EXPECT_EQ(s.local_dir, folder_ + "/.petrel/local");
  EXPECT_EQ(s.log_dir, folder_ + "/.petrel/logs");
  EXPECT_TRUE(s.cluster_conf.empty());
  EXPECT_TRUE(s.sources.empty());
}

TEST_F(SettingsTest, WithoutHomeTheUsersFolderCounts) {
  const passwd* user = ::getpwuid(::getuid());
  ASSERT_NE(user, nullptr);
  const char* before = std::getenv("HOME");
  const std::string kept = before == nullptr ? "" : before;
  ::unsetenv("HOME");
  EXPECT_EQ(SettingsEnvironment::of_process().variable("HOME"), std::string(user->pw_dir));
  ::setenv("HOME", folder_.c_str(), 1);
  EXPECT_EQ(SettingsEnvironment::of_process().variable("HOME"), folder_);
  if (before != nullptr) ::setenv("HOME", kept.c_str(), 1);
}

TEST_F(SettingsTest, LaterSourcesWin) {
  write("/.storm/storm.yaml",
        "nimbus.thrift.port: 7001\nnimbus.max.connections: 8001\nnimbus.seeds: [\"alpha\", \"beta\"]\nmy.key: 1\n");
  write("/.petrel/petrel.yaml", "nimbus.thrift.port: 7002\nstorm.log.dir: logs-here\n");
  Settings s = load({{"nimbus.max.connections", "8002"}, {"my.text", "plain words"}}).value();
  EXPECT_EQ(s.nimbus_port, 7002);
  EXPECT_EQ(s.nimbus_max_connections, 8002);
  EXPECT_EQ(s.nimbus_host, "alpha");
  EXPECT_EQ(s.log_dir, folder_ + "/cwd/logs-here");
  EXPECT_EQ(*s.cluster_conf.find("my.key")->as_int(), 1);
  EXPECT_EQ(*s.cluster_conf.find("my.text")->as_string(), "plain words");
  EXPECT_THAT(s.sources, ElementsAre(folder_ + "/.storm/storm.yaml", folder_ + "/.petrel/petrel.yaml", "-c"));
}

TEST_F(SettingsTest, StormYamlWhereStormLooks) {
  write("/.storm/storm.yaml", "nimbus.thrift.port: 1\n");
  write("/dist/conf/storm.yaml", "nimbus.thrift.port: 2\n");
  write("/confdir/storm.yaml", "nimbus.thrift.port: 3\n");
  EXPECT_EQ(load().value().nimbus_port, 1);
  variables_["STORM_HOME"] = folder_ + "/dist";
  EXPECT_EQ(load().value().nimbus_port, 2);
  variables_["STORM_CONF_DIR"] = folder_ + "/confdir";
  EXPECT_EQ(load().value().nimbus_port, 3);
}

TEST_F(SettingsTest, PetrelConfMustExist) {
  variables_["PETREL_CONF"] = folder_ + "/none.yaml";
  EXPECT_THAT(load().status().message(), HasSubstr("PETREL_CONF names"));
}

TEST_F(SettingsTest, HomeOnTheCommandLineWins) {
  variables_["PETREL_HOME"] = folder_ + "/env";
  EXPECT_EQ(load().value().home, folder_ + "/env");
  write("/arg/petrel.yaml", "nimbus.max.connections: 9\n");
  Settings s = load({}, folder_ + "/arg").value();
  EXPECT_EQ(s.home, folder_ + "/arg");
  EXPECT_EQ(s.nimbus_max_connections, 9);
}

TEST_F(SettingsTest, ErrorsNameFileKeyValueAndBounds) {
  write("/.petrel/petrel.yaml", "nimbus.thrift.port: many\n");
  EXPECT_EQ(load().status().message(), folder_ +
                                           "/.petrel/petrel.yaml: conf nimbus.thrift.port = \"many\" is a string; "
                                           "expected an integer from 0 to 65535");
  write("/.petrel/petrel.yaml", "supervisor.slots.ports: [6700, 70000]\n");
  EXPECT_THAT(load().status().message(), HasSubstr("conf supervisor.slots.ports = [6700,70000]; expected a list of"));
  write("/.petrel/petrel.yaml", "a: [\n");
  EXPECT_THAT(load().status().message(), HasSubstr("not YAML at line"));
}

TEST_F(SettingsTest, MarkdownHasARowPerOption) {
  std::string text = settings_markdown();
  EXPECT_THAT(text, HasSubstr("| `nimbus.thrift.port` | `nimbus.thrift.port` | `6627` | 0 to 65535 port |"));
  EXPECT_THAT(text, HasSubstr("| `petrel.home` |"));
  EXPECT_THAT(text, HasSubstr("| `petrel.stream.manager` | topology | `auto` |"));
}

}  // namespace
}  // namespace petrel
