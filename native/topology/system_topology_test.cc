#include "native/topology/system_topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace petrel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

LogicalPlan two_components() {
  LogicalPlan plan;
  Component spout;
  spout.name = "spout";
  spout.kind = ComponentKind::kSpout;
  spout.streams = {Stream{"default", {"w"}, false}};
  Component bolt;
  bolt.name = "bolt";
  bolt.inputs = {Input{"spout", "default", GroupingKind::kShuffle, {}, ""}};
  plan.components = {spout, bolt};
  return plan;
}

std::vector<std::string> names(const LogicalPlan& plan) {
  std::vector<std::string> out;
  for (const Component& c : plan.components) out.push_back(c.name);
  return out;
}

TEST(SystemTopology, AckersDefaultToWorkers) {
  LogicalPlan plan = two_components();
  ASSERT_TRUE(add_system_components(plan, {{"topology.workers", 3},
                                           {"topology.acker.executors", nullptr},
                                           {"topology.eventlogger.executors", 0},
                                           {"topology.message.timeout.secs", 30}})
                  .ok());
  assign_task_ids(plan);
  EXPECT_THAT(names(plan), ElementsAre("__acker", "__system", "bolt", "spout"));
  EXPECT_EQ(plan.find("__acker")->tasks, 3);
  EXPECT_EQ(plan.find("__acker")->inputs.size(), 4u);
  EXPECT_TRUE(plan.find("__acker")->find_stream("__ack_ack")->direct);
  EXPECT_EQ(plan.find("__system")->tasks, 0);
  EXPECT_EQ(plan.find("spout")->inputs.size(), 3u);
  EXPECT_THAT(plan.find("spout")->json_conf, HasSubstr("\"topology.tick.tuple.freq.secs\":30"));
  EXPECT_NE(plan.find("bolt")->find_stream("__metrics"), nullptr);
}

TEST(SystemTopology, ZeroAckersKeepTheComponent) {
  LogicalPlan plan = two_components();
  ASSERT_TRUE(
      add_system_components(plan, {{"topology.acker.executors", 0}, {"topology.eventlogger.executors", 0}}).ok());
  assign_task_ids(plan);
  EXPECT_EQ(plan.find("__acker")->tasks, 0);
  EXPECT_EQ(plan.find("bolt")->first_task, 1);
}

TEST(SystemTopology, EventLoggerAndMetricsConsumers) {
  LogicalPlan plan = two_components();
  ConfList consumers{ConfMap{{"class", "a.B"}}, ConfMap{{"class", "a.B"}, {"parallelism.hint", 2}}};
  ASSERT_TRUE(add_system_components(
                  plan, {{"topology.eventlogger.executors", 2}, {"topology.metrics.consumer.register", consumers}})
                  .ok());
  assign_task_ids(plan);
  EXPECT_THAT(names(plan),
              ElementsAre("__acker", "__eventlogger", "__metrics_a.B", "__metrics_a.B#2", "__system", "bolt", "spout"));
  EXPECT_EQ(plan.find("__metrics_a.B#2")->tasks, 2);
  EXPECT_NE(plan.find("__metrics_a.B")->find_input("__system", "__metrics"), nullptr);
}

TEST(SystemTopology, WrongTypesAreNamed) {
  LogicalPlan plan = two_components();
  EXPECT_THAT(add_system_components(plan, {{"topology.acker.executors", "x"}}).message(),
              HasSubstr("conf topology.acker.executors = \"x\""));
  plan = two_components();
  EXPECT_THAT(add_system_components(plan, {{"topology.metrics.consumer.register", ConfList{1}}}).message(),
              HasSubstr("an entry has no class"));
}

}  // namespace
}  // namespace petrel
