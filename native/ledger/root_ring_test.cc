#include "native/ledger/root_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "native/base/rng.h"
#include "native/ledger/ack_record.h"

namespace petrel {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

uint64_t root(uint64_t sequence, int32_t task = 3) {
  return RootId::make(task, 1, sequence);
}

TEST(RootRing, WhatATaskEmitsHasItsPlaceHoweverMuchIsPending) {
  for (const uint64_t pending : {1U, 1000U, 30'000U, 400'000U}) {
    RootRing ring;
    for (uint64_t i = 0; i < pending; ++i) ASSERT_NE(ring.insert(root(i)), RootRing::kNone);
    for (uint64_t i = 0; i < 2 * pending; ++i) {
      const uint32_t index = ring.find(root(i));
      ASSERT_NE(index, RootRing::kNone);
      ASSERT_EQ(ring.entry(index).root, root(i));
      ring.erase(index);
      ASSERT_NE(ring.insert(root(i + pending)), RootRing::kNone);
    }
    EXPECT_EQ(ring.size(), pending);
    EXPECT_LE(ring.places(), std::max<uint64_t>(1024, 4 * pending));
  }
}

TEST(RootRing, AStragglerTakesOnePlaceAndNoMemory) {
  RootRing ring;
  ASSERT_NE(ring.insert(root(0)), RootRing::kNone);
  int refused = 0;
  for (uint64_t i = 1; i < 100 * ring.places(); ++i) {
    const uint32_t index = ring.insert(root(i));
    if (index == RootRing::kNone) {
      ++refused;
    } else {
      ring.erase(index);
    }
  }
  EXPECT_EQ(refused, 99);
  EXPECT_EQ(ring.places(), 1024U);
  EXPECT_NE(ring.find(root(0)), RootRing::kNone);
}

TEST(RootRing, CollectsWhatIsDueOnce) {
  RootRing ring;
  std::map<uint64_t, uint32_t> at;
  for (uint64_t i = 0; i < 4; ++i) at[i] = ring.insert(root(i));
  ring.arm(at[0], 10);
  ring.arm(at[1], 11);
  ring.arm(at[2], 12);
  ring.arm(at[2], 30);  // anew
  EXPECT_EQ(ring.armed(), 3U);
  std::vector<uint32_t> due;
  ring.collect(9, due);
  EXPECT_THAT(due, ElementsAre());
  ring.collect(20, due);
  EXPECT_THAT(due, UnorderedElementsAre(at[0], at[1]));
  due.clear();
  ring.collect(29, due);
  EXPECT_THAT(due, ElementsAre());
  ring.disarm(at[2]);
  EXPECT_EQ(ring.armed(), 0U);
  ring.collect(1000, due);
  EXPECT_THAT(due, ElementsAre());
  EXPECT_EQ(ring.size(), 4U);
}

TEST(RootRing, AgreesWithAMapOverRandomHistories) {
  Rng random(7);
  for (int round = 0; round < 20; ++round) {
    RootRing ring;
    std::map<uint64_t, uint64_t> reference;  // root -> xor value
    uint64_t next[2] = {0, 0};
    for (int step = 0; step < 20'000; ++step) {
      if (reference.empty() || random.below(100) < 52) {
        const int task = static_cast<int>(random.below(2));
        const uint64_t fresh = root(next[task]++, 3 + task);
        const uint32_t index = ring.insert(fresh);
        if (index == RootRing::kNone) continue;
        ASSERT_EQ(ring.entry(index).xor_value, 0U);
        ring.entry(index).xor_value = random.next();
        ring.arm(index, static_cast<int64_t>(random.below(100)));
        reference[fresh] = ring.entry(index).xor_value;
      } else {
        auto gone = reference.begin();
        std::advance(gone, static_cast<int64_t>(random.below(std::min<size_t>(reference.size(), 30))));
        const uint32_t index = ring.find(gone->first);
        ASSERT_NE(index, RootRing::kNone);
        ASSERT_EQ(ring.entry(index).xor_value, gone->second);
        ring.erase(index);
        ASSERT_EQ(ring.find(gone->first), RootRing::kNone);
        reference.erase(gone);
      }
      ASSERT_EQ(ring.size(), reference.size());
      ASSERT_EQ(ring.armed(), reference.size());
    }
    size_t seen = 0;
    ring.for_each([&](uint32_t, const LedgerEntry& entry) { seen += reference.count(entry.root); });
    EXPECT_EQ(seen, reference.size());
  }
}

}  // namespace
}  // namespace petrel
