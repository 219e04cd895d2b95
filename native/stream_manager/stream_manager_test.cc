// What the stream manager does with single frames, good and bad.
#include "native/stream_manager/stream_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "native/stream_manager/links_world.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

/// Keeps the watches on processes, for a test to call.
struct WatchingReactor : ManualReactor {
  void when_process_ends(int pid, Callback callback) override { watched.emplace_back(pid, std::move(callback)); }
  std::vector<std::pair<int, Callback>> watched;
};

/// The far end of a link of the stream manager.
struct FarEnd : LinkHandler {
  void on_frame(Frame frame) override {
    (frame.header.kind == FrameKind::kHosts ? hosts : frames).push_back(std::move(frame));
  }
  void on_closed(Status) override {
    closed = true;
    link.reset();
  }
  std::vector<HostEntry> last_hosts() const {
    return hosts.empty() ? std::vector<HostEntry>{} : parse_hosts(hosts.back().bytes()).value();
  }
  std::unique_ptr<Link> link;
  std::shared_ptr<LossyWire> wire;
  std::vector<Frame> frames;
  std::vector<Frame> hosts;
  bool closed = false;
};

/// Container 1: slots 0 (tasks 1, 2) and 1 (task 3); container 2: slot 2 (task 4); container 3: slot 3 (task 5).
std::shared_ptr<RouteTable> routes(uint64_t epoch = 5) {
  auto table = std::make_shared<RouteTable>();
  table->epoch = epoch;
  table->tasks = {{}, {1, 0}, {1, 0}, {3, 1}, {4, 2}, {5, 3}};
  table->hosts = {{0, 1}, {1, 1}, {2, 2}, {3, 3}};
  return table;
}

class Manager : public testing::Test {
 protected:
  Manager() {
    StreamManagerOptions options;
    options.container = 1;
    options.incarnation = 1;
    options.link_queue_bytes = 10'000;
    options.credit_high_bytes = 1'000;
    manager_ = std::make_unique<StreamManager>(reactor_, options);
    manager_->set_routes(routes());
  }
  ~Manager() override { manager_.reset(); }

  std::unique_ptr<FarEnd> connect(LinkRole role, int32_t container, uint32_t slot, uint32_t incarnation, int pid = 0) {
    auto far = std::make_unique<FarEnd>();
    far->wire = std::make_shared<LossyWire>(reactor_);
    far->link = far->wire->end(0, LinkPeer{});
    far->link->start(*far);
    LinkPeer peer;
    peer.role = role;
    peer.container = container;
    peer.slot = slot;
    peer.incarnation = incarnation;
    peer.pid = pid;
    auto end = far->wire->end(1, peer);
    if (role == LinkRole::kHost) {
      manager_->add_local(std::move(end));
    } else {
      manager_->add_peer(std::move(end));
    }
    turn(*far);
    return far;
  }
  std::unique_ptr<FarEnd> host(uint32_t slot, uint32_t incarnation = 1) {
    return connect(LinkRole::kHost, 1, slot, incarnation);
  }
  std::unique_ptr<FarEnd> peer(int32_t container) { return connect(LinkRole::kStreamManager, container, 0, 1); }

  void turn(FarEnd& far) {
    reactor_.run();
    while (far.wire->deliver_one(rng_)) reactor_.run();
  }
  static FrameHeader header(FrameKind kind, uint32_t from, uint32_t to, uint32_t incarnation = 1) {
    FrameHeader h;
    h.kind = kind;
    h.plan_epoch = 5;
    h.source_task = 3;
    h.source_host = from;
    h.source_incarnation = incarnation;
    h.destination_host = to;
    h.destination_incarnation = 1;
    return h;
  }
  static void add(std::string& body, int32_t task, int32_t executor, std::string_view bytes, uint64_t offset = 0) {
    append_section(body, SectionHeader{task, executor, 0, SectionKind::kTuples, 2, 0, offset}, bytes);
  }
  static Frame data(uint32_t from, uint32_t to, std::initializer_list<int32_t> tasks, uint32_t incarnation = 1) {
    std::string body;
    for (const int32_t task : tasks) add(body, task, task == 2 ? 1 : task, "section");
    return make_frame(header(FrameKind::kData, from, to, incarnation), std::move(body));
  }
  void send(FarEnd& far, Frame frame) {
    far.link->send(std::move(frame));
    turn(far);
  }
  uint64_t dropped(Drop why) const { return manager_->counters().dropped(why); }

