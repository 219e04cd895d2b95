// OutFlow and InFlow: the two ends of one flow, without a link between them.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "native/base/rng.h"
#include "native/links/in_flow.h"
#include "native/links/out_flow.h"

namespace petrel {
namespace {

constexpr int32_t kExecutor = 10;  // source

FlowOptions small() {
  FlowOptions flows;
  flows.first_window = 1000;
  flows.cycle_window = 4000;
  flows.max_tuple_bytes = 5000;
  flows.frame_bytes = 600;
  return flows;
}

OutSection section_of(size_t bytes, char fill = 'x', int32_t task = 20) {
  OutSection section;
  section.source_task = kExecutor;
  section.destination_task = task;
  section.count = 1;
  section.bytes = std::string(bytes, fill);
  return section;
}

CreditEntry credit(uint64_t received, uint64_t limit, uint8_t flags = 0) {
  return CreditEntry{20, kTupleLane, flags, 0, received, limit};
}

class Flows : public testing::Test {
 protected:
  void pass(Nanos time) { now_ += time; }
  Admit offer(size_t bytes, int32_t executor = kExecutor, int32_t task = 20, char fill = 'x') {
    OutSection section = section_of(bytes, fill, task);
    section.source_task = executor;
    return out_.offer(executor, std::move(section), now_);
  }
  /// Takes what is unsent off the sender; what crosses are (header, bytes) with the bytes owned by the test.
  std::vector<std::pair<SectionHeader, std::string>> send() {
    std::vector<std::pair<SectionHeader, std::string>> sent;
    while (const OutFlow::Piece* piece = out_.unsent()) {
      sent.emplace_back(SectionHeader{piece->destination_task, 20, kTupleLane, piece->kind, piece->count,
                                      static_cast<uint32_t>(piece->bytes_in_frame()), piece->offset},
                        piece->whole ? encode_fragment(piece->fragment) : piece->bytes);
      out_.advance(now_);
    }
    return sent;
  }
  InFlow::Arrival arrive(const std::pair<SectionHeader, std::string>& sent) {
    return in_.on_section(SectionView{sent.first, sent.second}, whole_);
  }
  std::vector<int32_t> ready() {
    std::vector<int32_t> executors;
    out_.take_ready(now_, executors);
    return executors;
  }

