#include "native/links/host_table.h"

#include <gtest/gtest.h>

#include "native/links/route_table.h"

namespace petrel {
namespace {

HostEntry up(uint32_t slot, uint32_t incarnation, uint32_t path = 1) {
  return {slot, 1, incarnation, HostState::kUp, path};
}
HostEntry lost(uint32_t slot, uint32_t incarnation) {
  return {slot, 1, incarnation, HostState::kLost, 1};
}

TEST(HostTable, ANewerIncarnationIsTheLossOfTheOlder) {
  HostTable table(0);
  EXPECT_EQ(table.address(2), 0u);
  HostTable::Change change = table.learn(up(2, 3));
  EXPECT_TRUE(change.up);
  EXPECT_FALSE(change.lost);  // nobody was there before
  EXPECT_EQ(table.address(2), 3u);
  EXPECT_EQ(table.loss_number(), 3u);
  change = table.learn(up(2, 4));
  EXPECT_TRUE(change.up && change.lost);
  EXPECT_EQ(table.loss_number(), 4u);
  change = table.learn(up(2, 3));
  EXPECT_FALSE(change.up || change.lost || change.path);
  EXPECT_FALSE(table.current(2, 3));
  EXPECT_TRUE(table.current(2, 4));
}

TEST(HostTable, ALossIsToldOnceAndIsFinal) {
  HostTable table(0);
  table.learn(up(1, 1));
  EXPECT_TRUE(table.learn(lost(1, 1)).lost);
  EXPECT_FALSE(table.learn(lost(1, 1)).lost);
  EXPECT_EQ(table.address(1), 0u);
  EXPECT_EQ(table.loss_number(), 2u);
  EXPECT_FALSE(table.learn(up(1, 1)).up);
  EXPECT_FALSE(table.seen(1, 1).up);
  EXPECT_EQ(table.address(1), 0u);
  const HostTable::Change change = table.learn(up(1, 2));
  EXPECT_TRUE(change.up);
  EXPECT_FALSE(change.lost);  // it was told
  EXPECT_EQ(table.loss_number(), 2u);
}

TEST(HostTable, PressureIsThatOfAllWhoLive) {
  HostTable table(0);
  const auto asks = [](uint32_t slot, uint32_t incarnation, uint16_t bits) {
    HostEntry entry = up(slot, incarnation);
    entry.pressure = bits;
    return entry;
  };
  EXPECT_TRUE(table.learn(asks(1, 1, 1)).pressure);
  EXPECT_TRUE(table.learn(asks(2, 1, 6)).pressure);
  EXPECT_FALSE(table.learn(asks(2, 1, 7)).pressure);  // no bit that nobody asked for yet
  EXPECT_EQ(table.pressure(), 7u);
  EXPECT_FALSE(table.learn(asks(0, 9, 8)).pressure);  // our own is not ours to hear
  EXPECT_TRUE(table.learn(lost(2, 1)).pressure);
  EXPECT_EQ(table.pressure(), 1u);
  EXPECT_TRUE(table.seen(1, 2).pressure);  // a new incarnation has not asked yet
  EXPECT_EQ(table.pressure(), 0u);
}

TEST(HostTable, TheLossOfAnUnknownIncarnationIsALoss) {
  HostTable table(0);
  table.learn(up(1, 1));
  EXPECT_TRUE(table.learn(lost(1, 2)).lost);
  EXPECT_EQ(table.loss_number(), 3u);
}

TEST(HostTable, AFrameTellsOfItsSource) {
  HostTable table(0);
  EXPECT_TRUE(table.seen(1, 5).up);
  EXPECT_FALSE(table.seen(1, 5).up);
  EXPECT_FALSE(table.all_up(2));  // seen is not announced
  EXPECT_TRUE(table.learn(up(1, 5, 3)).path);
  EXPECT_TRUE(table.all_up(2));
  EXPECT_FALSE(table.learn(up(1, 5, 3)).path);
  EXPECT_TRUE(table.learn(up(1, 5, 4)).path);
  EXPECT_TRUE(table.seen(1, 6).lost);
}

TEST(HostTable, KnowsNothingOfItselfAndOfImpossibleSlots) {
  HostTable table(3);
  EXPECT_FALSE(table.learn(up(3, 9)).up);
  EXPECT_FALSE(table.learn(up(HostTable::kMaxSlots, 1)).up);
  EXPECT_FALSE(table.seen(UINT32_MAX, 1).up);
  EXPECT_EQ(table.slots(), 0u);
  EXPECT_FALSE(table.learn(up(1, 0)).up);
}

TEST(HostTable, AllUpLeavesOutOnlyOurselves) {
  HostTable table(1);
  EXPECT_TRUE(HostTable(0).all_up(1));
  table.learn(up(0, 1));
  EXPECT_FALSE(table.all_up(3));
  table.learn(up(2, 1));
  EXPECT_TRUE(table.all_up(3));
  table.learn(lost(0, 1));
  EXPECT_FALSE(table.all_up(3));
}

PhysicalPlan plan_of_two() {
  PhysicalPlan plan;
  plan.epoch = 4;
  Component bolt;
  bolt.name = "b";
  bolt.tasks = 5;
  bolt.first_task = 1;
  plan.logical.components = {bolt};
  ContainerPlan one, two;
  one.container_id = 1;
  one.executors = {{"b", {1, 2}, {}}, {"b", {3, 3}, {}}};
  one.hosts = {{0, HostKind::kJvm, {1}}, {1, HostKind::kNative, {3}}};
  one.stream_manager = StreamManagerPlacement::kProcess;
  two.container_id = 2;
  two.executors = {{"b", {4, 5}, {}}};
  two.hosts = {{2, HostKind::kJvm, {4}}};
  two.stream_manager = StreamManagerPlacement::kInHost;
  plan.packing.containers = {one, two};
  return plan;
}

TEST(RouteTable, KnowsExecutorAndHostOfEveryTask) {
  const Result<RouteTable> table = RouteTable::of(plan_of_two());
  ASSERT_TRUE(table.ok()) << table.status().to_string();
  EXPECT_EQ(table->epoch, 4u);
  EXPECT_EQ(*table->find(1), (TaskRoute{1, 0}));
  EXPECT_EQ(*table->find(2), (TaskRoute{1, 0}));
  EXPECT_EQ(*table->find(3), (TaskRoute{3, 1}));
  EXPECT_EQ(*table->find(5), (TaskRoute{4, 2}));
  for (const int32_t nobody : {-1, 0, 6, 1 << 30}) EXPECT_EQ(table->find(nobody), nullptr) << nobody;
  EXPECT_EQ(*table->host(1), (HostPlace{1, 1}));
  EXPECT_EQ(*table->host(2), (HostPlace{2, 2}));
  EXPECT_EQ(table->host(3), nullptr);
}

TEST(RouteTable, RefusesAPlanThatDoesNotAddUp) {
  PhysicalPlan plan = plan_of_two();
  plan.packing.containers[1].hosts[0].slot = 3;
  EXPECT_EQ(RouteTable::of(plan).status().message(), "host slot 3 in a plan of 3 hosts; slots are dense from 0");
  plan = plan_of_two();
  plan.packing.containers[0].hosts[1].executors = {2};
  EXPECT_EQ(RouteTable::of(plan).status().message(),
            "host 1 of container 1 has executor 2, which the container has not");
  plan = plan_of_two();
  plan.packing.containers[1].executors[0].tasks.last = 6;
  EXPECT_EQ(RouteTable::of(plan).status().message(), "task 6 of container 2 is not in the logical plan");
}

}  // namespace
}  // namespace petrel
