#include "native/links/ack_flow.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <map>

#include "native/base/rng.h"

namespace petrel {
namespace {

AckRecord record(AckKind kind, uint64_t root, uint64_t xor_value, uint64_t mask = 0, uint32_t loss = 0) {
  AckRecord r;
  r.kind = kind;
  r.root = root;
  r.xor_value = xor_value;
  r.host_mask = mask;
  r.loss_number = loss;
  return r;
}

std::vector<AckRecord> records_of(std::string_view bytes) {
  std::vector<AckRecord> records(bytes.size() / sizeof(AckRecord));
  if (!records.empty()) std::memcpy(records.data(), bytes.data(), bytes.size());
  return records;
}

class Acks : public testing::Test {
 protected:
  FlowOptions options_ = [] {
    FlowOptions flows;
    flows.ack_window = 320;  // ten records
    return flows;
  }();
  AckOut out_{options_};
  AckIn in_{options_};
  MonoTime now_{Seconds(100)};
};

TEST_F(Acks, RecordsOfARootAreMergedWhileTheyWait) {
  out_.add(record(AckKind::kAck, 1, 0xf0, 0b01, 7));
  out_.add(record(AckKind::kAck, 2, 0x11));
  out_.add(record(AckKind::kAck, 1, 0x0f, 0b10, 5));
  out_.add(record(AckKind::kFail, 1, 0));
  out_.add(record(AckKind::kAck, 1, 0, 0, 0));  // says nothing; its loss number neither
  const auto chunk = out_.take(now_);
  ASSERT_TRUE(chunk);
  const auto records = records_of(chunk->records);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].root, 1u);
  EXPECT_EQ(records[0].xor_value, 0xffu);
  EXPECT_EQ(records[0].host_mask, 0b11u);
  EXPECT_EQ(records[0].loss_number, 5u);
  EXPECT_EQ(records[2].kind, AckKind::kFail);
  EXPECT_EQ(out_.merged(), 2u);
}

TEST_F(Acks, AMaskTravelsThoughTheXorIsZero) {
  out_.add(record(AckKind::kAck, 1, 5, 0b100));
  out_.add(record(AckKind::kAck, 1, 5));
  out_.add(record(AckKind::kAck, 2, 5));
  out_.add(record(AckKind::kAck, 2, 5));
  const auto records = records_of(out_.take(now_)->records);
  ASSERT_EQ(records.size(), 1u);  // nothing is left to say of root 2
  EXPECT_EQ(records[0].root, 1u);
  EXPECT_EQ(records[0].xor_value, 0u);
  EXPECT_EQ(records[0].host_mask, 0b100u);
}

TEST_F(Acks, WhatWasSentIsNotMergedInto) {
  out_.add(record(AckKind::kAck, 1, 1));
  EXPECT_TRUE(out_.take(now_));
  out_.add(record(AckKind::kAck, 1, 2));
  const auto chunk = out_.take(now_);
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk->offset, 32u);
  EXPECT_EQ(records_of(chunk->records)[0].xor_value, 2u);
}

TEST_F(Acks, TheWindowBoundsWhatIsUnderWay) {
  for (uint64_t i = 0; i < 25; ++i) out_.add(record(AckKind::kFail, i, 0));
  const auto chunk = out_.take(now_);
  ASSERT_TRUE(chunk);
  EXPECT_EQ(chunk->records.size(), 320u);
  EXPECT_FALSE(out_.take(now_));
  EXPECT_EQ(out_.waiting_bytes(), 15 * 32u);
  EXPECT_EQ(in_.on_acks({chunk->offset, chunk->records}).size(), 320u);
  EXPECT_TRUE(in_.credit_due());
  EXPECT_TRUE(out_.on_credit(in_.take_credit(), now_));
  EXPECT_EQ(out_.kept_bytes(), 0u);
  EXPECT_EQ(out_.take(now_)->offset, 320u);
}

