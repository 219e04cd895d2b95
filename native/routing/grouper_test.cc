#include "native/routing/grouper.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "native/codec/value_notation.h"
#include "native/routing/load_aware_shuffle.h"
#include "native/routing/task_table.h"

namespace petrel {
namespace {

using ::petrel::testing::parse_notation;
using ::petrel::testing::read_vectors;

std::unique_ptr<Grouper> grouper(GroupingKind kind, std::vector<int32_t> targets, uint64_t seed = 1,
                                 std::vector<uint32_t> fields = {}, bool load_aware = false,
                                 std::vector<int32_t> local = {}) {
  GrouperSpec spec{kind, std::move(fields), std::move(targets), std::move(local), load_aware, seed, 0.8, 0.2};
  Result<std::unique_ptr<Grouper>> made = make_grouper(spec);
  EXPECT_TRUE(made.ok()) << made.status().to_string();
  return std::move(made).value();
}

std::vector<int32_t> choose(Grouper& grouper, const Value::List& values = {}) {
  std::vector<int32_t> out;
  Status status = grouper.choose(values, out);
  EXPECT_TRUE(status.ok()) << status.to_string();
  return out;
}

TEST(Grouper, FieldsAgreeWithStormsVectors) {
  for (const auto& [notation, expected] : read_vectors("fields_hash.txt")) {
    std::istringstream in(expected);
    int32_t hash = 0;
    uint32_t of_four = 0;
    uint32_t of_seven = 0;
    in >> hash >> of_four >> of_seven;
    const Value::List values = std::get<Value::List>(parse_notation(notation).data);
    std::vector<uint32_t> fields(values.size());
    for (uint32_t i = 0; i < fields.size(); ++i) fields[i] = i;
    auto four = grouper(GroupingKind::kFields, {10, 11, 12, 13}, 1, fields);
    auto seven = grouper(GroupingKind::kFields, {1, 2, 3, 4, 5, 6, 7}, 1, fields);
    EXPECT_EQ(choose(*four, values), std::vector<int32_t>{static_cast<int32_t>(10 + of_four)}) << notation;
    EXPECT_EQ(choose(*seven, values), std::vector<int32_t>{static_cast<int32_t>(1 + of_seven)}) << notation;
  }
}

TEST(Grouper, FieldsSayWhichFieldOnlyAJvmCanHash) {
  auto fields = grouper(GroupingKind::kFields, {1, 2}, 1, {0, 1});
  std::vector<int32_t> out;
  Status status = fields->choose(Value::List{{int32_t{1}}, {Value::Opaque{"x"}}}, out);
  EXPECT_NE(status.message().find("field 1"), std::string::npos) << status.message();
  status = fields->choose(Value::List{{int32_t{1}}}, out);
  EXPECT_NE(status.message().find("the tuple has 1 values"), std::string::npos) << status.message();
  EXPECT_TRUE(out.empty());
}

TEST(Grouper, ShuffleGivesEveryTargetTheSameShareInAnOrderOfItsOwn) {
  std::set<std::vector<int32_t>> orders;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    auto shuffle = grouper(GroupingKind::kShuffle, {3, 4, 5, 6, 7}, seed);
    std::vector<int32_t> order;
    std::map<int32_t, int> counts;
    for (int i = 0; i < 50; ++i) {
      int32_t target = choose(*shuffle).at(0);
      if (i < 5) order.push_back(target);
      ++counts[target];
    }
    for (int32_t target = 3; target <= 7; ++target) EXPECT_EQ(counts[target], 10);
    orders.insert(order);
  }
  EXPECT_GT(orders.size(), 5u);
}

TEST(Grouper, AllGlobalNoneDirect) {
  EXPECT_EQ(choose(*grouper(GroupingKind::kAll, {4, 5, 6})), (std::vector<int32_t>{4, 5, 6}));
  EXPECT_EQ(choose(*grouper(GroupingKind::kGlobal, {4, 5, 6})), (std::vector<int32_t>{4}));
  EXPECT_TRUE(choose(*grouper(GroupingKind::kShuffle, {})).empty());
  auto none = grouper(GroupingKind::kNone, {4, 5, 6}, 9);
  std::map<int32_t, int> counts;
  for (int i = 0; i < 3000; ++i) ++counts[choose(*none).at(0)];
  for (int32_t target = 4; target <= 6; ++target) EXPECT_GT(counts[target], 800);
  auto direct = grouper(GroupingKind::kDirect, {4});
  std::vector<int32_t> out;
  EXPECT_EQ(direct->choose({}, out).message(), "Cannot do regular emit to direct stream");
  EXPECT_TRUE(direct->direct());
}

TEST(Grouper, LocalOrShuffleStaysHomeWhenItCan) {
  auto local = grouper(GroupingKind::kLocalOrShuffle, {1, 2, 3, 4}, 1, {}, false, {2, 3});
  for (int i = 0; i < 20; ++i) {
    int32_t target = choose(*local).at(0);
    EXPECT_TRUE(target == 2 || target == 3) << target;
  }
  std::set<int32_t> seen;
  auto none_here = grouper(GroupingKind::kLocalOrShuffle, {1, 2, 3, 4});
  for (int i = 0; i < 8; ++i) seen.insert(choose(*none_here).at(0));
  EXPECT_EQ(seen.size(), 4u);
}

TEST(Grouper, LoadAwareAvoidsTheFullQueueAndComesBack) {
  LoadAwareShuffle shuffle({1, 2, 3, 4}, {}, 0.8, 0.2, 5);
  auto share = [&](int32_t task) {
    int count = 0;
    for (int i = 0; i < 1000; ++i) count += choose(shuffle).at(0) == task ? 1 : 0;
    return count;
  };
  EXPECT_EQ(share(4), 250);
  for (int i = 0; i < 20; ++i) shuffle.refresh_load([](int32_t task) { return task == 4 ? 0.9 : 0.1; });
  EXPECT_EQ(shuffle.weight(3), 1);
  EXPECT_LT(share(4), 10);
  for (int i = 0; i < 200; ++i) shuffle.refresh_load([](int32_t) { return 0.1; });
  EXPECT_EQ(share(4), 250);
}

TEST(Grouper, LoadAwareKeepsToNearTargetsUntilTheyAreLoaded) {
  LoadAwareShuffle shuffle({1, 2, 3, 4}, {2, 3}, 0.8, 0.2, 5);
  double near_load = 0.5;
  auto refresh = [&] { shuffle.refresh_load([&](int32_t task) { return task == 2 || task == 3 ? near_load : 0.1; }); };
  auto far = [&] {
    int count = 0;
    for (int i = 0; i < 1000; ++i) {
      const int32_t task = choose(shuffle).at(0);
      count += task == 1 || task == 4 ? 1 : 0;
    }
    return count;
  };
  EXPECT_EQ(far(), 0);
  refresh();
  EXPECT_EQ(far(), 0);
  near_load = 0.9;
  refresh();
  EXPECT_GT(far(), 400);
  near_load = 0.3;  // between the bounds: the scope stays
  refresh();
  EXPECT_GT(far(), 400);
  near_load = 0.1;
  refresh();
  EXPECT_EQ(far(), 0);
}

TEST(Grouper, ACustomGroupingIsRefusedWithASentence) {
  for (GroupingKind kind : {GroupingKind::kCustomObject, GroupingKind::kCustomSerialized}) {
    GrouperSpec spec;
    spec.kind = kind;
    spec.targets = {1};
    Result<std::unique_ptr<Grouper>> made = make_grouper(spec);
    ASSERT_FALSE(made.ok());
    EXPECT_NE(made.status().message().find("custom grouping is a Java object"), std::string::npos);
  }
}

TEST(Grouper, SpecFindsTheFieldsAndKnowsStormsGlobal) {
  Stream stream{"default", {"a", "b", "c"}, false};
  Input input{"source", "default", GroupingKind::kFields, {"c", "a"}, ""};
  Result<GrouperSpec> spec = grouper_spec(input, stream, {9, 7}, {}, true, 1);
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->fields, (std::vector<uint32_t>{2, 0}));
  EXPECT_EQ(spec->targets, (std::vector<int32_t>{7, 9}));
  input.fields = {"x"};
  EXPECT_FALSE(grouper_spec(input, stream, {1}, {}, true, 1).ok());
  input.fields = {};
  EXPECT_EQ(grouper_spec(input, stream, {1}, {}, true, 1)->kind, GroupingKind::kGlobal);
}

