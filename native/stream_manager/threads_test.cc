// The calls of HostEndpoint that any thread may make, from many threads at once while the loop runs.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
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
    std::map<int32_t, uint32_t> next;
    for (uint32_t n = 0; n < sections;) {
      std::vector<InSection> batch;
      {
        std::unique_lock lock(mutex_);
        if (!changed_.wait_for(lock, std::chrono::seconds(60), [this] { return !inbox_.empty(); })) break;
        batch.swap(inbox_);
      }
      for (const InSection& section : batch) {
        if (std::stoul(std::string(section.bytes)) != next[section.source_task]++) ++wrong;
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
  table->hosts = {{0, 1, false}, {1, 1, false}};
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

}  // namespace
}  // namespace petrel
