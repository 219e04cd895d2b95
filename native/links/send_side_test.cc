// SendSide: whose pieces go first when there is more to send than may go.
#include "native/links/send_side.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "native/codec/frame.h"

namespace petrel {
namespace {

using testing::ElementsAre;

constexpr int32_t kSource = 1;

/// Tasks 1 to 4, each an executor of its own: task 1 here (slot 0), 2 and 3 in slot 1, 4 in slot 2.
std::shared_ptr<const RouteTable> routes() {
  auto table = std::make_shared<RouteTable>();
  table->epoch = 1;
  table->tasks = {TaskRoute{}};
  for (const auto& [task, slot] : {std::pair{1, 0}, {2, 1}, {3, 1}, {4, 2}}) {
    TaskRoute route;
    route.executor = task;
    route.slot = static_cast<uint32_t>(slot);
    table->tasks.push_back(route);
  }
  for (uint32_t slot = 0; slot < 3; ++slot) table->hosts.push_back(HostPlace{slot, static_cast<int32_t>(slot) + 1});
  return table;
}

class SendTurns : public testing::Test {
 protected:
  SendTurns() {
    options_.first_window = 100'000;
    options_.frame_bytes = 600;
    for (uint32_t slot : {1, 2}) table_.learn({slot, static_cast<int32_t>(slot) + 1, 1, HostState::kUp, 1});
    side_.set_routes(routes());
  }
  void offer(int32_t task, size_t bytes) {
    OutSection section;
    section.source_task = kSource;
    section.destination_task = task;
    section.count = 1;
    section.bytes = std::string(bytes, 'x');
    ASSERT_EQ(side_.offer(kSource, std::move(section), now_), Admit::kTaken);
  }
  /// Destination tasks of the sections that go now, in order.
  std::vector<int32_t> take(size_t budget) {
    std::vector<Frame> frames;
    left_ = side_.take_frames(now_, budget, frames);
    std::vector<int32_t> tasks;
    for (const Frame& frame : frames) {
      if (frame.header.kind != FrameKind::kData) continue;
      const auto sections = parse_sections(frame.bytes());
      EXPECT_TRUE(sections.ok());
      for (const SectionView& section : *sections) tasks.push_back(section.header.destination_task);
    }
    return tasks;
  }

  FlowOptions options_;
  HostTable table_{0, 1};
  SendSide side_{options_, table_, 0, 1};
  MonoTime now_{Seconds(10)};
  bool left_ = false;
};

TEST_F(SendTurns, ASmallSectionDoesNotWaitForTheEndOfALargeOneToSomebodyElse) {
  offer(2, 3'000);  // in fragments, each a frame
  offer(3, 100);
  EXPECT_THAT(take(1'000'000), ElementsAre(2, 3, 2, 2, 2, 2, 2));
  EXPECT_FALSE(left_);
}

TEST_F(SendTurns, ManySectionsToOneExecutorAreCutByOthersToo) {
  for (int i = 0; i < 6; ++i) offer(2, 250);
  offer(3, 100);
  offer(3, 100);
  EXPECT_THAT(take(1'000'000), ElementsAre(2, 2, 2, 3, 3, 2, 2, 2));
}

TEST_F(SendTurns, HostsTakeTurnsWhenTheBudgetIsShort) {
  offer(2, 3'000);
  offer(4, 3'000);
  std::vector<int32_t> first_two = take(600);
  const std::vector<int32_t> next = take(600);
  first_two.insert(first_two.end(), next.begin(), next.end());
  EXPECT_THAT(first_two, testing::UnorderedElementsAre(2, 4)) << "nobody waits for the other's end";
  EXPECT_TRUE(left_);
}

}  // namespace
}  // namespace petrel
