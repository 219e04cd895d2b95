// Bad input S4, S8, S9 and S16 where it would do harm: behind the links, at hosts. Nothing is lost, it is counted, and
// the next good one works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "native/ledger/ack_ledger.h"
#include "native/stream_manager/links_world.h"
#include "native/stream_manager/placement_world.h"

namespace petrel {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Catalogue : public petrel::testing::Placement {};

TEST_F(Catalogue, S4AWrongBitAnywhereOnTheWayCostsALinkAndNoTuple) {
  ASSERT_TRUE(all_up());
  Rng rng(4);
  int sent = 0;
  int flipped = 0;
  const auto closed = [this] {
    uint64_t sum = 0;
    for (const auto& [container, manager] : managers_) sum += manager->counters().links_closed;
    return sum;
  };
  for (int round = 0; round < 400; ++round) {
    for (int i = 0; i < 3; ++i, ++sent) {
      ASSERT_EQ(offer(0, 3, std::to_string(sent)), Admit::kTaken);
      ASSERT_EQ(offer(3, 1, std::to_string(sent)), Admit::kTaken);
    }
    for (uint64_t turns = rng.below(6); turns > 0; --turns) net_.step();
    // What is under way on a connection whose hello is done.
    for (const auto& pipe : std::vector(net_.pipes)) {
      for (std::string& queue : pipe->queue) {
        if (queue.size() < 100 || pipe->ends[0] == nullptr || pipe->ends[1] == nullptr) continue;
        queue[rng.below(queue.size())] ^= static_cast<char>(1 << rng.below(8));
        ++flipped;
      }
    }
    net_.advance(Millis(100));
  }
  EXPECT_GT(flipped, 50) << "void: hardly anything was under way";
  EXPECT_GT(closed(), 50u);
  EXPECT_TRUE(settle([&] {
    return hosts_[2].got.size() >= static_cast<size_t>(sent) && hosts_[0].got.size() >= static_cast<size_t>(sent);
  }));
  net_.advance(Seconds(3));
  for (const uint32_t slot : {0, 2}) {
    ASSERT_EQ(hosts_[slot].got.size(), static_cast<size_t>(sent));
    for (int i = 0; i < sent; ++i) ASSERT_EQ(hosts_[slot].got[static_cast<size_t>(i)], std::to_string(i));
    EXPECT_TRUE(hosts_[slot].lost.empty());
  }
}

/// Host 1 of a plan of two, with the far end of its link in our hands.
class Acks : public ::testing::Test, public EndpointHandler, public LinkHandler {
 protected:
  Acks() : ledger_(clock_, {}) {
    auto table = std::make_shared<RouteTable>();
    table->epoch = 1;
    table->tasks = {{}, {1, 0}, {2, 1}};
    table->hosts = {{0, 1}, {1, 2}};
    endpoint_ = std::make_unique<HostEndpoint>(reactor_, HostEndpointOptions{1, 1, {}}, *this);
    endpoint_->set_routes(table);
    endpoint_->add_executor(2, 1 << 20);
    auto [its, ours] = make_loop_link(reactor_, LinkPeer{}, LinkPeer{});
    endpoint_->attach(std::move(its));
    far_ = std::move(ours);
    far_->start(*this);
    reactor_.run();
    EXPECT_TRUE(ledger_.open(TaskId(2), Seconds(30)).ok());
    AckRecord init;
    init.kind = AckKind::kInit;
    init.root = RootId::make(2, 0, 1);
    init.xor_value = 0xA;
    ledger_.apply({&init, 1}, completions_);
  }
  ~Acks() override {
    endpoint_.reset();
    far_.reset();
    reactor_.run();
  }
  static AckRecord ack(uint64_t root, uint64_t value) {
    AckRecord record;
    record.root = root;
    record.xor_value = value;
    return record;
  }
  /// As host 0 would send it.
  Frame frame(uint64_t offset, const std::vector<AckRecord>& records) {
    FrameHeader header;
    header.kind = FrameKind::kAcks;
    header.plan_epoch = 1;
    header.source_host = 0;
    header.source_incarnation = 1;
    header.destination_host = 1;
    header.destination_incarnation = 1;
    std::string bytes(records.size() * sizeof(AckRecord), '\0');
    std::memcpy(bytes.data(), records.data(), bytes.size());
    return make_frame(header, encode_acks(offset, bytes));
  }
  void arrives(const Frame& frame) {
    far_->send(frame);
    reactor_.run();
  }