  Rng rng_{1};
  WatchingReactor reactor_;
  std::unique_ptr<StreamManager> manager_;
};

TEST_F(Manager, ForwardsAWholeFrameAsItIs) {
  const auto one = host(1);
  const auto zero = host(0);
  const Frame frame = data(1, 0, {1, 2, 1});
  send(*one, frame);
  turn(*zero);
  ASSERT_THAT(zero->frames, SizeIs(1));
  EXPECT_EQ(zero->frames[0].body.get(), frame.body.get());  // not copied
  EXPECT_EQ(zero->frames[0].header, frame.header);
  const PairCounters pair = manager_->counters().pairs.at({1, 1});
  EXPECT_EQ(pair.frames, 1u);
  EXPECT_EQ(pair.sections, 3u);
  EXPECT_EQ(pair.tuples, 6u);
  EXPECT_EQ(pair.bytes, 21u);
}

TEST_F(Manager, ForwardsToThePeerOfTheTask) {
  const auto one = host(1);
  const auto second = peer(2);
  const auto third = peer(3);
  send(*one, data(1, 2, {4}));
  send(*one, make_frame(header(FrameKind::kCredit, 1, 3), "not looked into"));
  turn(*second);
  turn(*third);
  EXPECT_THAT(second->frames, SizeIs(1));
  ASSERT_THAT(third->frames, SizeIs(1));
  EXPECT_EQ(third->frames[0].header.kind, FrameKind::kCredit);
  EXPECT_EQ(manager_->counters().pairs.size(), 1u);
  EXPECT_EQ((manager_->counters().pairs.at({1, 2}).tuples), 2u);
}

TEST_F(Manager, CutsAFrameForSeveralHosts) {
  const auto one = host(1);
  const auto zero = host(0);
  const auto second = peer(2);
  std::string body;
  add(body, 1, 1, "a", 0);
  add(body, 4, 4, "bb", 7);
  add(body, 2, 1, "ccc", 1);
  send(*one, make_frame(header(FrameKind::kData, 1, 0), body));
  turn(*zero);
  turn(*second);
  ASSERT_THAT(zero->frames, SizeIs(1));
  ASSERT_THAT(second->frames, SizeIs(1));
  EXPECT_TRUE(check_body(zero->frames[0].header, zero->frames[0].bytes()).ok());
  EXPECT_TRUE(check_body(second->frames[0].header, second->frames[0].bytes()).ok());
  const auto here = parse_sections(zero->frames[0].bytes()).value();
  ASSERT_THAT(here, SizeIs(2));
  EXPECT_EQ(here[1].bytes, "ccc");
  EXPECT_EQ(here[1].header.offset, 1u);
  const auto there = parse_sections(second->frames[0].bytes()).value();
  ASSERT_THAT(there, SizeIs(1));
  EXPECT_EQ(there[0].header.offset, 7u);
  EXPECT_EQ(second->frames[0].header.destination_host, 2u);
  EXPECT_EQ(manager_->counters().splits, 1u);
}

TEST_F(Manager, S7UnknownTasksAreDroppedAndTheRestGoesOn) {
  const auto one = host(1);
  const auto zero = host(0);
  send(*one, data(1, 0, {1, 99, 2}));
  turn(*zero);
  ASSERT_THAT(zero->frames, SizeIs(1));
  EXPECT_THAT(parse_sections(zero->frames[0].bytes()).value(), SizeIs(2));
  EXPECT_EQ(dropped(Drop::kUnknownTask), 1u);
  send(*one, data(1, 0, {99}));
  send(*one, make_frame(header(FrameKind::kCredit, 1, 77), "x"));
  turn(*zero);
  EXPECT_THAT(zero->frames, SizeIs(1));
  EXPECT_EQ(dropped(Drop::kUnknownTask), 2u);
  EXPECT_EQ(dropped(Drop::kUnknownHost), 1u);
  EXPECT_FALSE(one->closed);
}

TEST_F(Manager, S5AnOlderPlanChangesNothing) {
  auto older = routes(4);
  older->tasks[1] = {1, 1};
  manager_->set_routes(older);
  EXPECT_EQ(manager_->counters().stale_plans, 1u);
  const auto one = host(1);
  const auto zero = host(0);
  send(*one, data(1, 0, {1}));
  turn(*zero);
  EXPECT_THAT(zero->frames, SizeIs(1));
  auto newer = routes(6);
  newer->tasks[4] = {4, 0};
  manager_->set_routes(newer);
  send(*one, data(1, 0, {4}));
  turn(*zero);
  EXPECT_THAT(zero->frames, SizeIs(2));
}

