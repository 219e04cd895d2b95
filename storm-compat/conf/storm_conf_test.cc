#include "storm-compat/conf/storm_conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace petrel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string refusal(std::string_view json) {
  return parse_topology_conf(json).status().to_string();
}

TEST(StormDefaults, KeepTheirTypes) {
  const ConfMap& defaults = storm_defaults();
  EXPECT_EQ(*defaults.find("topology.workers")->as_int(), 1);
  EXPECT_EQ(*defaults.find("topology.worker.max.heap.size.mb")->as_double(), 768.0);
  EXPECT_TRUE(defaults.find("topology.acker.executors")->is_null());
  EXPECT_EQ(defaults.find("supervisor.slots.ports")->as_list()->size(), 4u);
}

TEST(StormConfTable, EveryRowIsClassified) {
  EXPECT_GT(storm_conf_table().size(), 300u);
  for (const StormConfKey& row : storm_conf_table()) {
    EXPECT_FALSE(row.note.empty() || row.note == "?") << row.key;
  }
  EXPECT_EQ(find_storm_key("topology.workers")->type, "int>0");
  EXPECT_EQ(find_storm_key("topology.oci.image")->treatment, ConfTreatment::kRefused);
  EXPECT_EQ(find_storm_key("my.own.key"), nullptr);
}

