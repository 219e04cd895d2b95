#include "native/ledger/ack_ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace petrel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr int32_t kSpout = 7;
constexpr Millis kTimeout = Seconds(30);

class AckLedgerTest : public ::testing::Test {
 protected:
  AckLedgerTest() : ledger_(clock_, options()) { EXPECT_TRUE(ledger_.open(TaskId(kSpout), kTimeout).ok()); }

  static AckLedgerOptions options() {
    AckLedgerOptions options;
    options.incarnation = Incarnation(1025);  // 1 modulo 1024
    options.hash_seed = 42;
    return options;
  }
  static uint64_t root(uint64_t sequence, int32_t task = kSpout) { return RootId::make(task, 1025, sequence); }
  static AckRecord record(AckKind kind, uint64_t root, uint64_t xor_value = 0, uint64_t mask = 0, uint32_t loss = 0) {
    return {.root = root, .xor_value = xor_value, .host_mask = mask, .kind = kind, .loss_number = loss};
  }
  std::vector<Completion> apply(std::vector<AckRecord> records) {
    std::vector<Completion> out;
    ledger_.apply(records, out);
    return out;
  }
  std::vector<Completion> advance(Nanos by) {
    clock_.advance(by);
    std::vector<Completion> out;
    ledger_.expire(clock_.now(), out);
    return out;
  }
  static Completion done(uint64_t root, CompletionKind kind, int32_t task = kSpout) { return {root, task, kind}; }

  ManualClock clock_;
  AckLedger ledger_;
};

TEST(RootId, KeepsItsPartsApart) {
  const uint64_t root = RootId::make(RootId::kMaxTask, 1023, RootId::kSequenceMask);
  EXPECT_EQ(root, ~uint64_t{0});
  const uint64_t other = RootId::make(5, 1024 + 3, 9);
  EXPECT_EQ(RootId::spout_task(other), 5);
  EXPECT_EQ(RootId::incarnation(other), 3u);
  EXPECT_EQ(other & RootId::kSequenceMask, 9u);
}

TEST_F(AckLedgerTest, AcksWhenAllRecordsAreThere) {
  EXPECT_THAT(apply({record(AckKind::kInit, root(1), 0xA), record(AckKind::kAck, root(1), 0xA ^ 0xB)}), IsEmpty());
  EXPECT_EQ(ledger_.pending(), 1u);
  EXPECT_THAT(apply({record(AckKind::kAck, root(1), 0xB)}), ElementsAre(done(root(1), CompletionKind::kAck)));
  EXPECT_EQ(ledger_.pending(), 0u);
  EXPECT_EQ(ledger_.entries(), 0u);
  EXPECT_EQ(ledger_.counters().acked, 1u);
}

TEST_F(AckLedgerTest, RootWithoutTargetsIsAckedAtOnce) {
  EXPECT_THAT(apply({record(AckKind::kInit, root(1), 0)}), ElementsAre(done(root(1), CompletionKind::kAck)));
}

TEST_F(AckLedgerTest, AckMayComeBeforeInit) {
  EXPECT_THAT(apply({record(AckKind::kAck, root(1), 0xA)}), IsEmpty());
  EXPECT_EQ(ledger_.pending(), 0u);
  EXPECT_EQ(ledger_.entries(), 1u);
  EXPECT_THAT(apply({record(AckKind::kInit, root(1), 0xA)}), ElementsAre(done(root(1), CompletionKind::kAck)));
}

TEST_F(AckLedgerTest, ZeroXorBeforeInitIsNoAck) {
  EXPECT_THAT(apply({record(AckKind::kAck, root(1), 0xA), record(AckKind::kAck, root(1), 0xA)}), IsEmpty());
  EXPECT_EQ(ledger_.counters().acked, 0u);
}

TEST_F(AckLedgerTest, InitIsIdempotent) {
  EXPECT_THAT(apply({record(AckKind::kInit, root(1), 0xA), record(AckKind::kInit, root(1), 0xA)}), IsEmpty());
  EXPECT_EQ(ledger_.counters().duplicate_inits, 1u);
  EXPECT_THAT(apply({record(AckKind::kAck, root(1), 0xA)}), ElementsAre(done(root(1), CompletionKind::kAck)));
}

TEST_F(AckLedgerTest, FailEndsTheTreeBeforeOrAfterInit) {
  EXPECT_THAT(apply({record(AckKind::kInit, root(1), 0xA), record(AckKind::kFail, root(1))}),
              ElementsAre(done(root(1), CompletionKind::kFail)));
  EXPECT_THAT(apply({record(AckKind::kFail, root(2)), record(AckKind::kInit, root(2), 0xA)}),
              ElementsAre(done(root(2), CompletionKind::kFail)));
}

