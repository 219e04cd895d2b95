#include "native/topology/logical_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace petrel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Component bolt(std::string name, int32_t tasks, int32_t executors) {
  Component c;
  c.name = std::move(name);
  c.tasks = tasks;
  c.executors = executors;
  c.streams = {Stream{"default", {"a"}, false}};
  return c;
}

TEST(SplitExecutors, LargerPartsComeFirst) {
  EXPECT_THAT(split_executors(2, 5, 3), ElementsAre(TaskRange{2, 3}, TaskRange{4, 5}, TaskRange{6, 6}));
  EXPECT_THAT(split_executors(1, 4, 2), ElementsAre(TaskRange{1, 2}, TaskRange{3, 4}));
  EXPECT_THAT(split_executors(1, 2, 5), ElementsAre(TaskRange{1, 1}, TaskRange{2, 2}));
  EXPECT_THAT(split_executors(1, 0, 5), IsEmpty());
  EXPECT_THAT(split_executors(1, 5, 0), IsEmpty());
}

TEST(JavaLess, ComparesUtf16Units) {
  EXPECT_TRUE(java_less("A", "a"));
  EXPECT_TRUE(java_less("__acker", "a"));
  EXPECT_TRUE(java_less("a", "ab"));
  EXPECT_FALSE(java_less("a", "a"));
  EXPECT_TRUE(java_less("z", "\xC3\xA9"));
  // U+1F600 is D83D DE00 in UTF-16 and comes before U+FF21, though its UTF-8 bytes are larger.
  EXPECT_TRUE(java_less("\xF0\x9F\x98\x80", "\xEF\xBC\xA1"));
  EXPECT_FALSE(java_less("\xEF\xBC\xA1", "\xF0\x9F\x98\x80"));
}

TEST(LogicalPlan, TaskIdsFollowTheOrder) {
  LogicalPlan plan;
  plan.components = {bolt("b", 2, 1), bolt("__acker", 1, 1), bolt("__system", 0, 0), bolt("B", 3, 2)};
  assign_task_ids(plan);
  std::vector<std::string> names;
  for (const Component& c : plan.components) names.push_back(c.name);
  EXPECT_THAT(names, ElementsAre("B", "__acker", "__system", "b"));
  EXPECT_EQ(plan.find("B")->first_task, 1);
  EXPECT_EQ(plan.find("__acker")->first_task, 4);
  EXPECT_EQ(plan.find("__system")->first_task, 0);
  EXPECT_EQ(plan.find("b")->last_task(), 6);
  EXPECT_EQ(plan.find("c"), nullptr);
  EXPECT_EQ(plan.find_task(4)->name, "__acker");
  EXPECT_EQ(plan.find_task(0), nullptr);
  EXPECT_EQ(plan.find_task(7), nullptr);
  EXPECT_EQ(plan.total_tasks(), 6);
}

TEST(LogicalPlan, GoesThroughProto) {
  LogicalPlan plan;
  plan.topology_id = "t-1-2";
  plan.topology_name = "t";
  Component b = bolt("b", 2, 1);
  b.inputs = {Input{"a", "default", GroupingKind::kFields, {"a"}, ""},
              Input{"a", "other", GroupingKind::kCustomSerialized, {}, std::string("\0\xff", 2)}};
  b.json_conf = R"({"topology.tasks":2})";
  Component a = bolt("a", 1, 1);
  a.kind = ComponentKind::kSpout;
  a.streams.push_back(Stream{"other", {}, true});
  plan.components = {b, a};
  assign_task_ids(plan);
  EXPECT_EQ(LogicalPlan::from_proto(plan.to_proto()).value(), plan);
}

TEST(LogicalPlan, FromProtoChecks) {
  LogicalPlan plan;
  plan.components = {bolt("a", 1, 1), bolt("b", 1, 1)};
  assign_task_ids(plan);
  auto broken = [&](auto change) {
    proto::LogicalPlan message = plan.to_proto();
    change(message);
    return LogicalPlan::from_proto(message).status().message();
  };
  EXPECT_THAT(broken([](auto& m) { m.mutable_components()->SwapElements(0, 1); }), HasSubstr("should be 1"));
  EXPECT_THAT(broken([](auto& m) { m.mutable_components(1)->set_name("a"); }), HasSubstr("out of order"));
  EXPECT_THAT(broken([](auto& m) { m.mutable_components(1)->set_first_task(7); }), HasSubstr("should be 2"));
  EXPECT_THAT(broken([](auto& m) { m.mutable_components(1)->set_tasks(-1); }), HasSubstr("negative"));
  EXPECT_THAT(broken([](auto& m) { m.mutable_components(1)->set_kind(proto::COMPONENT_UNSET); }), HasSubstr("kind"));
  EXPECT_THAT(broken([](auto& m) {
                auto* input = m.mutable_components(1)->add_inputs();
                input->set_component("nobody");
                input->set_grouping(proto::GROUPING_ALL);
              }),
              HasSubstr("does not exist"));
  EXPECT_THAT(broken([](auto& m) { m.mutable_components(1)->add_inputs(); }), HasSubstr("grouping 0"));
}

}  // namespace
}  // namespace petrel
