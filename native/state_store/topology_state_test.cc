#include "native/state_store/topology_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "native/state_store/memory_store.h"
#include "native/transport/manual_reactor.h"

namespace petrel {
namespace {

using testing::ElementsAre;

class TopologyStateTest : public testing::Test {
 protected:
  ManualReactor reactor;
  MemoryStore store{&reactor};
  TopologyState state{store};
  TopologyId id{"words-1-1700000000"};
};

TEST_F(TopologyStateTest, BaseAndPlanRoundTripAndTheirPathsAreThoseOfTheArchitecture) {
  proto::TopologyBase base;
  base.set_name("words");
  base.set_status(proto::STATUS_ACTIVE);
  ASSERT_TRUE(state.put_base(id, base, 0).ok());
  proto::PhysicalPlan plan;
  plan.set_epoch(3);
  ASSERT_TRUE(state.put_plan(id, plan, 0).ok());
  EXPECT_THAT(*store.list(""), ElementsAre("topologies/words-1-1700000000/base", "topologies/words-1-1700000000/plan"));
  EXPECT_EQ(state.base(id)->value.name(), "words");
  EXPECT_EQ(state.plan(id)->value.epoch(), 3u);
  EXPECT_THAT(*state.topologies(), ElementsAre(id));
}

TEST_F(TopologyStateTest, BytesThatAreNoMessageAreCorrupt) {
  ASSERT_TRUE(store.put_if("topologies/words-1-1700000000/base", "\xff\xff\xff", 0).ok());
  EXPECT_EQ(state.base(id).status().code(), StatusCode::kCorrupt);
}

TEST_F(TopologyStateTest, ANameIsClaimedOnce) {
  EXPECT_TRUE(state.claim_name("words", id).ok());
  Status second = state.claim_name("words", TopologyId("words-2-1700000001"));
  EXPECT_EQ(second.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(*state.id_of("words"), id);
  EXPECT_TRUE(state.release_name("words", TopologyId("words-2-1700000001")).ok());  // not its own: stays
  EXPECT_EQ(*state.id_of("words"), id);
  EXPECT_TRUE(state.release_name("words", id).ok());
  EXPECT_TRUE(state.release_name("words", id).ok());
  EXPECT_TRUE(state.claim_name("words", TopologyId("words-2-1700000001")).ok());
}

TEST_F(TopologyStateTest, NamesWithSlashesStayOneComponent) {
  EXPECT_TRUE(state.claim_name("a/../b%2F", id).ok());
  EXPECT_THAT(*store.list(""), ElementsAre("names/a%2F..%2Fb%252F"));
}

TEST_F(TopologyStateTest, CounterNeverRepeats) {
  EXPECT_EQ(*state.next_counter(), 1u);
  EXPECT_EQ(*state.next_counter(), 2u);
  TopologyState restarted(store);
  EXPECT_EQ(*restarted.next_counter(), 3u);
}

TEST_F(TopologyStateTest, MasterIsFoundWhileItLives) {
  EXPECT_EQ(state.master(id).status().code(), StatusCode::kNotFound);
  proto::MasterEndpoint endpoint;
  endpoint.set_port(4711);
  auto registration = state.register_master(id, endpoint);
  ASSERT_TRUE(registration.ok());
  EXPECT_EQ(state.master(id)->port(), 4711);
  registration->reset();
  EXPECT_EQ(state.master(id).status().code(), StatusCode::kNotFound);
}

TEST_F(TopologyStateTest, RemoveTakesAllAndTheBaseLast) {
  TopologyId other{"words-1-17000000001"};  // a longer id with the same beginning
  ASSERT_TRUE(state.put_base(id, {}, 0).ok());
  ASSERT_TRUE(state.put_plan(id, {}, 0).ok());
  proto::ComponentErrors errors;
  errors.set_component("split/er");
  ASSERT_TRUE(state.put_errors(id, errors, 0).ok());
  ASSERT_TRUE(state.put_base(other, {}, 0).ok());
  EXPECT_THAT(*state.components_with_errors(id), ElementsAre("split/er"));
  ASSERT_TRUE(state.remove_topology(id).ok());
  EXPECT_THAT(*state.topologies(), ElementsAre(other));
  EXPECT_THAT(*store.list("topologies"), ElementsAre("topologies/words-1-17000000001/base"));
  EXPECT_TRUE(state.remove_topology(id).ok());
}

TEST_F(TopologyStateTest, WatchBaseDecodes) {
  std::vector<proto::TopologyStatus> seen;
  auto watch = state.watch_base(id, [&](const Result<proto::TopologyBase>& base) {
    seen.push_back(base.ok() ? base->status() : proto::STATUS_UNSET);
  });
  reactor.run();
  proto::TopologyBase base;
  base.set_status(proto::STATUS_KILLED);
  ASSERT_TRUE(state.put_base(id, base, 0).ok());
  reactor.run();
  EXPECT_THAT(seen, ElementsAre(proto::STATUS_UNSET, proto::STATUS_KILLED));
}

}  // namespace
}  // namespace petrel
