#include "native/ledger/ledger_inbox.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "native/ledger/ledger_loop.h"

namespace petrel {
namespace {

std::vector<std::byte> bytes_of(const std::vector<AckRecord>& records) {
  std::vector<std::byte> bytes(records.size() * sizeof(AckRecord));
  std::memcpy(bytes.data(), records.data(), bytes.size());
  return bytes;
}

AckRecord record(uint64_t root, uint64_t value, AckKind kind) {
  AckRecord r;
  r.root = root;
  r.xor_value = value;
  r.kind = kind;
  return r;
}

TEST(LedgerInbox, RefusesHalfRecords) {
  LedgerInbox inbox;
  std::byte bytes[33] = {};
  EXPECT_EQ(inbox.push(bytes).code(), StatusCode::kMalformed);
  EXPECT_TRUE(inbox.push({bytes, 32}).ok());
  EXPECT_TRUE(inbox.push({}).ok());
  LedgerBatch batch;
  inbox.take(batch);
  EXPECT_EQ(batch.records.size(), 32u);
  inbox.take(batch);
  EXPECT_TRUE(batch.empty());
}

TEST(LedgerInbox, ABurstsMemoryIsGivenBack) {
  LedgerInbox inbox;
  std::vector<std::byte> burst(LedgerInbox::kKeptBytes * 2);
  ASSERT_TRUE(inbox.push(burst).ok());
  LedgerBatch batch;
  inbox.take(batch);
  EXPECT_GE(batch.records.capacity(), burst.size());
  for (int round = 0; round < 4; ++round) {  // the large buffer goes round once before it is found idle
    ASSERT_TRUE(inbox.push({burst.data(), 32}).ok());
    inbox.take(batch);
  }
  EXPECT_LE(batch.records.capacity(), LedgerInbox::kKeptBytes);
}

TEST(LedgerInbox, NothingIsLostBetweenManyProducersAndOneTaker) {
  LedgerInbox inbox;
  constexpr int kProducers = 4, kBatches = 2000;
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&inbox, p] {
      for (int i = 0; i < kBatches; ++i) {
        auto bytes = bytes_of({record(static_cast<uint64_t>(p), static_cast<uint64_t>(i), AckKind::kAck),
                               record(static_cast<uint64_t>(p), static_cast<uint64_t>(i), AckKind::kAck)});
        ASSERT_TRUE(inbox.push(bytes).ok());
      }
    });
  }
  std::vector<uint64_t> next(kProducers, 0);
  size_t seen = 0;
  LedgerBatch batch;
  while (seen < kProducers * kBatches * 2) {
    ASSERT_TRUE(inbox.wait(Seconds(20)));
    inbox.take(batch);
    ASSERT_FALSE(batch.empty()) << "a wake without content, or a lost batch";
    for (size_t at = 0; at < batch.records.size(); at += sizeof(AckRecord)) {
      AckRecord r;
      std::memcpy(&r, batch.records.data() + at, sizeof r);
      EXPECT_EQ(r.xor_value, next[r.root] / 2) << "order of one producer";
      ++next[r.root];
      ++seen;
    }
  }
  for (std::thread& producer : producers) producer.join();
  EXPECT_LE(inbox.wakes(), static_cast<uint64_t>(kProducers * kBatches));
}

TEST(LedgerInbox, StopEndsAWait) {
  LedgerInbox inbox;
  std::thread stopper([&] { inbox.stop(); });
  while (inbox.wait(Seconds(20))) {
  }
  stopper.join();
}

class LedgerLoopTest : public testing::Test {
 protected:
  LedgerLoopTest()
      : loop_(clock_, options(), inbox_,
              [this](std::span<const Completion> batch) { done_.insert(done_.end(), batch.begin(), batch.end()); }) {}
  static AckLedgerOptions options() {
    AckLedgerOptions o;
    o.incarnation = Incarnation(3);
    return o;
  }
  void push(const std::vector<AckRecord>& records) { ASSERT_TRUE(inbox_.push(bytes_of(records)).ok()); }
  // Small steps, as a running thread makes them; a large one is a pause.
  void advance(Nanos by) {
    for (Nanos gone{0}; gone < by; gone += Millis(100)) {
      clock_.advance(Millis(100));
      loop_.run_once();
    }
  }

  ManualClock clock_;
  LedgerInbox inbox_;
  std::vector<Completion> done_;
  LedgerLoop loop_;
  uint64_t root_ = RootId::make(4, 3, 1);
};

