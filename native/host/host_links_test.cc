// Hosts with their links, over real sockets in one loop; the runtime is a fake.
#include "native/host/host_links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "native/stream_manager/placement.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Nanos kPatience = Seconds(20);

class FakeSink : public LinkSink {
 public:
  void deliver(std::span<const InSection> sections) override {
    ++upcalls;
    arrived.insert(arrived.end(), sections.begin(), sections.end());
  }
  void credit(std::span<const int32_t> executors) override {
    credited.insert(credited.end(), executors.begin(), executors.end());
  }
  int upcalls = 0;
  std::vector<InSection> arrived;
  std::vector<int32_t> credited;
};

/// Host `slot` runs one task: slot + 1.
struct TestHost {
  TestHost(Reactor& loop, std::shared_ptr<const RouteTable> routes, const PackingPlan& packing,
           HostLinksOptions options)
      : links(loop, std::move(options), std::move(routes), packing, events()) {
    EXPECT_TRUE(links.start(java).ok());
  }
  HostLinksEvents events() {
    HostLinksEvents out;
    out.on_listening = [this](const Endpoint& at) { listening = at; };
    out.on_links_up = [this](uint64_t epoch) { up_epoch = epoch; };
    out.on_acks = [this](std::span<const std::byte> records, bool) {
      for (size_t at = 0; at < records.size(); at += sizeof(AckRecord)) {
        std::memcpy(&acks.emplace_back(), records.data() + at, sizeof(AckRecord));
      }
    };
    out.on_host_lost = [this](uint32_t slot, uint32_t) { lost.push_back(slot); };
    out.on_sample = [this](proto::LinkSample s) { sample = std::move(s); };
    return out;
  }
  FakeSink java;
  Endpoint listening;
  uint64_t up_epoch = 0;
  std::vector<AckRecord> acks;
  std::vector<uint32_t> lost;
  proto::LinkSample sample;
  HostLinks links;
};

