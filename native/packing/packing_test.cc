// One contract over every row of the registry, then what is particular to each.
#include "native/packing/packing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "native/base/rng.h"
#include "native/packing/physical_plan.h"

namespace petrel {
namespace {

using ::testing::HasSubstr;

LogicalPlan random_plan(Rng& rng) {
  LogicalPlan plan;
  plan.topology_id = "t-1-1";
  plan.topology_name = "t";
  size_t components = 1 + rng.below(12);
  for (size_t i = 0; i < components; ++i) {
    Component c;
    c.name = fmt::format("c{}", i);
    c.kind = i == 0 ? ComponentKind::kSpout : ComponentKind::kBolt;
    c.executors = static_cast<int32_t>(rng.below(7));
    c.tasks = static_cast<int32_t>(rng.below(10));
    if (rng.below(3) == 0) c.json_conf = R"({"topology.component.resources.onheap.memory.mb": 256})";
    plan.components.push_back(c);
  }
  assign_task_ids(plan);
  return plan;
}

std::vector<Slot> random_slots(Rng& rng) {
  std::vector<Slot> slots;
  size_t hosts = 1 + rng.below(3);
  for (size_t h = 0; h < hosts; ++h) {
    for (size_t p = 0; p < 1 + rng.below(4); ++p)
      slots.push_back({fmt::format("h{}", h), static_cast<int32_t>(6700 + p)});
  }
  return slots;
}

class PackingContract : public ::testing::TestWithParam<const PackingRow*> {};

TEST_P(PackingContract, NoExecutorIsLostOrDoubledAndLimitsHold) {
  Rng rng(7);
  for (int round = 0; round < 500; ++round) {
    LogicalPlan plan = random_plan(rng);
    std::vector<Slot> slots = random_slots(rng);
    int workers = static_cast<int>(1 + rng.below(6));
    ConfMap conf{{"topology.workers", workers},
                 {"topology.component.resources.onheap.memory.mb", 128.0},
                 {"topology.component.cpu.pcore.percent", 10.0}};
    PackingPlan packing = GetParam()->pack(plan, conf, slots).value();
    ASSERT_TRUE(check_covers(packing, plan).ok()) << check_covers(packing, plan).to_string();
    ASSERT_GE(packing.containers.size(), 1u);
    ASSERT_LE(packing.containers.size(), std::min<size_t>(slots.size(), static_cast<size_t>(workers)));
    std::set<std::pair<std::string, int32_t>> used;
    size_t least = SIZE_MAX;
    size_t most = 0;
    for (size_t i = 0; i < packing.containers.size(); ++i) {
      const ContainerPlan& container = packing.containers[i];
      ASSERT_EQ(container.container_id, static_cast<int32_t>(i) + 1);
      ASSERT_TRUE(used.insert({container.host, container.port}).second) << "slot used twice";
      ASSERT_TRUE(std::any_of(slots.begin(), slots.end(),
                              [&](const Slot& s) { return s.host == container.host && s.port == container.port; }));
      least = std::min(least, container.executors.size());
      most = std::max(most, container.executors.size());
      Resources sum;
      for (const ExecutorPlacement& e : container.executors) {
        sum.cpu_percent += e.resources.cpu_percent;
        sum.memory_bytes += e.resources.memory_bytes;
      }
      ASSERT_EQ(sum, container.resources);
    }
    ASSERT_LE(most - least, 1u);
    ASSERT_EQ(packing, GetParam()->pack(plan, conf, slots).value()) << "not deterministic";
    PhysicalPlan physical{3, plan, packing, TopologyStatus::kActive, {1}};
    ASSERT_EQ(PhysicalPlan::from_proto(physical.to_proto()).value(), physical);
  }
}

TEST_P(PackingContract, NoSlotIsStatedWithNumbers) {
  Rng rng(1);
  Status status = GetParam()->pack(random_plan(rng), {}, {}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("needs 1 slot(s), 0 are free"));
}

TEST_P(PackingContract, WrongConfIsNamed) {
  Rng rng(1);
  LogicalPlan plan = random_plan(rng);
  std::vector<Slot> slots{{"h", 1}};
  EXPECT_THAT(GetParam()->pack(plan, {{"topology.workers", "many"}}, slots).status().message(),
              HasSubstr("conf topology.workers = \"many\""));
  EXPECT_THAT(GetParam()->pack(plan, {{"topology.component.cpu.pcore.percent", -1.0}}, slots).status().message(),
              HasSubstr("is not between 0 and"));
}

std::vector<const PackingRow*> all_rows() {
  std::vector<const PackingRow*> rows;
  for (const PackingRow& row : packing_registry()) rows.push_back(&row);
  return rows;
}
INSTANTIATE_TEST_SUITE_P(Registry, PackingContract, ::testing::ValuesIn(all_rows()),
                         [](const auto& row) { return std::string(row.param->name); });

TEST(Packing, SingleContainerTakesOnePerHost) {
  Rng rng(3);
  LogicalPlan plan = random_plan(rng);
  std::vector<Slot> slots{{"h", 6700}, {"h", 6701}, {"h", 6702}};
  PackingPlan packing = pack_single_container(plan, {{"topology.workers", 3}}, slots).value();
  ASSERT_EQ(packing.containers.size(), 1u);
  EXPECT_EQ(packing.containers[0].port, 6700);
}

TEST(Packing, ResourcesOfSystemComponents) {
  ConfMap conf{{"topology.component.resources.onheap.memory.mb", 128.0},
               {"topology.acker.resources.onheap.memory.mb", 64},
               {"topology.acker.cpu.pcore.percent", 5}};
  Component acker;
  acker.name = "__acker";
  EXPECT_EQ(resources_of(acker, conf).value(), (Resources{5, 64 << 20}));
  Component other;
  other.name = "x";
  EXPECT_EQ(resources_of(other, conf).value(), (Resources{0, 128 << 20}));
}

TEST(Packing, FindByName) {
  EXPECT_NE(find_packing("round_robin"), nullptr);
  EXPECT_EQ(find_packing("none"), nullptr);
}

TEST(PackingPlan, CheckCoversNamesWhatIsWrong) {
  LogicalPlan plan;
  Component c;
  c.name = "c";
  c.tasks = 2;
  c.executors = 2;
  plan.components = {c};
  assign_task_ids(plan);
  PackingPlan packing{{ContainerPlan{1, "h", 1, {{"c", {1, 1}, {}}}, {}}}};
  EXPECT_THAT(check_covers(packing, plan).message(), HasSubstr("executor [2, 2] of c is in no container"));
  packing.containers[0].executors.push_back({"c", {1, 1}, {}});
  EXPECT_THAT(check_covers(packing, plan).message(), HasSubstr("placed twice"));
  packing.containers[0].executors[1] = {"d", {2, 2}, {}};
  EXPECT_THAT(check_covers(packing, plan).message(), HasSubstr("of d in container 1 is unknown"));
}

TEST(PackingPlan, FromProtoChecks) {
  PackingPlan packing{{ContainerPlan{1, "h", 1, {{"c", {1, 1}, {}}}, {}}, ContainerPlan{2, "h", 2, {}, {}}}};
  proto::PackingPlan message = packing.to_proto();
  EXPECT_EQ(PackingPlan::from_proto(message).value(), packing);
  message.mutable_containers(1)->set_container_id(1);
  EXPECT_THAT(PackingPlan::from_proto(message).status().message(), HasSubstr("twice"));
  message = packing.to_proto();
  message.mutable_containers(0)->mutable_executors(0)->set_last_task(0);
  EXPECT_THAT(PackingPlan::from_proto(message).status().message(), HasSubstr("not a range"));
  message = packing.to_proto();
  message.mutable_containers(0)->set_port(70000);
  EXPECT_FALSE(PackingPlan::from_proto(message).ok());
}

}  // namespace
}  // namespace petrel