TEST_F(AckLedgerTest, TimesOutBetweenTAndTPlusOneSecond) {
  apply({record(AckKind::kInit, root(1), 0xA)});
  EXPECT_THAT(advance(kTimeout - Nanos(1)), IsEmpty());
  EXPECT_THAT(advance(Seconds(1)), ElementsAre(done(root(1), CompletionKind::kTimeout)));
  EXPECT_EQ(ledger_.entries(), 0u);
}

TEST_F(AckLedgerTest, EverySubTickOffsetKeepsTheBounds) {
  for (int64_t offset = 0; offset < 128; offset += 3) {
    advance(Millis(offset) + Nanos(offset));
    apply({record(AckKind::kInit, root(static_cast<uint64_t>(offset) + 1), 0xA)});
    EXPECT_THAT(advance(kTimeout - Nanos(1)), IsEmpty()) << offset;
    EXPECT_THAT(advance(TimingWheel::kTick + Nanos(1)), SizeIs(1)) << offset;
  }
}

TEST_F(AckLedgerTest, ResetMovesTheDeadline) {
  apply({record(AckKind::kInit, root(1), 0xA)});
  EXPECT_THAT(advance(kTimeout - Millis(1)), IsEmpty());
  apply({record(AckKind::kResetTimeout, root(1))});
  EXPECT_THAT(advance(kTimeout - Nanos(1)), IsEmpty());
  EXPECT_THAT(advance(Seconds(1)), ElementsAre(done(root(1), CompletionKind::kTimeout)));
}

TEST_F(AckLedgerTest, ResetOfAnUnknownRootLeavesNothing) {
  apply({record(AckKind::kResetTimeout, root(1))});
  EXPECT_EQ(ledger_.entries(), 0u);
}

TEST_F(AckLedgerTest, EachSpoutTaskHasItsOwnTimeout) {
  ASSERT_TRUE(ledger_.open(TaskId(8), Millis(500)).ok());
  ASSERT_TRUE(ledger_.open(TaskId(9), Millis(0)).ok());
  apply({record(AckKind::kInit, root(1, 8), 1), record(AckKind::kInit, root(1, 9), 1),
         record(AckKind::kInit, root(1), 1)});
  EXPECT_THAT(advance(Millis(1500)), ElementsAre(done(root(1, 8), CompletionKind::kTimeout, 8)));
  EXPECT_THAT(advance(kTimeout), ElementsAre(done(root(1), CompletionKind::kTimeout)));
  EXPECT_THAT(advance(std::chrono::hours(1000)), IsEmpty());
  EXPECT_EQ(ledger_.pending(), 1u);
  EXPECT_THAT(apply({record(AckKind::kAck, root(1, 9), 1)}), ElementsAre(done(root(1, 9), CompletionKind::kAck, 9)));
}

TEST_F(AckLedgerTest, TimeoutLongerThanOneTurnOfTheWheel) {
  ASSERT_TRUE(ledger_.open(TaskId(8), std::chrono::hours(1)).ok());
  apply({record(AckKind::kInit, root(1, 8), 1)});
  for (int minute = 0; minute < 59; ++minute) EXPECT_THAT(advance(std::chrono::minutes(1)), IsEmpty());
  EXPECT_THAT(advance(std::chrono::minutes(1) + Seconds(1)), SizeIs(1));
}

TEST_F(AckLedgerTest, APauseIsNotATimeoutForWhatIsAppliedFirst) {
  apply({record(AckKind::kInit, root(1), 0xA), record(AckKind::kInit, root(2), 0xB)});
  clock_.advance(Seconds(100));  // the process stood still; the ack waits in the inbox
  EXPECT_THAT(apply({record(AckKind::kAck, root(1), 0xA)}), ElementsAre(done(root(1), CompletionKind::kAck)));
  EXPECT_THAT(advance(Nanos(0)), ElementsAre(done(root(2), CompletionKind::kTimeout)));
}

TEST_F(AckLedgerTest, EntriesWithoutInitExpireSilently) {
  ASSERT_TRUE(ledger_.open(TaskId(9), Millis(0)).ok());
  apply({record(AckKind::kAck, root(1), 0xA), record(AckKind::kFail, root(2)), record(AckKind::kAck, root(1, 9), 1)});
  EXPECT_EQ(ledger_.entries(), 3u);
  EXPECT_THAT(advance(kTimeout + Seconds(1)), IsEmpty());
  EXPECT_EQ(ledger_.entries(), 1u);
  EXPECT_THAT(advance(Seconds(300)), IsEmpty());
  EXPECT_EQ(ledger_.entries(), 0u);
  EXPECT_EQ(ledger_.counters().orphans_expired, 3u);
}

