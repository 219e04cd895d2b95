#include "native/ledger/ledger_inbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <future>
#include <map>
#include <mutex>
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

TEST(LedgerInbox, WhatWaitsForItsPushersWordIsNotDue) {
  LedgerInbox inbox;
  const auto bytes = bytes_of({record(1, 1, AckKind::kAck)});
  ASSERT_TRUE(inbox.push(bytes, true).ok());
  EXPECT_FALSE(inbox.is_due());
  inbox.make_due();
  EXPECT_TRUE(inbox.is_due());
  LedgerBatch batch;
  inbox.take(batch);
  EXPECT_EQ(batch.records.size(), bytes.size());
  EXPECT_FALSE(inbox.is_due());
  inbox.make_due();
  EXPECT_FALSE(inbox.is_due()) << "nothing is inside";
  ASSERT_TRUE(inbox.push(bytes, true).ok());
  ASSERT_TRUE(inbox.push(bytes).ok());
  EXPECT_TRUE(inbox.is_due());
  inbox.take(batch);
  const std::vector<std::byte> much(LedgerInbox::kMostWaiting);
  ASSERT_TRUE(inbox.push(much, true).ok());
  EXPECT_TRUE(inbox.is_due()) << "a pusher that never says its word";
}

TEST(LedgerInbox, AWaiterIsWokenAgainAfterAnotherTookWhatItWasWokenFor) {
  LedgerInbox inbox;
  const auto bytes = bytes_of({record(1, 1, AckKind::kAck)});
  std::atomic<int> woken = 0;
  std::thread waiter([&] {
    while (inbox.wait(std::nullopt)) {
      ++woken;
      LedgerBatch batch;
      inbox.take(batch);
    }
  });
  LedgerBatch batch;
  for (int round = 0; round < 2000; ++round) {
    EXPECT_TRUE(inbox.push(bytes).ok());
    inbox.take(batch);  // mostly before the waiter runs
    std::this_thread::yield();
    const int before = woken;
    EXPECT_TRUE(inbox.push(bytes).ok());
    for (int i = 0; i < 100'000 && woken == before; ++i) std::this_thread::sleep_for(std::chrono::microseconds(100));
    EXPECT_GT(woken, before) << "round " << round;
    if (woken == before) break;
  }
  inbox.stop();
  waiter.join();
}

TEST(LedgerInbox, NobodyIsWokenForWhatIsDueAlready) {
  LedgerInbox inbox;
  const auto bytes = bytes_of({record(1, 1, AckKind::kAck)});
  std::thread waiter([&] { EXPECT_TRUE(inbox.wait(std::nullopt)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_TRUE(inbox.push(bytes, true).ok());
  inbox.make_due();  // by somebody who will see to it
  EXPECT_TRUE(inbox.push(bytes, true).ok());
  EXPECT_EQ(inbox.wakes(), 0u);
  inbox.wake();
  waiter.join();
}

TEST(LedgerInbox, StopEndsAWait) {
  LedgerInbox inbox;
  std::thread stopper([&] { inbox.stop(); });
  while (inbox.wait(Seconds(20))) {
  }
  stopper.join();
}

AckLedgerOptions options() {
  AckLedgerOptions o;
  o.incarnation = Incarnation(3);
  return o;
}

class LedgerLoopTest : public testing::Test {
 protected:
  LedgerLoopTest()
      : loop_(clock_, options(), inbox_,
              [this](std::span<const Completion> batch) { done_.insert(done_.end(), batch.begin(), batch.end()); }) {}
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

TEST_F(LedgerLoopTest, WhoPutsRecordsInMayRunARoundHimself) {
  inbox_.open(4, 1000);
  ASSERT_TRUE(inbox_.push(bytes_of({record(root_, 99, AckKind::kInit)}), true).ok());
  ASSERT_TRUE(inbox_.push(bytes_of({record(root_, 99, AckKind::kAck)}), true).ok());
  loop_.run_here();
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0], (Completion{root_, 4, CompletionKind::kAck}));
  loop_.run_here();
  EXPECT_EQ(done_.size(), 1u);
}

TEST_F(LedgerLoopTest, AfterAFewRoundsTheLedgersThreadTakesOver) {
  int deliveries = 0;
  LedgerLoop loop(clock_, options(), inbox_, [&](std::span<const Completion>) {
    const uint64_t next = root_ + static_cast<uint64_t>(++deliveries);  // others go on, all the time
    push({record(next, 9, AckKind::kInit), record(next, 9, AckKind::kAck)});
  });
  inbox_.open(4, 1000);
  push({record(root_, 9, AckKind::kInit), record(root_, 9, AckKind::kAck)});
  loop.run_here();
  EXPECT_EQ(deliveries, LedgerLoop::kRoundsHere);
  EXPECT_TRUE(inbox_.wait(std::nullopt)) << "nobody was called for";
}

TEST_F(LedgerLoopTest, APauseIsSeenByWhoComesFirstAlsoAfterALongSleep) {
  std::thread own([&] { loop_.run(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  inbox_.stop();
  own.join();  // in the middle of a sleep without an end, as it were
  clock_.advance(Seconds(600));
  inbox_.open(4, 1000);
  push({record(root_, 99, AckKind::kInit)});
  loop_.run_here();
  clock_.advance(Seconds(60));  // stopped, before it could wake
  push({record(RootId::make(4, 3, 2), 5, AckKind::kInit)});
  loop_.run_here();
  EXPECT_TRUE(done_.empty());
  push({record(root_, 99, AckKind::kAck)});
  loop_.run_here();
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0].kind, CompletionKind::kAck);
}

TEST_F(LedgerLoopTest, WhoRunsItHereExpiresOnlyWhatTheLedgersThreadIsLateFor) {
  inbox_.open(4, 1000);
  push({record(root_, 99, AckKind::kInit)});
  loop_.run_once();
  advance(Millis(1000));
  clock_.advance(Millis(200));  // due, had the ledger's thread looked
  push({record(RootId::make(4, 3, 2), 5, AckKind::kInit)});
  loop_.run_here();
  EXPECT_TRUE(done_.empty());
  clock_.advance(Millis(200));
  push({record(RootId::make(4, 3, 3), 5, AckKind::kInit)});
  loop_.run_here();
  ASSERT_EQ(done_.size(), 1u);
  EXPECT_EQ(done_[0], (Completion{root_, 4, CompletionKind::kTimeout}));
}

TEST(LedgerThreads, WhoIsInARoundSeesToWhatComesMeanwhile) {
  SystemClock clock;
  LedgerInbox inbox;
  std::promise<void> inside;
  std::promise<void> go_on;
  std::vector<uint64_t> ended;
  LedgerLoop loop(clock, options(), inbox, [&](std::span<const Completion> batch) {
    for (const Completion& one : batch) ended.push_back(one.root);
    if (ended.size() > 1) return;
    inside.set_value();
    go_on.get_future().wait();
  });
  const auto tree = [](uint64_t number) {
    const uint64_t root = RootId::make(4, 3, number);
    return bytes_of({record(root, 9, AckKind::kInit), record(root, 9, AckKind::kAck)});
  };
  inbox.open(4, 60'000);
  std::thread first([&] {
    EXPECT_TRUE(inbox.push(tree(1), true).ok());
    loop.run_here();
  });
  inside.get_future().wait();
  EXPECT_TRUE(inbox.push(tree(2), true).ok());
  loop.run_here();  // comes back, though the other one is still inside
  go_on.set_value();
  first.join();
  EXPECT_EQ(ended, (std::vector<uint64_t>{RootId::make(4, 3, 1), RootId::make(4, 3, 2)}));
}

TEST(LedgerThreads, EveryTreeEndsOnceHoweverManyRunTheLedger) {
  SystemClock clock;
  LedgerInbox inbox;
  std::mutex mutex;
  std::map<uint64_t, int> ends;
  LedgerLoop loop(clock, options(), inbox, [&](std::span<const Completion> batch) {
    std::unique_lock lock(mutex, std::try_to_lock);
    EXPECT_TRUE(lock) << "two rounds at a time";
    for (const Completion& one : batch) ++ends[one.root];
  });
  std::thread own([&] { loop.run(); });
  constexpr int kThreads = 3;
  constexpr uint64_t kTrees = 3000;
  std::vector<std::thread> threads;
  for (int t = 1; t <= kThreads; ++t) {
    threads.emplace_back([&, t] {
      inbox.open(t, 60'000);
      for (uint64_t i = 1; i <= kTrees; ++i) {
        const uint64_t root = RootId::make(t, 3, i);
        ASSERT_TRUE(inbox.push(bytes_of({record(root, i, AckKind::kInit)}), true).ok());
        if (i % 3 == 0) loop.run_here();
        // Some by word, some by waking the ledger's thread.
        ASSERT_TRUE(inbox.push(bytes_of({record(root, i, AckKind::kAck)}), i % 2 == 0).ok());
        if (i % 2 == 0) loop.run_here();
      }
      loop.run_here();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 100'000; ++i) {
    {
      std::scoped_lock lock(mutex);
      if (ends.size() == kThreads * kTrees) break;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  inbox.stop();
  own.join();
  EXPECT_EQ(ends.size(), kThreads * kTrees);
  for (const auto& [root, count] : ends) ASSERT_EQ(count, 1) << root;
}

TEST(LedgerThreads, ATimeoutComesThoughTheLedgersThreadSleptWhenTheTreeBegan) {
  SystemClock clock;
  LedgerInbox inbox;
  std::atomic<int> timeouts = 0;
  LedgerLoop loop(clock, options(), inbox, [&](std::span<const Completion> batch) {
    for (const Completion& one : batch) timeouts += one.kind == CompletionKind::kTimeout;
  });
  std::thread own([&] { loop.run(); });
  inbox.open(4, 100);
  while (inbox.is_due()) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // it sleeps now, without an end
  ASSERT_TRUE(inbox.push(bytes_of({record(RootId::make(4, 3, 1), 9, AckKind::kInit)}), true).ok());
  loop.run_here();
  for (int i = 0; i < 2000 && timeouts == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  inbox.stop();
  own.join();
  EXPECT_EQ(timeouts, 1);
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
