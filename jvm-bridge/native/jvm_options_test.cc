#include "jvm-bridge/native/jvm_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace petrel {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

WorkerIdentity worker() {
  WorkerIdentity w;
  w.topology_id = "wc-1-1700000000";
  w.worker_id = "uuid-1";
  w.port = 6700;
  w.petrel_home = "/p";
  w.local_dir = "/p/local";
  w.log_dir = "/p/logs";
  w.worker_dir = "/p/local/workers/uuid-1";
  w.code_dir = "/p/local/supervisor/stormdist/wc-1-1700000000";
  return w;
}

ConfMap conf(const std::string& json) {
  Result<ConfMap> map = parse_json_map(json, "test conf");
  EXPECT_TRUE(map.ok()) << map.status().message();
  return map.ok() ? *map : ConfMap();
}

std::vector<std::string> split(const std::string& json) {
  Result<std::vector<std::string>> options = childopts(conf(json), "worker.childopts", worker(), 512);
  EXPECT_TRUE(options.ok()) << options.status().message();
  return options.ok() ? *options : std::vector<std::string>();
}

size_t position(const std::vector<std::string>& options, const std::string& option) {
  return std::find(options.begin(), options.end(), option) - options.begin();
}

TEST(ChildOpts, SplitsAStringAtBlanksAndTakesAListAsItIs) {
  EXPECT_THAT(split(R"({"worker.childopts": "  -Xmx1g\t-Da=b \n -Dc "})"), ElementsAre("-Xmx1g", "-Da=b", "-Dc"));
  EXPECT_THAT(split(R"({"worker.childopts": ["-Da=b c", " ", "-Dd"]})"), ElementsAre("-Da=b c", "-Dd"));
  EXPECT_THAT(split(R"({"worker.childopts": null})"), IsEmpty());
  EXPECT_THAT(split(R"({"worker.childopts": ""})"), IsEmpty());
  EXPECT_THAT(split("{}"), IsEmpty());
}

TEST(ChildOpts, ReplacesEveryPlaceholder) {
  EXPECT_THAT(split(R"({"worker.childopts": "-Xmx%HEAP-MEM%m -D%ID%=%WORKER-ID% %TOPOLOGY-ID%:%WORKER-PORT% )"
                    R"(%OFF-HEAP-MEM%/%LIMIT-MEM% %UNKNOWN%"})"),
              ElementsAre("-Xmx512m", "-D6700=uuid-1", "wc-1-1700000000:6700", "0/512", "%UNKNOWN%"));
}

TEST(ChildOpts, BadInputNamesKeyValueAndFix) {
  auto message = [](const std::string& json) {
    Result<std::vector<std::string>> options = childopts(conf(json), "worker.childopts", worker(), 1);
    EXPECT_FALSE(options.ok());
    EXPECT_EQ(options.status().code(), StatusCode::kMalformed);
    return options.status().message();
  };
  EXPECT_THAT(message(R"({"worker.childopts": 7})"), HasSubstr("worker.childopts: an integer is not allowed"));
  EXPECT_THAT(message(R"({"worker.childopts": {"a": 1}})"), HasSubstr("give a string of JVM options"));
  EXPECT_THAT(message(R"({"worker.childopts": ["-Da", 3]})"), HasSubstr("every item must be a string"));
  EXPECT_THAT(message(R"({"worker.childopts": "-Da\u0000b"})"), HasSubstr("NUL"));
  EXPECT_THAT(message("{\"worker.childopts\": \"-D" + std::string(40000, 'a') + "\"}"), HasSubstr("40002 bytes"));
  std::string many;
  for (int i = 0; i < 2001; ++i) many += "-Da ";
  EXPECT_THAT(message("{\"worker.childopts\": \"" + many + "\"}"), HasSubstr("at most 2000"));
}

JvmOptions translated(std::vector<std::string> options) {
  JvmOptions out;
  translate_launcher_options(options, out);
  return out;
}

