// Random schedules over endpoints and stream managers: every section that was taken arrives once and in order, whatever
// is cut; credit is never exceeded; at the end everything is quiet.
#include "native/stream_manager/links_world.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "native/base/mutant.h"

namespace petrel {
namespace {

FlowOptions small_flows() {
  FlowOptions flows;
  flows.first_window = 1000;
  flows.cycle_window = 4000;
  flows.ack_window = 320;
  flows.max_tuple_bytes = 12000;
  flows.frame_bytes = 600;
  return flows;
}

WorldOptions random_world(uint64_t seed) {
  Rng rng(seed * 7919 + 1);
  WorldOptions options;
  options.seed = seed;
  options.flows = small_flows();
  options.hosts_of_container.clear();
  for (uint64_t c = 2 + rng.below(2); c > 0; --c)
    options.hosts_of_container.push_back(1 + static_cast<int>(rng.below(2)));
  options.executors_per_host = 1 + static_cast<int>(rng.below(2));
  options.tasks_per_executor = 1 + static_cast<int>(rng.below(3));
  options.pool_bytes = 500 + rng.below(8000);
  options.sections_per_source = 20 + static_cast<int>(rng.below(60));
  return options;
}

#ifdef PETREL_MUTANTS
// PETREL_MUTANT="seen offset delivered twice" stream_manager_test: has to fail.
const bool mutant_is_set = [] {
  const char* name = std::getenv("PETREL_MUTANT");
  if (name != nullptr) active_mutant() = name;
  return true;
}();
#endif

struct Sum {
  uint64_t delivered = 0, acks = 0, resumes = 0, seen = 0, gaps = 0, probes = 0, refused = 0, merged = 0, again = 0;
  uint64_t acks_seen = 0;
  void add(const LinksWorld& world) {
    const EndpointCounters c = world.sum();
    delivered += world.delivered();
    acks += world.acks_delivered();
    resumes += c.send.resumes;
    seen += c.receive.dropped_seen;
    gaps += c.receive.dropped_gap;
    probes += c.send.probes;
    refused += c.send.refused;
    merged += c.send.acks_merged;
    again += c.send.pieces_sent_again;
    acks_seen += c.receive.acks_seen;
  }
};

void expect_honest(const LinksWorld& world, uint64_t seed) {
  const EndpointCounters c = world.sum();
  EXPECT_EQ(c.send.bad_credit, 0u) << "seed " << seed;
  EXPECT_EQ(c.receive.dropped_bad, 0u) << "seed " << seed;
  EXPECT_EQ(c.receive.dropped_beyond_credit, 0u) << "seed " << seed;
  EXPECT_EQ(c.receive.bad_reserves, 0u) << "seed " << seed;
  EXPECT_EQ(c.dropped_malformed, 0u) << "seed " << seed;
}

TEST(LinksWorld, WithoutFaultsNothingIsSentTwice) {
  Sum sum;
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    LinksWorld world(random_world(seed));
    for (int i = 0; i < 1500 && world.error().empty(); ++i) world.step(false);
    ASSERT_EQ(world.drain(), "") << "seed " << seed;
    expect_honest(world, seed);
    sum.add(world);
  }
  EXPECT_EQ(sum.resumes, 0u);
  EXPECT_EQ(sum.again, 0u);
  EXPECT_EQ(sum.gaps, 0u);
  EXPECT_GT(sum.delivered, 10'000u);
  EXPECT_GT(sum.acks, 10'000u);
  EXPECT_GT(sum.refused, 1'000u);
  EXPECT_GT(sum.merged, 100u);
}

TEST(LinksWorld, CutsLoseNothingAndDoubleNothing) {
  Sum sum;
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    LinksWorld world(random_world(seed));
    for (int i = 0; i < 1200 && world.error().empty(); ++i) world.step(true);
    ASSERT_EQ(world.drain(), "") << "seed " << seed;
    expect_honest(world, seed);
    sum.add(world);
  }
  EXPECT_GT(sum.resumes, 1'000u);
  EXPECT_GT(sum.seen, 1'000u);
  EXPECT_GT(sum.gaps, 1'000u);
  EXPECT_GT(sum.probes, 1'000u);
  EXPECT_GT(sum.acks_seen, 100u);
}

TEST(LinksWorld, DeadHostsTakeOnlyTheirOwnWithThem) {
  uint64_t lost = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    LinksWorld world(random_world(seed));
    Rng rng(seed);
    for (int i = 0; i < 1200 && world.error().empty(); ++i) {
      world.step(true);
      if (rng.below(300) == 0) world.crash_host(static_cast<uint32_t>(rng.below(2)));
    }
    ASSERT_EQ(world.drain(), "") << "seed " << seed;
    expect_honest(world, seed);
    lost += world.sum().hosts_lost;
  }
  EXPECT_GT(lost, 400u);
}

}  // namespace
}  // namespace petrel
