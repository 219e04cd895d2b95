// Endpoints and stream managers over real hellos, on a network in memory: both placements, and how the end of a host is
// found out.
#include "native/stream_manager/placement.h"

#include <gtest/gtest.h>

#include <array>

#include "native/base/rng.h"
#include "native/stream_manager/placement_world.h"

namespace petrel {
namespace {

using petrel::testing::Placement;
using petrel::testing::TestHost;

TEST_F(Placement, EveryHostReachesEveryOther) {
  ASSERT_TRUE(all_up());
  for (uint32_t from = 0; from < 4; ++from) {
    for (int32_t task = 1; task <= 4; ++task) {
      const Admit admit = offer(from, task, "from " + std::to_string(from));
      EXPECT_EQ(admit, static_cast<int32_t>(from) + 1 == task ? Admit::kUnknownTask : Admit::kTaken);
    }
  }
  EXPECT_TRUE(settle([this] {
    for (const TestHost& host : hosts_) {
      if (host.got.size() != 3) return false;
    }
    return true;
  }));
  EXPECT_EQ((managers_[1]->counters().pairs.at({1, 1}).tuples), 2u);
  EXPECT_EQ((managers_[1]->counters().pairs.at({1, 2}).tuples), 2u);
  EXPECT_EQ((managers_[2]->counters().pairs.at({2, 1}).tuples), 2u);
  EXPECT_EQ((managers_[2]->counters().pairs.at({2, 3}).tuples), 1u);
  for (const TestHost& host : hosts_) EXPECT_TRUE(host.lost.empty());
}

TEST_F(Placement, AKilledStreamManagerProcessLosesNothing) {
  ASSERT_TRUE(all_up());
  int sent = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 10; ++i, ++sent) {
      ASSERT_EQ(offer(0, 3, std::to_string(sent)), Admit::kTaken);
      ASSERT_EQ(offer(2, 1, std::to_string(sent)), Admit::kTaken);
      ASSERT_EQ(offer(0, 2, std::to_string(sent)), Admit::kTaken);
    }
    AckRecord record;
    record.kind = AckKind::kFail;
    record.root = RootId::make(3, 1, 1);
    hosts_[0].endpoint->acks({&record, 1});
    if (round % 5 == 2) {
      net_.post([] {});
      managers_.erase(1);  // whatever was in it is gone
      net_.advance(Millis(100));
      start_manager(1, 2 + static_cast<uint32_t>(round));
      tell_peers();
    }
    net_.advance(Millis(3));
  }
  EXPECT_TRUE(settle([&] { return hosts_[2].got.size() + hosts_[0].got.size() + hosts_[1].got.size() >= 600; }));
  EXPECT_TRUE(settle([&] { return hosts_[2].acks >= 20; }));
  net_.advance(Seconds(3));
  for (const uint32_t slot : {0, 1, 2}) {
    ASSERT_EQ(hosts_[slot].got.size(), 200u) << slot;
    for (int i = 0; i < 200; ++i) ASSERT_EQ(hosts_[slot].got[static_cast<size_t>(i)], std::to_string(i)) << slot;
    EXPECT_TRUE(hosts_[slot].lost.empty());
    EXPECT_TRUE(hosts_[slot].endpoint->quiet());
  }
  EXPECT_EQ(hosts_[2].acks, 20u);
}

TEST_F(Placement, CutPeersLoseNoHost) {
  ASSERT_TRUE(all_up());
  for (int round = 0; round < 5; ++round) {
    for (const auto& pipe : std::vector(net_.pipes)) {
      if (pipe->ends[0] != nullptr && pipe->ends[1] != nullptr) net_.cut(pipe);
    }
    for (uint32_t from = 0; from < 4; ++from) offer(from, from == 3 ? 1 : 4, std::to_string(round));
    net_.advance(Millis(700));
  }
  EXPECT_TRUE(settle([this] { return hosts_[3].got.size() == 15 && hosts_[0].got.size() == 5; }));
  for (const TestHost& host : hosts_) EXPECT_TRUE(host.lost.empty());
}

