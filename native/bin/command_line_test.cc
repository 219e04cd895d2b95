// The command line as a whole, without a cluster: words, help, exit codes, files for the client.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "native/bin/client_files.h"
#include "native/bin/nimbus_access.h"
#include "native/bin/verbs.h"

namespace petrel::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

struct Outcome {
  int code;
  std::string out, err;
};

Outcome run(const std::string& program, const std::vector<std::string>& args) {
  CaptureStdout();
  CaptureStderr();
  const int code = run_command_line(program, args);
  std::fflush(stdout);
  return {code, GetCapturedStdout(), GetCapturedStderr()};
}

class CommandLine : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "petrel-cli-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
    ::setenv("PETREL_HOME", dir_.c_str(), 1);
    ::setenv("HOME", dir_.c_str(), 1);
    for (const char* name : {"STORM_CONF_DIR", "STORM_HOME", "PETREL_CONF"}) ::unsetenv(name);
  }
  void TearDown() override { fs::remove_all(dir_); }
  fs::path dir_;
};

TEST_F(CommandLine, EveryVerbHasHelp) {
  for (const auto group : {cluster_verbs(), topology_verbs(), log_verbs(), about_verbs()}) {
    for (const Verb& verb : group) {
      const Outcome by_flag = run("petrel", {verb.name, "--help"});
      EXPECT_EQ(by_flag.code, 0) << verb.name;
      EXPECT_THAT(by_flag.out, HasSubstr(std::string("Usage: petrel ") + verb.name));
      EXPECT_EQ(run("petrel", {"help", verb.name}).out, by_flag.out);
      EXPECT_THAT(run("petrel", {"help"}).out, HasSubstr(verb.name));
    }
  }
}

TEST_F(CommandLine, UnknownVerbsSuggest) {
  const Outcome typo = run("petrel", {"lsit"});
  EXPECT_EQ(typo.code, 2);
  EXPECT_THAT(typo.err, HasSubstr("did you mean `petrel list`?"));
  EXPECT_THAT(run("petrel", {"xyzzy"}).err, HasSubstr("`petrel help` lists them"));
}

TEST_F(CommandLine, UnderTheNameStormOnlyStormsVerbs) {
  EXPECT_EQ(run("storm", {}).code, 1);
  EXPECT_THAT(run("storm", {"help"}).out, HasSubstr("deactivate"));
  EXPECT_EQ(run("storm", {"up"}).code, 2);
  const Outcome daemon = run("storm", {"supervisor"});
  EXPECT_EQ(daemon.code, 1);
  EXPECT_THAT(daemon.err, HasSubstr("`petrel up`"));
  const Outcome later = run("storm", {"rebalance", "x"});
  EXPECT_EQ(later.code, 1);
  EXPECT_THAT(later.err, HasSubstr("'rebalance' is not supported by Petrel yet"));
  EXPECT_THAT(run("storm", {"version"}).out, ::testing::StartsWith("Storm 2.8.3\n"));
}

TEST_F(CommandLine, WrongUseIsExitCode2) {
  EXPECT_EQ(run("petrel", {}).code, 2);
  EXPECT_EQ(run("petrel", {"kill"}).code, 2);
  EXPECT_EQ(run("petrel", {"list", "extra"}).code, 2);
  EXPECT_EQ(run("petrel", {"list", "--frob"}).code, 2);
}

