#include "native/stream_manager/credit_merger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "native/base/rng.h"

namespace petrel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Frame credit(uint32_t from, std::initializer_list<CreditEntry> entries) {
  FrameHeader header;
  header.kind = FrameKind::kCredit;
  header.source_host = from;
  header.source_incarnation = 1;
  header.destination_host = 9;
  header.destination_incarnation = 2;
  std::string body;
  for (const CreditEntry& entry : entries) append_entry(body, entry);
  return make_frame(header, std::move(body));
}
CreditEntry entry(int32_t executor, uint64_t received, uint64_t limit, uint8_t flags = 0) {
  return {executor, 0, flags, static_cast<uint16_t>(received), received, limit};
}
std::vector<CreditEntry> entries_of(const Frame& frame) {
  EXPECT_TRUE(check_body(frame.header, frame.bytes()).ok());
  return parse_credit(frame.bytes()).value();
}

TEST(CreditMerger, TheNewestOfEachFlowStays) {
  CreditMerger merger;
  ASSERT_TRUE(merger.add(credit(1, {entry(5, 10, 100), entry(6, 1, 2)})).ok());
  ASSERT_TRUE(merger.add(credit(1, {entry(5, 20, 110)})).ok());
  ASSERT_TRUE(merger.add(credit(2, {entry(5, 7, 8)})).ok());
  EXPECT_EQ(merger.merged(), 1u);
  const std::vector<Frame> frames = merger.take();
  ASSERT_THAT(frames, SizeIs(2));
  EXPECT_THAT(entries_of(frames[0]), ElementsAre(entry(5, 20, 110), entry(6, 1, 2)));
  EXPECT_THAT(entries_of(frames[1]), ElementsAre(entry(5, 7, 8)));
  EXPECT_EQ(frames[1].header.source_host, 2u);
  EXPECT_EQ(frames[1].header.destination_incarnation, 2u);
  EXPECT_TRUE(merger.empty());
  EXPECT_THAT(merger.take(), IsEmpty());
}

TEST(CreditMerger, AResumeStaysUntilWhatItAskedForHasCome) {
  constexpr uint8_t kResume = CreditEntry::kResume;
  constexpr uint8_t kAnswer = CreditEntry::kProbeAnswer;
  CreditMerger merger;
  ASSERT_TRUE(merger.add(credit(1, {entry(5, 10, 100, kResume)})).ok());
  ASSERT_TRUE(merger.add(credit(1, {entry(5, 10, 120, kAnswer)})).ok());
  EXPECT_THAT(entries_of(merger.take()[0]), ElementsAre(entry(5, 10, 120, kResume | kAnswer)));
  ASSERT_TRUE(merger.add(credit(1, {entry(5, 10, 100, kResume)})).ok());
  ASSERT_TRUE(merger.add(credit(1, {entry(5, 30, 100)})).ok());
  EXPECT_THAT(entries_of(merger.take()[0]), ElementsAre(entry(5, 30, 100)));
}

TEST(CreditMerger, ManyFlowsGoInSeveralFramesAndMalformedOnesInNone) {
  CreditMerger merger;
  for (int32_t executor = 1; executor <= static_cast<int32_t>(kMaxEntries) + 1; ++executor) {
    ASSERT_TRUE(merger.add(credit(1, {entry(executor, 1, 2)})).ok());
  }
  const std::vector<Frame> frames = merger.take();
  ASSERT_THAT(frames, SizeIs(2));
  EXPECT_THAT(entries_of(frames[0]), SizeIs(kMaxEntries));
  EXPECT_THAT(entries_of(frames[1]), SizeIs(1));
  Frame broken = credit(1, {entry(1, 1, 1)});
  broken.body = std::make_shared<const std::string>("not credit");
  EXPECT_EQ(merger.add(broken).code(), StatusCode::kMalformed);
  EXPECT_TRUE(merger.empty());
}

}  // namespace
}  // namespace petrel