TEST_F(Placement, TheEndOfAnInHostContainerIsFoundByThoseWhoDialAndThoseWhoAreDialled) {
  ASSERT_TRUE(all_up());
  kill_container(2);  // container 1 dials it, container 3 is dialled by it
  EXPECT_TRUE(settle([this] { return !hosts_[0].lost.empty() && !hosts_[1].lost.empty() && !hosts_[3].lost.empty(); }));
  net_.advance(Seconds(3));
  for (const uint32_t slot : {0, 1, 3}) {
    ASSERT_EQ(hosts_[slot].lost.size(), 1u) << slot;
    EXPECT_EQ(hosts_[slot].lost[0].first, 2u);
    EXPECT_EQ(hosts_[slot].lost[0].second, hosts_[slot].endpoint->loss_number());
  }
  // What is offered now waits for its successor.
  EXPECT_EQ(offer(0, 3, "later"), Admit::kTaken);
  net_.advance(Seconds(1));
  start_manager(2, 2);
  hosts_[2].got.clear();
  start_host(2, 2);
  tell_peers();
  EXPECT_TRUE(settle([this] { return hosts_[2].got.size() == 1; }));
  for (const uint32_t slot : {0, 1, 3}) EXPECT_EQ(hosts_[slot].lost.size(), 1u);
  // Who has not heard of it yet sends to its predecessor: its own ledger knows by the number who that is.
  EXPECT_EQ(hosts_[2].lost, (std::vector<std::pair<uint32_t, uint32_t>>{{2, hosts_[0].endpoint->loss_number()}}));
  EXPECT_EQ(offer(2, 1, "again"), Admit::kTaken);
  EXPECT_TRUE(settle([this] { return hosts_[0].got.size() == 1; }));
}

TEST_F(Placement, ASuccessorIsTheNewsOfTheLoss) {
  ASSERT_TRUE(all_up());
  ASSERT_EQ(offer(0, 2, "first"), Admit::kTaken);
  ASSERT_TRUE(settle([this] { return hosts_[1].got.size() == 1; }));
  hosts_[1].client.reset();
  hosts_[1].endpoint.reset();
  net_.advance(Seconds(1));
  EXPECT_TRUE(hosts_[0].lost.empty());  // a connection ended, no more is known
  start_host(1, 2);
  EXPECT_TRUE(settle([this] { return hosts_[0].lost.size() == 1 && hosts_[3].lost.size() == 1; }));
  ASSERT_EQ(offer(0, 2, "second"), Admit::kTaken);
  EXPECT_TRUE(settle([this] { return hosts_[1].got.size() == 2; }));
}

TEST_F(Placement, S6AHostOfAnotherContainerIsToldWhy) {
  ASSERT_TRUE(all_up());
  TestHost stranger;
  stranger.endpoint = std::make_unique<HostEndpoint>(net_, HostEndpointOptions{2, 1, {}}, stranger);
  LinkClientOptions options;
  options.identity = LinkIdentity{"words-1-2", petrel::testing::kTopologySecret, LinkRole::kHost, 2, 2, 1};
  stranger.client =
      std::make_unique<LinkClient>(net_, options, [] { return std::vector{Endpoint{"@petrel-test", 1}}; }, stranger);
  stranger.client->start();
  EXPECT_TRUE(settle([&] { return !stranger.refused.empty(); }));
  EXPECT_NE(stranger.refused[0].find("cannot link to the stream manager of container 1"), std::string::npos)
      << stranger.refused[0];
  stranger.client.reset();
}

TEST_F(Placement, S12AStalledReaderBoundsWhatIsTaken) {
  ASSERT_TRUE(all_up());
  for (const auto& pipe : net_.pipes) pipe->stalled = {true, true};
  uint64_t taken = 0;
  const std::string chunk(1000, 'x');
  while (taken < (10U << 20) && offer(0, 3, chunk) == Admit::kTaken) taken += chunk.size();
  EXPECT_LE(taken, 64U << 10);
  EXPECT_GE(taken, 60U << 10);
  EXPECT_EQ(hosts_[0].endpoint->counters().send.kept_bytes, taken);
  for (const auto& pipe : std::vector(net_.pipes)) net_.release(pipe);
  EXPECT_TRUE(settle([&] { return hosts_[2].got.size() == taken / 1000 && hosts_[0].credits > 0; }));
  EXPECT_EQ(offer(0, 3, chunk), Admit::kTaken);
}