TEST(LauncherOptions, TwoWordModuleOptionsBecomeOne) {
  JvmOptions out = translated({"--add-opens", "java.base/java.lang=ALL-UNNAMED", "--add-modules=java.sql", "-p", "/m"});
  EXPECT_THAT(out.options,
              ElementsAre("--add-opens=java.base/java.lang=ALL-UNNAMED", "--add-modules=java.sql", "--module-path=/m"));
  EXPECT_THAT(out.warnings, IsEmpty());
}

TEST(LauncherOptions, ClassPathAndJarAreLeftOutWithTheirValue) {
  for (const char* option : {"-cp", "-classpath", "--class-path", "-jar"}) {
    JvmOptions out = translated({"-Da", option, "x.jar", "-Db"});
    EXPECT_THAT(out.options, ElementsAre("-Da", "-Db")) << option;
    ASSERT_EQ(out.warnings.size(), 1u) << option;
    EXPECT_THAT(out.warnings[0], HasSubstr("topology.classpath"));
  }
  EXPECT_THAT(translated({"-Djava.class.path=/x", "--class-path=/y"}).options, IsEmpty());
}

TEST(LauncherOptions, OptionsOfTheLauncherAndTyposAreLeftOut) {
  JvmOptions out =
      translated({"-server", "-client", "@args", "-version", "-XshowSettings:vm", "Main", "-bogus", "-Xss2m"});
  EXPECT_THAT(out.options, ElementsAre("-Xss2m"));
  EXPECT_EQ(out.warnings.size(), 5u);  // -server and -client change nothing on a 64-bit JVM
}

TEST(LauncherOptions, OptionsOfTheVmStay) {
  std::vector<std::string> kept = {"-agentlib:jdwp=transport=dt_socket,address=0",
                                   "-agentpath:/x.so",
                                   "-javaagent:a.jar",
                                   "-ea",
                                   "-verbose:gc",
                                   "--enable-preview",
                                   "-XX:+UseG1GC",
                                   "-Xlog:gc",
                                   "-Dx=@y"};
  JvmOptions out = translated(kept);
  EXPECT_EQ(out.options, kept);
  EXPECT_THAT(out.warnings, IsEmpty());
}

TEST(LauncherOptions, AValueThatIsMissingIsNotAnAccess) {
  EXPECT_THAT(translated({"--add-opens"}).options, IsEmpty());
  EXPECT_THAT(translated({"-cp"}).options, IsEmpty());
  EXPECT_THAT(translated({"-p"}).options, IsEmpty());
}

TEST(WorkerJvmOptions, TheUsersValueComesAfterOurs) {
  Result<JvmOptions> out = worker_jvm_options(
      conf(R"({"worker.childopts": "-Xmx%HEAP-MEM%m", "topology.worker.childopts": "-Xmx99m -Dstorm.home=/mine",)"
           R"("worker.gc.childopts": "-XX:+UseSerialGC", "topology.worker.max.heap.size.mb": 300})"),
      worker());
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ(position(out->options, "-Xmx300m"), 0u);
  EXPECT_THAT(out->options, Contains("--add-opens=java.base/java.lang=ALL-UNNAMED"));
  EXPECT_LT(position(out->options, "-Dstorm.home=/p"), position(out->options, "-Xmx99m"));
  EXPECT_LT(position(out->options, "-Dstorm.home=/p"), position(out->options, "-Dstorm.home=/mine"));
  EXPECT_THAT(out->options, Contains("-XX:+UseSerialGC"));
}

TEST(DefaultCollector, IsTheSerialOneForSmallHeapsOnTwoProcessors) {
  EXPECT_THAT(default_collector({"-Xmx768m"}, "", 2),
              ElementsAre("-Xms224694k", "-XX:NewSize=112347k", "-XX:MaxNewSize=112347k", "-XX:+UseSerialGC"));
  EXPECT_THAT(default_collector({"-Xmx768m"}, "", 0), Contains("-XX:+UseSerialGC"));
}

