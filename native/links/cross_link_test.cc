// A link whose connection lives on another loop: order, bounds, and ends from either side. Two loops, one thread.
#include "native/links/cross_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "native/links/fake_net.h"
#include "native/links/link_test_kit.h"
#include "native/links/loop_link.h"

namespace petrel {
namespace {

using namespace petrel::testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

Frame numbered(FrameKind kind, const std::string& text) {
  return frame_of(kind, text);
}

class CrossLinkTest : public ::testing::Test {
 protected:
  void connect(CrossLinkLimits limits = {}) {
    LinkPeer peer;
    peer.text = "the far end";
    auto [ours, theirs] = make_loop_link(away_, peer, peer);
    far_.hold(std::move(theirs));
    near_.hold(loop_.carry(std::move(ours), home_, limits));
  }
  std::vector<std::string> texts(const LinkEnd& end) const {
    std::vector<std::string> out;
    for (const Frame& frame : end.frames) out.emplace_back(frame.bytes());
    return out;
  }

  FakeReactor home_;
  FakeReactor away_;
  AwayLoop loop_{away_};
  LinkEnd near_;  // on the home loop
  LinkEnd far_;   // the peer, on the away loop
};

TEST_F(CrossLinkTest, FramesCrossInTheOrderOfTheirLanes) {
  connect();
  far_.link->send(numbered(FrameKind::kData, "a"));
  far_.link->send(numbered(FrameKind::kCredit, "first"));
  far_.link->send(numbered(FrameKind::kProbe, "b"));
  EXPECT_THAT(near_.frames, SizeIs(0));
  away_.run();
  EXPECT_THAT(near_.frames, SizeIs(0)) << "the home loop has not turned";
  home_.run();
  EXPECT_THAT(texts(near_), ElementsAre("first", "a", "b"));
  near_.link->send(numbered(FrameKind::kData, "c"));
  near_.link->send(numbered(FrameKind::kData, "d"));
  near_.link->send(numbered(FrameKind::kAcks, "second"));
  EXPECT_GT(near_.link->queued_bytes(), 0u);
  away_.run();
  EXPECT_THAT(texts(far_), ElementsAre("second", "c", "d"));
  near_.link->send(numbered(FrameKind::kCredit, ""));
  away_.run();
  EXPECT_LT(near_.link->queued_bytes(), 100u);
}

TEST_F(CrossLinkTest, DataBeyondTheBoundIsDroppedAndCountedPriorityGoesOn) {
  CrossLinkLimits limits;
  limits.queue_bytes = 10'000;
  limits.priority_slack_bytes = 5'000;
  connect(limits);
  for (int i = 0; i < 30; ++i) far_.link->send(numbered(FrameKind::kData, std::string(1000, 'x')));
  away_.run();
  EXPECT_EQ(loop_.dropped(), 21u);
  far_.link->send(numbered(FrameKind::kHosts, std::string(1000, 'h')));
  away_.run();
  home_.run();
  EXPECT_THAT(near_.frames, SizeIs(10));
  EXPECT_EQ(near_.frames[0].header.kind, FrameKind::kHosts);
  EXPECT_THAT(near_.closed, SizeIs(0));
}

TEST_F(CrossLinkTest, S13AFloodOfTheControlLaneEndsTheLinkAndOnlyIt) {
  CrossLinkLimits limits;
  limits.queue_bytes = 10'000;
  limits.priority_slack_bytes = 5'000;
  connect(limits);
  for (int i = 0; i < 1000; ++i) far_.link->send(numbered(FrameKind::kCredit, std::string(1000, 'x')));
  away_.run();
  home_.run();
  EXPECT_LE(near_.frames.size(), 15u);
  ASSERT_THAT(near_.closed, SizeIs(1));
  EXPECT_EQ(near_.closed[0].code(), StatusCode::kLimit);
  EXPECT_THAT(near_.closed[0].message(), HasSubstr("the far end sends faster than its frames are forwarded"));
  EXPECT_THAT(far_.closed, SizeIs(1));
  // The next one works.
  LinkEnd again;
  LinkEnd peer;
  auto [ours, theirs] = make_loop_link(away_, LinkPeer{}, LinkPeer{});
  peer.hold(std::move(theirs));
  again.hold(loop_.carry(std::move(ours), home_, limits));
  peer.link->send(numbered(FrameKind::kData, "good"));
  away_.run();
  home_.run();
  EXPECT_THAT(texts(again), ElementsAre("good"));
}

TEST_F(CrossLinkTest, DataWaitsForAConnectionThatIsFull) {
  CrossLinkLimits limits;
  limits.link_high_bytes = 3'000;
  LinkPeer peer;
  auto [ours, theirs] = make_loop_link(away_, peer, peer);
  near_.hold(loop_.carry(std::move(ours), home_, limits));
  for (int i = 0; i < 20; ++i) near_.link->send(numbered(FrameKind::kData, std::string(1000, 'x')));
  near_.link->send(numbered(FrameKind::kCredit, "first"));
  away_.run();
  EXPECT_GT(near_.link->queued_bytes(), 15'000u) << "nobody has read yet";
  far_.hold(std::move(theirs));
  away_.advance(Millis(100));
  ASSERT_THAT(far_.frames, SizeIs(21));
  EXPECT_EQ(far_.frames[0].bytes(), "first");
  home_.run();
  EXPECT_LE(near_.link->queued_bytes(), 3'000u) << "not more than we last saw below the mark";
}

TEST_F(CrossLinkTest, AnEndIsToldBehindTheLastFrame) {
  connect();
  far_.link->send(numbered(FrameKind::kData, "last"));
  far_.link.reset();
  away_.run();
  home_.run();
  EXPECT_THAT(texts(near_), ElementsAre("last"));
  EXPECT_THAT(near_.closed, SizeIs(1));
}

TEST_F(CrossLinkTest, WhoLetsGoHearsNoMore) {
  connect();
  far_.link->send(numbered(FrameKind::kData, "late"));
  away_.run();
  near_.link.reset();
  home_.run();
  EXPECT_THAT(near_.frames, SizeIs(0));
  away_.run();
  EXPECT_THAT(far_.closed, SizeIs(1));
}

TEST_F(CrossLinkTest, ALoopThatHasStoppedTakesItsLinksWithIt) {
  connect();
  loop_.shut();
  near_.link->send(numbered(FrameKind::kData, "nowhere"));
  near_.link.reset();
  away_.run();
  EXPECT_THAT(far_.closed, SizeIs(1));
}

}  // namespace
}  // namespace petrel