TEST_F(Placement, ATupleOf64MegabytesArrivesAndALargerOneIsRefused) {
  ASSERT_TRUE(all_up());
  EXPECT_EQ(offer(0, 3, std::string((64U << 20) + 1, 'x')), Admit::kTooLarge);
  const std::string large(64U << 20, 'y');
  EXPECT_EQ(offer(0, 3, large), Admit::kNoCredit);
  EXPECT_TRUE(settle([this] { return hosts_[0].credits > 0; }));
  EXPECT_EQ(offer(0, 3, large), Admit::kTaken);
  EXPECT_TRUE(settle([this] { return hosts_[2].got.size() == 1; }));
  EXPECT_EQ(hosts_[2].got[0].size(), large.size());
  EXPECT_EQ((managers_[1]->counters().pairs.at({1, 2}).tuples), 1u);
  EXPECT_TRUE(settle([this] { return hosts_[0].endpoint->quiet(); }));
}

// ---- A stream manager moves out of its host and back

/// Container 2, whose stream manager begins in host 2: every step of a move is one of its own, so that a test can put
/// anything between them.
class Moves : public Placement {
 protected:
  static constexpr const char* kProcessSocket = "@petrel-test-2";

  ~Moves() override {
    process_.reset();
    client_end_.client.reset();
  }

  /// The agent starts the process, which says where it listens.
  void start_process() {
    StreamManagerOptions options;
    options.container = 2;
    options.incarnation = manager_incarnation(moves_, ++starts_);
    options.topology_id = "words-1-2";
    options.secret = petrel::testing::kTopologySecret;
    options.random_bytes = [](size_t n) { return std::string(n, 'r'); };
    options.unix_endpoint = {kProcessSocket, 1};
    process_ = std::make_unique<StreamManager>(net_, options);
    ASSERT_TRUE(process_->start().ok());
    process_->set_routes(routes_);
    at_[2] = {2, options.incarnation, process_->tcp_endpoint(), {}, false};
  }
  void end_process() { process_.reset(); }
  /// What HostLinks does at either news.
  void host_dials() {
    LinkClientOptions options;
    options.identity = LinkIdentity{"words-1-2", petrel::testing::kTopologySecret, LinkRole::kHost, 2, 2, 1};
    options.random_bytes = [](size_t n) { return std::string(n, 'q'); };
    options.first_link_epoch = link_epoch_ + 1;
    client_end_.attach = [this](std::unique_ptr<FrameLink> link) {
      hosts_[2].endpoint->attach(std::move(link));
      managers_.at(2)->retire();
    };
    client_end_.client = std::make_unique<LinkClient>(
        net_, options, [] { return std::vector{Endpoint{kProcessSocket, 1}}; }, client_end_);
    client_end_.client->start();
  }
  void host_serves() {
    managers_.at(2)->serve(manager_incarnation(moves_, 1));
    LinkPeer self;
    self.container = 2;
    self.slot = 2;
    self.incarnation = 1;
    LinkPeer manager;
    manager.role = LinkRole::kStreamManager;
    manager.container = 2;
    auto [its, mine] = make_loop_link(net_, manager, self);
    managers_.at(2)->add_local(std::move(its));
    hosts_[2].endpoint->attach(std::move(mine));
    link_epoch_ = client_end_.client->link_epoch();
    client_end_.client.reset();
    at_[2] = {2, manager_incarnation(moves_, 1), managers_.at(2)->tcp_endpoint(), {}, true};
  }
  void tell() {
    tell_peers();
    if (process_) process_->set_peers({at_[1], at_[2], at_[3]});
  }
  void cut_one(Rng& rng) {
    const auto& pipe = net_.pipes[rng.below(net_.pipes.size())];
    if (pipe->ends[0] != nullptr && pipe->ends[1] != nullptr) net_.cut(pipe);
  }

  struct ClientEnd : LinkClientHandler {
    void on_link(std::unique_ptr<FrameLink> link) override { attach(std::move(link)); }
    void on_refused(const Status&) override {}
    std::function<void(std::unique_ptr<FrameLink>)> attach;
    std::unique_ptr<LinkClient> client;
  };
  ClientEnd client_end_;
  std::unique_ptr<StreamManager> process_;
  uint32_t moves_ = 0;
  uint32_t starts_ = 0;
  uint32_t link_epoch_ = 0;
};

class RandomMoves : public Moves, public ::testing::WithParamInterface<uint64_t> {};

