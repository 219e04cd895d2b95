// T1 to T15 of the catalogue of bad input, and what a good topology becomes.
#include "storm-compat/submit/topology_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace petrel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const std::string kJavaBytes("\xAC\xED\x00\x05sr\x00\x01", 8);

storm::ComponentObject java_object() {
  storm::ComponentObject object;
  object.__set_serialized_java(kJavaBytes);
  return object;
}

storm::StreamInfo stream(std::vector<std::string> fields, bool direct = false) {
  storm::StreamInfo info;
  info.output_fields = std::move(fields);
  info.direct = direct;
  return info;
}

storm::GlobalStreamId id(std::string component, std::string stream_id = "default") {
  storm::GlobalStreamId out;
  out.componentId = std::move(component);
  out.streamId = std::move(stream_id);
  return out;
}

storm::Grouping shuffle() {
  storm::Grouping grouping;
  grouping.__set_shuffle({});
  return grouping;
}

storm::Grouping fields(std::vector<std::string> names) {
  storm::Grouping grouping;
  grouping.__set_fields(std::move(names));
  return grouping;
}

/// spout -> split -> count
storm::StormTopology word_count() {
  storm::StormTopology topology;
  storm::SpoutSpec spout;
  spout.spout_object = java_object();
  spout.common.streams["default"] = stream({"line"});
  spout.common.__set_parallelism_hint(2);
  topology.spouts["spout"] = spout;
  storm::Bolt split;
  split.bolt_object = java_object();
  split.common.streams["default"] = stream({"word"});
  split.common.inputs[id("spout")] = shuffle();
  split.common.__set_parallelism_hint(3);
  split.common.__set_json_conf(R"({"topology.tasks":5})");
  topology.bolts["split"] = split;
  storm::Bolt count;
  count.bolt_object = java_object();
  count.common.inputs[id("split")] = fields({"word"});
  topology.bolts["count"] = count;
  return topology;
}

Result<Submission> read(const storm::StormTopology& topology, const std::string& conf = "{}",
                        const std::string& name = "t") {
  return read_submission(topology, {}, conf, {name + "-1-1700000000", name, "me"});
}

/// The refusal of a word count that `change` broke.
template <typename Change>
std::string refusal(Change change, const std::string& conf = "{}") {
  storm::StormTopology topology = word_count();
  change(topology);
  Result<Submission> result = read(topology, conf);
  return result.ok() ? "accepted" : result.status().message();
}

TEST(TopologyReader, WordCount) {
  Submission submission = read(word_count(), R"({"topology.workers":2,"my.key":1.0})").value();
  const LogicalPlan& plan = submission.plan;
  std::vector<std::string> rows;
  for (const Component& c : plan.components) {
    rows.push_back(fmt::format("{} {} {} {}{}", c.name, c.first_task, c.tasks, c.executors, c.system ? " system" : ""));
  }
  EXPECT_THAT(
      rows, ElementsAre("__acker 1 2 2 system", "__system 0 0 0 system", "count 3 1 1", "split 4 5 3", "spout 9 2 2"));
  EXPECT_THAT(plan.executors_of(*plan.find("split")), ElementsAre(TaskRange{4, 5}, TaskRange{6, 7}, TaskRange{8, 8}));
  EXPECT_EQ(plan.find("split")->json_conf, R"({"topology.tasks":5})");
  EXPECT_EQ(plan.find("count")->find_input("split", "default")->fields, std::vector<std::string>{"word"});
  EXPECT_EQ(*submission.conf.find("my.key")->as_double(), 1.0);
  EXPECT_EQ(*submission.conf.find("storm.id")->as_string(), "t-1-1700000000");
  EXPECT_THAT(submission.warnings, IsEmpty());
  EXPECT_EQ(LogicalPlan::from_proto(plan.to_proto()).value(), plan);
}