  ManualReactor reactor_;
  ManualClock clock_;
  AckLedger ledger_;
  std::vector<Completion> completions_;
  std::unique_ptr<HostEndpoint> endpoint_;
  std::unique_ptr<Link> far_;

 private:
  void on_section(const InSection&) override {}
  void on_credit(const std::vector<int32_t>&) override {}
  void on_acks(std::string_view records) override {
    for (size_t at = 0; at < records.size(); at += sizeof(AckRecord)) {
      AckRecord record;
      std::memcpy(&record, records.data() + at, sizeof record);
      ledger_.apply({&record, 1}, completions_);
    }
  }
  void on_host_lost(uint32_t, uint32_t) override {}
  void on_links_up(uint64_t) override {}
  void on_frame(Frame) override {}
  void on_closed(Status) override {}
};

TEST_F(Acks, S8AcksOfRootsThatNobodyHasAreCountedAndChangeNothing) {
  const uint64_t pending = RootId::make(2, 0, 1);
  arrives(frame(0, {ack(RootId::make(1, 0, 1), 0xA),      // of another host's spout
                    ack(RootId::make(99, 0, 1), 0xA),     // of a task that is in no plan
                    ack(RootId::make(2, 5, 1), 0xA),      // of another life of ours
                    ack(RootId::make(2, 0, 77), 0xA)}));  // never emitted
  EXPECT_THAT(completions_, IsEmpty());
  EXPECT_EQ(ledger_.counters().dropped_unknown_spout, 2u);
  EXPECT_EQ(ledger_.counters().dropped_incarnation, 1u);
  // The last might be one whose INIT is late; it is forgotten when none comes.
  EXPECT_EQ(ledger_.pending(), 1u);
  arrives(frame(4 * sizeof(AckRecord), {ack(pending, 0xA)}));
  ASSERT_THAT(completions_, SizeIs(1));
  EXPECT_EQ(completions_[0].root, pending);
  EXPECT_EQ(completions_[0].kind, CompletionKind::kAck);
  clock_.advance(Seconds(62));
  ledger_.expire(clock_.now(), completions_);
  EXPECT_THAT(completions_, SizeIs(1));
  EXPECT_EQ(ledger_.counters().orphans_expired, 1u);
  EXPECT_EQ(ledger_.entries(), 0u);
}

TEST_F(Acks, S9AFrameOfAcksThatComesTwiceCountsOnce) {
  const uint64_t root = RootId::make(2, 0, 1);
  // The halves of the tree: either twice would make the XOR wrong, both twice would ack too early.
  const Frame first = frame(0, {ack(root, 0xA ^ 0xB)});
  arrives(first);
  arrives(first);
  EXPECT_THAT(completions_, IsEmpty());
  EXPECT_EQ(endpoint_->counters().receive.acks_seen, 1u);
  // Part of it again, in a longer frame.
  arrives(frame(0, {ack(root, 0xA ^ 0xB), ack(root, 0xB)}));
  EXPECT_EQ(endpoint_->counters().receive.acks_seen, 2u);
  ASSERT_THAT(completions_, SizeIs(1));
  EXPECT_EQ(completions_[0].kind, CompletionKind::kAck);
  arrives(first);
  EXPECT_THAT(completions_, SizeIs(1));
  EXPECT_EQ(endpoint_->counters().receive.acks_seen, 3u);
}

TEST_F(Acks, S9AnInitThatComesTwiceCountsOnce) {
  const uint64_t root = RootId::make(2, 0, 1);
  AckRecord init = ack(root, 0xA);
  init.kind = AckKind::kInit;
  arrives(frame(0, {init, init}));
  EXPECT_EQ(ledger_.pending(), 1u);
  arrives(frame(2 * sizeof(AckRecord), {ack(root, 0xA)}));
  ASSERT_THAT(completions_, SizeIs(1));
  EXPECT_EQ(completions_[0].kind, CompletionKind::kAck);
}

}  // namespace
}  // namespace petrel