TEST_F(CommandLine, WithoutANimbusItSaysWhatToDo) {
  const Outcome outcome = run("petrel", {"list", "-c", "nimbus.thrift.port=1"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("no Nimbus at localhost:1"));
  EXPECT_THAT(outcome.err, HasSubstr("`petrel up` starts one"));
}

TEST_F(CommandLine, JarChecksBeforeItStartsAJvm) {
  const Outcome missing = run("petrel", {"jar", "/nonexistent.jar", "Main"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.err, HasSubstr("topology jar /nonexistent.jar"));
  std::ofstream(dir_ / "text.jar") << "not a zip archive";
  const Outcome text = run("petrel", {"jar", (dir_ / "text.jar").string(), "Main"});
  EXPECT_EQ(text.code, 1);
  EXPECT_THAT(text.err, HasSubstr("text.jar"));
  EXPECT_THAT(text.err, HasSubstr("zip"));
}

TEST_F(CommandLine, InstallingTheStormNameNeverReplacesAnything) {
  ::setenv("PATH", "/nonexistent", 1);
  const fs::path bin = dir_ / "bin";
  fs::create_directory(bin);
  EXPECT_EQ(run("petrel", {"install-storm-name", bin.string()}).code, 0);
  EXPECT_EQ(fs::read_symlink(bin / "storm"), this_executable());
  EXPECT_EQ(run("petrel", {"install-storm-name", bin.string()}).code, 0);  // again
  fs::remove(bin / "storm");
  fs::copy_file("/bin/true", bin / "storm");
  const Outcome real = run("petrel", {"install-storm-name", bin.string()});
  EXPECT_EQ(real.code, 1);
  EXPECT_THAT(real.err, HasSubstr("stays as it is"));
  EXPECT_FALSE(fs::is_symlink(bin / "storm"));
  ::setenv("PATH", bin.c_str(), 1);  // a real storm elsewhere on the PATH
  const fs::path other = dir_ / "other";
  fs::create_directory(other);
  EXPECT_EQ(run("petrel", {"install-storm-name", other.string()}).code, 1);
  EXPECT_EQ(run("petrel", {"install-storm-name", other.string(), "--beside"}).code, 0);
}

TEST_F(CommandLine, TheClientsStormYamlNamesOurNimbus) {
  Settings settings;
  settings.home = dir_.string();
  settings.nimbus_host = "localhost";
  settings.nimbus_port = 7000;
  settings.cluster_conf.set("topology.workers", int64_t{3});
  const ClientFiles files = write_client_files(settings).value();
  const Result<ConfMap> conf = parse_yaml_map(client_storm_yaml(settings), "storm.yaml");
  ASSERT_TRUE(conf.ok()) << conf.status().message();
  EXPECT_EQ(conf->get_int("nimbus.thrift.port", 0).value(), 7000);
  EXPECT_THAT(conf->get_strings("nimbus.seeds").value(), ::testing::ElementsAre("localhost"));
  EXPECT_EQ(conf->get_int("topology.workers", 0).value(), 3);
  EXPECT_TRUE(fs::exists(files.storm_yaml));
  const auto written = fs::last_write_time(files.storm_yaml);
  ASSERT_TRUE(write_client_files(settings).ok());
  EXPECT_EQ(fs::last_write_time(files.storm_yaml), written);  // the same text is not written again
}

TEST_F(CommandLine, TheTableIsStorms) {
  EXPECT_EQ(topologies_table({}), "No topologies running.\n");
  storm::TopologySummary topology;
  topology.name = "words";
  topology.status = "ACTIVE";
  topology.num_tasks = 28;
  topology.num_workers = 3;
  topology.uptime_secs = 4711;
  topology.id = "words-1-1700000000";
  topology.owner = "me";
  EXPECT_EQ(
      topologies_table({topology}),
      "Topology_name        Status     Num_tasks  Num_workers  Uptime_secs  Topology_Id          Owner               \n"
      "----------------------------------------------------------------------------------------\n"
      "words                ACTIVE     28         3            4711         words-1-1700000000   me                  "
      "\n");
}

TEST_F(CommandLine, LogsOfATopologyAreTheNewestRuns) {
  for (const char* id : {"words-2-1700000000", "words-10-1700000100", "words-more-11-1700000200"}) {
    fs::create_directories(dir_ / "logs/workers-artifacts" / id / "6700");
    std::ofstream(dir_ / "logs/workers-artifacts" / id / "6700/worker.log") << "first\nline of " << id << "\n";
  }
  std::ofstream(dir_ / "logs/workers-artifacts/words-10-1700000100/6700/gc.log") << "Pause Young\n";
  const Outcome outcome = run("petrel", {"logs", "words", "-n", "1"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("line of words-10-1700000100\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("first")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("words-more")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("Pause")));
  EXPECT_EQ(run("petrel", {"logs", "nobody"}).code, 1);
}

}  // namespace
}  // namespace petrel::cli