TEST(TopologyReader, GroupingsKeepTheirKind) {
  storm::StormTopology topology = word_count();
  auto& inputs = topology.bolts["count"].common.inputs;
  auto& streams = topology.bolts["split"].common.streams;
  auto add = [&](const std::string& name, auto set) {
    streams[name] = stream({"a"}, name == "direct");
    set(inputs[id("split", name)]);
  };
  add("all", [](storm::Grouping& g) { g.__set_all({}); });
  add("none", [](storm::Grouping& g) { g.__set_none({}); });
  add("direct", [](storm::Grouping& g) { g.__set_direct({}); });
  add("local", [](storm::Grouping& g) { g.__set_local_or_shuffle({}); });
  add("global", [](storm::Grouping& g) { g.__set_fields({}); });
  add("serialized", [](storm::Grouping& g) { g.__set_custom_serialized(kJavaBytes); });
  add("object", [](storm::Grouping& g) {
    storm::JavaObject object;
    object.full_class_name = "a.B";
    storm::JavaObjectArg arg;
    arg.__set_int_arg(7);
    object.args_list.push_back(arg);
    g.__set_custom_object(object);
  });
  Submission submission = read(topology).value();
  const Component* count = submission.plan.find("count");
  auto kind = [&](const char* name) { return count->find_input("split", name)->grouping; };
  EXPECT_EQ(kind("all"), GroupingKind::kAll);
  EXPECT_EQ(kind("none"), GroupingKind::kNone);
  EXPECT_EQ(kind("direct"), GroupingKind::kDirect);
  EXPECT_EQ(kind("local"), GroupingKind::kLocalOrShuffle);
  EXPECT_EQ(kind("global"), GroupingKind::kGlobal);
  EXPECT_EQ(kind("serialized"), GroupingKind::kCustomSerialized);
  EXPECT_EQ(count->find_input("split", "serialized")->custom, kJavaBytes);
  EXPECT_EQ(kind("object"), GroupingKind::kCustomObject);
  EXPECT_THAT(count->find_input("split", "object")->custom, HasSubstr("a.B"));
  EXPECT_THAT(submission.warnings, IsEmpty());
}

TEST(ReliabilityT01, NamesThatStormForbids) {
  for (const char* bad : {"", "a/b", "..", ".", "a:b", "a\\b", "a.b", "a\nb", "a\x7f", "\xFF"}) {
    Status status = check_topology_name(bad);
    EXPECT_THAT(status.message(), StartsWith("Topology name '")) << bad;
    EXPECT_THAT(status.message(), HasSubstr("must match ^[^/.:\\\\]+$")) << bad;
  }
  EXPECT_FALSE(check_topology_name(std::string("a\0b", 3)).ok());
  EXPECT_THAT(check_topology_name(std::string(300, 'x')).message(), HasSubstr("300 bytes are more than 200"));
  EXPECT_LT(check_topology_name(std::string(5000, '/')).message().size(), 400u);
}

TEST(ReliabilityT01, NamesThatStormTakes) {
  for (const char* good : {"a", "word count", "<script>", "$(id)", "'\"", "\xF0\x9F\x98\x80", "-x", "a-1-2"}) {
    EXPECT_TRUE(check_topology_name(good).ok()) << good;
  }
  EXPECT_TRUE(check_topology_name(std::string(200, 'x')).ok());
}

TEST(ReliabilityT03, ConfIsNoMap) {
  for (const char* bad : {"", "null", "[]", "7", "{"}) {
    EXPECT_THAT(read(word_count(), bad).status().message(), StartsWith("topology conf")) << bad;
  }
}

TEST(ReliabilityT04, ConfOfWrongType) {
  auto none = [](auto&) {};
  EXPECT_THAT(refusal(none, R"({"topology.workers":"four"})"), HasSubstr("topology.workers = \"four\""));
  EXPECT_THAT(refusal(none, R"({"topology.workers":1000000000})"), HasSubstr("at most 10000 are allowed"));
  EXPECT_THAT(refusal(none, R"({"topology.acker.executors":2000000000})"), HasSubstr("tasks; at most"));
  EXPECT_THAT(refusal(none, R"({"topology.metrics.consumer.register":[{}]})"), HasSubstr("has no class"));
  EXPECT_THAT(refusal(none, R"({"topology.metrics.consumer.register":[{"class":"a","parallelism.hint":-1}]})"),
              HasSubstr("parallelism.hint"));
  std::string many = R"({"topology.metrics.consumer.register":[)";
  for (int i = 0; i < 101; ++i) many += fmt::format(R"({}{{"class":"c"}})", i == 0 ? "" : ",");
  EXPECT_THAT(refusal(none, many + "]}"), HasSubstr("101 metrics consumers; at most 100"));
}

TEST(ReliabilityT05, UnknownKeysStay) {
  EXPECT_EQ(print_json(*read(word_count(), R"({"x.y":{"z":[1]}})").value().conf.find("x.y")), R"({"z":[1]})");
}

TEST(ReliabilityT06, NoSpout) {
  EXPECT_THAT(refusal([](auto& t) { t.spouts.clear(); }), HasSubstr("Topology t does not have any spout"));
}

TEST(ReliabilityT07, SpoutWithInputs) {
  EXPECT_THAT(refusal([](auto& t) { t.spouts["spout"].common.inputs[id("split")] = shuffle(); }),
              StartsWith("May not declare inputs for a spout"));
}