TEST_F(Manager, S6NobodySpeaksForSomebodyElse) {
  const auto one = host(1, 2);
  const auto zero = host(0);
  const auto second = peer(2);
  send(*one, data(0, 0, {1}, 2));  // another slot
  send(*one, data(1, 0, {1}, 1));  // another incarnation
  send(*second, data(1, 0, {1}));  // a host of ours
  send(*second, data(3, 0, {1}));  // of a third container
  std::string other;
  append_entry(other, HostEntry{1, 1, 2, HostState::kUp, 0, 1});
  send(*zero, make_frame(header(FrameKind::kHosts, 0, 0), other));
  turn(*zero);
  EXPECT_THAT(zero->frames, IsEmpty());
  EXPECT_EQ(dropped(Drop::kForeignSource), 5u);
  send(*second, data(2, 3, {5}));
  EXPECT_EQ(dropped(Drop::kMisrouted), 1u);
  EXPECT_FALSE(one->closed);
  EXPECT_FALSE(second->closed);
}

TEST_F(Manager, S6AZombieGetsNoLink) {
  const auto newer = host(0, 3);
  const auto zombie = host(0, 2);
  EXPECT_TRUE(zombie->closed);
  EXPECT_FALSE(newer->closed);
  const auto again = host(0, 3);  // the same incarnation, a new connection
  turn(*newer);
  EXPECT_TRUE(newer->closed);
  EXPECT_FALSE(again->closed);
  const auto next = host(0, 4);
  turn(*again);
  EXPECT_TRUE(again->closed);
  EXPECT_FALSE(next->closed);
}

TEST_F(Manager, FramesForNobodyAreCounted) {
  const auto one = host(1);
  send(*one, data(1, 0, {1}));
  send(*one, data(1, 2, {4}));
  EXPECT_EQ(dropped(Drop::kNoLink), 2u);
  const auto zero = host(0, 2);
  send(*one, data(1, 0, {1}));  // for incarnation 1
  EXPECT_EQ(dropped(Drop::kHostGone), 1u);
  std::string torn(10, 'x');
  send(*one, make_frame(header(FrameKind::kData, 1, 0), torn));
  EXPECT_EQ(dropped(Drop::kMalformed), 1u);
}

