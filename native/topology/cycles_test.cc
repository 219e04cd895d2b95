#include "native/topology/cycles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace petrel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Component reads(std::string name, std::vector<std::string> sources) {
  Component c;
  c.name = std::move(name);
  for (std::string& source : sources) c.inputs.push_back(Input{std::move(source), "default", {}, {}, ""});
  return c;
}

TEST(Cycles, NoneInADiamond) {
  LogicalPlan plan;
  plan.components = {reads("a", {}), reads("b", {"a"}), reads("c", {"a"}), reads("d", {"b", "c"})};
  EXPECT_THAT(find_cycles(plan), IsEmpty());
}

TEST(Cycles, GroupsAndSelfLoops) {
  LogicalPlan plan;
  plan.components = {reads("a", {}), reads("b", {"a", "d"}), reads("c", {"b"}), reads("d", {"c"}),
                     reads("e", {"d", "e"})};
  EXPECT_THAT(find_cycles(plan), ElementsAre(ElementsAre("b", "c", "d"), ElementsAre("e")));
}

TEST(Cycles, SystemComponentsDoNotCount) {
  LogicalPlan plan;
  plan.components = {reads("spout", {"__acker"}), reads("__acker", {"spout"})};
  plan.components[1].system = true;
  EXPECT_THAT(find_cycles(plan), IsEmpty());
}

TEST(Cycles, LongChainsDoNotRecurse) {
  LogicalPlan plan;
  plan.components.push_back(reads("c0", {"c99999"}));
  for (int i = 1; i < 100'000; ++i)
    plan.components.push_back(reads(fmt::format("c{}", i), {fmt::format("c{}", i - 1)}));
  ASSERT_EQ(find_cycles(plan).size(), 1u);
  EXPECT_EQ(find_cycles(plan)[0].size(), 100'000u);
}

}  // namespace
}  // namespace petrel