TEST_F(Acks, WhatWaitsIsMergedWhenAPartOfItHasGone) {
  for (uint64_t root = 0; root < 15; ++root) out_.add(record(AckKind::kAck, root, 1));
  EXPECT_EQ(records_of(out_.take(now_)->records).size(), 10u);
  out_.add(record(AckKind::kAck, 9, 2));   // it has gone: another record
  out_.add(record(AckKind::kAck, 12, 4));  // it waits
  EXPECT_EQ(out_.merged(), 1u);
  EXPECT_TRUE(out_.on_credit({320, 640, 0}, now_));
  const auto records = records_of(out_.take(now_)->records);
  ASSERT_EQ(records.size(), 6u);
  EXPECT_EQ(records[2].root, 12u);
  EXPECT_EQ(records[2].xor_value, 5u);
  EXPECT_EQ(records[5].root, 9u);
  EXPECT_EQ(records[5].xor_value, 2u);
}

// Nobody takes, and the same roots are acked again and again, too far apart for the table of the last ones.
TEST_F(Acks, BehindAnOutageWhatWaitsIsBoundedByTheRoots) {
  options_.ack_window = uint64_t{1} << 30;
  AckOut out(options_);
  constexpr uint64_t kRoots = 20'000;
  constexpr uint64_t kRounds = 40;
  uint64_t most = 0;
  for (uint64_t round = 0; round < kRounds; ++round) {
    for (uint64_t root = 1; root <= kRoots; ++root) {
      out.add(record(AckKind::kAck, root, root * kRounds + round, uint64_t{1} << (round % 64), 9));
    }
    out.add(record(AckKind::kFail, kRoots + round, 0));
    most = std::max(most, out.waiting_bytes());
  }
  EXPECT_LT(most, 90'000 * sizeof(AckRecord)) << "of " << kRoots * kRounds << " records";
  std::map<uint64_t, AckRecord> found;
  uint64_t fails = 0;
  while (const auto chunk = out.take(now_)) {
    for (const AckRecord& one : records_of(chunk->records)) {
      fails += one.kind == AckKind::kFail ? 1 : 0;
      if (one.kind != AckKind::kAck) continue;
      found[one.root].xor_value ^= one.xor_value;
      found[one.root].host_mask |= one.host_mask;
    }
  }
  EXPECT_EQ(fails, kRounds);
  ASSERT_EQ(found.size(), kRoots);
  for (const auto& [root, sum] : found) {
    uint64_t expected = 0;
    for (uint64_t round = 0; round < kRounds; ++round) expected ^= root * kRounds + round;
    ASSERT_EQ(sum.xor_value, expected);
    ASSERT_EQ(sum.host_mask, (uint64_t{1} << kRounds) - 1);
  }
}

TEST_F(Acks, AFrameThatComesTwiceCountsOnceHoweverItIsCut) {
  std::string bytes(10 * 32, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i / 32);
  const std::string_view all = bytes;
  EXPECT_EQ(in_.on_acks({0, all.substr(0, 96)}), all.substr(0, 96));
  EXPECT_EQ(in_.on_acks({0, all.substr(0, 96)}), "");
  EXPECT_EQ(in_.on_acks({32, all.substr(32, 128)}), all.substr(96, 64));
  EXPECT_EQ(in_.on_acks({0, all}), all.substr(160));
  EXPECT_EQ(in_.dropped_seen(), 3u + 2u + 5u);
  EXPECT_EQ(in_.received(), 320u);
  EXPECT_EQ(in_.on_acks({321, all}), "");  // between two records
}

TEST_F(Acks, AGapAsksOnceAndAProbeAsksAgain) {
  const std::string bytes(64, 'x');
  EXPECT_EQ(in_.on_acks({32, bytes}), "");
  EXPECT_TRUE(in_.credit_due());
  EXPECT_EQ(in_.take_credit().flags, AckCreditBody::kResume);
  EXPECT_EQ(in_.on_acks({64, bytes}), "");
  EXPECT_FALSE(in_.credit_due());
  in_.on_probe(96);
  EXPECT_EQ(in_.take_credit().flags, AckCreditBody::kResume);
  in_.on_probe(0);
  EXPECT_TRUE(in_.credit_due());
  EXPECT_EQ(in_.take_credit().flags, 0);
}

TEST_F(Acks, ProbesATailThatIsNotCovered) {
  EXPECT_FALSE(out_.take_probe(now_));
  out_.add(record(AckKind::kFail, 1, 0));
  out_.take(now_);
  EXPECT_FALSE(out_.take_probe(now_));
  now_ += Millis(200);
  EXPECT_TRUE(out_.take_probe(now_));
  EXPECT_FALSE(out_.take_probe(now_));
  out_.path_up();
  EXPECT_TRUE(out_.take_probe(now_));
  EXPECT_FALSE(out_.on_credit({64, 1000, 0}, now_));  // was never sent
  EXPECT_TRUE(out_.on_credit({32, 1000, 0}, now_));
  now_ += Seconds(10);
  EXPECT_FALSE(out_.take_probe(now_));
}

TEST_F(Acks, ADeadLedgerTakesItsRecordsWithIt) {
  for (uint64_t i = 0; i < 12; ++i) out_.add(record(AckKind::kFail, i, 0));
  out_.take(now_);
  out_.reset();
  EXPECT_FALSE(out_.busy());
  EXPECT_EQ(out_.dropped_records(), 12u);
  out_.add(record(AckKind::kFail, 1, 0));
  EXPECT_EQ(out_.take(now_)->offset, 0u);
}

TEST_F(Acks, RecordsOfTheNextIncarnationWaitForItsLedger) {
  // Some were sent to the dead one, some wait; modulo 1024 incarnation 0 comes after 1023.
  for (uint64_t i = 0; i < 10; ++i) out_.add(record(AckKind::kFail, RootId::make(3, i % 2 == 0 ? 1023 : 1024, i), 0));
  out_.take(now_);
  out_.add(record(AckKind::kAck, RootId::make(3, 1024, 11), 5, 1, 2));
  out_.add(record(AckKind::kAck, RootId::make(3, 1023, 12), 5));
  out_.reset(1024);
  EXPECT_EQ(out_.dropped_records(), 6u);
  const auto chunk = out_.take(now_);
  ASSERT_TRUE(chunk.has_value());
  EXPECT_EQ(chunk->offset, 0u);
  std::vector<uint64_t> sequences;
  for (const AckRecord& r : records_of(chunk->records)) sequences.push_back(r.root & RootId::kSequenceMask);
  EXPECT_EQ(sequences, (std::vector<uint64_t>{1, 3, 5, 7, 9, 11}));
}

TEST(AckProperty, EveryRecordCountsOnceOverALossyWay) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    Rng rng(seed);
    FlowOptions options;
    options.ack_window = 32 * (1 + rng.below(40));
    AckOut out(options);
    AckIn in(options);
    MonoTime now{Seconds(1)};
    std::map<uint64_t, std::pair<uint64_t, uint64_t>> sent, got;
    std::deque<AckOut::Chunk> way;
    const auto round = [&](bool lossy) {
      while (auto chunk = out.take(now)) {
        if (!lossy || rng.below(4) != 0) way.push_back(std::move(*chunk));
      }
      while (!way.empty() && (!lossy || rng.below(3) != 0)) {
        for (const AckRecord& r : records_of(in.on_acks({way.front().offset, way.front().records}))) {
          got[r.root].first ^= r.xor_value;
          got[r.root].second |= r.host_mask;
        }
        if (!lossy || rng.below(5) != 0) way.pop_front();  // else it comes twice
      }
      if (out.take_probe(now)) in.on_probe(out.sent());
      if (in.credit_due()) {
        const AckCreditBody credit = in.take_credit();
        if (!lossy || rng.below(3) != 0) out.on_credit(credit, now);
      }
      now += Millis(50);
    };
    for (int i = 0; i < 100; ++i) {
      for (uint64_t n = rng.below(20); n > 0; --n) {
        const AckRecord r = record(AckKind::kAck, rng.below(30), rng.next(), uint64_t{1} << rng.below(64));
        sent[r.root].first ^= r.xor_value;
        sent[r.root].second |= r.host_mask;
        out.add(r);
      }
      round(true);
    }
    for (int i = 0; i < 200 && out.busy(); ++i) round(false);
    for (int i = 0; i < 50; ++i) round(false);
    ASSERT_FALSE(out.busy()) << "seed " << seed;
    ASSERT_EQ(sent, got) << "seed " << seed;
  }
}

}  // namespace
}  // namespace petrel
