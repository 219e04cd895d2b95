#include "native/links/credit_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "native/base/rng.h"

namespace petrel {
namespace {

constexpr uint64_t kPool = 8000;

FlowOptions small() {
  FlowOptions flows;
  flows.first_window = 1000;
  flows.cycle_window = 16000;
  flows.max_tuple_bytes = 20000;
  return flows;
}

class Pool : public testing::Test {
 protected:
  CreditPool::Flow open(uint8_t lane = kTupleLane) { return pool_.open(lane, now_); }
  void receive(CreditPool::Flow flow, uint64_t upto) { pool_.received(flow, upto, now_); }

  FlowOptions options_ = small();
  CreditPool pool_{options_, kPool};
  MonoTime now_{Seconds(100)};
};

TEST_F(Pool, EveryFlowHasItsFirstWindow) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pool_.limit(open()), 1000u);
  EXPECT_EQ(pool_.shares(), 0u);
  EXPECT_EQ(pool_.exposure(), 100'000u);
  EXPECT_TRUE(pool_.take_raised().empty());  // the senders know it
}

TEST_F(Pool, CreditFollowsConsumption) {
  const auto flow = open();
  receive(flow, 300);
  EXPECT_EQ(pool_.limit(flow), 1000u);
  EXPECT_TRUE(pool_.consumed(flow, 200));
  EXPECT_EQ(pool_.limit(flow), 1200u);
  EXPECT_EQ(pool_.take_raised(), std::vector<CreditPool::Flow>{flow});
  EXPECT_FALSE(pool_.consumed(flow, 101));  // more than came
  EXPECT_EQ(pool_.waiting(), 0u);
}

TEST_F(Pool, ABusyFlowGrowsIntoThePoolAndMakesRoomForOthers) {
  const auto busy = open();
  uint64_t at = 0;
  const auto run = [&](CreditPool::Flow flow, uint64_t& upto) {
    upto = pool_.limit(flow);
    const uint64_t bytes = upto - (pool_.limit(flow) - pool_.window(flow));
    receive(flow, upto);
    pool_.consumed(flow, bytes);
  };
  for (int i = 0; i < 20; ++i) run(busy, at);
  EXPECT_GE(pool_.shares(), kPool / 3);
  EXPECT_LE(pool_.shares(), kPool);
  const auto second = open();
  uint64_t at2 = 0;
  for (int i = 0; i < 50; ++i) {
    run(busy, at);
    run(second, at2);
  }
  EXPECT_LE(pool_.shares(), kPool);
  EXPECT_GT(pool_.window(second), 2000u);
}

TEST_F(Pool, AnIdleFlowGivesItsShareBackAsItConsumes) {
  const auto flow = open();
  for (int i = 0; i < 20; ++i) {
    receive(flow, pool_.limit(flow));
    pool_.consumed(flow, pool_.waiting());
  }
  const uint64_t share = pool_.shares();
  ASSERT_GT(share, 1000u);
  now_ += Seconds(2);
  const uint64_t limit = pool_.limit(flow);
  uint64_t at = limit - pool_.window(flow);
  for (int i = 0; i < 5; ++i) {
    at += 100;
    receive(flow, at);
    pool_.consumed(flow, 100);
  }
  EXPECT_EQ(pool_.limit(flow), limit);  // never lower, but not higher either
  EXPECT_EQ(pool_.shares(), share - 500);
}

TEST_F(Pool, ALargeSectionThatFitsComesFromThePool) {
  const auto flow = open();
  EXPECT_TRUE(pool_.reserve(flow, 5000));
  EXPECT_EQ(pool_.limit(flow), 5000u);
  EXPECT_EQ(pool_.shares(), 4000u);
  EXPECT_EQ(pool_.take_raised(), std::vector<CreditPool::Flow>{flow});
}

TEST_F(Pool, AReservationWaitsUntilThePoolIsDrained) {
  const auto other = open();
  EXPECT_TRUE(pool_.reserve(other, 6000));
  receive(other, 6000);
  const auto flow = open();
  EXPECT_TRUE(pool_.reserve(flow, 20000));
  EXPECT_EQ(pool_.limit(flow), 1000u);
  pool_.consumed(other, 4000);
  EXPECT_EQ(pool_.limit(flow), 1000u);
  pool_.consumed(other, 1000);  // what waits now is within a first window
  EXPECT_EQ(pool_.limit(flow), 20000u);
  EXPECT_LE(pool_.shares(), kPool + options_.max_tuple_bytes);
}

TEST_F(Pool, ReservationsAreServedOneAfterTheOther) {
  std::vector<CreditPool::Flow> flows;
  for (int i = 0; i < 5; ++i) flows.push_back(open());
  for (const auto flow : flows) EXPECT_TRUE(pool_.reserve(flow, 15000));
  for (size_t i = 0; i < flows.size(); ++i) {
    for (size_t j = 0; j < flows.size(); ++j) EXPECT_EQ(pool_.limit(flows[j]) >= 15000, j <= i) << i << " " << j;
    receive(flows[i], 15000);
    EXPECT_EQ(pool_.reservations(), flows.size() - 1 - i);
    pool_.consumed(flows[i], 15000);
  }
}

TEST_F(Pool, AReservationIsNotHeldUpByAnIdleShare) {
  const auto idle = open();
  EXPECT_TRUE(pool_.reserve(idle, 1000 + kPool));
  EXPECT_EQ(pool_.shares(), kPool);
  const auto flow = open();
  EXPECT_TRUE(pool_.reserve(flow, 9000));
  EXPECT_EQ(pool_.limit(flow), 9000u);
  EXPECT_LE(pool_.exposure(), kPool + 2 * 1000 + options_.max_tuple_bytes);
}

// Smaller sections of others went before the large one that had asked, so a part of its room is left when it asks
// again.
TEST_F(Pool, AGrantThatWasUsedInPartStandsInNobodysWay) {
  const auto slow = open();
  EXPECT_TRUE(pool_.reserve(slow, 20000));
  receive(slow, 3000);
  pool_.consumed(slow, 3000);
  EXPECT_GT(pool_.shares(), kPool);
  const auto other = open();
  EXPECT_TRUE(pool_.reserve(other, 15000));
  EXPECT_EQ(pool_.limit(other), 1000u);
  EXPECT_TRUE(pool_.reserve(slow, 23000));
  EXPECT_EQ(pool_.limit(slow), 23000u);
  EXPECT_LE(pool_.exposure(), kPool + 2 * 1000 + options_.max_tuple_bytes);
  receive(slow, 23000);
  pool_.consumed(slow, 20000);
  EXPECT_EQ(pool_.limit(other), 15000u);
}

TEST_F(Pool, ADeadSourceGivesBackWhatIsNotInside) {
  const auto flow = open();
  EXPECT_TRUE(pool_.reserve(flow, 9000));
  receive(flow, 3000);
  const auto second = open();
  EXPECT_TRUE(pool_.reserve(second, 15000));
  pool_.close(flow);
  EXPECT_FALSE(pool_.gone(flow));
  EXPECT_EQ(pool_.shares(), 2000u);
  pool_.consumed(flow, 2000);
  EXPECT_EQ(pool_.limit(second), 15000u);
  pool_.consumed(flow, 1000);
  EXPECT_TRUE(pool_.gone(flow));
  EXPECT_EQ(open(), flow);  // the number is free again
}

TEST_F(Pool, NobodyCanAskForMoreThanTheLargestTuple) {
  const auto flow = open();
  EXPECT_FALSE(pool_.reserve(flow, 1000 + 20001));
  EXPECT_FALSE(pool_.reserve(flow, UINT64_MAX));
  EXPECT_TRUE(pool_.reserve(flow, 1000 + 20000));
}

TEST_F(Pool, LaneOneIsAlwaysGrantedAndHoldsLaneZeroBack) {
  const auto cycle = open(kCycleLane);
  const auto entering = open();
  receive(cycle, 9000);
  EXPECT_EQ(pool_.limit(cycle), 9000u + 16000);
  receive(entering, 800);
  pool_.consumed(entering, 800);
  EXPECT_EQ(pool_.limit(entering), 1000u);  // the cycle empties first
  EXPECT_TRUE(pool_.reserve(entering, 5000));
  EXPECT_EQ(pool_.limit(entering), 1000u);
  receive(cycle, 20000);
  EXPECT_EQ(pool_.limit(cycle), 36000u);
  pool_.consumed(cycle, 11999);
  EXPECT_EQ(pool_.limit(entering), 1000u);
  pool_.consumed(cycle, 1);
  EXPECT_EQ(pool_.limit(entering), 5000u);
}

TEST_F(Pool, LaneOneTakesAnySize) {
  const auto cycle = open(kCycleLane);
  EXPECT_TRUE(pool_.reserve(cycle, 16000 + 20000));
  EXPECT_EQ(pool_.limit(cycle), 36000u);
}

/// A naive sender: never goes beyond its limit, asks when it cannot go on.
struct Model {
  CreditPool::Flow flow;
  bool open = true;
  uint64_t received = 0, consumed = 0, limit_seen = 1000;
};

TEST(PoolProperty, NeverBeyondTheBoundAndNobodyStarves) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Rng rng(seed);
    FlowOptions options = small();
    CreditPool pool(options, kPool);
    MonoTime now{Seconds(1)};
    std::vector<Model> flows;
    for (uint64_t n = 2 + rng.below(12); n > 0; --n) flows.push_back({pool.open(kTupleLane, now)});
    const auto check = [&] {
      uint64_t shares = 0, exposure = 0;
      for (const Model& m : flows) {
        if (!m.open) continue;
        const uint64_t limit = pool.limit(m.flow);
        ASSERT_GE(limit, m.limit_seen);  // never lower
        const uint64_t window = limit - m.consumed;
        shares += window > 1000 ? window - 1000 : 0;
        exposure += window;
      }
      ASSERT_EQ(shares, pool.shares()) << "seed " << seed;
      ASSERT_EQ(exposure, pool.exposure()) << "seed " << seed;
      ASSERT_LE(exposure, kPool + flows.size() * 1000 + options.max_tuple_bytes) << "seed " << seed;
      for (Model& m : flows) m.limit_seen = pool.limit(m.flow);
    };
    for (int i = 0; i < 2000; ++i) {
      Model& m = flows[rng.below(flows.size())];
      const uint64_t limit = pool.limit(m.flow);
      const uint64_t room = limit - m.received;
      const uint64_t size = 1 + rng.below(rng.below(30) == 0 ? options.max_tuple_bytes : 400);
      switch (rng.below(4)) {
        case 0:
        case 1:
          if (size <= room) {
            m.received += size;
            pool.received(m.flow, m.received, now);
          } else {
            ASSERT_TRUE(pool.reserve(m.flow, m.received + size));
          }
          break;
        case 2: {
          const uint64_t bytes = rng.below(m.received - m.consumed + 1);
          m.consumed += bytes;
          ASSERT_TRUE(pool.consumed(m.flow, bytes));
          break;
        }
        default:
          now += Millis(static_cast<int64_t>(rng.below(300)));
      }
      check();
    }
    // Whoever asks gets it when the others are consumed.
    for (Model& m : flows) {
      const uint64_t end = m.received + options.max_tuple_bytes;
      ASSERT_TRUE(pool.reserve(m.flow, std::min(end, pool.limit(m.flow) + options.max_tuple_bytes)));
      for (int round = 0; round < 40 && pool.limit(m.flow) < pool.wanted(m.flow); ++round) {
        for (Model& other : flows) {
          other.received = std::max(other.received, pool.limit(other.flow));  // the worst that others can do
          pool.received(other.flow, other.received, now);
          ASSERT_TRUE(pool.consumed(other.flow, other.received - other.consumed));
          other.consumed = other.received;
        }
      }
      ASSERT_GE(pool.limit(m.flow), pool.wanted(m.flow)) << "seed " << seed;
      check();
    }
  }
}

}  // namespace
}  // namespace petrel