TEST(DefaultCollector, IsTheParallelOneForSmallHeapsOnMoreProcessors) {
  EXPECT_THAT(default_collector({"-Xmx1g", "-XX:+PrintGCDetails"}, "-Dx=1", 3),
              ElementsAre("-Xms299592k", "-XX:NewSize=149796k", "-XX:MaxNewSize=149796k", "-XX:+UseParallelGC",
                          "-XX:-UseAdaptiveSizePolicy"));
}

TEST(DefaultCollector, IsTheJvmsForOtherHeaps) {
  EXPECT_THAT(default_collector({"-Xmx16m"}, "", 2), Not(IsEmpty()));
  EXPECT_THAT(default_collector({"-Xmx15m"}, "", 2), IsEmpty());
  EXPECT_THAT(default_collector({"-Xmx1025m"}, "", 2), IsEmpty());
  EXPECT_THAT(default_collector({}, "", 2), IsEmpty());
}

TEST(DefaultCollector, IsTheUsersWhereHeHasChosen) {
  for (const char* option : {"-XX:+UseG1GC", "-XX:+UseZGC", "-XX:-UseParallelGC", "-XX:MaxGCPauseMillis=20",
                             "-XX:G1HeapRegionSize=1m", "-Xmn64m", "-XX:NewRatio=3", "-XX:MaxHeapSize=4g",
                             "-XX:InitialHeapSize=64m", "-XX:MinHeapSize=256m", "-XX:InitialRAMPercentage=10",
                             "-XX:MaxTenuringThreshold=1", "-Xms64m", "-XX:Flags=.hotspotrc", "-XX:VMOptionsFile=x"}) {
    EXPECT_THAT(default_collector({"-Xmx512m", option}, "", 2), IsEmpty()) << option;
    EXPECT_THAT(default_collector({"-Xmx512m"}, std::string("-Da=b ") + option, 2), IsEmpty()) << option;
  }
  EXPECT_THAT(default_collector({"-Xmx512m"}, "-Xmx8g", 2), IsEmpty());
  EXPECT_THAT(default_collector({"-Xmx512m"}, "'-XX:+UseG1GC'", 2), IsEmpty());
  EXPECT_THAT(default_collector({"-Xmx512m"}, "\"-XX:+UseG1GC\"", 2), IsEmpty());
}

TEST(WorkerJvmOptions, TopologyGcOptionsReplaceTheClusters) {
  Result<JvmOptions> out = worker_jvm_options(
      conf(R"({"topology.worker.gc.childopts": "-Dgc=topology", "worker.gc.childopts": "-Dgc=cluster"})"), worker());
  ASSERT_TRUE(out.ok());
  EXPECT_THAT(out->options, Contains("-Dgc=topology"));
  EXPECT_THAT(out->options, Not(Contains("-Dgc=cluster")));
}

TEST(WorkerJvmOptions, HoldsStormsSystemProperties) {
  Result<JvmOptions> out = worker_jvm_options(conf("{}"), worker());
  ASSERT_TRUE(out.ok());
  for (const char* property :
       {"-Dstorm.id=wc-1-1700000000", "-Dworker.id=uuid-1", "-Dworker.port=6700", "-Dlogfile.name=worker.log",
        "-Dstorm.home=/p", "-Dworkers.artifacts=/p/logs/workers-artifacts", "-Dstorm.log.dir=/p/logs",
        "-Dstorm.local.dir=/p/local", "-Dlogging.sensitivity=S3", "-Djava.io.tmpdir=/p/local/workers/uuid-1/tmp",
        "-Dstorm.conf.file=", "-Dstorm.options="}) {
    EXPECT_THAT(out->options, Contains(property));
  }
  EXPECT_THAT(out->options.back(),
              HasSubstr("-Djava.library.path=/p/local/supervisor/stormdist/wc-1-1700000000/resources/"));
}

