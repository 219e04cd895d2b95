#include <gtest/gtest.h>

#include "native/instance/step_world.h"

namespace petrel::testing {
namespace {

int64_t number(const TuplePtr& tuple, size_t i = 0) {
  return std::get<int64_t>(tuple->values->at(i).data);
}

// "a" spouts number their messages, "b" bolts send each twice on, "c" is the sink.
class Chain : public Script {
 public:
  explicit Chain(int64_t messages) : messages_(messages) {}

  Status next_tuple(int32_t task, SpoutOutput& output) override {
    int64_t& sent = sent_[task];
    if (sent == messages_) return {};
    ++sent;
    return output.emit("default", {{int64_t{task}}, {sent}}, Value{int64_t{task} * 1'000'000 + sent}).status();
  }
  void acked(int32_t, const Value& id) override {
    const int64_t message = std::get<int64_t>(id.data);
    EXPECT_EQ(leaves_[message], 2) << "acked before its leaves";
    EXPECT_TRUE(acked_.insert(message).second) << "acked twice";
  }
  void failed(int32_t, const Value& id) override { ADD_FAILURE() << "failed " << std::get<int64_t>(id.data); }

  Status execute(const TaskContext& context, const TuplePtr& tuple, BoltOutput& output) override {
    const int64_t from = number(tuple, 0);
    const int64_t sequence = number(tuple, 1);
    int64_t& last = last_[{tuple->source_task, context.task, from}];
    if (context.component.name == "b") {
      EXPECT_GT(sequence, last) << "order of task " << tuple->source_task << " to " << context.task;
      last = sequence;
      for (int64_t copy = 0; copy < 2; ++copy) {
        RETURN_IF_ERROR(output.emit("default", {&tuple, 1}, {{from}, {sequence}, {copy}}).status());
      }
    } else {
      const int64_t place = 2 * sequence + number(tuple, 2);
      EXPECT_GT(place, last) << "order of task " << tuple->source_task << " to " << context.task;
      last = place;
      EXPECT_LE(++leaves_[from * 1'000'000 + sequence], 2) << "delivered twice";
      ++sunk_;
    }
    output.ack(tuple);
    return {};
  }

  size_t acked() const { return acked_.size(); }
  int64_t sunk() const { return sunk_; }

 private:
  int64_t messages_;
  std::map<int32_t, int64_t> sent_;
  std::map<int64_t, int> leaves_;
  std::set<int64_t> acked_;
  std::map<std::tuple<int32_t, int32_t, int64_t>, int64_t> last_;
  int64_t sunk_ = 0;
};

LogicalPlan chain_plan(GroupingKind to_sink = GroupingKind::kFields) {
  return make_plan(
      {{"a", {}, 2, 2}, {"b", {reads("a", GroupingKind::kShuffle)}, 3, 2}, {"c", {reads("b", to_sink, {"v"})}, 2, 2}});
}

TEST(Instance, EveryTupleArrivesOnceInOrderAndEveryTreeIsAckedAfterItsLeaves) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    for (uint32_t hosts : {1u, 2u, 3u}) {
      Chain chain(40);
      WorldOptions options;
      options.seed = seed;
      options.hosts = hosts;
      options.queue_limit_bytes = seed % 2 == 0 ? 600 : 100'000;  // blocked often, or never
      StepWorld world(chain_plan(seed % 3 == 0 ? GroupingKind::kShuffle : GroupingKind::kFields), options, chain);
      world.set_active(true);
      ASSERT_TRUE(world.run_until([&] { return chain.acked() == 80; })) << "seed " << seed << " " << hosts << " hosts";
      ASSERT_TRUE(world.run_until([&] { return world.quiet(); })) << "seed " << seed << " " << hosts << " hosts";
      EXPECT_TRUE(world.error.ok()) << world.error.to_string();
      EXPECT_EQ(chain.sunk(), 160);
    }
  }
}