TEST_P(RandomMoves, LoseNothingDoubleNothingAndKeepTheOrder) {
  Rng rng(GetParam());
  ASSERT_TRUE(all_up());
  std::map<std::pair<uint32_t, int32_t>, int> sent;
  size_t links_before = hosts_[2].endpoint->counters().links;
  const auto some_traffic = [&] {
    for (uint64_t n = rng.below(8); n > 0; --n) {
      const bool out = rng.below(2) == 0;
      const uint32_t from = out ? 2 : static_cast<uint32_t>(std::array{0, 1, 3}[rng.below(3)]);
      const int32_t task = out ? std::array{1, 2, 4}[rng.below(3)] : 3;
      int& next = sent[{from, task}];
      if (offer(from, task, std::to_string(from) + ":" + std::to_string(next)) == Admit::kTaken) ++next;
    }
    net_.advance(Millis(static_cast<int64_t>(rng.below(30))));
    if (rng.below(12) == 0) cut_one(rng);
  };
  const auto pass = [&](std::vector<std::function<void()>> steps) {
    // Who hears first is not ours to say.
    for (size_t i = steps.size(); i > 1; --i) std::swap(steps[i - 1], steps[rng.below(i)]);
    for (const auto& step : steps) {
      for (uint64_t n = rng.below(10); n > 0; --n) some_traffic();
      step();
    }
    for (uint64_t n = rng.below(20); n > 0; --n) some_traffic();
  };
  const int moves = 2 + static_cast<int>(rng.below(5));
  for (int i = 0; i < moves; ++i) {
    ++moves_;
    if (i % 2 == 0) {
      pass({[&] { start_process(), tell(); }, [&] { host_dials(); }});
      if (rng.below(3) == 0) pass({[&] { end_process(), net_.advance(Millis(50)), start_process(), tell(); }});
      const size_t links = links_before;
      ASSERT_TRUE(settle([&] { return hosts_[2].endpoint->counters().links > links; })) << "the host never swapped";
    } else {
      pass({[&] { host_serves(), tell(); }, [&] { end_process(); }});
    }
    links_before = hosts_[2].endpoint->counters().links;
  }
  tell();
  const auto all_there = [&] {
    size_t wanted = 0;
    size_t got = 0;
    for (const auto& [flow, count] : sent) wanted += static_cast<size_t>(count);
    for (const TestHost& host : hosts_) got += host.got.size();
    return got >= wanted;
  };
  EXPECT_TRUE(settle(all_there));
  net_.advance(Seconds(3));
  for (const TestHost& host : hosts_) {
    std::map<std::string, int> next;
    for (const std::string& text : host.got) {
      const size_t colon = text.find(':');
      EXPECT_EQ(std::stoi(text.substr(colon + 1)), next[text.substr(0, colon)]++) << text;
    }
    EXPECT_TRUE(host.lost.empty()) << "a move is nobody's death";
    EXPECT_TRUE(host.endpoint->quiet());
  }
  for (const auto& [flow, count] : sent) {
    const auto& got = hosts_[static_cast<size_t>(flow.second) - 1].got;
    const std::string from = std::to_string(flow.first) + ":";
    EXPECT_EQ(std::count_if(got.begin(), got.end(), [&](const auto& text) { return text.starts_with(from); }), count)
        << from << " to task " << flow.second;
  }
  // And the death of the host is still seen, wherever its stream manager is.
  if (moves % 2 == 0) {
    kill_container(2);
    EXPECT_TRUE(settle([this] { return !hosts_[0].lost.empty() && !hosts_[3].lost.empty(); }));
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomMoves, ::testing::Range<uint64_t>(1, 201));

TEST_F(Moves, ARetiredOneListensOnAndSaysWhereItIsNot) {
  ASSERT_TRUE(all_up());
  moves_ = 1;
  start_process();
  host_dials();
  ASSERT_TRUE(settle([this] { return hosts_[2].endpoint->counters().links == 2; }));
  // Nobody has told the peers: they dial the old port, which must not look like a dead host's.
  net_.advance(Seconds(10));
  for (const TestHost& host : hosts_) EXPECT_TRUE(host.lost.empty());
  EXPECT_FALSE(managers_[1]->has_peer(2));
  tell();
  EXPECT_TRUE(settle([this] { return managers_[1]->has_peer(2) && managers_[3]->has_peer(2); }));
  ASSERT_EQ(offer(0, 3, "after"), Admit::kTaken);
  EXPECT_TRUE(settle([this] { return hosts_[2].got.size() == 1; }));
}

}  // namespace
}  // namespace petrel
