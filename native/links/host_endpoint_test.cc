// HostEndpoint: which offers wake the loop. What it does with frames is tested behind real links
// (native/stream_manager).
#include "native/links/host_endpoint.h"

#include <gtest/gtest.h>

#include <utility>

#include "native/links/loop_link.h"
#include "native/transport/manual_reactor.h"

namespace petrel {
namespace {

/// Host 0 with task 1; task 2 is on host 1, whose frames end here.
class Offers : public testing::Test, public EndpointHandler, public LinkHandler {
 protected:
  Offers() {
    HostEndpointOptions options;
    options.incarnation = 1;
    options.flows.first_window = 1000;
    options.worth_waking = 300;
    endpoint_ = std::make_unique<HostEndpoint>(reactor_, options, *this);
    auto table = std::make_shared<RouteTable>();
    table->epoch = 1;
    table->tasks = {{}, {1, 0}, {2, 1}};
    table->hosts = {{0, 1}, {1, 2}};
    endpoint_->set_routes(table);
    auto [its, far] = make_loop_link(reactor_, LinkPeer{}, LinkPeer{});
    endpoint_->attach(std::move(its));
    far_ = std::move(far);
    far_->start(*this);
    HostEntry up{1, 2, 1, HostState::kUp, 0, 0};
    std::string body;
    append_entry(body, up);
    FrameHeader header;
    header.kind = FrameKind::kHosts;
    header.source_host = 1;
    header.source_incarnation = 1;
    far_->send(make_frame(header, std::move(body)));
    reactor_.run();
  }
  ~Offers() override {
    endpoint_.reset();
    far_.reset();
    reactor_.run();
  }

  Admit offer(size_t bytes, bool more) {
    OutSection section;
    section.source_task = 1;
    section.destination_task = 2;
    section.count = 1;
    section.bytes.assign(bytes, 'x');
    return endpoint_->offer(1, std::move(section), more);
  }
  /// Bytes of data frames that have come since the last call, without time passing.
  size_t arrived() {
    reactor_.run();
    return std::exchange(arrived_, 0);
  }

  void acks(size_t records, bool more) {
    std::vector<AckRecord> batch(records);
    for (AckRecord& record : batch) {
      record.root = RootId::make(2, 1, ++sequence_);
      record.xor_value = sequence_;
    }
    endpoint_->acks(batch, more);
  }
  /// Frames of ack records that have come since the last call, without time passing.
  size_t ack_frames() {
    reactor_.run();
    return std::exchange(ack_frames_, 0);
  }

  void on_frame(Frame frame) override {
    if (frame.header.kind == FrameKind::kAcks) ++ack_frames_;
    if (frame.header.kind == FrameKind::kData) arrived_ += frame.bytes().size() - kSectionHeaderBytes;
  }
  void on_closed(Status) override {}
  void on_section(const InSection&) override {}
  void on_credit(const std::vector<int32_t>&) override {}
  void on_acks(std::string_view) override {}
  void on_host_lost(uint32_t, uint32_t) override {}
  void on_links_up(uint64_t) override {}

  ManualReactor reactor_;
  std::unique_ptr<HostEndpoint> endpoint_;
  std::unique_ptr<Link> far_;
  size_t arrived_ = 0;
  size_t ack_frames_ = 0;
  uint64_t sequence_ = 0;
};

TEST_F(Offers, LeaveAtOnceWhenNothingFollows) {
  EXPECT_EQ(offer(100, false), Admit::kTaken);
  EXPECT_EQ(arrived(), 100u);
}

TEST_F(Offers, WaitForMoreUntilTheyAreSaidToBeAll) {
  EXPECT_EQ(offer(100, true), Admit::kTaken);
  EXPECT_EQ(arrived(), 0u);
  endpoint_->offered();
  EXPECT_EQ(arrived(), 100u);
  endpoint_->offered();
  EXPECT_EQ(arrived(), 0u);
}

TEST_F(Offers, WakeTheLoopWhenTheyAreWorthIt) {
  offer(100, true);
  offer(100, true);
  EXPECT_EQ(arrived(), 0u);
  offer(100, true);
  EXPECT_EQ(arrived(), 300u + 2 * kSectionHeaderBytes) << "three sections in one frame";
}

TEST_F(Offers, AcksWaitForMoreToo) {
  acks(1, true);
  EXPECT_EQ(ack_frames(), 0u);
  endpoint_->offered();
  EXPECT_EQ(ack_frames(), 1u);
  acks(1, false);
  EXPECT_EQ(ack_frames(), 1u);
}

TEST_F(Offers, AcksWakeTheLoopForHalfOfTheBytes) {
  acks(4, true);
  EXPECT_EQ(ack_frames(), 0u) << "2 * 128 bytes of 300";
  acks(1, true);
  EXPECT_EQ(ack_frames(), 1u) << "2 * 160";
}

TEST_F(Offers, ThatAreRefusedWakeTheLoop) {
  EXPECT_EQ(offer(250, true), Admit::kTaken);
  EXPECT_EQ(offer(800, true), Admit::kNoCredit);
  EXPECT_EQ(arrived(), 250u);
}

TEST_F(Offers, LeaveWithTheTickWhenNobodySaysMore) {
  offer(100, true);
  endpoint_->offered();
  arrived();  // something is kept, so the endpoint ticks
  offer(100, true);
  EXPECT_EQ(arrived(), 0u);
  reactor_.advance(Millis(60));
  EXPECT_EQ(arrived(), 100u);
}

}  // namespace
}  // namespace petrel