TEST(ReliabilityT03, ConfThatIsNoMap) {
  for (const char* bad : {"", "null", "[]", "7", "\"x\"", "{\"a\": NaN}", "{", "{'a': 1}"}) {
    EXPECT_THAT(refusal(bad), HasSubstr("MALFORMED: topology conf")) << bad;
  }
  EXPECT_THAT(refusal(std::string(10'000, '[')), HasSubstr("LIMIT: topology conf: JSON at byte"));
  EXPECT_THAT(refusal("{\"a\":\"" + std::string(10u << 20, 'x') + "\"}"), HasSubstr("over the limit of"));
}

TEST(ReliabilityT03, NumbersAndDuplicatesAreKeptAsStormKeepsThem) {
  ConfMap conf = parse_topology_conf(R"({"a":1,"a":2,"b":1e999,"c":123456789012345678901234567890})").value();
  EXPECT_EQ(print_json(conf), R"({"a":2,"b":1e999,"c":123456789012345678901234567890})");
}

TEST(ReliabilityT04, KnownKeyOfWrongType) {
  EXPECT_EQ(
      refusal(R"({"topology.workers":"four"})"),
      "MALFORMED: topology conf: topology.workers = \"four\" is a string; expected an integer of 32 bits above 0");
  EXPECT_THAT(refusal(R"({"topology.workers":-1})"), HasSubstr("above 0"));
  EXPECT_THAT(refusal(R"({"topology.workers":0})"), HasSubstr("above 0"));
  EXPECT_THAT(refusal(R"({"topology.workers":2.5})"), HasSubstr("an integer of 32 bits"));
  EXPECT_THAT(refusal(R"({"topology.workers":3000000000})"), HasSubstr("an integer of 32 bits"));
  EXPECT_THAT(refusal(R"({"topology.workers":1e999})"), HasSubstr("a number too large for 64 bits"));
  EXPECT_THAT(refusal(R"({"topology.debug":"true"})"), HasSubstr("expected true or false"));
  EXPECT_THAT(refusal(R"({"topology.kryo.register":[1]})"), HasSubstr("a list of class names or a map"));
  EXPECT_THAT(refusal(R"({"topology.worker.childopts":[1]})"), HasSubstr("a string or a list of strings"));
  EXPECT_THAT(refusal(R"({"topology.message.timeout.secs":null})"), HasSubstr("not null"));
  EXPECT_THAT(refusal(R"({"topology.environment":[]})"), HasSubstr("expected a map"));
}

TEST(ReliabilityT04, WhatStormTakesIsTaken) {
  for (const char* good :
       {R"({"topology.workers":4.0})", R"({"topology.workers":null})", R"({"topology.stats.sample.rate":1})",
        R"({"topology.kryo.register":["a.B",{"c.D":"e.F"},{"g.H":null}]})", R"({"topology.kryo.register":{}})",
        R"({"topology.worker.childopts":"-Xmx1g"})", R"({"topology.worker.childopts":["-Xmx1g"]})",
        R"({"topology.acker.executors":0})", R"({"topology.blobstore.map":{}})",
        R"({"topology.auto-credentials":[]})"}) {
    EXPECT_TRUE(parse_topology_conf(good).ok()) << good << refusal(good);
  }
}

TEST(ReliabilityT05, UnknownKeysAreKept) {
  EXPECT_EQ(print_json(parse_topology_conf(R"({"my.key":[1,{"x":null}]})").value()), R"({"my.key":[1,{"x":null}]})");
}

TEST(StormConf, RefusedKeysSayWhy) {
  EXPECT_THAT(refusal(R"({"topology.oci.image":"x:1"})"), HasSubstr("topology.oci.image = \"x:1\" is refused: "));
}

TEST(NormaliseConf, MergesAsNimbusDoes) {
  ConfMap cluster{{"topology.workers", 2}, {"nimbus.thrift.port", 7000}, {"topology.max.task.parallelism", 8}};
  ConfMap topology{{"topology.acker.executors", 3},
                   {"mine", 1},
                   {"topology.kryo.register", ConfList{"a.A", ConfMap{{"b.B", "s.S"}}}},
                   {"storm.zookeeper.topology.auth.payload", "secret"},
                   {"storm.local.hostname", "h"},
                   {"topology.users", ConfList{"u", "u"}}};
  std::vector<ConfMap> components{{{"topology.kryo.register", ConfList{"c.C"}}, {"topology.tasks", 9}},
                                  {{"topology.kryo.decorators", ConfList{"d.D"}}}};
  ConfMap conf = normalise_conf(cluster, topology, components, {"t-1-2", "t", "me"}).value();
  EXPECT_EQ(*conf.find("topology.workers")->as_int(), 2);
  EXPECT_EQ(*conf.find("nimbus.thrift.port")->as_int(), 7000);
  EXPECT_EQ(*conf.find("topology.message.timeout.secs")->as_int(), 30);
  EXPECT_EQ(*conf.find("topology.acker.executors")->as_int(), 3);
  EXPECT_EQ(*conf.find("topology.max.task.parallelism")->as_int(), 8);
  EXPECT_EQ(*conf.find("mine")->as_int(), 1);
  EXPECT_EQ(print_json(*conf.find("topology.kryo.register")), R"({"c.C":null,"a.A":null,"b.B":"s.S"})");
  EXPECT_EQ(print_json(*conf.find("topology.kryo.decorators")), R"(["d.D"])");
  EXPECT_EQ(*conf.find("storm.id")->as_string(), "t-1-2");
  EXPECT_EQ(*conf.find("topology.name")->as_string(), "t");
  EXPECT_EQ(*conf.find("topology.submitter.user")->as_string(), "me");
  EXPECT_EQ(print_json(*conf.find("topology.users")), R"(["u"])");
  EXPECT_FALSE(conf.contains("storm.zookeeper.topology.auth.payload"));
  EXPECT_FALSE(conf.contains("storm.local.hostname"));
  EXPECT_TRUE(conf.find("topology.tasks")->is_null());
}

TEST(NormaliseConf, KryoRegisterIsAMapEvenWhenNobodyRegisters) {
  ConfMap conf = normalise_conf({}, {}, {}, {"t-1-2", "t", "me"}).value();
  EXPECT_EQ(print_json(*conf.find("topology.kryo.register")), "{}");
}

TEST(NormaliseConf, WorkerTimeoutIsCapped) {
  ConfMap conf =
      normalise_conf({{"worker.max.timeout.secs", 60}}, {{"topology.worker.timeout.secs", 90}}, {}, {}).value();
  EXPECT_EQ(*conf.find("topology.worker.timeout.secs")->as_int(), 60);
}

TEST(ComponentConf, KeepsStormsWhitelistAndOwnKeys) {
  ConfMap topology{{"topology.debug", false}, {"topology.message.timeout.secs", 30}, {"x", 1}};
  ConfMap own{{"topology.debug", true},
              {"topology.message.timeout.secs", 5},
              {"topology.tasks", 4},
              {"topology.tick.tuple.freq.secs", 7},
              {"x", 2},
              {"y", 3}};
  EXPECT_EQ(component_conf(topology, own), (ConfMap{{"topology.debug", true},
                                                    {"topology.message.timeout.secs", 30},
                                                    {"topology.tick.tuple.freq.secs", 7},
                                                    {"x", 2},
                                                    {"y", 3}}));
}

TEST(ConfWarnings, OnlyForChangedKeysWithoutEffect) {
  EXPECT_THAT(conf_warnings({{"topology.priority", 29}, {"topology.workers", 2}, {"own", 1}}), IsEmpty());
  EXPECT_THAT(conf_warnings({{"topology.priority", 1}}),
              ElementsAre(HasSubstr("conf topology.priority has no effect")));
}

}  // namespace
}  // namespace petrel