TEST(Grouper, SeedsOfExecutorsAndEdgesDiffer) {
  std::set<uint64_t> seeds;
  for (int32_t task = 1; task < 50; ++task) {
    for (const char* stream : {"a", "b"}) {
      for (const char* target : {"x", "y"}) seeds.insert(grouper_seed(77, task, stream, target));
    }
  }
  EXPECT_EQ(seeds.size(), 49u * 4);
}

LogicalPlan loop_plan() {
  auto bolt = [](const char* name, std::vector<const char*> from) {
    Component component;
    component.name = name;
    component.streams = {Stream{"default", {"v"}, false}};
    for (const char* source : from) component.inputs.push_back({source, "default", GroupingKind::kShuffle, {}, ""});
    return component;
  };
  LogicalPlan plan;
  plan.topology_id = "loop-1-1";
  plan.components = {bolt("__acker", {"a"}), bolt("a", {"b", "s"}), bolt("b", {"a"}), bolt("s", {}), bolt("z", {"z"})};
  plan.components[1].tasks = 3;
  plan.components[1].executors = 2;
  assign_task_ids(plan);
  return plan;
}

TEST(TaskTable, KnowsComponentsPlacesReadersAndInnerEdges) {
  LogicalPlan plan = loop_plan();
  std::vector<TaskPlace> places(8);
  for (int32_t task = 1; task <= 7; ++task) places[static_cast<size_t>(task)] = {task == 3 ? 2 : task, 1};
  Result<std::shared_ptr<const TaskTable>> table = TaskTable::of(plan, places);
  ASSERT_TRUE(table.ok()) << table.status().to_string();
  const TaskTable& tasks = **table;
  const Component& a = *tasks.plan().find("a");
  const Component& b = *tasks.plan().find("b");
  const Component& s = *tasks.plan().find("s");
  const Component& z = *tasks.plan().find("z");
  EXPECT_EQ(tasks.component(3), &a);
  EXPECT_EQ(tasks.component(0), nullptr);
  EXPECT_EQ(tasks.component(8), nullptr);
  EXPECT_EQ(tasks.component(-1), nullptr);
  EXPECT_EQ(tasks.executors_of(a), (std::vector<int32_t>{2, 4}));
  EXPECT_EQ(tasks.nearest({2, 3, 4}, 5), (std::vector<int32_t>{2, 3, 4}));
  EXPECT_EQ(tasks.readers_of(a), std::vector<const Component*>{&b});  // not __acker
  EXPECT_TRUE(tasks.inner(a, b));
  EXPECT_TRUE(tasks.inner(b, a));
  EXPECT_TRUE(tasks.inner(z, z));
  EXPECT_FALSE(tasks.inner(s, a));
  EXPECT_FALSE(tasks.inner(a, z));
  places[2] = places[3] = {2, 7, 1};
  places[4] = {4, 8, 1};
  places[6] = {6, 9, 1};
  const auto spread = *TaskTable::of(plan, places);
  EXPECT_EQ(spread->nearest({2, 3, 4}, 3), (std::vector<int32_t>{2, 3}));     // in its host
  EXPECT_EQ(spread->nearest({2, 3, 4}, 6), (std::vector<int32_t>{2, 3, 4}));  // in its container
  EXPECT_TRUE(spread->nearest({2, 3, 4}, 5).empty());
  places[5] = {};
  EXPECT_NE(TaskTable::of(plan, places).status().message().find("task 5"), std::string::npos);
}

}  // namespace
}  // namespace petrel