class HostLinksTest : public testing::Test {
 protected:
  /// `containers[slot]`: the container of each host.
  void plan(const std::vector<int32_t>& containers) {
    auto table = std::make_shared<RouteTable>();
    table->epoch = 4;
    table->tasks.resize(containers.size() + 1);
    for (uint32_t slot = 0; slot < containers.size(); ++slot) {
      const int32_t container = containers[slot];
      table->tasks[slot + 1] = {static_cast<int32_t>(slot) + 1, slot};
      table->hosts.push_back({slot, container});
      if (packing_.find(container) == nullptr) packing_.containers.push_back({container, "h", 1, {}, {}, {}});
    }
    routes_ = table;
  }
  /// The stream manager runs in a host that has its container for itself.
  bool alone(size_t slot) const {
    return std::count_if(routes_->hosts.begin(), routes_->hosts.end(), [&](const HostPlace& place) {
             return place.container == routes_->hosts[slot].container;
           }) == 1;
  }
  std::unique_ptr<TestHost> host(uint32_t slot, uint32_t incarnation = 1) {
    HostLinksOptions options;
    options.topology_id = "t-1-1";
    options.secret = std::string(32, 's');
    options.container = routes_->hosts[slot].container;
    options.slot = slot;
    options.incarnation = incarnation;
    options.in_host = alone(slot);
    options.unix_endpoint = unix_;
    options.executors = {static_cast<int32_t>(slot) + 1};
    return std::make_unique<TestHost>(reactor_, routes_, packing_, options);
  }
  void introduce(const std::vector<TestHost*>& hosts) {
    proto::DataEndpoints endpoints;
    for (size_t i = 0; i < hosts.size(); ++i) {
      proto::DataEndpoint& endpoint = *endpoints.add_endpoints();
      endpoint.set_container_id(routes_->hosts[i].container);
      endpoint.set_incarnation(1);
      endpoint.set_host(hosts[i]->listening.host);
      endpoint.set_port(hosts[i]->listening.port);
      endpoint.set_in_host(alone(i));
    }
    for (TestHost* host : hosts) host->links.set_peers(endpoints);
  }
  bool until(const std::function<bool()>& done) { return reactor_.run_until(done, kPatience); }
  static OutSection section(int32_t from, int32_t to, const std::string& bytes) {
    OutSection out;
    out.source_task = from;
    out.destination_task = to;
    out.count = 1;
    out.bytes = bytes;
    return out;
  }
  static std::vector<std::byte> records(const std::vector<uint64_t>& roots) {
    std::vector<std::byte> bytes(roots.size() * sizeof(AckRecord));
    for (size_t i = 0; i < roots.size(); ++i) {
      AckRecord record;
      record.root = roots[i];
      record.xor_value = 7;
      std::memcpy(bytes.data() + i * sizeof record, &record, sizeof record);
    }
    return bytes;
  }
  void exchange(TestHost& a, TestHost& b, int32_t task_of_a, int32_t task_of_b) {
    ASSERT_TRUE(until([&] { return a.up_epoch == 4 && b.up_epoch == 4; }));
    ASSERT_EQ(a.links.offer(task_of_a, section(task_of_a, task_of_b, "one")), Admit::kTaken);
    ASSERT_EQ(a.links.offer(task_of_a, section(task_of_a, task_of_b, "two")), Admit::kTaken);
    ASSERT_TRUE(until([&] { return b.java.arrived.size() == 2; }));
    EXPECT_EQ(b.java.arrived[0].bytes, "one");
    EXPECT_EQ(b.java.arrived[1].bytes, "two");
    EXPECT_EQ(b.java.arrived[0].source_task, task_of_a);
    EXPECT_LE(b.java.upcalls, 2);
    b.links.consumed(b.java.arrived[0].flow, 6);
    // The ack of a's root finds a's ledger, its own stays, and one of a task that is nobody's is counted.
    ASSERT_TRUE(
        b.links.acks(records({RootId::make(task_of_a, 1, 5), RootId::make(task_of_b, 1, 6), RootId::make(999, 1, 7)}))
            .ok());
    ASSERT_TRUE(until([&] { return !a.acks.empty(); }));
    EXPECT_EQ(a.acks[0].root, RootId::make(task_of_a, 1, 5));
    ASSERT_EQ(b.acks.size(), 1u);
    EXPECT_EQ(b.acks[0].root, RootId::make(task_of_b, 1, 6));
    EXPECT_EQ(b.links.dropped_acks(), 1u);
    const std::vector<std::byte> half(31);
    EXPECT_EQ(b.links.acks(half).code(), StatusCode::kMalformed);
  }

  AsioReactor reactor_;
  std::shared_ptr<const RouteTable> routes_;
  PackingPlan packing_;
  Endpoint unix_{"@petrel-host-links-test-" + std::to_string(getpid()), 0};
};

TEST_F(HostLinksTest, TwoContainersWithTheirStreamManagersInside) {
  plan({1, 2});
  auto a = host(0);
  auto b = host(1);
  EXPECT_NE(a->listening.port, 0);
  EXPECT_EQ(a->up_epoch, 0u);
  introduce({a.get(), b.get()});
  exchange(*a, *b, 1, 2);
  // Two tuples crossed from 1 to 2: sent by a's stream manager, taken by b.
  ASSERT_TRUE(until([&] { return a->sample.pairs_size() > 0 && b->sample.pairs_size() > 0; }));
  ASSERT_TRUE(until([&] {
    for (const auto& pair : b->sample.pairs()) {
      if (pair.from_container() == 1 && pair.to_container() == 2) return pair.tuples() == 2;
    }
    return false;
  }));
  // b dies and comes back: a's ledger hears of it.
  b.reset();
  b = host(1, 2);
  introduce({a.get(), b.get()});
  ASSERT_TRUE(until([&] { return !a->lost.empty(); }));
  EXPECT_THAT(a->lost, ElementsAre(1u));
  ASSERT_TRUE(until([&] { return b->up_epoch == 4; }));
}

