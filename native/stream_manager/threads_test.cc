// What more than one thread touches: the calls of HostEndpoint that any thread may make, and stream managers whose
// links to each other are divided over loops.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "native/links/host_endpoint.h"
#include "native/links/loop_link.h"
#include "native/stream_manager/stream_manager.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace {

constexpr int kThreads = 4;
constexpr uint32_t kSections = 3000;

/// A host whose executors are threads.
class BusyHost : public EndpointHandler {
 public:
  void on_section(const InSection& section) override {
    const std::scoped_lock lock(mutex_);
    inbox_.push_back(section);
    changed_.notify_all();
  }
  void on_credit(const std::vector<int32_t>& executors) override {
    const std::scoped_lock lock(mutex_);
    for (const int32_t executor : executors) ++credits_[executor];
    changed_.notify_all();
  }
  void on_acks(std::string_view records) override { acks += records.size() / sizeof(AckRecord); }
  void on_host_lost(uint32_t, uint32_t) override {}
  void on_links_up(uint64_t) override {}

  /// An executor: its sections arrive in its order, whatever the others do.
  void produce(int32_t executor, int32_t destination) {
    for (uint32_t n = 0; n < kSections; ++n) {
      OutSection section;
      section.source_task = executor;
      section.destination_task = destination;
      section.count = 1;
      section.bytes = std::to_string(n) + std::string(n % 500, '.');
      uint64_t seen = credits(executor);
      while (endpoint->offer(executor, std::move(section)) == Admit::kNoCredit) seen = wait_for_credit(executor, seen);
      if (n % 16 == 0) {
        AckRecord record;
        record.kind = AckKind::kFail;
        record.root = RootId::make(destination, 1, n);
        endpoint->acks({&record, 1});
        endpoint->load_of(destination);
        endpoint->counters();
      }
    }
  }
  /// Takes what arrives until all is there.
  void consume(uint32_t sections) {
    std::map<std::pair<int32_t, int32_t>, uint32_t> next;
    for (uint32_t n = 0; n < sections;) {
      std::vector<InSection> batch;
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, std::chrono::seconds(60), [this] { return !inbox_.empty(); })) break;
        batch.swap(inbox_);
      }
      for (const InSection& section : batch) {
        if (std::stoul(std::string(section.bytes)) != next[{section.source_task, section.destination_task}]++) ++wrong;
        endpoint->consumed(section.flow, section.bytes.size());
        ++n;
        ++got;
      }
    }
  }

  std::unique_ptr<HostEndpoint> endpoint;
  std::atomic<uint32_t> got{0};
  std::atomic<uint32_t> wrong{0};
  std::atomic<uint32_t> acks{0};

 private:
  uint64_t credits(int32_t executor) {
    const std::scoped_lock lock(mutex_);
    return credits_[executor];
  }
  uint64_t wait_for_credit(int32_t executor, uint64_t seen) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(60), [&] { return credits_[executor] > seen; });
    return credits_[executor];
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<InSection> inbox_;
  std::map<int32_t, uint64_t> credits_;
};