TEST_F(Manager, S12AReaderThatStandsStillDoesNotFillTheMemory) {
  const auto one = host(1);
  const auto zero = host(0);
  for (int i = 0; i < 1000; ++i) {
    std::string body;
    add(body, 1, 1, std::string(100, 'x'));
    send(*one, make_frame(header(FrameKind::kData, 1, 0), body));
  }
  EXPECT_LE(manager_->queued_bytes(), 10'000u + 200);
  EXPECT_GT(dropped(Drop::kQueueFull), 800u);
  turn(*zero);
  EXPECT_EQ(manager_->queued_bytes(), 0u);
}

TEST_F(Manager, WhatAHostAsksToBeHeldBackIsToldToAll) {
  const auto zero = host(0, 7);
  const auto one = host(1);
  const auto second = peer(2);
  std::string asks;
  append_entry(asks, HostEntry{0, 0, 7, HostState::kUp, 0, 5});
  send(*zero, make_frame(header(FrameKind::kHosts, 0, 0), asks));
  for (const auto* far : {&one, &second}) turn(**far);
  EXPECT_EQ(second->last_hosts()[0], (HostEntry{0, 1, 7, HostState::kUp, 1, 5}));
  EXPECT_EQ(one->last_hosts()[0].pressure, 5u);
  // A peer's hosts the same, without a new path.
  std::string theirs;
  append_entry(theirs, HostEntry{2, 2, 4, HostState::kUp, 9, 2});
  FrameHeader hosts;
  hosts.kind = FrameKind::kHosts;
  send(*second, make_frame(hosts, theirs));
  std::string fewer;
  append_entry(fewer, HostEntry{2, 2, 4, HostState::kUp, 9, 0});
  send(*second, make_frame(hosts, fewer));
  turn(*one);
  ASSERT_EQ(one->last_hosts().size(), 3u);
  EXPECT_EQ(one->last_hosts()[2], (HostEntry{2, 2, 4, HostState::kUp, 1, 0}));
  // It ends with its host.
  manager_->host_ended(0, 1, 7);
  turn(*second);
  EXPECT_EQ(second->last_hosts()[0].pressure, 0u);
}

TEST_F(Manager, CreditForAReaderThatStandsStillIsMergedAndNoneIsLost) {
  const auto one = host(1);
  const auto zero = host(0);
  const auto second = peer(2);
  const auto credit = [](uint32_t from, int32_t executor, uint64_t received) {
    std::string body;
    append_entry(body, CreditEntry{executor, 0, 0, 0, received, received + 1000});
    return make_frame(header(FrameKind::kCredit, from, 0, from == 2 ? 3 : 1), std::move(body));
  };
  for (uint64_t n = 1; n <= 5000; ++n) {
    send(*one, credit(1, 3, n));
    send(*second, credit(2, 4, 2 * n));
  }
  EXPECT_EQ(dropped(Drop::kQueueFull), 0u);
  EXPECT_GT(manager_->counters().credit_merged, 9000u);
  EXPECT_LE(manager_->queued_bytes(), 2000u);
  for (int i = 0; i < 3; ++i) {
    turn(*zero);
    reactor_.advance(Millis(10));
  }
  turn(*zero);
  std::map<uint32_t, uint64_t> newest;
  for (const Frame& frame : zero->frames) {
    const std::vector<CreditEntry> entries = parse_credit(frame.bytes()).value();
    for (const CreditEntry& entry : entries) {
      EXPECT_GT(entry.received, newest[frame.header.source_host]);
      newest[frame.header.source_host] = entry.received;
    }
  }
  EXPECT_EQ(newest, (std::map<uint32_t, uint64_t>{{1, 5000}, {2, 10000}}));
  EXPECT_EQ(reactor_.timers(), 0u);
}

TEST(StreamManagerAddress, OneThatNobodyCanDialIsRefusedAndOneWithoutSecretIsLoud) {
  AsioReactor reactor;
  StreamManagerOptions options;
  options.container = 1;
  EXPECT_EQ(options.tcp_endpoint.host, "127.0.0.1");  // unless somebody says so
  options.tcp_endpoint.host = "0.0.0.0";
  EXPECT_THAT(StreamManager(reactor, options).start().message(), HasSubstr("nobody can dial it"));
  // An address of nobody: what is said does not depend on whether it can be had.
  options.tcp_endpoint.host = "192.0.2.1";
  const auto log_of = [&](const std::string& secret) {
    options.secret = secret;
    ::testing::internal::CaptureStderr();
    EXPECT_FALSE(StreamManager(reactor, options).start().ok());
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(log_of(""), HasSubstr("LISTENING ON 192.0.2.1 WITHOUT AUTHENTICATION"));
  const std::string proved = log_of(std::string(32, 's'));
  EXPECT_THAT(proved, HasSubstr("peers prove the secret of the topology"));
  EXPECT_THAT(proved, Not(HasSubstr("WITHOUT AUTHENTICATION")));
}

TEST_F(Manager, NewsOfHosts) {
  const auto zero = host(0, 7);
  const auto second = peer(2);
  turn(*zero);
  EXPECT_THAT(second->last_hosts(), ElementsAre(HostEntry{0, 1, 7, HostState::kUp, 1}));
  // A peer speaks for its own hosts only.
  std::string body;
  append_entry(body, HostEntry{2, 2, 4, HostState::kUp, 9});
  append_entry(body, HostEntry{0, 1, 8, HostState::kLost, 1});
  append_entry(body, HostEntry{3, 2, 1, HostState::kUp, 1});
  FrameHeader hosts;
  hosts.kind = FrameKind::kHosts;
  send(*second, make_frame(hosts, body));
  turn(*zero);
  EXPECT_THAT(zero->last_hosts(),
              ElementsAre(HostEntry{0, 1, 7, HostState::kUp, 1}, HostEntry{2, 2, 4, HostState::kUp, 1}));
  EXPECT_EQ(dropped(Drop::kForeignSource), 2u);
  // The same again is no news.
  const size_t told = zero->hosts.size();
  std::string same;
  append_entry(same, HostEntry{2, 2, 4, HostState::kUp, 9});
  send(*second, make_frame(hosts, same));
  turn(*zero);
  EXPECT_EQ(zero->hosts.size(), told);
  // A new way to it is: its own link there, or ours to its stream manager.
  std::string again;
  append_entry(again, HostEntry{2, 2, 4, HostState::kUp, 10});
  send(*second, make_frame(hosts, again));
  turn(*zero);
  EXPECT_EQ(zero->last_hosts()[1].path_epoch, 2u);
  const auto second_again = peer(2);
  turn(*zero);
  EXPECT_EQ(zero->last_hosts()[1].path_epoch, 3u);
}

TEST_F(Manager, AnEndedConnectionIsNoLossAnEndedProcessIs) {
  auto zero = host(0, 7);
  const auto one = host(1);
  const auto second = peer(2);
  zero->wire->cut();
  turn(*one);
  turn(*second);
  EXPECT_EQ(one->last_hosts()[0].state, HostState::kUp);
  manager_->host_ended(0, 1, 6);  // an older one: known
  EXPECT_EQ(manager_->counters().hosts_lost, 0u);
  manager_->host_ended(0, 1, 7);
  turn(*one);
  turn(*second);
  EXPECT_EQ(one->last_hosts()[0].state, HostState::kLost);
  EXPECT_THAT(second->last_hosts()[0], (HostEntry{0, 1, 7, HostState::kLost, 1}));
  EXPECT_EQ(manager_->counters().hosts_lost, 1u);
  // Its last frames, and a link of it, come too late.
  const auto zombie = host(0, 7);
  EXPECT_TRUE(zombie->closed);
  const auto successor = host(0, 8);
  turn(*one);
  EXPECT_EQ(one->last_hosts()[0].incarnation, 8u);
  EXPECT_EQ(one->last_hosts()[0].state, HostState::kUp);
}

TEST_F(Manager, AProcessIsWatchedOnceHoweverOftenItLinks) {
  for (int links = 0; links < 5; ++links) (void)connect(LinkRole::kHost, 1, 0, 7, 4711);
  EXPECT_THAT(reactor_.watched, ElementsAre(Pair(4711, _)));
  (void)connect(LinkRole::kHost, 1, 0, 8, 4712);
  ASSERT_THAT(reactor_.watched, ElementsAre(Pair(4711, _), Pair(4712, _)));
  const auto one = host(1);
  reactor_.watched[0].second();  // the predecessor: it was replaced, so that is no news
  EXPECT_EQ(manager_->counters().hosts_lost, 0u);
  reactor_.watched[1].second();
  turn(*one);
  EXPECT_EQ(manager_->counters().hosts_lost, 1u);
  EXPECT_EQ(one->last_hosts()[0].state, HostState::kLost);
}

TEST_F(Manager, AFrameOfALostHostIsStale) {
  const auto zero = host(0);
  const auto second = peer(2);
  FrameHeader hosts;
  hosts.kind = FrameKind::kHosts;
  std::string body;
  append_entry(body, HostEntry{2, 2, 4, HostState::kLost, 9});
  send(*second, make_frame(hosts, body));
  send(*second, data(2, 0, {1}, 4));
  send(*second, data(2, 0, {1}, 3));
  turn(*zero);
  EXPECT_THAT(zero->frames, IsEmpty());
  EXPECT_EQ(dropped(Drop::kStaleSource), 2u);
  send(*second, data(2, 0, {1}, 5));
  turn(*zero);
  EXPECT_THAT(zero->frames, SizeIs(1));
}

TEST_F(Manager, WithoutAPlanNothingIsForwarded) {
  StreamManagerOptions options;
  options.container = 1;
  manager_ = std::make_unique<StreamManager>(reactor_, options);
  const auto one = host(1);
  send(*one, data(1, 0, {1}));
  EXPECT_EQ(dropped(Drop::kNoPlan), 1u);
}

TEST_F(Manager, WithoutAPlanAPeerCannotFillTheBoard) {
  StreamManagerOptions options;
  options.container = 1;
  manager_ = std::make_unique<StreamManager>(reactor_, options);
  const auto zero = host(0);
  const auto second = peer(2);
  FrameHeader hosts;
  hosts.kind = FrameKind::kHosts;
  std::string body;
  for (const uint32_t slot : {HostTable::kMaxSlots - 1, HostTable::kMaxSlots, UINT32_MAX}) {
    append_entry(body, HostEntry{slot, 2, 1, HostState::kUp, 1});
    append_entry(body, HostEntry{slot, 2, 2, HostState::kLost, 1});
  }
  send(*second, make_frame(hosts, body));
  turn(*zero);
  ASSERT_THAT(zero->last_hosts(), SizeIs(2));
  EXPECT_EQ(zero->last_hosts()[1].slot, HostTable::kMaxSlots - 1);
}

}  // namespace
}  // namespace petrel
