// Endpoints and stream managers over real hellos, on a network in memory: both placements, and how the end of a host is
// found out.
#include <gtest/gtest.h>

#include "native/links/fake_net.h"
#include "native/links/host_endpoint.h"
#include "native/links/loop_link.h"
#include "native/stream_manager/stream_manager.h"

namespace petrel {
namespace {

using petrel::testing::FakeReactor;

const std::string kSecret(32, 's');

struct TestHost : EndpointHandler, LinkClientHandler {
  void on_section(const InSection& section) override {
    got.emplace_back(section.bytes);
    endpoint->consumed(section.flow, section.bytes.size());
  }
  void on_credit(const std::vector<int32_t>& executors) override { credits += executors.size(); }
  void on_acks(std::string_view records) override { acks += records.size() / sizeof(AckRecord); }
  void on_host_lost(uint32_t slot, uint32_t number) override { lost.emplace_back(slot, number); }
  void on_links_up(uint64_t epoch) override { links_up = epoch; }
  void on_link(std::unique_ptr<FrameLink> link) override { endpoint->attach(std::move(link)); }
  void on_refused(const Status& reason) override { refused.push_back(reason.message()); }

  std::vector<std::string> got;
  std::vector<std::pair<uint32_t, uint32_t>> lost;
  std::vector<std::string> refused;
  size_t credits = 0;
  size_t acks = 0;
  uint64_t links_up = 0;
  std::unique_ptr<HostEndpoint> endpoint;
  std::unique_ptr<LinkClient> client;
};

/// Container 1: slots 0 and 1, a stream manager process. Containers 2 and 3: slots 2 and 3, in host.
class Placement : public ::testing::Test {
 protected:
  Placement() {
    auto table = std::make_shared<RouteTable>();
    table->epoch = 1;
    table->tasks = {{}, {1, 0}, {2, 1}, {3, 2}, {4, 3}};
    table->hosts = {{0, 1, false}, {1, 1, false}, {2, 2, true}, {3, 3, true}};
    routes_ = table;
    for (int container : {1, 2, 3}) start_manager(container);
    for (uint32_t slot = 0; slot < 4; ++slot) start_host(slot, 1);
    tell_peers();
  }
  ~Placement() override {
    for (TestHost& host : hosts_) host.client.reset();
    for (TestHost& host : hosts_) host.endpoint.reset();
    managers_.clear();
    net_.run();
  }

  void start_manager(int container, uint32_t incarnation = 1) {
    StreamManagerOptions options;
    options.container = container;
    options.incarnation = incarnation;
    options.topology_id = "words-1-2";
    options.secret = kSecret;
    options.random_bytes = [](size_t n) { return std::string(n, 'r'); };
    if (container == 1) options.unix_endpoint = {"@petrel-test", 1};
    auto& manager = managers_[container];
    manager = std::make_unique<StreamManager>(net_, options);
    ASSERT_TRUE(manager->start().ok());
    manager->set_routes(routes_);
    at_[container] = {container, incarnation, manager->tcp_endpoint()};
  }
  void tell_peers() {
    std::vector<StreamManager::PeerEndpoint> all;
    for (const auto& [container, at] : at_) all.push_back(at);
    for (auto& [container, manager] : managers_) manager->set_peers(all);
  }
  void start_host(uint32_t slot, uint32_t incarnation) {
    TestHost& host = hosts_[slot];
    host.endpoint = std::make_unique<HostEndpoint>(net_, HostEndpointOptions{slot, incarnation, {}}, host);
    host.endpoint->set_routes(routes_);
    host.endpoint->add_executor(static_cast<int32_t>(slot) + 1, 1 << 20);
    const int32_t container = routes_->hosts[slot].container;
    if (container != 1) {
      LinkPeer self;
      self.container = container;
      self.slot = slot;
      self.incarnation = incarnation;
      LinkPeer manager;
      manager.role = LinkRole::kStreamManager;
      manager.container = container;
      auto [its, mine] = make_loop_link(net_, manager, self);  // each sees the other
      managers_.at(container)->add_local(std::move(its));
      host.endpoint->attach(std::move(mine));
      return;
    }
    LinkClientOptions options;
    options.identity = LinkIdentity{"words-1-2", kSecret, LinkRole::kHost, container, slot, incarnation};
    options.random_bytes = [](size_t n) { return std::string(n, 'q'); };
    host.client =
        std::make_unique<LinkClient>(net_, options, [] { return Result<Endpoint>(Endpoint{"@petrel-test", 1}); }, host);
    host.client->start();
  }
  /// The process of an in_host container ends.
  void kill_container(int container) {
    const auto slot = static_cast<uint32_t>(container);
    hosts_[slot].endpoint.reset();
    managers_.erase(container);
  }
  bool settle(const std::function<bool()>& done) { return net_.run_until(done, Seconds(30)); }
  bool all_up() {
    return settle([this] {
      for (const TestHost& host : hosts_) {
        if (host.links_up != 1) return false;
      }
      return true;
    });
  }
  Admit offer(uint32_t from, int32_t task, const std::string& text) {
    OutSection section;
    section.source_task = static_cast<int32_t>(from) + 1;
    section.destination_task = task;
    section.count = 1;
    section.bytes = text;
    return hosts_[from].endpoint->offer(section.source_task, std::move(section));
  }

  FakeReactor net_;
  std::shared_ptr<const RouteTable> routes_;
  std::map<int, std::unique_ptr<StreamManager>> managers_;
  std::map<int, StreamManager::PeerEndpoint> at_;
  TestHost hosts_[4];
};

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
  options.identity = LinkIdentity{"words-1-2", kSecret, LinkRole::kHost, 2, 2, 1};
  stranger.client = std::make_unique<LinkClient>(
      net_, options, [] { return Result<Endpoint>(Endpoint{"@petrel-test", 1}); }, stranger);
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

}  // namespace
}  // namespace petrel