TEST(EndpointThreads, ManyThreadsOfferAndConsumeWhileTheLoopRuns) {
  AsioReactor reactor;
  auto table = std::make_shared<RouteTable>();
  table->epoch = 1;
  table->tasks.resize(2 * kThreads + 1);
  for (int32_t task = 1; task <= 2 * kThreads; ++task) {
    table->tasks[static_cast<size_t>(task)] = {task, task <= kThreads ? 0U : 1U};
  }
  table->hosts = {{0, 1}, {1, 1}};
  StreamManagerOptions options;
  options.container = 1;
  auto manager = std::make_unique<StreamManager>(reactor, options);
  manager->set_routes(table);
  BusyHost hosts[2];
  for (uint32_t slot = 0; slot < 2; ++slot) {
    BusyHost& host = hosts[slot];
    host.endpoint = std::make_unique<HostEndpoint>(reactor, HostEndpointOptions{slot, 1, {}}, host);
    host.endpoint->set_routes(table);
    for (int32_t n = 1; n <= kThreads; ++n) {
      host.endpoint->add_executor(n + (slot == 0 ? 0 : kThreads), 32 << 10);
    }
    LinkPeer self;
    self.container = 1;
    self.slot = slot;
    self.incarnation = 1;
    LinkPeer sm;
    sm.role = LinkRole::kStreamManager;
    sm.container = 1;
    auto [its, mine] = make_loop_link(reactor, sm, self);
    manager->add_local(std::move(its));
    host.endpoint->attach(std::move(mine));
  }
  std::thread loop([&] { reactor.run(); });
  std::vector<std::thread> threads;
  for (uint32_t slot = 0; slot < 2; ++slot) {
    for (int32_t n = 1; n <= kThreads; ++n) {
      const int32_t own = n + (slot == 0 ? 0 : kThreads);
      // Two executors share each flow.
      const int32_t destination = (n + 1) / 2 + (slot == 0 ? kThreads : 0);
      threads.emplace_back([&, slot, own, destination] { hosts[slot].produce(own, destination); });
    }
    threads.emplace_back([&, slot] { hosts[slot].consume(kThreads * kSections); });
  }
  for (std::thread& thread : threads) thread.join();
  const auto acked = [&] {
    return hosts[0].acks == hosts[1].acks && hosts[0].acks == kThreads * ((kSections + 15) / 16);
  };
  for (int i = 0; i < 2000 && !acked(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  reactor.stop();
  loop.join();
  for (BusyHost& host : hosts) {
    EXPECT_EQ(host.got, kThreads * kSections);
    EXPECT_EQ(host.wrong, 0u);
    EXPECT_TRUE(acked()) << host.acks;
    EXPECT_EQ(host.endpoint->counters().send.resumes, 0u);
  }
  EXPECT_EQ(hosts[0].endpoint->accepted_tuples(), (std::map<uint32_t, uint64_t>{{1, kThreads * kSections}}));
  manager.reset();
  for (BusyHost& host : hosts) host.endpoint.reset();
}

// ---- Several loops in a stream manager

LinkPeer peer_of(LinkRole role, int32_t container, uint32_t slot) {
  LinkPeer peer;
  peer.role = role;
  peer.container = container;
  peer.slot = slot;
  peer.incarnation = 1;
  return peer;
}

/// A container with one host and a stream manager whose links to others live on `kLoops` loops, each with its thread.
class Container {
 public:
  static constexpr size_t kLoops = 3;

  Container(int32_t id, std::shared_ptr<const RouteTable> routes) : id_(id), routes_(std::move(routes)) {
    const auto slot = static_cast<uint32_t>(id_) - 1;
    host.endpoint = std::make_unique<HostEndpoint>(home_, HostEndpointOptions{slot, 1, {}}, host);
    host.endpoint->set_routes(routes_);
    host.endpoint->add_executor(id_, 64 << 10);
    start_manager(1);
  }
  void run() {
    home_thread_ = std::thread([this] { home_.run(); });
    run_loops();
  }
  void tell(std::vector<PeerEndpoint> peers) {
    home_.post([this, peers = std::move(peers)] { manager_->set_peers(peers); });
  }
  /// Its stream manager dies and has a successor on the same ports.
  void restart_manager(uint32_t incarnation, const std::vector<PeerEndpoint>& peers) {
    stop_loops();
    std::promise<void> done;
    home_.post([&] {
      manager_.reset();
      loops_.clear();
      start_manager(incarnation);
      done.set_value();
    });
    done.get_future().wait();
    tell(peers);
    run_loops();
  }
  void end() {
    stop_loops();
    home_.stop();
    home_thread_.join();
    drops_ = manager_->counters().drops;
    EXPECT_GT(manager_->counters().near_links, 0u);
    manager_.reset();
    host.endpoint.reset();
  }
  PeerEndpoint at() const { return at_; }

  BusyHost host;

 private:
  void start_manager(uint32_t incarnation) {
    StreamManagerOptions options;
    options.container = id_;
    options.incarnation = incarnation;
    options.topology_id = "words-1-2";
    options.secret = std::string(32, 's');
    options.tcp_endpoint.port = at_.endpoint.port;
    options.more_ports = at_.more_ports;
    for (size_t i = 0; i < kLoops; ++i) {
      loops_.push_back(std::make_unique<AsioReactor>());
      options.peer_loops.push_back(loops_.back().get());
    }
    manager_ = std::make_unique<StreamManager>(home_, options);
    ASSERT_TRUE(manager_->start().ok());
    manager_->set_routes(routes_);
    at_ = {id_, incarnation, manager_->tcp_endpoint(), manager_->more_ports()};
    ASSERT_EQ(at_.more_ports.size(), kLoops - 1);
    const auto slot = static_cast<uint32_t>(id_) - 1;
    auto [its, mine] =
        make_loop_link(home_, peer_of(LinkRole::kStreamManager, id_, 0), peer_of(LinkRole::kHost, id_, slot));
    manager_->add_local(std::move(its));
    host.endpoint->attach(std::move(mine));
  }
  void run_loops() {
    for (const auto& loop : loops_) threads_.emplace_back([&loop = *loop] { loop.run(); });
  }
  void stop_loops() {
    for (const auto& loop : loops_) loop->stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  const int32_t id_;
  const std::shared_ptr<const RouteTable> routes_;
  AsioReactor home_;
  std::vector<std::unique_ptr<AsioReactor>> loops_;
  std::unique_ptr<StreamManager> manager_;
  PeerEndpoint at_;
  std::thread home_thread_;
  std::vector<std::thread> threads_;
  std::array<uint64_t, static_cast<size_t>(Drop::kCount)> drops_{};
};

TEST(ShardedStreamManagers, KeepTheOrderOfEveryFlowAndLoseNothingWhenOneOfThemDies) {
  constexpr int32_t kContainers = 4;
  auto table = std::make_shared<RouteTable>();
  table->epoch = 1;
  table->tasks.emplace_back();
  for (int32_t id = 1; id <= kContainers; ++id) {
    table->tasks.push_back({id, static_cast<uint32_t>(id) - 1});
    table->hosts.push_back({static_cast<uint32_t>(id) - 1, id});
  }
  std::vector<std::unique_ptr<Container>> containers;
  std::vector<PeerEndpoint> peers;
  for (int32_t id = 1; id <= kContainers; ++id) {
    containers.push_back(std::make_unique<Container>(id, table));
    peers.push_back(containers.back()->at());
  }
  for (const auto& container : containers) container->run();
  for (const auto& container : containers) container->tell(peers);
  std::vector<std::thread> threads;
  for (int32_t id = 1; id <= kContainers; ++id) {
    BusyHost& host = containers[static_cast<size_t>(id) - 1]->host;
    for (int32_t to = 1; to <= kContainers; ++to) {
      if (to != id) threads.emplace_back([&host, id, to] { host.produce(id, to); });
    }
    threads.emplace_back([&host] { host.consume((kContainers - 1) * kSections); });
  }
  Container& second = *containers[1];
  for (int i = 0; i < 12000 && second.host.got < kSections / 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const uint32_t got = second.host.got;
  second.restart_manager(2, peers);
  EXPECT_GT(got, 0u);
  EXPECT_LT(got, (kContainers - 1) * kSections) << "void: nothing was under way";
  for (const auto& container : containers) {
    peers[1] = second.at();
    container->tell(peers);
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& container : containers) {
    EXPECT_EQ(container->host.got, (kContainers - 1) * kSections);
    EXPECT_EQ(container->host.wrong, 0u);
  }
  EXPECT_GT(second.host.endpoint->counters().links, 1u);
  for (const auto& container : containers) container->end();
}

}  // namespace
}  // namespace petrel