TEST_F(AckLedgerTest, DropsWhatDoesNotBelongHere) {
  AckRecord padded = record(AckKind::kInit, root(1), 1);
  padded.zero[2] = 1;
  apply({record(AckKind::kInit, RootId::make(kSpout, 2, 1), 1), record(AckKind::kInit, root(1, 8), 1),
         record(AckKind::kInit, RootId::make(0, 1, 1), 1), record(static_cast<AckKind>(0), root(1), 1),
         record(static_cast<AckKind>(5), root(1), 1), padded});
  EXPECT_EQ(ledger_.entries(), 0u);
  EXPECT_EQ(ledger_.counters().dropped_incarnation, 1u);
  EXPECT_EQ(ledger_.counters().dropped_unknown_spout, 2u);
  EXPECT_EQ(ledger_.counters().dropped_malformed, 3u);
}

TEST_F(AckLedgerTest, OpenNamesWhatIsWrong) {
  EXPECT_EQ(ledger_.open(TaskId(0), kTimeout).code(), StatusCode::kMalformed);
  EXPECT_EQ(ledger_.open(TaskId(1 << 18), kTimeout).code(), StatusCode::kMalformed);
  EXPECT_EQ(ledger_.open(TaskId(1), Millis(-1)).code(), StatusCode::kMalformed);
  EXPECT_TRUE(ledger_.open(TaskId((1 << 18) - 1), Millis::max()).ok());
  apply({record(AckKind::kInit, root(1, (1 << 18) - 1), 1)});
  EXPECT_THAT(advance(std::chrono::hours(10)), IsEmpty());
}

TEST_F(AckLedgerTest, BytesMayBeUnalignedButNotCut) {
  const AckRecord init = record(AckKind::kInit, root(1), 0);
  std::vector<std::byte> bytes(33);
  std::memcpy(bytes.data() + 1, &init, 32);
  std::vector<Completion> out;
  EXPECT_TRUE(ledger_.apply_bytes(std::span(bytes).subspan(1), out).ok());
  EXPECT_THAT(out, ElementsAre(done(root(1), CompletionKind::kAck)));
  EXPECT_EQ(ledger_.apply_bytes(bytes, out).code(), StatusCode::kMalformed);
  EXPECT_EQ(ledger_.counters().records, 1u);
}

TEST_F(AckLedgerTest, LostHostFailsWhatTouchedIt) {
  apply({record(AckKind::kInit, root(1), 1, 0b01), record(AckKind::kInit, root(2), 2, 0b10),
         record(AckKind::kInit, root(3), 3, 0b11, /*loss=*/1)});
  std::vector<Completion> out;
  ledger_.host_lost(1, 1, out);
  // Root 3 was emitted by somebody who knew of loss 1, so it went to the new incarnation of the host.
  EXPECT_THAT(out, ElementsAre(done(root(2), CompletionKind::kHostLost)));
  EXPECT_EQ(ledger_.pending(), 2u);
}

TEST_F(AckLedgerTest, RecordsThatComeAfterTheLossAreChecked) {
  std::vector<Completion> out;
  apply({record(AckKind::kInit, root(1), 1 ^ 2, 0b01)});
  ledger_.host_lost(1, 1, out);
  EXPECT_THAT(out, IsEmpty());
  // XOR 0, but it says that a child went to the lost host.
  EXPECT_THAT(apply({record(AckKind::kAck, root(1), 0, 0b10)}), ElementsAre(done(root(1), CompletionKind::kHostLost)));
  EXPECT_THAT(apply({record(AckKind::kAck, root(2), 0, 0b10)}), IsEmpty());
  EXPECT_THAT(apply({record(AckKind::kInit, root(2), 9, 0b01, 1)}),
              ElementsAre(done(root(2), CompletionKind::kHostLost)));
  // All records are there: every leaf ran, so the loss took nothing.
  EXPECT_THAT(apply({record(AckKind::kInit, root(3), 0, 0b10)}), ElementsAre(done(root(3), CompletionKind::kAck)));
}

// An emitter that had not heard of the loss sent it to host 0; then one that had sent it to the successor of host 1.
TEST_F(AckLedgerTest, WhatGoesToTheSuccessorOfALostHostIsNotFailed) {
  std::vector<Completion> out;
  ledger_.host_lost(1, 5, out);
  EXPECT_THAT(apply({record(AckKind::kInit, root(1), 1, 0b01, 4)}), IsEmpty());
  EXPECT_THAT(apply({record(AckKind::kAck, root(1), 2, 0b10, 5)}), IsEmpty());
  EXPECT_THAT(apply({record(AckKind::kAck, root(2), 2, 0b10, 5), record(AckKind::kInit, root(2), 1, 0b01, 4)}),
              IsEmpty());
  EXPECT_THAT(apply({record(AckKind::kAck, root(1), 8, 0b10, 4)}),
              ElementsAre(done(root(1), CompletionKind::kHostLost)));
  EXPECT_EQ(ledger_.pending(), 1u);
}

