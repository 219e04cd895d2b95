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
    if (rng.below(4) == 0) c.json_conf = R"({"petrel.native.library": "lib.so"})";
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

/// The component's executors belong into the native host.
bool is_native(const LogicalPlan& plan, const std::string& component) {
  return plan.find(component)->json_conf.find("petrel.native.library") != std::string::npos;
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
    uint32_t next_slot = 0;
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
      ASSERT_GE(container.hosts.size(), 1u);
      ASSERT_LE(container.hosts.size(), 2u);
      for (const HostPlan& host : container.hosts) {
        ASSERT_EQ(host.slot, next_slot++);  // dense, in the order of containers
        for (int32_t first : host.executors) {
          auto placed = std::find_if(container.executors.begin(), container.executors.end(),
                                     [&](const ExecutorPlacement& e) { return e.tasks.first == first; });
          ASSERT_NE(placed, container.executors.end());
          ASSERT_EQ(host.kind == HostKind::kNative, is_native(plan, placed->component));
        }
      }
      ASSERT_EQ(container.stream_manager == StreamManagerPlacement::kProcess, container.hosts.size() > 1);
    }
    ASSERT_EQ(next_slot, packing.hosts());
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
  EXPECT_THAT(GetParam()->pack(plan, {{"petrel.stream.manager", "outside"}}, slots).status().message(),
              HasSubstr("conf petrel.stream.manager = 'outside'; it is auto, in_host or process"));
  plan.components[0].json_conf = R"({"petrel.native.library": 7})";
  EXPECT_THAT(GetParam()->pack(plan, {}, slots).status().message(), HasSubstr("json_conf of component c0"));
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

LogicalPlan one_java_one_native() {
  LogicalPlan plan;
  for (const char* name : {"java", "native"}) {
    Component c;
    c.name = name;
    c.tasks = 2;
    c.executors = 2;
    plan.components.push_back(c);
  }
  plan.components[1].json_conf = R"({"petrel.native.library": "lib.so"})";
  assign_task_ids(plan);
  return plan;
}

TEST(Packing, PinnedComponentsAreTogetherAndTheOthersTakeTurns) {
  const std::vector<Slot> slots{{"h", 1}, {"h", 2}, {"h", 3}};
  LogicalPlan plan = one_java_one_native();
  const auto pack = [&](int workers, const char* first, const char* second) {
    plan.components[0].json_conf = first;
    plan.components[1].json_conf = second;
    return pack_round_robin(plan, {{"topology.workers", workers}}, slots);
  };
  const auto components = [](const PackingPlan& packing) {
    std::vector<std::vector<std::string>> names;
    for (const ContainerPlan& container : packing.containers) {
      names.emplace_back();
      for (const auto& executor : container.executors) names.back().push_back(executor.component);
    }
    return names;
  };
  using Names = std::vector<std::vector<std::string>>;
  EXPECT_EQ(components(pack(2, R"({"petrel.container": 2})", R"({"petrel.container": 1})").value()),
            (Names{{"native", "native"}, {"java", "java"}}));
  EXPECT_EQ(components(pack(2, R"({"petrel.container": 2})", "{}").value()),
            (Names{{"native"}, {"java", "java", "native"}}));
  EXPECT_THAT(pack(2, R"({"petrel.container": 3})", "{}").status().message(),
              HasSubstr("component java: petrel.container = 3, but the topology gets 2 container(s)"));
  EXPECT_THAT(pack(2, R"({"petrel.container": 2})", R"({"petrel.container": 2})").status().message(),
              HasSubstr("container 1 of 2 would have no executor"));
  EXPECT_THAT(pack(2, R"({"petrel.container": -1})", "{}").status().message(),
              HasSubstr("json_conf of component java"));
  EXPECT_THAT(pack(2, R"({"petrel.container": "far"})", "{}").status().message(), HasSubstr("petrel.container"));
}