TEST_F(LedgerLoopTest, AnAckedTreeComesBackOnce) {
  inbox_.open(4, 1000);
  push({record(root_, 99, AckKind::kInit)});
  loop_.run_once();
  EXPECT_TRUE(done_.empty());
  push({record(root_, 99, AckKind::kAck)});
  loop_.run_once();
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0], (Completion{root_, 4, CompletionKind::kAck}));
  advance(Seconds(3));
  EXPECT_EQ(done_.size(), 1u);
}

TEST_F(LedgerLoopTest, ALongBatchComesBackInParts) {
  constexpr size_t kTrees = 2 * LedgerLoop::kSlice;
  std::vector<size_t> deliveries;
  LedgerLoop loop(clock_, options(), inbox_,
                  [&](std::span<const Completion> batch) { deliveries.push_back(batch.size()); });
  inbox_.open(4, 1000);
  for (uint64_t i = 0; i < kTrees; ++i) push({record(root_ + i, i + 1, AckKind::kInit)});
  for (uint64_t i = 0; i < kTrees; ++i) push({record(root_ + i, i + 1, AckKind::kAck)});
  loop.run_once();
  EXPECT_EQ(deliveries, (std::vector<size_t>{LedgerLoop::kSlice, LedgerLoop::kSlice}));
}

TEST_F(LedgerLoopTest, ATreeFailsBetweenTheTimeoutAndOneSecondMore) {
  inbox_.open(4, 1000);
  push({record(root_, 99, AckKind::kInit)});
  loop_.run_once();
  advance(Millis(900));
  EXPECT_TRUE(done_.empty());
  advance(Millis(1100));
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0].kind, CompletionKind::kTimeout);
}

TEST_F(LedgerLoopTest, WhatWasInsideIsAppliedBeforeAnythingExpires) {
  inbox_.open(4, 1000);
  push({record(root_, 99, AckKind::kInit)});
  loop_.run_once();
  clock_.advance(Seconds(60));  // the process was stopped
  push({record(root_, 99, AckKind::kAck)});
  loop_.run_once();
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0].kind, CompletionKind::kAck);
}

TEST_F(LedgerLoopTest, AfterAPauseTheExecutorsGetTimeToHandOverTheirAcks) {
  inbox_.open(4, 1000);
  push({record(root_, 99, AckKind::kInit)});
  loop_.run_once();
  clock_.advance(Seconds(60));
  loop_.run_once();  // the ledger's thread woke first
  EXPECT_TRUE(done_.empty());
  push({record(root_, 99, AckKind::kAck)});
  loop_.run_once();
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0].kind, CompletionKind::kAck);
}

TEST_F(LedgerLoopTest, APauseDelaysTimeoutsOnlyBriefly) {
  inbox_.open(4, 1000);
  push({record(root_, 99, AckKind::kInit)});
  loop_.run_once();
  clock_.advance(Seconds(60));
  loop_.run_once();
  advance(Millis(300));
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0].kind, CompletionKind::kTimeout);
}

TEST_F(LedgerLoopTest, ALostHostFailsWhatWentThroughItAlsoOfTheSameRound) {
  inbox_.open(4, 1000);
  AckRecord through = record(root_, 99, AckKind::kInit);
  through.host_mask = 1u << 2;
  AckRecord beside = record(RootId::make(4, 3, 2), 99, AckKind::kInit);
  beside.host_mask = 1u << 1;
  push({through, beside});
  inbox_.host_lost(2, 1);
  loop_.run_once();
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0], (Completion{root_, 4, CompletionKind::kHostLost}));
  // A record of an emitter that did not know of the loss comes late: failed too.
  AckRecord late = record(RootId::make(4, 3, 3), 99, AckKind::kInit);
  late.host_mask = 1u << 2;
  push({late});
  loop_.run_once();
  EXPECT_EQ(done_.size(), 2u);
}

TEST_F(LedgerLoopTest, AnOpenOfNonsenseIsSurvived) {
  inbox_.open(-1, 5);
  inbox_.open(1, -5);
  inbox_.open(4, 1000);
  push({record(root_, 1, AckKind::kInit), record(root_, 1, AckKind::kAck)});
  loop_.run_once();
  EXPECT_EQ(done_.size(), 1u);
}

}  // namespace
}  // namespace petrel