TEST_F(AckLedgerTest, FlappingHostFallsBackToTimeouts) {
  std::vector<Completion> out;
  for (uint32_t loss = 1; loss <= 10; ++loss) {
    apply({record(AckKind::kInit, root(loss), 1, 0b1, loss - 1)});
    ledger_.host_lost(0, loss, out);
  }
  EXPECT_THAT(out, SizeIs(6));
  EXPECT_EQ(ledger_.counters().ignored_losses, 4u);
  clock_.advance(Seconds(20));
  clock_.advance(Seconds(41));
  ledger_.host_lost(0, 11, out);
  EXPECT_THAT(out, SizeIs(10));
}

TEST_F(AckLedgerTest, ALedgerThatIsFullRefusesLoudly) {
  AckLedgerOptions small = options();
  small.max_entries = 2;
  AckLedger ledger(clock_, small);
  ASSERT_TRUE(ledger.open(TaskId(kSpout), kTimeout).ok());
  std::vector<Completion> out;
  std::vector<AckRecord> records = {record(AckKind::kInit, root(1), 1), record(AckKind::kAck, root(2), 1),
                                    record(AckKind::kInit, root(3), 1), record(AckKind::kAck, root(4), 1),
                                    record(AckKind::kInit, root(2), 1), record(AckKind::kInit, root(3), 1)};
  ledger.apply(records, out);
  EXPECT_THAT(out, ElementsAre(done(root(3), CompletionKind::kFail), done(root(2), CompletionKind::kAck)));
  EXPECT_EQ(ledger.counters().refused_full, 1u);
  EXPECT_EQ(ledger.counters().dropped_full, 1u);
  EXPECT_EQ(ledger.entries(), 2u);
}

TEST_F(AckLedgerTest, SteadyStateNeedsNoMoreMemory) {
  std::vector<AckRecord> batch;
  std::vector<Completion> out;
  uint64_t sequence = 0;
  size_t after_first = 0;
  for (int round = 0; round < 50; ++round) {
    batch.clear();
    for (int i = 0; i < 5000; ++i) batch.push_back(record(AckKind::kInit, root(sequence + i), 5));
    for (int i = 0; i < 5000; ++i) batch.push_back(record(AckKind::kAck, root(sequence + i), 5));
    sequence += 5000;
    out.clear();
    ledger_.apply(batch, out);
    ASSERT_THAT(out, SizeIs(5000));
    if (round == 0) after_first = ledger_.memory_bytes();
  }
  EXPECT_EQ(ledger_.memory_bytes(), after_first);
  EXPECT_LT(after_first, 5000u * 150);
}

// Roots that keep a place of the ring send others, of later turns, into the table: the same promises hold there.
TEST_F(AckLedgerTest, RootsOutsideOfTheRingEndLikeAllOthers) {
  constexpr uint64_t kTurn = 1024;
  apply({record(AckKind::kInit, root(1), 5), record(AckKind::kInit, root(2), 5)});
  apply({record(AckKind::kInit, root(1 + kTurn), 7), record(AckKind::kInit, root(2 + kTurn), 7)});
  apply({record(AckKind::kInit, root(1 + 2 * kTurn), 9)});
  EXPECT_EQ(ledger_.entries(), 5u);
  EXPECT_THAT(apply({record(AckKind::kAck, root(1 + kTurn), 7)}),
              ElementsAre(done(root(1 + kTurn), CompletionKind::kAck)));
  EXPECT_THAT(apply({record(AckKind::kFail, root(2), 0)}), ElementsAre(done(root(2), CompletionKind::kFail)));
  clock_.advance(kTimeout / 2);
  apply({record(AckKind::kResetTimeout, root(2 + kTurn), 0)});
  EXPECT_THAT(advance(kTimeout / 2 + TimingWheel::kTick),
              UnorderedElementsAre(done(root(1), CompletionKind::kTimeout),
                                   done(root(1 + 2 * kTurn), CompletionKind::kTimeout)));
  EXPECT_EQ(ledger_.entries(), 1u);
  EXPECT_THAT(apply({record(AckKind::kAck, root(2 + kTurn), 7)}),
              ElementsAre(done(root(2 + kTurn), CompletionKind::kAck)));
}

TEST_F(AckLedgerTest, NothingToWaitForWhenNothingCanExpire) {
  EXPECT_EQ(ledger_.until_next_tick(clock_.now()), std::nullopt);
  apply({record(AckKind::kInit, root(1), 5)});
  ASSERT_TRUE(ledger_.until_next_tick(clock_.now()).has_value());
  EXPECT_LE(*ledger_.until_next_tick(clock_.now()), TimingWheel::kTick);
  apply({record(AckKind::kAck, root(1), 5)});
  EXPECT_EQ(ledger_.until_next_tick(clock_.now()), std::nullopt);
}

}  // namespace
}  // namespace petrel