TEST(Packing, StreamManagerIsWhereItWasAskedFor) {
  const std::vector<Slot> slots{{"h", 1}, {"h", 2}};
  LogicalPlan plan = one_java_one_native();
  const auto pack = [&](int workers, const char* wanted) {
    return pack_round_robin(plan, {{"topology.workers", workers}, {"petrel.stream.manager", wanted}}, slots);
  };
  // Dealt in turn: each container gets one executor of each component, so both have two hosts.
  PackingPlan two = pack(2, "auto").value();
  EXPECT_EQ(two.hosts(), 4u);
  EXPECT_EQ(two.containers[1].stream_manager, StreamManagerPlacement::kProcess);
  EXPECT_EQ(two.containers[1].find(HostKind::kNative)->slot, 3u);
  EXPECT_THAT(pack(2, "in_host").status().message(), HasSubstr("container 1 has 2 hosts"));
  plan.components[1].json_conf = "{}";
  EXPECT_EQ(pack(2, "auto").value().containers[0].stream_manager, StreamManagerPlacement::kInHost);
  EXPECT_EQ(pack(2, "in_host").value().containers[1].stream_manager, StreamManagerPlacement::kInHost);
  EXPECT_EQ(pack(2, "process").value().containers[1].stream_manager, StreamManagerPlacement::kProcess);
  // One host in all: there is nobody to talk to.
  EXPECT_EQ(pack(1, "process").value().containers[0].stream_manager, StreamManagerPlacement::kInHost);
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
  PackingPlan packing{{ContainerPlan{1, "h", 1, {{"c", {1, 1}, {}}}, {}, {}}}};
  EXPECT_THAT(check_covers(packing, plan).message(), HasSubstr("executor [2, 2] of c is in no container"));
  packing.containers[0].executors.push_back({"c", {1, 1}, {}});
  EXPECT_THAT(check_covers(packing, plan).message(), HasSubstr("placed twice"));
  packing.containers[0].executors[1] = {"d", {2, 2}, {}};
  EXPECT_THAT(check_covers(packing, plan).message(), HasSubstr("of d in container 1 is unknown"));
}

TEST(PackingPlan, CheckCoversNamesWhatIsWrongWithHosts) {
  const LogicalPlan plan = one_java_one_native();
  const PackingPlan good =
      pack_round_robin(plan, {{"topology.workers", 2}}, std::vector<Slot>{{"h", 1}, {"h", 2}}).value();
  ASSERT_TRUE(check_covers(good, plan).ok());
  const auto refused = [&](const std::function<void(PackingPlan&)>& change) {
    PackingPlan changed = good;
    change(changed);
    return check_covers(changed, plan).message();
  };
  EXPECT_THAT(refused([](PackingPlan& p) { p.containers[0].hosts.pop_back(); }), HasSubstr("is in no host"));
  EXPECT_THAT(refused([](PackingPlan& p) { p.containers[0].hosts[0].executors.push_back(99); }),
              HasSubstr("executor 99 of host 0 is not there or in two hosts"));
  EXPECT_THAT(refused([](PackingPlan& p) { p.containers[0].hosts[1].kind = HostKind::kJvm; }),
              HasSubstr("two hosts of the kind jvm-host"));
  EXPECT_THAT(refused([](PackingPlan& p) { p.containers[1].hosts[0].slot = 0; }), HasSubstr("slot 0 is twice"));
  EXPECT_THAT(refused([](PackingPlan& p) { p.containers[1].hosts[1].slot = 4; }), HasSubstr("not below its 4 hosts"));
  EXPECT_THAT(refused([](PackingPlan& p) { p.containers[0].stream_manager = StreamManagerPlacement::kInHost; }),
              HasSubstr("needs exactly one host, there are 2"));
}

TEST(PackingPlan, APlanWithoutHostsGetsOneJvmForEachContainer) {
  proto::PackingPlan message;
  for (int32_t id : {1, 2}) {
    proto::ContainerPlan& container = *message.add_containers();
    container.set_container_id(id);
    proto::ExecutorPlacement& executor = *container.add_executors();
    executor.set_component("c");
    executor.set_first_task(id);
    executor.set_last_task(id);
  }
  const PackingPlan plan = PackingPlan::from_proto(message).value();
  ASSERT_EQ(plan.hosts(), 2u);
  EXPECT_EQ(plan.containers[1].hosts[0], (HostPlan{1, HostKind::kJvm, {2}}));
}

TEST(PackingPlan, FromProtoChecks) {
  PackingPlan packing{{ContainerPlan{1, "h", 1, {{"c", {1, 1}, {}}}, {}, {HostPlan{0, HostKind::kJvm, {1}}}},
                       ContainerPlan{2, "h", 2, {}, {}, {HostPlan{1, HostKind::kNative, {}}}}}};
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
  message = packing.to_proto();
  message.mutable_containers(0)->mutable_hosts(0)->clear_kind();
  EXPECT_THAT(PackingPlan::from_proto(message).status().message(), HasSubstr("unknown kind 0"));
  message = packing.to_proto();
  message.mutable_containers(0)->mutable_hosts(0)->set_slot(1'000'000);
  EXPECT_THAT(PackingPlan::from_proto(message).status().message(), HasSubstr("slot 1000000"));
}

}  // namespace
}  // namespace petrel
