#include "native/base/log_limit.h"

#include <gtest/gtest.h>

namespace petrel {
namespace {

TEST(LogLimit, TheFirstThenOneAnIntervalWithTheNumberOfTheOthers) {
  LogLimit limit(Seconds(10));
  const MonoTime start{};
  EXPECT_EQ(limit.pass(start), 0u);
  for (int i = 1; i < 50; ++i) EXPECT_EQ(limit.pass(start + i * Millis(200)), std::nullopt);
  EXPECT_EQ(limit.pass(start + Seconds(10)), 49u);
  EXPECT_EQ(limit.pass(start + Seconds(11)), std::nullopt);
  EXPECT_EQ(limit.pass(start + Seconds(60)), 1u);
  EXPECT_EQ(limit.pass(start + Seconds(80)), 0u);
}

}  // namespace
}  // namespace petrel