TEST(HeapMb, TakesTheLargestOfPlanAndTopology) {
  WorkerIdentity w = worker();
  EXPECT_EQ(*heap_mb(conf("{}"), w), 768);
  EXPECT_EQ(*heap_mb(conf(R"({"worker.heap.memory.mb": 100})"), w), 100);
  EXPECT_EQ(*heap_mb(conf(R"({"topology.worker.max.heap.size.mb": 1000.5})"), w), 1001);
  w.memory_bytes = int64_t{2048} << 20;
  EXPECT_EQ(*heap_mb(conf("{}"), w), 2048);
}

TEST(HeapMb, RefusesSizesThatNoJvmHas) {
  for (const char* json :
       {R"({"worker.heap.memory.mb": 0})", R"({"worker.heap.memory.mb": -5})", R"({"worker.heap.memory.mb": 1e12})"}) {
    EXPECT_EQ(heap_mb(conf(json), worker()).status().code(), StatusCode::kMalformed) << json;
  }
  EXPECT_THAT(heap_mb(conf(R"({"worker.heap.memory.mb": "much"})"), worker()).status().message(),
              HasSubstr("worker.heap.memory.mb"));
}

TEST(UnknownFlags, ATypoIsNamedWithTheNearestFlag) {
  std::vector<std::string> known = {"UseG1GC", "MaxGCPauseMillis", "HeapDumpOnOutOfMemoryError"};
  std::vector<std::string> warnings = warn_unknown_flags(
      {"-XX:+UseG1Gc", "-XX:MaxGCPauseMilis=5", "-XX:+UseG1GC", "-Xmx1g", "-XX:+PrintGCDateStamps", "-XX:Zzzz=1"},
      known);
  ASSERT_EQ(warnings.size(), 3u);
  EXPECT_THAT(warnings[0], HasSubstr("'-XX:+UseG1Gc' has no effect"));
  EXPECT_THAT(warnings[0], HasSubstr("did you mean UseG1GC?"));
  EXPECT_THAT(warnings[1], HasSubstr("did you mean MaxGCPauseMillis?"));
  EXPECT_THAT(warnings[2], Not(HasSubstr("did you mean")));
  EXPECT_THAT(warn_unknown_flags({"-XX:+Nonsense"}, {}), IsEmpty());  // a JVM that hides its flags
}

TEST(WorkerEnvironment, TakesTheTopologysMap) {
  auto out = worker_environment(conf(R"({"topology.environment": {"A": "b c", "N": 5}})"), worker());
  ASSERT_TRUE(out.ok());
  ASSERT_EQ(out->size(), 3u);
  EXPECT_EQ((*out)[0].first, "LD_LIBRARY_PATH");
  EXPECT_EQ((*out)[1].second, "b c");
  EXPECT_EQ((*out)[2].second, "5");
  EXPECT_FALSE(worker_environment(conf(R"({"topology.environment": ["A"]})"), worker()).ok());
  EXPECT_FALSE(worker_environment(conf(R"({"topology.environment": {"A=B": "c"}})"), worker()).ok());
}

TEST(MaxHeapBytes, TheLastOneThatCanBeReadCounts) {
  EXPECT_EQ(max_heap_bytes({}), 0);
  EXPECT_EQ(max_heap_bytes({"-Xms5m", "-Xmx64m"}), 64 << 20);
  EXPECT_EQ(max_heap_bytes({"-Xmx64m", "-Xmx2G"}), int64_t{2} << 30);
  EXPECT_EQ(max_heap_bytes({"-Xmx1048576", "-Xmxlots", "-Xmx3q", "-Xmx"}), 1 << 20);
  EXPECT_EQ(max_heap_bytes({"-Xmx9223372036854775807g"}), 0);
}

}  // namespace
}  // namespace petrel