TEST_F(HostLinksTest, TwoHostsOfOneContainerThroughItsStreamManagerProcess) {
  plan({1, 1});
  StreamManagerOptions options;
  options.container = 1;
  options.incarnation = 1;
  options.topology_id = "t-1-1";
  options.secret = std::string(32, 's');
  options.unix_endpoint = unix_;
  auto manager = std::make_unique<StreamManager>(reactor_, options);
  ASSERT_TRUE(manager->start().ok());
  manager->set_routes(routes_);
  auto a = host(0);
  auto b = host(1);
  exchange(*a, *b, 1, 2);
  EXPECT_THAT(a->lost, IsEmpty());
  // The stream manager dies; what is sent meanwhile arrives through the next one.
  manager.reset();
  ASSERT_EQ(b->links.offer(2, section(2, 1, "kept")), Admit::kTaken);
  options.incarnation = 2;
  manager = std::make_unique<StreamManager>(reactor_, options);
  ASSERT_TRUE(manager->start().ok());
  manager->set_routes(routes_);
  ASSERT_TRUE(until([&] { return a->java.arrived.size() == 1; }));
  EXPECT_EQ(a->java.arrived[0].bytes, "kept");
  EXPECT_THAT(a->lost, IsEmpty());
  EXPECT_THAT(b->lost, IsEmpty());
}

TEST_F(HostLinksTest, TheStreamManagerMovesIntoAProcessAndBack) {
  plan({1, 2});
  auto a = host(0);
  auto b = host(1);
  introduce({a.get(), b.get()});
  ASSERT_TRUE(until([&] { return a->up_epoch == 4 && b->up_epoch == 4; }));
  const Endpoint port = b->listening;
  int sent = 0;
  const auto exchange_some = [&] {
    for (int i = 0; i < 50; ++i, ++sent) {
      ASSERT_EQ(a->links.offer(1, section(1, 2, std::to_string(sent))), Admit::kTaken);
      ASSERT_EQ(b->links.offer(2, section(2, 1, std::to_string(sent))), Admit::kTaken);
    }
  };
  exchange_some();
  for (uint32_t moves = 1; moves <= 4; moves += 2) {
    // Into a process, which an agent starts about now.
    ASSERT_TRUE(b->links.place(false, moves).ok());
    exchange_some();
    StreamManagerOptions options;
    options.container = 2;
    options.incarnation = manager_incarnation(moves, 1);
    options.topology_id = "t-1-1";
    options.secret = std::string(32, 's');
    options.unix_endpoint = unix_;
    auto process = std::make_unique<StreamManager>(reactor_, options);
    ASSERT_TRUE(process->start().ok());
    process->set_routes(routes_);
    proto::DataEndpoints news;
    proto::DataEndpoint& at = *news.add_endpoints();
    at.set_container_id(2);
    at.set_incarnation(options.incarnation);
    at.set_host(process->tcp_endpoint().host);
    at.set_port(process->tcp_endpoint().port);
    a->links.set_peers(news);
    exchange_some();
    ASSERT_TRUE(until([&] { return process->has_peer(1) && process->counters().frames > 0; }));
    // Old news change nothing.
    ASSERT_TRUE(b->links.place(true, moves).ok());
    // And back: on its old port, which has stood for the life of the host all the time.
    ASSERT_TRUE(b->links.place(true, moves + 1).ok());
    exchange_some();
    process.reset();
    EXPECT_EQ(b->listening.port, port.port);
    at.set_incarnation(manager_incarnation(moves + 1, 1));
    at.set_port(b->listening.port);
    at.set_in_host(true);
    a->links.set_peers(news);
  }
  ASSERT_TRUE(until([&] {
    return a->java.arrived.size() >= static_cast<size_t>(sent) && b->java.arrived.size() >= static_cast<size_t>(sent);
  }));
  for (const auto& host : {a.get(), b.get()}) {
    ASSERT_EQ(host->java.arrived.size(), static_cast<size_t>(sent));
    for (int i = 0; i < sent; ++i) EXPECT_EQ(host->java.arrived[static_cast<size_t>(i)].bytes, std::to_string(i));
    EXPECT_THAT(host->lost, IsEmpty());
  }
}

TEST(ReceivePool, IsAnEighthOfTheHeapWithinBounds) {
  EXPECT_EQ(receive_pool_bytes(0, 4), 4u << 20);
  EXPECT_EQ(receive_pool_bytes(64 << 20, 4), 2u << 20);
  EXPECT_EQ(receive_pool_bytes(64 << 20, 1000), 256u << 10);
  EXPECT_EQ(receive_pool_bytes(int64_t{64} << 30, 4), 4u << 20);
}

}  // namespace
}  // namespace petrel