TEST(Instance, MaxPendingHoldsTheSpoutBack) {
  Chain chain(1000);
  WorldOptions options;
  options.hosts = 1;
  options.conf.set("topology.max.spout.pending", 5);
  StepWorld world(
      make_plan({{"a", {}}, {"b", {reads("a", GroupingKind::kShuffle)}}, {"c", {reads("b", GroupingKind::kShuffle)}}}),
      options, chain);
  world.freeze(2);
  world.set_active(true);
  world.run_until([] { return false; }, 5000);
  proto::HostSample sample;
  world.host(0).sample(sample);
  EXPECT_EQ(sample.executors(0).pending(), 5);
  EXPECT_EQ(sample.executors(0).outputs(0).emitted(), 5);
  world.thaw(2);
  EXPECT_TRUE(world.run_until([&] { return chain.acked() == 1000; }));
}

TEST(Instance, ASlowConsumerBlocksItsProducersWithBoundedMemoryAndIsNamedAsTheCause) {
  for (uint32_t hosts : {1u, 2u}) {
    Chain chain(100'000);
    WorldOptions options;
    options.hosts = hosts;
    options.conf.set("topology.message.timeout.secs", 3600);
    StepWorld world(
        make_plan(
            {{"a", {}}, {"b", {reads("a", GroupingKind::kShuffle)}}, {"c", {reads("b", GroupingKind::kShuffle)}}}),
        options, chain);
    world.freeze(3);
    world.set_active(true);
    world.run_until([] { return false; }, 20'000);
    EXPECT_TRUE(world.executor(2).outbox().has_refused());
    world.slow_parks = Millis(100);
    world.run_until([] { return false; }, 200);
    world.slow_parks = Nanos(0);
    proto::ExecutorSample blocked;
    world.executor(2).sample(blocked);
    ASSERT_EQ(blocked.blocked_by_size(), 1);
    EXPECT_EQ(blocked.blocked_by(0).first_task(), 3);
    EXPECT_EQ(blocked.blocked_by(0).ns(), blocked.blocked_ns());
    // One batch above the limit at each of the queue, the link and the open batch.
    EXPECT_LT(world.executor(2).queue().bytes() + world.executor(3).queue().bytes() + world.bytes_on_links(), 200'000u);
    proto::ExecutorSample sample;
    world.executor(1).sample(sample);
    EXPECT_LT(sample.outputs(0).emitted(), 2000);
    world.clock.advance(Seconds(1));
    world.executor(2).idle();
    world.thaw(3);
    const int64_t before = chain.sunk();
    EXPECT_TRUE(world.run_until([&] { return chain.sunk() > before + 1000; }));
    EXPECT_TRUE(world.error.ok()) << world.error.to_string();
  }
}

class Advancing : public Parker {
 public:
  explicit Advancing(ManualClock& clock) : clock_(clock) {}
  void park(Nanos timeout) override { clock_.advance(timeout); }
  void unpark() override {}

 private:
  ManualClock& clock_;
};

std::shared_ptr<TupleData> tuple_of(int64_t value) {
  auto tuple = std::make_shared<TupleData>();
  tuple->values = std::make_shared<const Values>(Values{{value}});
  return tuple;
}

TEST(Outbox, EmitWaitsAboveTheHardCapAndTheTimeHasItsCause) {
  ManualClock clock;
  Advancing parker(clock);
  Waker waker(parker);
  Waker reader(parker);
  InQueue queue(reader, 1000);
  Outbox outbox(1, {OutDestination{7, 1, false, &queue}}, nullptr, waker, clock, OutboxLimits{20'000, 1 << 20});
  for (int64_t i = 0; i < 200; ++i) ASSERT_TRUE(outbox.add_local(0, 7, tuple_of(i)).ok());
  ASSERT_TRUE(outbox.flush().ok());
  EXPECT_TRUE(outbox.has_refused());
  EXPECT_TRUE(outbox.blocked().empty());
  outbox.stop();
  Status stopped;
  for (int64_t i = 0; i < 10'000 && stopped.ok(); ++i) stopped = outbox.add_local(0, 7, tuple_of(i));
  EXPECT_EQ(stopped.code(), StatusCode::kUnavailable) << stopped.to_string();
  outbox.add_blocked(Millis(5));
  ASSERT_EQ(outbox.blocked().size(), 1u);
  EXPECT_EQ(outbox.blocked()[0].executor, 7);
  EXPECT_GE(outbox.blocked()[0].nanos, Nanos(Millis(5)).count());
}

InItem item_of(InItem::Kind kind, size_t bytes) {
  InItem item;
  item.kind = kind;
  item.bytes = bytes;
  return item;
}

// Sections have their credit: however many of them wait, the writers of this host keep their room.
TEST(InQueue, OtherHostsDoNotTakeTheRoomOfTheOwn) {
  ManualClock clock;
  Advancing parker(clock);
  Waker waker(parker);
  InQueue queue(waker, 1000);
  for (int i = 0; i < 5; ++i) queue.push(item_of(InItem::Kind::kSection, 1000));
  for (int i = 0; i < 10; ++i) {
    InItem own = item_of(InItem::Kind::kTuples, 100);
    ASSERT_TRUE(queue.try_push(own, false));
  }
  InItem own = item_of(InItem::Kind::kTuples, 100);
  EXPECT_FALSE(queue.try_push(own, false));
  EXPECT_EQ(queue.bytes(), 6000u);
  for (int i = 0; i < 6; ++i) queue.release(*queue.poll());  // the sections, and the oldest of the own
  EXPECT_TRUE(queue.try_push(own, false));
  while (std::optional<InItem> item = queue.poll()) queue.release(*item);
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(Outbox, NothingOvertakesWhatWasRefused) {
  ManualClock clock;
  Advancing parker(clock);
  Waker waker(parker);
  InQueue queue(waker, 1000);
  Outbox outbox(1, {OutDestination{7, 1, false, &queue}}, nullptr, waker, clock, OutboxLimits{});
  std::vector<int64_t> seen;
  auto take = [&] {
    while (std::optional<InItem> item = queue.poll()) {
      for (InEntry& entry : item->entries) seen.push_back(number(entry.tuple));
      queue.release(*item);
    }
  };
  for (int64_t i = 0; i < 1000; ++i) {
    ASSERT_TRUE(outbox.add_local(0, 7, tuple_of(i)).ok());
    if (i % 7 == 0) outbox.sweep();
    if (i % 11 == 0) {
      ASSERT_TRUE(outbox.flush().ok());
    }
    if (i % 50 == 0) {
      ASSERT_TRUE(outbox.retry().ok());
    }
    if (i % 90 == 0) take();
  }
  ASSERT_TRUE(outbox.flush().ok());
  for (;;) {
    Result<bool> all = outbox.retry();
    ASSERT_TRUE(all.ok());
    take();
    if (*all) break;
  }
  ASSERT_EQ(seen.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(Outbox, TheSweepTakesWhatItsWriterLeavesInUserCode) {
  ManualClock clock;
  Advancing parker(clock);
  Waker waker(parker);
  InQueue queue(waker, 1000);
  Outbox outbox(1, {OutDestination{7, 1, false, &queue}}, nullptr, waker, clock, OutboxLimits{});
  ASSERT_TRUE(outbox.add_local(0, 7, tuple_of(1)).ok());
  EXPECT_TRUE(outbox.sweep());
  EXPECT_TRUE(queue.empty());  // it may be about to leave by itself
  EXPECT_TRUE(outbox.sweep());
  EXPECT_FALSE(queue.empty());
  EXPECT_FALSE(outbox.sweep());
}

// Tuples go round between b and c with a hop count; gain 1 until the count is 0.
class Round : public Script {
 public:
  Status next_tuple(int32_t, SpoutOutput& output) override {
    if (sent == 300) return {};
    ++sent;
    return output.emit("default", {{int64_t{8}}}, Value{int64_t{sent}}).status();
  }
  void acked(int32_t, const Value&) override { ++acks; }
  Status execute(const TaskContext&, const TuplePtr& tuple, BoltOutput& output) override {
    if (number(tuple) > 0) {
      RETURN_IF_ERROR(output.emit("default", {&tuple, 1}, {{number(tuple) - 1}}).status());
    }
    output.ack(tuple);
    return {};
  }
  int sent = 0;
  int acks = 0;
};

TEST(Instance, CyclesDoNotDeadlockWithSmallQueues) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    Round round;
    WorldOptions options;
    options.seed = seed;
    options.hosts = 1 + static_cast<uint32_t>(seed % 3);
    options.queue_limit_bytes = 300;
    StepWorld world(make_plan({{"a", {}},
                               {"b", {reads("a", GroupingKind::kShuffle), reads("c", GroupingKind::kShuffle)}, 2, 2},
                               {"c", {reads("b", GroupingKind::kShuffle)}, 2, 2}}),
                    options, round);
    world.set_active(true);
    ASSERT_TRUE(world.run_until([&] { return round.acks == 300; })) << "seed " << seed;
  }
}

class Draining : public Chain {
 public:
  using Chain::Chain;
  void drained(int32_t executor, uint64_t epoch) override {
    at_drain[executor] = sunk();
    epochs[executor] = epoch;
  }
  std::map<int32_t, int64_t> at_drain;
  std::map<int32_t, uint64_t> epochs;
};

TEST(Instance, MarkersComeBehindEverythingThatWasEmitted) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Draining chain(1'000'000);
    WorldOptions options;
    options.seed = seed;
    options.hosts = 1 + static_cast<uint32_t>(seed % 3);
    options.queue_limit_bytes = 800;
    StepWorld world(make_plan({{"a", {}, 2, 2},
                               {"b", {reads("a", GroupingKind::kShuffle)}, 3, 2},
                               {"c", {reads("b", GroupingKind::kShuffle)}}}),
                    options, chain);
    for (uint64_t epoch = 1; epoch <= 2; ++epoch) {
      world.set_active(true);
      world.run_until([] { return false; }, 3000);
      world.set_active(false);
      world.drain(epoch);
      ASSERT_TRUE(world.run_until([&] { return chain.epochs[6] == epoch; })) << "seed " << seed;
      int64_t emitted = 0;
      for (int32_t first : {1, 2}) {
        proto::ExecutorSample sample;
        world.executor(first).sample(sample);
        emitted += sample.outputs(0).emitted();
      }
      EXPECT_GT(emitted, 0);
      EXPECT_EQ(chain.at_drain[6], 2 * emitted) << "seed " << seed;
      for (int32_t executor : {1, 2, 3, 5}) EXPECT_EQ(chain.epochs[executor], epoch) << executor;
    }
  }
}

// A host that comes up while the topology is inactive is asked to drain before its spouts have begun.
TEST(Instance, ASpoutThatIsActiveAgainSleepsInSpiteOfMarkersThatWereAskedFor) {
  Draining chain(0);
  WorldOptions options;
  options.hosts = 1;
  StepWorld world(chain_plan(), options, chain);
  world.drain(1);
  world.set_active(true);
  Executor& spout = world.executor(1);
  while (*spout.run_once(world.clock.now())) {
  }
  EXPECT_GT(spout.begin_idle(), Nanos(0)) << "it would be stepped again and again";
  spout.end_idle();
  world.set_active(false);
  ASSERT_TRUE(world.run_until([&] { return chain.epochs[1] == 1; })) << "they go when it stops";
}

TEST(Instance, MarkersGoRoundNoCycle) {
  class DrainRound : public Round {
   public:
    void drained(int32_t executor, uint64_t) override { drained_by.insert(executor); }
    std::set<int32_t> drained_by;
  } round;
  WorldOptions options;
  StepWorld world(make_plan({{"a", {}},
                             {"b", {reads("a", GroupingKind::kShuffle), reads("c", GroupingKind::kShuffle)}},
                             {"c", {reads("b", GroupingKind::kShuffle)}}}),
                  options, round);
  world.set_active(true);
  world.run_until([] { return false; }, 500);
  world.set_active(false);
  world.drain(1);
  EXPECT_TRUE(world.run_until([&] { return round.drained_by == std::set<int32_t>{1, 2, 3}; }));
}

// Emits to another host and keeps its input.
class Holder : public Script {
 public:
  Status next_tuple(int32_t, SpoutOutput& output) override {
    if (sent) return {};
    sent = true;
    return output.emit("default", {{int64_t{1}}}, Value{int64_t{1}}).status();
  }
  void failed(int32_t, const Value&) override { ++fails; }
  Status execute(const TaskContext& context, const TuplePtr& tuple, BoltOutput& output) override {
    if (context.component.name != "b") return {};
    held = tuple;
    return output.emit("default", {&tuple, 1}, {{int64_t{2}}}).status();
  }
  bool sent = false;
  int fails = 0;
  TuplePtr held;
};

TEST(Instance, TheLedgerKnowsAnotherHostWhileTheInputIsStillHeld) {
  Holder holder;
  WorldOptions options;
  options.slots = {0, 0, 0, 1};
  StepWorld world(
      make_plan({{"a", {}}, {"b", {reads("a", GroupingKind::kShuffle)}}, {"c", {reads("b", GroupingKind::kShuffle)}}}),
      options, holder);
  world.set_active(true);
  world.run_until([] { return false; }, 3000);
  ASSERT_NE(holder.held, nullptr);
  uint64_t mask = 0;
  for (const AckRecord& record : world.all_records()) mask |= record.host_mask;
  EXPECT_EQ(mask, uint64_t{1} << 1);  // a tuple that stays in its host adds nothing
  std::vector<Completion> done;
  world.losses = 1;
  world.ledger(0).host_lost(1, 1, done);
  ASSERT_EQ(done.size(), 1u);
  EXPECT_EQ(done[0].kind, CompletionKind::kHostLost);
  world.host(0).completions(done);
  EXPECT_TRUE(world.run_until([&] { return holder.fails == 1; }));
}

class Failing : public Script {
 public:
  Status next_tuple(int32_t, SpoutOutput& output) override {
    return output.emit("default", {{int64_t{1}}}, std::nullopt).status();
  }
  Status execute(const TaskContext&, const TuplePtr&, BoltOutput&) override {
    return Status::error(StatusCode::kInternal, "the user's bolt says no");
  }
};

TEST(Instance, AnErrorOfUserCodeEndsTheStepAndNamesTheTask) {
  Failing failing;
  WorldOptions options;
  StepWorld world(make_plan({{"a", {}}, {"b", {reads("a", GroupingKind::kShuffle)}}}), options, failing);
  world.set_active(true);
  world.run_until([] { return false; }, 3000);
  EXPECT_EQ(world.error.message(), "component 'b' task 2: the user's bolt says no");
}

TEST(Instance, WhatCannotBeReadIsNamedAndWhatIsNotForUsIsDropped) {
  Failing failing;
  WorldOptions options;
  options.hosts = 1;
  StepWorld world(make_plan({{"a", {}}, {"b", {reads("a", GroupingKind::kShuffle)}}}), options, failing);
  InboundSection section;
  section.executor = 9;
  EXPECT_FALSE(world.host(0).deliver(section));
  section.executor = 2;
  section.destination_task = 2;
  section.count = 1;
  const auto bytes = std::make_shared<const std::string>("\x07 nonsense");
  section.frame = bytes;
  section.bytes = *bytes;
  EXPECT_TRUE(world.host(0).deliver(section));
  Result<bool> read = world.run(2);
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.status().message().find("component 'b' task 2: tuples of another host cannot be read"),
            std::string::npos)
      << read.status().message();
}

TEST(Instance, TicksComeByTheClockWithoutAnchors) {
  class Ticks : public Script {
   public:
    Status execute(const TaskContext&, const TuplePtr& tuple, BoltOutput&) override {
      EXPECT_EQ(tuple->source, nullptr);
      EXPECT_EQ(tuple->source_task, -1);
      EXPECT_EQ(std::get<int32_t>(tuple->values->at(0).data), 3);
      ++ticks;
      return {};
    }
    int ticks = 0;
  } script;
  WorldOptions options;
  options.hosts = 1;
  options.conf.set("topology.tick.tuple.freq.secs", 99);
  StepWorld world(
      make_plan(
          {{"a", {}}, {"b", {reads("a", GroupingKind::kShuffle)}, 1, 1, R"({"topology.tick.tuple.freq.secs": 3})"}}),
      options, script);
  EXPECT_FALSE(*world.run(2));
  world.clock.advance(Seconds(3));
  EXPECT_TRUE(*world.run(2));
  EXPECT_FALSE(*world.run(2));
  world.clock.advance(Seconds(30));
  EXPECT_TRUE(*world.run(2));
  EXPECT_FALSE(*world.run(2));  // what was missed is left out
  EXPECT_EQ(script.ticks, 2);
}

TEST(Instance, WithoutAckersAMessageIsAckedAtOnce) {
  class Untracked : public Script {
   public:
    Status next_tuple(int32_t, SpoutOutput& output) override {
      return output.emit("default", {{int64_t{1}}}, Value{int64_t{7}}).status();
    }
    void acked(int32_t, const Value&) override { ++acks; }
    int acks = 0;
  } script;
  WorldOptions options;
  options.hosts = 1;
  options.conf.set("topology.acker.executors", 0);
  StepWorld world(make_plan({{"a", {}}, {"b", {reads("a", GroupingKind::kShuffle)}}}), options, script);
  world.set_active(true);
  EXPECT_TRUE(*world.run(1));
  EXPECT_EQ(script.acks, 1);
  EXPECT_TRUE(world.all_records().empty());
}

TEST(Instance, ACustomGroupingIsRefusedBeforeAnythingRuns) {
  Script script;
  WorldOptions options;
  StepWorld world(make_plan({{"a", {}}, {"b", {reads("a", GroupingKind::kCustomSerialized)}}}), options, script);
  EXPECT_NE(world.error.message().find("subscription of 'b' to stream 'default' of 'a': a custom grouping"),
            std::string::npos)
      << world.error.message();
}

TEST(AckBatch, MergesARootAndKeepsFailsBehind) {
  class Port : public AckPort {
   public:
    void open(int32_t, int64_t) override {}
    void records(std::span<const AckRecord> batch) override { sent.assign(batch.begin(), batch.end()); }
    std::vector<AckRecord> sent;
  } port;
  AckBatch batch(port);
  auto record = [](AckKind kind, uint64_t root, uint64_t edges, uint64_t mask, uint32_t loss) {
    AckRecord r;
    r.kind = kind;
    r.root = root;
    r.xor_value = edges;
    r.host_mask = mask;
    r.loss_number = loss;
    return r;
  };
  batch.add(record(AckKind::kAck, 1, 0b0110, 0b01, 5));
  batch.add(record(AckKind::kFail, 1, 0, 0, 5));
  batch.add(record(AckKind::kInit, 1, 0b0011, 0b10, 3));
  batch.add(record(AckKind::kAck, 2, 9, 0, 4));
  batch.flush();
  ASSERT_EQ(port.sent.size(), 3u);
  EXPECT_EQ(port.sent[0].kind, AckKind::kInit);
  EXPECT_EQ(port.sent[0].xor_value, 0b0101u);
  EXPECT_EQ(port.sent[0].host_mask, 0b11u);
  EXPECT_EQ(port.sent[0].loss_number, 3u);
  EXPECT_EQ(port.sent[1].root, 2u);
  EXPECT_EQ(port.sent[2].kind, AckKind::kFail);
  EXPECT_TRUE(batch.empty());
}

}  // namespace
}  // namespace petrel::testing
