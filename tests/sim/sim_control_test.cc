// What the checkers of the control plane see, and that a record which was cut is never taken as good.
#include <gtest/gtest.h>

#include "tests/sim/control_oracle.h"
#include "tests/sim/sim_network.h"
#include "tests/sim/sim_reactor.h"
#include "tests/sim/sim_store.h"

namespace petrel::sim {
namespace {

class ControlTest : public ::testing::Test {
 protected:
  std::string broken() const { return world.failure().substr(0, world.failure().find(' ')); }

  SimWorld world{1};
  ControlOracle control{world};
};

TEST_F(ControlTest, OneMasterAfterTheOtherIsFine) {
  EXPECT_EQ(control.found(20000), 1u);
  control.heard(0, 1, 1, 7);
  EXPECT_EQ(control.found(20005), 2u);
  control.heard(1, 1, 1, 7);  // was on its way
  control.heard(0, 1, 2, 7);
  control.heard(0, 2, 2, 7);
  EXPECT_EQ(world.failure(), "");
}

TEST_F(ControlTest, AMasterThatIsNotTheNewest) {
  control.found(20000);
  control.found(20005);
  control.heard(0, 1, 2, 7);
  control.heard(0, 1, 1, 7);
  EXPECT_EQ(broken(), "CP3");
}

TEST_F(ControlTest, AMasterThatComesBackToTheStore) {
  control.found(20000);
  control.found(20005);
  control.found(20000);
  EXPECT_EQ(broken(), "CP3");
}

TEST_F(ControlTest, AnOlderPlan) {
  control.heard(0, 1, control.found(20000), 7);
  control.heard(0, 1, 1, 6);
  EXPECT_EQ(broken(), "CP3");
}

TEST_F(ControlTest, AStreamManagerThatGoesBack) {
  control.works_by(1, 1, 7);
  control.works_by(1, 2, 6);  // another one: it has read nothing newer
  EXPECT_EQ(world.failure(), "");
  control.works_by(1, 2, 7);
  control.works_by(1, 2, 6);
  EXPECT_EQ(broken(), "CP3");
}

class StoreTest : public ::testing::Test {
 protected:
  SimWorld world{1};
  SimNetwork network{world, NetworkProfile{}, Rng(1)};
  SimReactor loop{world, network, 1, 100};
  SimDisk disk{world};
  SimStore store{disk, loop};
};

TEST_F(StoreTest, ACutRecordIsCorruptWhereverItIsCut) {
  ASSERT_TRUE(store.put_if("a/b", "some bytes", 0).ok());
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Rng rng(seed);
    ASSERT_TRUE(disk.tear(rng));
    const Result<StoredRecord> got = store.get("a/b");
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.status().code(), StatusCode::kCorrupt);
    EXPECT_EQ(store.put_if("a/b", "x", 0).status().code(), StatusCode::kCorrupt);
    disk.repair();
    EXPECT_EQ(store.get("a/b")->bytes, "some bytes");
  }
  EXPECT_EQ(disk.noticed(), 600u);
  EXPECT_EQ(world.failure(), "");
}

TEST_F(StoreTest, AnEphemeralRecordIsGoneWithItsProcess) {
  auto other = std::make_unique<SimStore>(disk, loop);
  auto record = other->create_ephemeral("a/m", "one");
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(store.create_ephemeral("a/m", "two").status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(store.get("a/m")->bytes, "one");
  other.reset();  // killed: nobody gives the record back
  EXPECT_EQ(store.get("a/m").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(store.create_ephemeral("a/m", "two").ok());
}

TEST_F(StoreTest, AWatchSeesChanges) {
  ASSERT_TRUE(store.put_if("a", "1", 0).ok());
  std::vector<std::string> seen;
  auto watch =
      store.watch("a", [&](const Result<StoredRecord>& record) { seen.push_back(record.ok() ? record->bytes : ""); });
  ASSERT_TRUE(watch.ok());
  world.run_until(world.now() + Seconds(1));
  ASSERT_TRUE(store.put_if("a", "2", store.get("a")->version).ok());
  world.run_until(world.now() + Seconds(1));
  EXPECT_EQ(seen, (std::vector<std::string>{"1", "2"}));
  watch->reset();
  ASSERT_TRUE(store.remove_if("a", store.get("a")->version).ok());
  world.run_until(world.now() + Seconds(1));
  EXPECT_EQ(seen.size(), 2u);
}

}  // namespace
}  // namespace petrel::sim