TEST(ReliabilityT08, UnknownComponentStreamField) {
  EXPECT_EQ(refusal([](auto& t) { t.bolts["count"].common.inputs[id("nobody")] = shuffle(); }),
            "Component: [count] subscribes from non-existent component [nobody]");
  EXPECT_EQ(refusal([](auto& t) { t.bolts["count"].common.inputs[id("split", "no")] = shuffle(); }),
            "Component: [count] subscribes from non-existent stream: [no] of component [split]");
  EXPECT_EQ(
      refusal([](auto& t) { t.bolts["count"].common.inputs[id("split")] = fields({"word", "a", "b"}); }),
      "Component: [count] subscribes from stream: [default] of component [split] + with non-existent fields: [a, b]");
}

TEST(ReliabilityT08, SystemStreamsMayBeRead) {
  EXPECT_EQ(refusal([](auto& t) { t.bolts["count"].common.inputs[id("spout", "__system")] = shuffle(); }), "accepted");
}

TEST(ReliabilityT09, CyclesAreAcceptedWithAWarning) {
  storm::StormTopology topology = word_count();
  topology.bolts["count"].common.streams["default"] = stream({"n"});
  topology.bolts["split"].common.inputs[id("count")] = shuffle();
  EXPECT_THAT(read(topology).value().warnings, ElementsAre(HasSubstr("components [count, split] form a cycle")));
}

TEST(ReliabilityT10, Parallelism) {
  auto hint = [](int32_t n) { return [n](auto& t) { t.bolts["count"].common.__set_parallelism_hint(n); }; };
  EXPECT_THAT(refusal(hint(-1)), HasSubstr("parallelism_hint -1 is negative"));
  EXPECT_THAT(refusal(hint(INT32_MAX)), HasSubstr("tasks; at most 1000000 are allowed"));
  EXPECT_EQ(refusal(hint(0)), "accepted");
  auto tasks = [](const char* json, int32_t n) {
    return [json, n](auto& t) {
      t.bolts["count"].common.__set_parallelism_hint(n);
      t.bolts["count"].common.__set_json_conf(json);
    };
  };
  EXPECT_THAT(refusal(tasks(R"({"topology.tasks":2})", 0)), HasSubstr("Number of executors must be greater than 0"));
  EXPECT_THAT(refusal(tasks(R"({"topology.tasks":-2})", 1)), HasSubstr("topology.tasks -2 is negative"));
  EXPECT_THAT(refusal(tasks(R"({"topology.tasks":"x"})", 1)), HasSubstr("conf topology.tasks = \"x\""));

  storm::StormTopology topology = word_count();
  tasks(R"({"topology.tasks":2})", 5)(topology);
  Submission fewer = read(topology).value();
  EXPECT_EQ(fewer.plan.executors_of(*fewer.plan.find("count")).size(), 2u);
  tasks(R"({"topology.tasks":0})", 5)(topology);
  Submission none = read(topology).value();
  EXPECT_THAT(none.plan.executors_of(*none.plan.find("count")), IsEmpty());
  EXPECT_EQ(none.plan.find("count")->first_task, 0);
}

TEST(TopologyReader, MaxTaskParallelismCapsTasks) {
  Submission submission = read(word_count(), R"({"topology.max.task.parallelism":4})").value();
  EXPECT_EQ(submission.plan.find("split")->tasks, 4);
  EXPECT_EQ(submission.plan.find("spout")->tasks, 2);
}

