#include "jvm-bridge/native/plan_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jvm-bridge/native/java_data.h"

namespace petrel {
namespace {

using testing::HasSubstr;

proto::PhysicalPlan plan() {
  proto::PhysicalPlan p;
  p.set_epoch(7);
  p.mutable_logical()->set_topology_id("wc-1-2");
  p.mutable_logical()->set_topology_name("wc");
  proto::Component& spout = *p.mutable_logical()->add_components();
  spout.set_name("spout");
  spout.set_kind(proto::COMPONENT_SPOUT);
  spout.set_first_task(1);
  spout.set_tasks(3);
  spout.set_executors(2);
  spout.set_json_conf("{}");
  for (int32_t id : {1, 2}) {
    proto::ContainerPlan& container = *p.mutable_packing()->add_containers();
    container.set_container_id(id);
    container.set_host("h" + std::to_string(id));
    container.set_port(6700 + id);
    proto::ExecutorPlacement& e = *container.add_executors();
    e.set_component("spout");
    e.set_first_task(id == 1 ? 1 : 3);
    e.set_last_task(id == 1 ? 2 : 3);
  }
  return p;
}

HostIdentity host(int32_t container) {
  return {container, 5, "h1", 6701, "uuid", "/code", "/pids", 0};
}

TEST(PlanEncoder, WritesTheBorderContract) {
  auto bytes = encode_plan(plan(), host(1));
  ASSERT_TRUE(bytes.ok()) << bytes.status().message();
  JavaDataReader in({reinterpret_cast<const std::byte*>(bytes->data()), bytes->size()});
  EXPECT_EQ(in.i32(), 2);
  EXPECT_EQ(in.str(100), "wc-1-2");
  EXPECT_EQ(in.str(100), "wc");
  EXPECT_EQ(in.i64(), 7);
  EXPECT_EQ(in.i32(), 1);
  EXPECT_EQ(in.i32(), 5);
  EXPECT_EQ(in.str(100), "h1");
  EXPECT_EQ(in.i32(), 6701);
  EXPECT_EQ(in.str(100), "uuid");
  EXPECT_EQ(in.str(100), "/code");
  EXPECT_EQ(in.str(100), "/pids");
  ASSERT_EQ(in.i32(), 1);
  EXPECT_EQ(in.str(100), "spout");
  EXPECT_EQ(in.u8(), 1);
  EXPECT_EQ(in.u8(), 0);
  EXPECT_EQ(in.i32(), 1);
  EXPECT_EQ(in.i32(), 3);
  EXPECT_EQ(in.i32(), 2);
  EXPECT_EQ(in.str(100), "{}");
  ASSERT_EQ(in.i32(), 1);
  EXPECT_EQ(in.str(100), "spout");
  EXPECT_EQ(in.i32(), 1);
  EXPECT_EQ(in.i32(), 2);
  ASSERT_EQ(in.i32(), 2);
  EXPECT_EQ(in.i32(), 1);
  EXPECT_EQ(in.str(100), "h1");
  EXPECT_EQ(in.i32(), 6701);
  ASSERT_EQ(in.i32(), 2);
  EXPECT_EQ(in.i32(), 1);
  EXPECT_EQ(in.i32(), 2);
  EXPECT_EQ(in.i32(), 2);
  EXPECT_EQ(in.str(100), "h2");
  EXPECT_EQ(in.i32(), 6702);
  ASSERT_EQ(in.i32(), 1);
  EXPECT_EQ(in.i32(), 3);
  EXPECT_EQ(in.i32(), 0) << "slot";
  EXPECT_EQ(in.i32(), 0) << "a plan without hosts: one for all";
  EXPECT_EQ(in.left(), 0u);
  EXPECT_FALSE(in.failed());
}

// Container 1 has a Java host (slot 4: task 1 and 2) and another one (slot 2: task 7), container 2 one (slot 3: task
// 3).
proto::PhysicalPlan plan_with_hosts() {
  proto::PhysicalPlan p = plan();
  proto::ContainerPlan& first = *p.mutable_packing()->mutable_containers(0);
  proto::ExecutorPlacement& native = *first.add_executors();
  native.set_component("native");
  native.set_first_task(7);
  native.set_last_task(7);
  auto add_host = [](proto::ContainerPlan& container, uint32_t slot, int32_t executor) {
    proto::HostPlan& host = *container.add_hosts();
    host.set_slot(slot);
    host.add_executors(executor);
  };
  add_host(first, 4, 1);
  add_host(first, 2, 7);
  add_host(*p.mutable_packing()->mutable_containers(1), 3, 3);
  return p;
}

TEST(PlanEncoder, AHostGetsItsOwnExecutorsAndThePlacesOfAll) {
  HostIdentity identity = host(1);
  identity.slot = 4;
  auto bytes = encode_plan(plan_with_hosts(), identity);
  ASSERT_TRUE(bytes.ok()) << bytes.status().message();
  constexpr int kInts = 2 + 3 * 3 + 3 * 2;  // slot, hosts; three hosts of slot, container, count and one range
  std::string tail = bytes->substr(bytes->size() - kInts * sizeof(int32_t));
  JavaDataReader in({reinterpret_cast<const std::byte*>(tail.data()), tail.size()});
  for (int32_t expected : {4, 3, 4, 1, 1, 1, 2, 2, 1, 1, 7, 7, 3, 2, 1, 3, 3}) EXPECT_EQ(in.i32(), expected);
  EXPECT_EQ(in.left(), 0u);
  EXPECT_FALSE(in.failed());
  EXPECT_THAT(*bytes, testing::Not(HasSubstr(std::string("native\0\0\0\7", 10)))) << "not an executor of this host";
}

TEST(PlanEncoder, RefusesASlotThatIsNotInTheContainer) {
  HostIdentity identity = host(1);
  identity.slot = 3;
  EXPECT_THAT(encode_plan(plan_with_hosts(), identity).status().message(), HasSubstr("no host with slot 3"));
}

TEST(PlanEncoder, RefusesAPlanWithoutThisContainer) {
  auto bytes = encode_plan(plan(), host(9));
  ASSERT_FALSE(bytes.ok());
  EXPECT_THAT(bytes.status().message(), HasSubstr("no container 9"));
}

TEST(PlanEncoder, RefusesRangesThatAreNoTaskIds) {
  for (auto [first, last] : {std::pair{0, 3}, {5, 4}, {1, INT32_MAX}, {-2, -1}}) {
    proto::PhysicalPlan p = plan();
    p.mutable_packing()->mutable_containers(1)->mutable_executors(0)->set_first_task(first);
    p.mutable_packing()->mutable_containers(1)->mutable_executors(0)->set_last_task(last);
    EXPECT_EQ(encode_plan(p, host(1)).status().code(), StatusCode::kMalformed) << first << ".." << last;
  }
}

}  // namespace
}  // namespace petrel