  FlowOptions options_ = small();
  OutFlow out_{options_, kTupleLane};
  InFlow in_{options_, kTupleLane};
  std::shared_ptr<const Assembly> whole_;
  MonoTime now_{Seconds(100)};
};

TEST_F(Flows, OffsetsAreCumulativeAndPiecesStayUntilCovered) {
  EXPECT_EQ(offer(100), Admit::kTaken);
  EXPECT_EQ(offer(200), Admit::kTaken);
  EXPECT_EQ(offer(300), Admit::kTaken);
  const auto sent = send();
  ASSERT_EQ(sent.size(), 3u);
  EXPECT_EQ(sent[0].first.offset, 0u);
  EXPECT_EQ(sent[1].first.offset, 100u);
  EXPECT_EQ(sent[2].first.offset, 300u);
  EXPECT_EQ(out_.kept_bytes(), 600u);
  EXPECT_TRUE(out_.on_credit(credit(300, 1300), now_));
  EXPECT_EQ(out_.kept_bytes(), 300u);
  EXPECT_TRUE(out_.on_credit(credit(600, 1600), now_));
  EXPECT_EQ(out_.kept_bytes(), 0u);
  EXPECT_FALSE(out_.busy());
}

TEST_F(Flows, TakesUpToTheLimitAndNotBeyond) {
  EXPECT_EQ(offer(600), Admit::kTaken);
  EXPECT_EQ(offer(400), Admit::kTaken);
  EXPECT_EQ(offer(1), Admit::kNoCredit);
  EXPECT_EQ(ready(), std::vector<int32_t>{});
  send();
  EXPECT_TRUE(out_.on_credit(credit(0, 1001), now_));
  EXPECT_EQ(ready(), std::vector<int32_t>{kExecutor});
  EXPECT_EQ(ready(), std::vector<int32_t>{});  // once
  EXPECT_EQ(offer(1), Admit::kTaken);
}

TEST_F(Flows, ARefusedSectionIsNotMovedFrom) {
  EXPECT_EQ(offer(1000), Admit::kTaken);
  OutSection section = section_of(50);
  EXPECT_EQ(out_.offer(kExecutor, std::move(section), now_), Admit::kNoCredit);
  EXPECT_EQ(section.bytes.size(), 50u);
  OutSection huge = section_of(5001);
  EXPECT_EQ(out_.offer(kExecutor, std::move(huge), now_), Admit::kTooLarge);
  EXPECT_EQ(huge.bytes.size(), 5001u);
}

TEST_F(Flows, CreditIsAbsoluteAndNeverShrinks) {
  offer(500);
  send();
  EXPECT_TRUE(out_.on_credit(credit(500, 2000), now_));
  EXPECT_TRUE(out_.on_credit(credit(500, 2000), now_));
  EXPECT_TRUE(out_.on_credit(credit(200, 1500), now_));  // overtaken
  EXPECT_EQ(out_.limit(), 2000u);
  EXPECT_EQ(out_.received(), 500u);
}

TEST_F(Flows, CreditForWhatWasNeverSentIsRefused) {
  offer(500);
  EXPECT_FALSE(out_.on_credit(credit(500, 9000), now_));
  send();
  EXPECT_FALSE(out_.on_credit(credit(501, 9000), now_));
  EXPECT_FALSE(out_.on_credit(credit(250, 9000), now_));  // inside a section
  EXPECT_EQ(out_.limit(), 1000u);
  EXPECT_EQ(out_.counters().bad_credit, 3u);
}

TEST_F(Flows, WhileMuchWaitsTheSenderIsNotToldOfEachSection) {
  offer(1000);
  for (const auto& section : send()) arrive(section);  // all that the sender was told
  EXPECT_TRUE(in_.credit_due(1001, 1600, 0, 399)) << "little waits here: it would stand still";
  EXPECT_FALSE(in_.credit_due(1099, 1600, 0, 400));
  EXPECT_TRUE(in_.credit_due(1100, 1600, 0, 400));
  EXPECT_FALSE(in_.credit_due(1099, 1600, 1050, 400)) << "it has asked, and more will be consumed soon";
  EXPECT_TRUE(in_.credit_due(1099, 1600, 1050, 399));
}

TEST_F(Flows, WhoAsksForWhatHeWasToldIsToldAgain) {
  in_.on_reserve(1001);
  EXPECT_FALSE(in_.credit_due(1000, 1600, 1001, 400));
  in_.on_reserve(1000);
  EXPECT_TRUE(in_.credit_due(1000, 1600, 1000, 400));
}

TEST_F(Flows, SeenIsDroppedAndAGapAsksOnce) {
  for (int i = 0; i < 4; ++i) offer(100);
  const auto sent = send();
  EXPECT_EQ(arrive(sent[0]), InFlow::Arrival::kDeliver);
  EXPECT_EQ(arrive(sent[0]), InFlow::Arrival::kSeen);
  EXPECT_EQ(arrive(sent[2]), InFlow::Arrival::kGap);
  EXPECT_TRUE(in_.credit_due(1000, 1000, 0, 0));
  const CreditEntry resume = in_.take_credit(20, kTupleLane, 1000, 0);
  EXPECT_EQ(resume.flags, CreditEntry::kResume);
  EXPECT_EQ(resume.received, 100u);
  EXPECT_EQ(arrive(sent[3]), InFlow::Arrival::kGap);
  EXPECT_FALSE(in_.credit_due(1000, 1000, 0, 0));  // it was asked for
  // The next gap asks again.
  EXPECT_EQ(arrive(sent[1]), InFlow::Arrival::kDeliver);
  EXPECT_EQ(arrive(sent[3]), InFlow::Arrival::kGap);
  EXPECT_TRUE(in_.credit_due(1000, 1000, 0, 0));
}

TEST_F(Flows, ResumesFromEverySectionBoundary) {
  for (size_t lost_from = 0; lost_from < 5; ++lost_from) {
    OutFlow out(options_, kTupleLane);
    for (int i = 0; i < 5; ++i) out.offer(kExecutor, section_of(50 + 10 * static_cast<size_t>(i)), now_);
    std::vector<uint64_t> offsets;
    while (const OutFlow::Piece* piece = out.unsent()) {
      offsets.push_back(piece->offset);
      out.advance(now_);
    }
    EXPECT_TRUE(out.on_credit(credit(offsets[lost_from], 1000, CreditEntry::kResume), now_));
    for (size_t i = lost_from; i < 5; ++i) {
      ASSERT_NE(out.unsent(), nullptr);
      EXPECT_EQ(out.unsent()->offset, offsets[i]);
      out.advance(now_);
    }
    EXPECT_EQ(out.unsent(), nullptr);
    EXPECT_EQ(out.counters().pieces_sent_again, 5 - lost_from);
  }
}

TEST_F(Flows, AnOldResumeSendsNothingAgain) {
  for (int i = 0; i < 3; ++i) offer(100);
  send();
  EXPECT_TRUE(out_.on_credit(credit(200, 1200), now_));
  EXPECT_TRUE(out_.on_credit(credit(100, 1100, CreditEntry::kResume), now_));
  EXPECT_EQ(out_.unsent(), nullptr);
}

TEST_F(Flows, WhatWasSentTwiceIsCoveredThoughTheCursorIsBehind) {
  for (int i = 0; i < 3; ++i) offer(100);
  const auto first = send();
  EXPECT_TRUE(out_.on_credit(credit(0, 1000, CreditEntry::kResume), now_));
  for (const auto& section : first) EXPECT_EQ(arrive(section), InFlow::Arrival::kDeliver);
  EXPECT_TRUE(out_.on_credit(credit(200, 1200), now_));
  ASSERT_NE(out_.unsent(), nullptr);
  EXPECT_EQ(out_.unsent()->offset, 200u);
  for (const auto& section : send()) EXPECT_EQ(arrive(section), InFlow::Arrival::kSeen);
}

TEST_F(Flows, ALargeSectionTravelsInFragments) {
  EXPECT_EQ(offer(100), Admit::kTaken);
  EXPECT_EQ(offer(3000), Admit::kNoCredit);
  EXPECT_EQ(out_.take_reserve(), 3100u);
  EXPECT_EQ(out_.take_reserve(), std::nullopt);
  EXPECT_TRUE(out_.on_credit(credit(0, 3100), now_));
  EXPECT_EQ(ready(), std::vector<int32_t>{kExecutor});
  std::string bytes;
  Rng rng(3);
  while (bytes.size() < 3000) bytes.push_back(static_cast<char>(rng.next()));
  OutSection large = section_of(1);
  large.bytes = bytes;
  large.count = 7;
  EXPECT_EQ(out_.offer(kExecutor, std::move(large), now_), Admit::kTaken);
  const auto sent = send();
  ASSERT_EQ(sent.size(), 1u + 6u);  // 576 bytes each
  EXPECT_EQ(sent.back().first.count, 7u);
  for (size_t i = 0; i < sent.size(); ++i) {
    EXPECT_LE(sent[i].second.size(), options_.frame_bytes);
    EXPECT_EQ(arrive(sent[i]), i == 0 || i + 1 == sent.size() ? InFlow::Arrival::kDeliver : InFlow::Arrival::kPart);
    if (i > 0 && i + 1 < sent.size()) {
      EXPECT_EQ(in_.assembly_bytes(), i * 576);
    }
  }
  ASSERT_NE(whole_, nullptr);
  EXPECT_EQ(whole_->bytes(), bytes);
  EXPECT_EQ(in_.received(), 3100u);  // headers of fragments count nothing
  EXPECT_EQ(in_.assembly_bytes(), 0u);
}

TEST_F(Flows, ALargeSectionIsKeptOnceAndNotCopied) {
  out_.on_credit(credit(0, 5000), now_);
  OutSection large = section_of(4000);
  const char* const bytes = large.bytes.data();
  EXPECT_EQ(out_.offer(kExecutor, std::move(large), now_), Admit::kTaken);
  const std::weak_ptr<const std::string> whole = out_.unsent()->whole;
  uint64_t at = 0;
  for (; const OutFlow::Piece* piece = out_.unsent(); out_.advance(now_)) {
    EXPECT_EQ(piece->fragment.bytes.data(), bytes + at);
    at += piece->fragment.bytes.size();
  }
  EXPECT_EQ(at, 4000u);
  EXPECT_TRUE(out_.on_credit(credit(576, 5000, CreditEntry::kResume), now_));
  ASSERT_NE(out_.unsent(), nullptr);
  EXPECT_EQ(out_.unsent()->fragment.bytes.data(), bytes + 576) << "what is sent again is of the same bytes";
  while (out_.unsent() != nullptr) out_.advance(now_);
  EXPECT_FALSE(whole.expired());
  EXPECT_TRUE(out_.on_credit(credit(4000, 5000), now_));
  EXPECT_TRUE(whole.expired());
}

size_t resident_bytes(std::string_view bytes) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto memory = reinterpret_cast<uintptr_t>(bytes.data());
  const uintptr_t begin = (memory + page - 1) / page * page;
  std::vector<unsigned char> pages((memory + bytes.size() - begin) / page);
  EXPECT_EQ(mincore(reinterpret_cast<void*>(begin), pages.size() * page, pages.data()), 0);
  size_t count = 0;
  for (const unsigned char in_memory : pages) count += in_memory & 1U;
  return count * page;
}

TEST_F(Flows, WhatIsCoveredOfALargeSectionTakesNoMemory) {
  constexpr size_t kBytes = 4U << 20;
  options_.max_tuple_bytes = kBytes;
  options_.frame_bytes = 64U << 10;
  options_.part_window = 2 * kBytes;
  out_.on_credit(credit(0, 2 * kBytes), now_);
  std::string bytes(kBytes, 'x');
  for (size_t i = 0; i < kBytes; ++i) bytes[i] = static_cast<char>(i % 251);
  OutSection large = section_of(1);
  large.bytes = bytes;
  EXPECT_EQ(out_.offer(kExecutor, std::move(large), now_), Admit::kTaken);
  const std::string_view whole = *out_.unsent()->whole;
  const auto sent = send();
  for (size_t i = 0; i < sent.size() / 2; ++i) EXPECT_EQ(arrive(sent[i]), InFlow::Arrival::kPart);
  const size_t before = resident_bytes(whole);
  const uint64_t covered = in_.received();
  EXPECT_TRUE(out_.on_credit(credit(covered, 2 * kBytes, CreditEntry::kResume), now_));
  EXPECT_LE(resident_bytes(whole), before - covered + (64U << 10));
  for (const auto& part : send()) arrive(part);  // the other half again, and whole
  ASSERT_NE(whole_, nullptr);
  EXPECT_EQ(whole_->bytes(), bytes);
}

TEST_F(Flows, FragmentsResumeInTheMiddle) {
  out_.on_credit(credit(0, 5000), now_);
  EXPECT_EQ(offer(4000), Admit::kTaken);
  const auto sent = send();
  EXPECT_EQ(arrive(sent[0]), InFlow::Arrival::kPart);
  EXPECT_EQ(arrive(sent[1]), InFlow::Arrival::kPart);
  EXPECT_EQ(arrive(sent[3]), InFlow::Arrival::kGap);
  const CreditEntry resume = in_.take_credit(20, kTupleLane, 5000, 0);
  EXPECT_EQ(resume.received, 1152u);
  EXPECT_TRUE(out_.on_credit(resume, now_));
  EXPECT_EQ(out_.kept_bytes(), 4000u - 1152u);
  InFlow::Arrival last = InFlow::Arrival::kBad;
  for (const auto& part : send()) last = arrive(part);
  EXPECT_EQ(last, InFlow::Arrival::kDeliver);
  EXPECT_EQ(whole_->size(), 4000u);
}

TEST_F(Flows, OnlyAPartOfALargeSectionIsUnderWay) {
  options_.part_window = 2400;
  out_.on_credit(credit(0, 5000), now_);
  EXPECT_EQ(offer(4500), Admit::kTaken);
  EXPECT_EQ(offer(10), Admit::kTaken);
  size_t arrived = 0;
  InFlow::Arrival last = InFlow::Arrival::kBad;
  for (int turn = 0; turn < 20 && out_.sent() < 4510; ++turn) {
    for (const auto& part : send()) {
      last = arrive(part);
      arrived += InFlow::size_of(part.first);
    }
    EXPECT_LE(out_.sent() - (4510 - out_.kept_bytes()), 2400u + 10) << "turn " << turn;
    // The receiver tells what it has although the limit has not changed.
    if (arrived < 4500) {
      ASSERT_TRUE(in_.credit_due(5000, 1000, 0, 0));
    }
    EXPECT_TRUE(out_.on_credit(in_.take_credit(20, kTupleLane, 5000, 0), now_));
    EXPECT_FALSE(in_.credit_due(5000, 1000, 0, 0));
  }
  EXPECT_EQ(arrived, 4510u);
  EXPECT_EQ(last, InFlow::Arrival::kDeliver);
}

TEST_F(Flows, NewsOfPartsThatIsLostIsAskedFor) {
  options_.part_window = 2400;
  out_.on_credit(credit(0, 5000), now_);
  EXPECT_EQ(offer(4500), Admit::kTaken);
  for (const auto& part : send()) EXPECT_EQ(arrive(part), InFlow::Arrival::kPart);
  in_.take_credit(20, kTupleLane, 5000, 0);  // on its way it is lost
  EXPECT_EQ(out_.unsent(), nullptr);
  pass(options_.probe_kept);
  ASSERT_TRUE(out_.take_probe(now_));
  in_.on_probe(out_.sent());
  EXPECT_TRUE(out_.on_credit(in_.take_credit(20, kTupleLane, 5000, 0), now_));
  EXPECT_NE(out_.unsent(), nullptr);
}

TEST_F(Flows, FragmentsThatDoNotFitAreBad) {
  const auto fragment = [](uint32_t id, uint32_t index, uint64_t at, uint64_t total, size_t bytes, uint64_t offset) {
    const std::string part(bytes, 'x');
    std::string body = encode_fragment(Fragment{id, index, at, total, part});
    return std::make_pair(
        SectionHeader{20, 20, 0, SectionKind::kFragment, 1, static_cast<uint32_t>(body.size()), offset}, body);
  };
  EXPECT_EQ(arrive(fragment(1, 0, 0, 5001, 100, 0)), InFlow::Arrival::kBad);  // above the cap: nothing is allocated
  EXPECT_EQ(arrive(fragment(1, 1, 100, 500, 100, 0)), InFlow::Arrival::kBad);
  EXPECT_EQ(in_.assembly_bytes(), 0u);
  EXPECT_EQ(arrive(fragment(1, 0, 0, 500, 100, 0)), InFlow::Arrival::kPart);
  EXPECT_EQ(arrive(fragment(2, 1, 100, 500, 100, 100)), InFlow::Arrival::kBad);
  EXPECT_EQ(arrive(fragment(1, 2, 100, 500, 100, 100)), InFlow::Arrival::kBad);
  EXPECT_EQ(arrive(fragment(1, 1, 100, 501, 100, 100)), InFlow::Arrival::kBad);
  // Something else in the middle of a large section.
  const std::string plain(10, 'x');
  EXPECT_EQ(arrive({SectionHeader{20, 20, 0, SectionKind::kTuples, 1, 10, 100}, plain}), InFlow::Arrival::kBad);
  EXPECT_EQ(arrive(fragment(1, 1, 100, 500, 400, 100)), InFlow::Arrival::kDeliver);
}

TEST_F(Flows, ANewDestinationStartsFromNothing) {
  offer(600);
  send();
  EXPECT_EQ(offer(600), Admit::kNoCredit);
  out_.on_credit(credit(0, 1100), now_);
  out_.reset();
  EXPECT_EQ(out_.limit(), 1000u);
  EXPECT_EQ(out_.kept_bytes(), 0u);
  EXPECT_EQ(out_.counters().dropped_bytes, 600u);
  EXPECT_EQ(ready(), std::vector<int32_t>{kExecutor});
  EXPECT_EQ(offer(600), Admit::kTaken);
  EXPECT_EQ(send()[0].first.offset, 0u);
}

TEST_F(Flows, RoomForALargeSectionIsHeld) {
  EXPECT_EQ(offer(900), Admit::kTaken);
  EXPECT_EQ(offer(500), Admit::kNoCredit);     // of executor 10: it holds
  EXPECT_EQ(offer(50, 11), Admit::kNoCredit);  // would fit, and would push the large one away for ever
  send();
  out_.on_credit(credit(900, 1900), now_);
  EXPECT_EQ(ready(), (std::vector<int32_t>{10, 11}));
  EXPECT_EQ(offer(450, 11), Admit::kTaken);  // leaves room
  EXPECT_EQ(offer(60, 11), Admit::kNoCredit);
  EXPECT_EQ(offer(500), Admit::kTaken);
  EXPECT_EQ(offer(50, 11), Admit::kTaken);
}

TEST_F(Flows, AHoldLapsesWhenItsHolderDoesNotCome) {
  EXPECT_EQ(offer(900), Admit::kTaken);
  EXPECT_EQ(offer(500), Admit::kNoCredit);
  send();
  out_.on_credit(credit(900, 1500), now_);
  EXPECT_EQ(ready(), std::vector<int32_t>{10});
  EXPECT_EQ(offer(200, 11), Admit::kNoCredit);
  pass(Millis(999));
  out_.expire_hold(now_);
  EXPECT_EQ(offer(200, 11), Admit::kNoCredit);
  pass(Millis(1));
  out_.expire_hold(now_);
  EXPECT_EQ(ready(), std::vector<int32_t>{11});
  EXPECT_EQ(offer(200, 11), Admit::kTaken);
}

TEST_F(Flows, ProbesWhileBlockedAndWhenKeptBytesDoNotShrink) {
  EXPECT_FALSE(out_.take_probe(now_));
  offer(800);
  EXPECT_FALSE(out_.take_probe(now_));  // nothing was sent
  send();
  pass(Millis(199));
  EXPECT_FALSE(out_.take_probe(now_));
  pass(Millis(1));
  EXPECT_TRUE(out_.take_probe(now_));
  EXPECT_EQ(out_.sent(), 800u);
  EXPECT_FALSE(out_.take_probe(now_));
  // Unanswered: at growing distances.
  pass(Millis(200));
  EXPECT_TRUE(out_.take_probe(now_));
  pass(Millis(200));
  EXPECT_FALSE(out_.take_probe(now_));
  pass(Millis(200));
  EXPECT_TRUE(out_.take_probe(now_));
  out_.on_credit(credit(0, 1000, CreditEntry::kProbeAnswer), now_);
  offer(300);
  EXPECT_EQ(out_.take_reserve(), 1100u);
  pass(Millis(100));
  EXPECT_TRUE(out_.take_probe(now_));
  EXPECT_EQ(out_.take_reserve(), 1100u);  // may have been lost
  out_.on_credit(credit(800, 1800, CreditEntry::kProbeAnswer), now_);
  ready();
  pass(Seconds(10));
  EXPECT_FALSE(out_.take_probe(now_));
}

TEST_F(Flows, ProbesAtOnceOnANewPath) {
  offer(100);
  send();
  out_.path_up();
  EXPECT_TRUE(out_.take_probe(now_));
  EXPECT_FALSE(out_.take_probe(now_));
  in_.on_probe(100);
  const CreditEntry answer = in_.take_credit(20, kTupleLane, 1000, 0);
  EXPECT_EQ(answer.flags, CreditEntry::kResume | CreditEntry::kProbeAnswer);
  in_.on_probe(0);
  EXPECT_EQ(in_.take_credit(20, kTupleLane, 1000, 0).flags, CreditEntry::kProbeAnswer);
}

TEST_F(Flows, BlockedTimeHasItsExecutor) {
  offer(1000);
  pass(Millis(5));
  EXPECT_EQ(offer(10, 11), Admit::kNoCredit);
  pass(Millis(7));
  EXPECT_EQ(out_.blocked_ns(now_).at(11), 7'000'000u);
  send();
  out_.on_credit(credit(1000, 2000), now_);
  EXPECT_EQ(ready(), std::vector<int32_t>{11});
  pass(Millis(50));  // its own delay
  EXPECT_EQ(offer(10, 11), Admit::kTaken);
  EXPECT_EQ(out_.blocked_ns(now_).at(11), 7'000'000u);
  EXPECT_FALSE(out_.blocked_ns(now_).contains(10));
}

TEST_F(Flows, CreditIsToldByQuartersAtTheLimitAndWhenAwaited) {
  offer(500);
  offer(500);
  for (const auto& section : send()) arrive(section);
  EXPECT_TRUE(in_.credit_due(1001, 1000, 0, 0));  // the sender stands at what it was told
  in_.take_credit(20, kTupleLane, 2000, 0);
  EXPECT_FALSE(in_.credit_due(2000, 1000, 0, 0));
  EXPECT_FALSE(in_.credit_due(2249, 1000, 0, 0));
  EXPECT_TRUE(in_.credit_due(2250, 1000, 0, 0));
  EXPECT_FALSE(in_.credit_due(2100, 1000, 2101, 0));
  EXPECT_TRUE(in_.credit_due(2101, 1000, 2101, 0));
  EXPECT_FALSE(in_.credit_due(2100, 1000, 1900, 0));
}

TEST_F(Flows, LaneOneHasItsOwnWindow) {
  OutFlow out(options_, kCycleLane);
  EXPECT_EQ(out.limit(), 4000u);
  EXPECT_EQ(out.offer(kExecutor, section_of(3900), now_), Admit::kTaken);
  EXPECT_EQ(out.offer(kExecutor, section_of(3900), now_), Admit::kNoCredit);
  EXPECT_EQ(out.take_reserve(), 7800u);
}

}  // namespace
}  // namespace petrel