TEST(ReliabilityT11, TooManyComponents) {
  EXPECT_EQ(refusal([](auto& t) {
              storm::Bolt bolt = t.bolts["count"];
              for (int i = 0; i < 100'000; ++i) t.bolts.emplace(fmt::format("b{}", i), bolt);
            }),
            "the topology has 100003 components; at most 10000 are allowed");
  EXPECT_THAT(refusal([](auto& t) {
                for (int i = 0; i < 200'001; ++i)
                  t.bolts["split"].common.streams.emplace(fmt::format("{}", i), stream({}));
              }),
              HasSubstr("streams; at most 200000"));
}

TEST(ReliabilityT12, Ids) {
  EXPECT_EQ(refusal([](auto& t) { t.bolts["spout"] = t.bolts["count"]; }), "Duplicate component ids: [spout]");
  EXPECT_EQ(refusal([](auto& t) { t.bolts["__acker"] = t.bolts["count"]; }), "__acker is not a valid component id.");
  EXPECT_EQ(refusal([](auto& t) { t.bolts["count"].common.streams["__x"] = stream({}); }),
            "__x is not a valid stream id.");
  EXPECT_EQ(refusal([](auto& t) { t.bolts["-1"] = t.bolts["count"]; }), "accepted");
  EXPECT_THAT(refusal([](auto& t) { t.bolts["\xFF"] = t.bolts["count"]; }), HasSubstr("is not UTF-8"));
}

TEST(ReliabilityT13, GroupingBytes) {
  auto garbage = [](std::string bytes) {
    return [bytes](auto& t) {
      storm::Grouping grouping;
      grouping.__set_custom_serialized(bytes);
      t.bolts["count"].common.inputs[id("split")] = grouping;
    };
  };
  EXPECT_THAT(refusal(garbage("")), HasSubstr("custom_serialized grouping (0 bytes) does not start with"));
  EXPECT_THAT(refusal(garbage("\x01\x02garbage")), HasSubstr("with \"\\x01\\x02garbag\""));
  EXPECT_EQ(refusal(garbage(kJavaBytes)), "accepted");
  EXPECT_EQ(refusal([](auto& t) { t.bolts["count"].common.inputs[id("split")] = fields({}); }), "accepted");
}

TEST(ReliabilityT14, DirectGroupingOnAStreamThatIsNot) {
  storm::StormTopology topology = word_count();
  storm::Grouping direct;
  direct.__set_direct({});
  topology.bolts["count"].common.inputs[id("split")] = direct;
  EXPECT_THAT(read(topology).value().warnings, ElementsAre(HasSubstr("the stream is not declared direct")));
}

TEST(ReliabilityT15, Unions) {
  EXPECT_EQ(
      refusal([](auto& t) { t.bolts["count"].bolt_object = storm::ComponentObject(); }),
      "component [count]: its object has 0 members set; exactly one of serialized_java, shell, java_object must be");
  EXPECT_THAT(refusal([](auto& t) { t.spouts["spout"].spout_object.__set_shell({}); }), HasSubstr("has 2 members set"));
  EXPECT_THAT(refusal([](auto& t) { t.bolts["count"].common.inputs[id("split")] = storm::Grouping(); }),
              HasSubstr("input [default] of [split]: grouping has 0 members set"));
  EXPECT_THAT(refusal([](auto& t) { t.bolts["count"].common.inputs[id("split")].__set_all({}); }),
              HasSubstr("grouping has 2 members set"));
  EXPECT_THAT(refusal([](auto& t) {
                storm::ComponentObject object;
                object.__set_java_object({});
                object.java_object.args_list.emplace_back();
                t.bolts["count"].bolt_object = object;
              }),
              HasSubstr("an argument has 0 members set"));
}

TEST(ReliabilityT16, SerializedJavaThatIsNone) {
  EXPECT_THAT(refusal([](auto& t) { t.bolts["count"].bolt_object.serialized_java = ""; }),
              HasSubstr("serialized_java (0 bytes) does not start with the Java serialisation header"));
  EXPECT_THAT(refusal([](auto& t) { t.bolts["count"].bolt_object.serialized_java = "random"; }), HasSubstr("random"));
}

TEST(ReliabilityT18, BrokenJsonConf) {
  auto conf = [](std::string json) { return [json](auto& t) { t.bolts["count"].common.__set_json_conf(json); }; };
  EXPECT_THAT(refusal(conf("{")), StartsWith("json_conf of component [count]: not JSON at byte 1"));
  EXPECT_THAT(refusal(conf("[1]")), HasSubstr("must be a JSON map"));
  EXPECT_EQ(refusal(conf("")), "accepted");
  EXPECT_THAT(refusal(conf("{\"a\":\"\xFF\"}")), HasSubstr("is not UTF-8"));
}

TEST(ReliabilityT19, VersionOfStorm) {
  auto version = [](std::string v) { return [v](auto& t) { t.__set_storm_version(v); }; };
  EXPECT_EQ(refusal(version("2.8.3")), "accepted");
  EXPECT_EQ(refusal(version("2.6.0-SNAPSHOT")), "accepted");
  EXPECT_THAT(refusal(version("7.0.0")), HasSubstr("storm version 7.0.0 but could not find a configured compatible"));
  EXPECT_THAT(refusal(version("20.0")), HasSubstr("20.0"));
  EXPECT_THAT(refusal(version("new")), HasSubstr("storm version new"));
}

TEST(TopologyReader, ClusterLimits) {
  Status status = read_submission(word_count(), {{"nimbus.slots.perTopology", 1}}, R"({"topology.workers":2})",
                                  {"t-1-1", "t", "me"})
                      .status();
  EXPECT_EQ(status.message(), "Failed to submit topology. Topology requests more than 1 workers.");
  status = read_submission(word_count(), {{"nimbus.executors.perTopology", 5}}, "{}", {"t-1-1", "t", "me"}).status();
  EXPECT_EQ(status.message(), "Failed to submit topology. Topology requests more than 5 executors.");
}

TEST(TopologyReader, WarnsOfKeysWithoutEffect) {
  EXPECT_THAT(read(word_count(), R"({"topology.priority":1})").value().warnings,
              ElementsAre(HasSubstr("topology.priority has no effect")));
}

}  // namespace
}  // namespace petrel
