#include "native/base/rng.h"

#include <gtest/gtest.h>

#include <set>

namespace petrel {
namespace {

TEST(Rng, SameSeedSameSequence) {
  Rng a(7), b(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
}

TEST(Rng, SplitOwnersDiffer) {
  Rng root(1);
  std::set<uint64_t> first;
  for (uint64_t owner = 0; owner < 10'000; ++owner) first.insert(root.split(owner).next());
  EXPECT_EQ(first.size(), 10'000u);
}

TEST(Rng, BelowStaysBelowAndReachesAll) {
  Rng rng(3);
  std::set<uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) {
    uint64_t draw = rng.below(7);
    ASSERT_LT(draw, 7u);
    seen.insert(draw);
  }
  EXPECT_EQ(seen.size(), 7u);
}

}  // namespace
}  // namespace petrel
