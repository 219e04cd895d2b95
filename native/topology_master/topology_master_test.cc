#include "native/topology_master/topology_master.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "native/state_store/memory_store.h"
#include "native/stream_manager/placement.h"
#include "native/transport/asio_reactor.h"
#include "native/transport/control_client.h"

namespace petrel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Nanos kPatience = Seconds(20);
const std::string kSecret(32, 's');

/// A host of the topology as the master sees it.
class Host : public ControlClientHandler {
 public:
  Host(Reactor& reactor, TopologyState& state, const TopologyId& id, int32_t container, uint32_t incarnation,
       uint32_t slot, proto::Role role)
      : links_up(slot == kLinksUp),
        client_(
            reactor,
            options(id, container, incarnation, slot == kLinksUp ? static_cast<uint32_t>(container) - 1 : slot, role),
            [&state, id]() -> Result<Endpoint> {
              ASSIGN_OR_RETURN(proto::MasterEndpoint master, state.master(id));
              return Endpoint{master.host(), static_cast<uint16_t>(master.port())};
            },
            *this) {
    client_.start();
  }
  void on_connected() override { ++connected; }
  void on_message(proto::Envelope message) override {
    if (message.has_physical_plan()) plans.push_back(message.physical_plan());
    if (message.has_physical_plan() && links_up) send_links_up(message.physical_plan().epoch());
    if (message.has_data_endpoints()) endpoints.push_back(message.data_endpoints());
    if (message.has_set_status()) drains.push_back(message.set_status().drain_epoch());
    if (message.has_start_executors()) starts.push_back(message.start_executors().epoch());
    if (message.has_set_status()) statuses.push_back(message.set_status().status());
  }
  void on_disconnected(const Status&) override { ++disconnected; }
  void on_refused(const std::string& reason) override { refused.push_back(reason); }
  Status say(const proto::Envelope& message) { return client_.send(message); }
  void send_sample(int64_t emitted, int32_t task, uint32_t incarnation, const std::string& component = "words") {
    proto::Envelope message;
    proto::HostSample& sample = *message.mutable_host_sample();
    sample.set_incarnation(incarnation);
    sample.set_uptime_ms(20'000);
    proto::ExecutorSample& executor = *sample.add_executors();
    executor.set_component(component);
    executor.set_first_task(task);
    executor.set_spout(true);
    proto::StreamCounts& counts = *executor.add_outputs();
    counts.set_stream("default");
    counts.set_emitted(emitted);
    EXPECT_TRUE(client_.send(message).ok());
  }
  void send_error(const std::string& component, const std::string& text) {
    proto::Envelope message;
    message.mutable_error_report()->mutable_error()->set_component(component);
    message.mutable_error_report()->mutable_error()->set_text(text);
    EXPECT_TRUE(client_.send(message).ok());
  }
  void send_links_up(uint64_t epoch) {
    proto::Envelope message;
    message.mutable_links_up()->set_epoch(epoch);
    EXPECT_TRUE(client_.send(message).ok());
  }
  void send(const proto::Envelope& message) { EXPECT_TRUE(client_.send(message).ok()); }
  void stop() { client_.stop(); }

  static constexpr uint32_t kLinksUp = 1'000;  // a host (slot = container - 1) that says so by itself

  const bool links_up;
  int connected = 0;
  int disconnected = 0;
  std::vector<proto::PhysicalPlan> plans;
  std::vector<uint64_t> starts;
  std::vector<proto::TopologyStatus> statuses;
  std::vector<uint64_t> drains;
  std::vector<proto::DataEndpoints> endpoints;
  std::vector<std::string> refused;

 private:
  static ControlClientOptions options(const TopologyId& id, int32_t container, uint32_t incarnation, uint32_t slot,
                                      proto::Role role) {
    ControlClientOptions options;
    options.identity = {id.get(), kSecret, role, container, incarnation, slot};
    options.backoff_min = Millis(5);
    options.backoff_max = Millis(20);
    return options;
  }
  ControlClient client_;
};

class TopologyMasterTest : public testing::Test {
 protected:
  void SetUp() override {
    base.set_status(proto::STATUS_ACTIVE);
    ASSERT_TRUE(state.put_base(id, base, 0).ok());
    plan.set_epoch(5);
    plan.mutable_logical()->set_topology_id(id.get());
    for (const char* name : {"words", "count"}) plan.mutable_logical()->add_components()->set_name(name);
    for (int32_t container : {1, 2}) {
      proto::ContainerPlan& packed = *plan.mutable_packing()->add_containers();
      packed.set_container_id(container);
      packed.set_host("localhost");
      packed.set_port(6700 + container);
      proto::ExecutorPlacement& executor = *packed.add_executors();
      executor.set_component(container == 1 ? "words" : "count");
      executor.set_first_task(container);
      executor.set_last_task(container);
    }
    ASSERT_TRUE(state.put_plan(id, plan, 0).ok());
  }
  Status start_master() {
    TopologyMasterOptions options;
    options.topology = id;
    options.secret = kSecret;
    options.retry = Millis(20);
    master = std::make_unique<TopologyMaster>(reactor, store, options);
    return master->start();
  }
  std::unique_ptr<Host> host(int32_t container, uint32_t incarnation = 1, uint32_t slot = Host::kLinksUp) {
    return std::make_unique<Host>(reactor, state, id, container, incarnation, slot, proto::ROLE_HOST);
  }
  std::unique_ptr<Host> stream_manager(int32_t container, uint32_t incarnation = 1) {
    return std::make_unique<Host>(reactor, state, id, container, incarnation, 0, proto::ROLE_STREAM_MANAGER);
  }
  /// Container 1 gets a native host (slot 1) and so a stream manager process; container 2's host is slot 2.
  void add_native_host() {
    proto::ContainerPlan& first = *plan.mutable_packing()->mutable_containers(0);
    first.add_executors()->CopyFrom(first.executors(0));
    first.mutable_executors(1)->set_first_task(3);
    first.mutable_executors(1)->set_last_task(3);
    first.set_stream_manager(proto::STREAM_MANAGER_PROCESS);
    plan.mutable_packing()->mutable_containers(1)->set_stream_manager(proto::STREAM_MANAGER_IN_HOST);
    const auto add = [](proto::ContainerPlan& container, uint32_t slot, proto::HostKind kind, int32_t executor) {
      proto::HostPlan& host = *container.add_hosts();
      host.set_slot(slot);
      host.set_kind(kind);
      host.add_executors(executor);
    };
    add(first, 0, proto::HOST_JVM, 1);
    add(first, 1, proto::HOST_NATIVE, 3);
    add(*plan.mutable_packing()->mutable_containers(1), 2, proto::HOST_JVM, 2);
    ASSERT_TRUE(state.put_plan(id, plan, state.plan(id)->version).ok());
  }
  static proto::Envelope listening(int32_t port) {
    proto::Envelope message;
    message.mutable_data_endpoint()->set_host("127.0.0.1");
    message.mutable_data_endpoint()->set_port(port);
    return message;
  }
  bool until(const std::function<bool()>& done) { return reactor.run_until(done, kPatience); }
  /// As Nimbus asks; here through a handler of our own since the master's loop is this thread.
  proto::Envelope call(proto::Envelope request) {
    struct Nimbus : ControlClientHandler {
      void on_connected() override { connected = true; }
      void on_message(proto::Envelope message) override { reply = std::move(message), answered = true; }
      void on_disconnected(const Status&) override {}
      void on_refused(const std::string&) override {}
      bool connected = false;
      bool answered = false;
      proto::Envelope reply;
    } nimbus;
    ControlClientOptions options;
    options.identity = {id.get(), kSecret, proto::ROLE_NIMBUS, 0, 0};
    ControlClient client(reactor, options, [&]() -> Result<Endpoint> { return master->endpoint(); }, nimbus);
    client.start();
    EXPECT_TRUE(until([&] { return nimbus.connected; }));
    request.set_request_id(9);
    EXPECT_TRUE(client.send(request).ok());
    EXPECT_TRUE(until([&] { return nimbus.answered; }));
    return nimbus.reply;
  }
  proto::StatsReply stats() {
    proto::Envelope request;
    request.mutable_stats_request();
    return call(request).stats_reply();
  }

  AsioReactor reactor;
  MemoryStore store{&reactor};
  TopologyState state{store};
  TopologyId id{"words-1-1700000000"};
  proto::TopologyBase base;
  proto::PhysicalPlan plan;
  std::unique_ptr<TopologyMaster> master;
};

TEST_F(TopologyMasterTest, ExecutorsStartWhenAllContainersAreThere) {
  ASSERT_TRUE(start_master().ok());
  auto one = host(1);
  ASSERT_TRUE(until([&] { return one->plans.size() == 1; }));
  EXPECT_EQ(one->plans[0].epoch(), 5u);
  EXPECT_EQ(one->plans[0].status(), proto::STATUS_ACTIVE);
  EXPECT_THAT(one->plans[0].missing_containers(), ElementsAre(2));
  EXPECT_THAT(stats().missing_containers(), ElementsAre(2));
  EXPECT_THAT(one->starts, IsEmpty());
  auto two = host(2);
  ASSERT_TRUE(until([&] { return one->starts.size() == 1 && two->starts.size() == 1; }));
  EXPECT_THAT(two->plans[0].missing_containers(), IsEmpty());
  EXPECT_EQ(one->starts[0], 5u);
  EXPECT_THAT(stats().missing_containers(), IsEmpty());
}

TEST_F(TopologyMasterTest, ARestartedHostStartsAtOnceAndCounts) {
  ASSERT_TRUE(start_master().ok());
  auto one = host(1);
  auto two = host(2);
  ASSERT_TRUE(until([&] { return one->starts.size() == 1 && two->starts.size() == 1; }));
  two.reset();
  ASSERT_TRUE(until([&] { return stats().missing_containers_size() == 1; }));
  auto again = host(2, 2);
  ASSERT_TRUE(until([&] { return again->starts.size() == 1; }));
  EXPECT_EQ(stats().host_restarts(), 1u);
  EXPECT_EQ(one->starts.size(), 1u);
}

TEST_F(TopologyMasterTest, AStaleIncarnationIsRefusedAndTheNewerOfTwoWins) {
  ASSERT_TRUE(start_master().ok());
  auto newer = host(1, 7);
  ASSERT_TRUE(until([&] { return newer->connected == 1; }));
  auto stale = host(1, 6);
  ASSERT_TRUE(until([&] { return !stale->refused.empty(); }));
  EXPECT_THAT(stale->refused[0], HasSubstr("incarnation 6"));
  EXPECT_EQ(newer->disconnected, 0);
  stale->stop();
  auto newest = host(1, 8);
  ASSERT_TRUE(until([&] { return newest->connected == 1 && newer->disconnected == 1; }));
  ASSERT_TRUE(until([&] { return !newer->refused.empty(); }));  // it comes back and is stale now
  EXPECT_EQ(newest->disconnected, 0);
}

TEST_F(TopologyMasterTest, StreamManagersMoveAndStatsSayWhereTheyAre) {
  ASSERT_TRUE(start_master().ok());
  auto one = host(1, 7);
  auto two = host(2, 3);
  ASSERT_TRUE(until([&] { return one->starts.size() == 1 && two->starts.size() == 1; }));
  EXPECT_TRUE(one->say(listening(4001)).ok());
  EXPECT_TRUE(two->say(listening(4002)).ok());
  ASSERT_TRUE(until([&] { return !two->endpoints.empty() && two->endpoints.back().endpoints_size() == 2; }));
  EXPECT_EQ(two->endpoints.back().endpoints(0).incarnation(), 7u);
  EXPECT_TRUE(two->endpoints.back().endpoints(0).in_host());
  const auto ask = [&](proto::StreamManagerPlacement placement, int32_t container) {
    proto::Envelope request;
    request.mutable_place_stream_manager()->set_placement(placement);
    request.mutable_place_stream_manager()->set_container_id(container);
    return call(request).place_stream_manager_reply();
  };
  EXPECT_THAT(ask(proto::STREAM_MANAGER_UNSET, 0).refused(), HasSubstr("placement 0 is unknown"));
  EXPECT_THAT(ask(proto::STREAM_MANAGER_PROCESS, 9).refused(), HasSubstr("container 9 is not in the plan"));
  EXPECT_THAT(ask(proto::STREAM_MANAGER_IN_HOST, 0).moved(), IsEmpty());
  EXPECT_EQ(one->plans.size(), 1u);
  EXPECT_THAT(ask(proto::STREAM_MANAGER_PROCESS, 1).moved(), ElementsAre(1));
  // On disk, and told to the hosts, with the same epoch.
  const proto::ContainerPlan stored = state.plan(id)->value.packing().containers(0);
  EXPECT_EQ(stored.stream_manager(), proto::STREAM_MANAGER_PROCESS);
  EXPECT_EQ(stored.stream_manager_moves(), 1u);
  ASSERT_TRUE(until([&] { return one->plans.size() == 2 && two->plans.size() == 2; }));
  EXPECT_EQ(one->plans[1].epoch(), 5u);
  EXPECT_EQ(one->plans[1].packing().containers(0).stream_manager(), proto::STREAM_MANAGER_PROCESS);
  // The host's port is not news any more; the process has its say.
  EXPECT_TRUE(one->say(listening(4009)).ok());
  auto manager = stream_manager(1, 1);
  ASSERT_TRUE(until([&] { return manager->connected == 1; }));
  EXPECT_TRUE(manager->say(listening(5001)).ok());
  ASSERT_TRUE(until([&] { return two->endpoints.back().endpoints(0).port() == 5001; }));
  EXPECT_EQ(two->endpoints.back().endpoints(0).incarnation(), manager_incarnation(1, 1));
  EXPECT_FALSE(two->endpoints.back().endpoints(0).in_host());
  const proto::StatsReply now = stats();
  ASSERT_EQ(now.stream_managers_size(), 2);
  EXPECT_EQ(now.stream_managers(0).placement(), proto::STREAM_MANAGER_PROCESS);
  EXPECT_EQ(now.stream_managers(0).port(), 5001);
  EXPECT_EQ(now.stream_managers(0).pid(), getpid());
  EXPECT_EQ(now.stream_managers(1).placement(), proto::STREAM_MANAGER_IN_HOST);
  EXPECT_EQ(now.stream_managers(1).port(), 4002);
  // A restarted topology master goes on from there.
  master.reset();
  ASSERT_TRUE(start_master().ok());
  EXPECT_THAT(ask(proto::STREAM_MANAGER_IN_HOST, 0).moved(), ElementsAre(1));
  EXPECT_EQ(state.plan(id)->value.packing().containers(0).stream_manager_moves(), 2u);
}

TEST_F(TopologyMasterTest, AContainerOutsideThePlanIsRefused) {
  ASSERT_TRUE(start_master().ok());
  auto stranger = host(3);
  ASSERT_TRUE(until([&] { return !stranger->refused.empty(); }));
  EXPECT_THAT(stranger->refused[0], HasSubstr("container 3"));
}

TEST_F(TopologyMasterTest, ExecutorsStartWhenEveryHostReachesAllOthers) {
  add_native_host();
  ASSERT_TRUE(start_master().ok());
  auto java = host(1, 1, 0);
  auto native = host(1, 1, 1);
  auto far = host(2, 1, 2);
  ASSERT_TRUE(until([&] { return java->plans.size() == 1 && native->plans.size() == 1 && far->plans.size() == 1; }));
  EXPECT_EQ(java->plans[0].packing().containers(0).hosts_size(), 2);
  ASSERT_TRUE(until([&] { return stats().missing_slots_size() == 0; }));
  java->send_links_up(5);
  native->send_links_up(4);  // of another plan
  far->send_links_up(5);
  EXPECT_THAT(stats().missing_containers(), IsEmpty());
  EXPECT_THAT(java->starts, IsEmpty());
  native.reset();
  ASSERT_TRUE(until([&] { return stats().missing_slots_size() == 1; }));
  EXPECT_EQ(stats().missing_slots(0), 1u);
  EXPECT_THAT(stats().missing_containers(), ElementsAre(1));
  native = host(1, 2, 1);
  ASSERT_TRUE(until([&] { return native->plans.size() == 1; }));
  native->send_links_up(5);
  ASSERT_TRUE(until([&] { return java->starts.size() == 1 && native->starts.size() == 1 && far->starts.size() == 1; }));
  EXPECT_EQ(stats().host_restarts(), 1u);
}

TEST_F(TopologyMasterTest, EndpointsOfStreamManagersReachAllOfThem) {
  add_native_host();
  ASSERT_TRUE(start_master().ok());
  auto java = host(1, 1, 0);
  auto far = host(2, 1, 2);
  auto manager = stream_manager(1);
  ASSERT_TRUE(until([&] { return java->connected == 1 && far->connected == 1 && manager->plans.size() == 1; }));
  manager->send(listening(4001));
  far->send(listening(4002));
  java->send(listening(4003));  // its container has a stream manager of its own: not believed
  const auto knows_both = [](const Host& peer) {
    return !peer.endpoints.empty() && peer.endpoints.back().endpoints_size() == 2;
  };
  ASSERT_TRUE(until([&] { return knows_both(*manager) && knows_both(*far); }));
  const proto::DataEndpoint& first = manager->endpoints.back().endpoints(0);
  EXPECT_EQ(first.container_id(), 1);
  EXPECT_EQ(first.incarnation(), 1u);
  EXPECT_EQ(first.port(), 4001);
  EXPECT_EQ(manager->endpoints.back().endpoints(1).port(), 4002);
  EXPECT_THAT(java->endpoints, IsEmpty());
  // A restarted one says where it listens now; a stale one is not let in.
  manager.reset();
  auto again = stream_manager(1, 2);
  ASSERT_TRUE(until([&] { return again->endpoints.size() == 1; }));
  EXPECT_EQ(again->endpoints[0].endpoints_size(), 2);
  again->send(listening(4011));
  ASSERT_TRUE(until([&] { return far->endpoints.back().endpoints(0).port() == 4011; }));
  EXPECT_EQ(far->endpoints.back().endpoints(0).incarnation(), 2u);
  auto stale = stream_manager(1, 1);
  ASSERT_TRUE(until([&] { return !stale->refused.empty(); }));
  auto misplaced = stream_manager(2, 1);
  ASSERT_TRUE(until([&] { return !misplaced->refused.empty(); }));
  EXPECT_THAT(misplaced->refused[0], HasSubstr("gives container 2 no stream manager of its own"));
}

TEST_F(TopologyMasterTest, AfterItsRestartAPreparedHostTellsThatTheTopologyRuns) {
  ASSERT_TRUE(start_master().ok());
  auto one = host(1);
  ASSERT_TRUE(until([&] { return one->plans.size() == 1; }));
  EXPECT_THAT(one->starts, IsEmpty());  // container 2 never came in this life
  proto::Envelope prepared;
  prepared.mutable_prepared()->set_epoch(5);
  one->send(prepared);
  ASSERT_TRUE(until([&] { return one->starts.size() == 1; }));
  auto two = host(2, 4);
  ASSERT_TRUE(until([&] { return two->starts.size() == 1; }));
}

TEST_F(TopologyMasterTest, EachChangeAwayFromActiveIsADrainOfItsOwn) {
  ASSERT_TRUE(start_master().ok());
  auto one = host(1);
  auto two = host(2);
  ASSERT_TRUE(until([&] { return one->starts.size() == 1 && two->starts.size() == 1; }));
  const auto write = [&](proto::TopologyStatus status) {
    base.set_status(status);
    ASSERT_TRUE(state.put_base(id, base, state.base(id)->version).ok());
  };
  for (auto status : {proto::STATUS_INACTIVE, proto::STATUS_ACTIVE, proto::STATUS_KILLED}) {
    const size_t before = one->statuses.size();
    write(status);
    ASSERT_TRUE(until([&] { return one->statuses.size() > before; }));
  }
  ASSERT_EQ(one->drains.size(), 3u);
  EXPECT_GT(one->drains[0], 0u);
  EXPECT_EQ(one->drains[1], 0u);
  EXPECT_GT(one->drains[2], one->drains[0]);
  auto again = host(2, 2);  // a host that comes during the drain hears of it
  ASSERT_TRUE(until([&] { return again->drains.size() == 1; }));
  EXPECT_EQ(again->drains[0], one->drains[2]);
}

TEST_F(TopologyMasterTest, WhoComesAfterTheStatusChangedHearsOfTheDrainAtTheStart) {
  ASSERT_TRUE(start_master().ok());
  auto one = host(1);
  ASSERT_TRUE(until([&] { return one->plans.size() == 1; }));
  base.set_status(proto::STATUS_INACTIVE);
  ASSERT_TRUE(state.put_base(id, base, state.base(id)->version).ok());
  ASSERT_TRUE(until([&] { return one->drains.size() == 1; }));
  EXPECT_THAT(one->starts, IsEmpty());
  auto two = host(2);
  ASSERT_TRUE(until([&] { return two->drains.size() == 1; }));
  EXPECT_THAT(two->starts, SizeIs(1));
  EXPECT_EQ(two->drains[0], one->drains[0]);
}

TEST_F(TopologyMasterTest, AfterItsRestartItDrainsWhatIsNotActiveAnew) {
  base.set_status(proto::STATUS_KILLED);
  ASSERT_TRUE(state.put_base(id, base, state.base(id)->version).ok());
  ASSERT_TRUE(start_master().ok());
  auto one = host(1);
  auto two = host(2);
  ASSERT_TRUE(until([&] { return one->drains.size() == 1 && two->drains.size() == 1; }));
  EXPECT_GT(one->drains[0], 0u);
  EXPECT_EQ(one->drains[0], two->drains[0]);
}

TEST(LinkTotals, SumsProcessesAndIncarnations) {
  LinkTotals totals;
  totals.allow(1);
  totals.allow(2);
  const auto sample = [](int32_t from, int32_t to, uint64_t frames, uint64_t tuples) {
    proto::LinkSample out;
    proto::PairCount& pair = *out.add_pairs();
    pair.set_from_container(from);
    pair.set_to_container(to);
    pair.set_frames(frames);
    pair.set_tuples(tuples);
    return out;
  };
  const LinkTotals::Process manager{proto::ROLE_STREAM_MANAGER, 1, 0};
  const LinkTotals::Process host{proto::ROLE_HOST, 2, 1};
  totals.take(manager, 1, sample(1, 2, 10, 0));
  totals.take(manager, 1, sample(1, 2, 12, 0));
  totals.take(host, 1, sample(1, 2, 0, 100));
  totals.take(manager, 2, sample(1, 2, 3, 0));
  totals.take(manager, 1, sample(1, 2, 99, 0));  // late
  totals.take(host, 1, sample(1, 7, 0, 5));      // the plan has no container 7; the process counts no other pair now
  auto sums = totals.totals();
  ASSERT_EQ(sums.size(), 1u);
  EXPECT_EQ((sums[{1, 2}].frames()), 15u);
  EXPECT_EQ((sums[{1, 2}].tuples()), 0u);
  totals.take(host, 1, sample(1, 2, 0, 130));
  EXPECT_EQ((totals.totals()[{1, 2}].tuples()), 130u);
  // How late leases came, by class.
  proto::LinkSample late = sample(1, 2, 4, 0);
  for (const uint64_t count : {5, 0, 1}) late.mutable_pairs(0)->add_lease_delays(count);
  totals.take(manager, 3, late);
  EXPECT_THAT((totals.totals()[{1, 2}].lease_delays()), ElementsAre(5, 0, 1));
  totals.take(manager, 4, late);
  EXPECT_THAT((totals.totals()[{1, 2}].lease_delays()), ElementsAre(10, 0, 2));
}

TEST_F(TopologyMasterTest, AStatusInTheStoreReachesTheHosts) {
  ASSERT_TRUE(start_master().ok());
  auto one = host(1);
  ASSERT_TRUE(until([&] { return one->plans.size() == 1; }));
  const auto write = [&](proto::TopologyStatus status) {
    base.set_status(status);
    ASSERT_TRUE(state.put_base(id, base, state.base(id)->version).ok());
  };
  write(proto::STATUS_INACTIVE);
  ASSERT_TRUE(until([&] { return one->statuses.size() == 1; }));
  write(proto::STATUS_KILLED);
  ASSERT_TRUE(until([&] { return one->statuses.size() == 2; }));
  EXPECT_THAT(one->statuses, ElementsAre(proto::STATUS_INACTIVE, proto::STATUS_KILLED));
  EXPECT_EQ(stats().status(), proto::STATUS_KILLED);
}

TEST_F(TopologyMasterTest, StatisticsListEveryExecutorOfThePlanAlsoSilentOnes) {
  ASSERT_TRUE(start_master().ok());
  auto one = host(1);
  ASSERT_TRUE(until([&] { return one->plans.size() == 1; }));
  one->send_sample(50, 1, 1);
  one->send_sample(70, 1, 1);
  one->send_sample(999, 2, 1, "count");  // another container's executor: not counted
  one->send_sample(999, 17, 1);          // not in the plan
  ASSERT_TRUE(until([&] { return stats().executors(0).windows(3).outputs_size() == 1; }));
  auto reply = stats();
  ASSERT_EQ(reply.executors_size(), 2);
  EXPECT_EQ(reply.executors(0).component(), "words");
  EXPECT_EQ(reply.executors(0).port(), 6701);
  EXPECT_GE(reply.executors(0).uptime_s(), 20);
  ASSERT_TRUE(until([&] { return stats().executors(0).windows(3).outputs(0).emitted() == 70; }));
  EXPECT_EQ(reply.executors(1).component(), "count");
  ASSERT_EQ(reply.executors(1).windows_size(), 4);
  EXPECT_EQ(reply.executors(1).windows(3).outputs_size(), 0);
}

TEST_F(TopologyMasterTest, ErrorsAreBoundedStoredAndRestored) {
  ASSERT_TRUE(start_master().ok());
  auto one = host(1);
  ASSERT_TRUE(until([&] { return one->plans.size() == 1; }));
  for (int i = 0; i < 15; ++i) one->send_error("words", "java.lang.RuntimeException: " + std::to_string(i));
  one->send_error("no such component", "x");
  ASSERT_TRUE(until([&] {
    auto stored = state.errors(id, "words");
    return stored.ok() && stored->value.errors_size() == 10 &&
           stored->value.errors(0).text() == "java.lang.RuntimeException: 14";
  }));
  EXPECT_EQ(state.errors(id, "words")->value.errors(0).port(), 6701);
  EXPECT_THAT(*state.components_with_errors(id), ElementsAre("words"));
  one.reset();
  master.reset();
  ASSERT_TRUE(start_master().ok());
  EXPECT_EQ(stats().errors_size(), 10);
}

TEST_F(TopologyMasterTest, AfterItsRestartHostsComeBackWithTheSameEpoch) {
  ASSERT_TRUE(start_master().ok());
  auto one = host(1, 3);
  auto two = host(2, 3);
  ASSERT_TRUE(until([&] { return one->starts.size() == 1 && two->starts.size() == 1; }));
  master.reset();
  ASSERT_TRUE(until([&] { return one->disconnected == 1 && two->disconnected == 1; }));
  EXPECT_EQ(state.master(id).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(start_master().ok());
  ASSERT_TRUE(until([&] { return one->plans.size() == 2 && two->plans.size() == 2; }));
  EXPECT_EQ(one->plans[1].epoch(), one->plans[0].epoch());
  EXPECT_EQ(stats().host_restarts(), 0u);
}

TEST_F(TopologyMasterTest, WaitsForTheRecordOfAPredecessorThatStillLives) {
  auto predecessor = state.register_master(id, proto::MasterEndpoint());
  ASSERT_TRUE(start_master().ok());
  EXPECT_EQ(state.master(id)->port(), 0);
  predecessor->reset();
  EXPECT_TRUE(until([&] {
    auto found = state.master(id);
    return found.ok() && found->port() == master->endpoint().port;
  }));
}

TEST_F(TopologyMasterTest, WhatAPredecessorMovedWhileWeWaitedCounts) {
  ASSERT_TRUE(start_master().ok());
  auto first = std::move(master);
  ASSERT_TRUE(start_master().ok());  // waits
  const auto ask = [&](proto::StreamManagerPlacement placement) {
    proto::Envelope request;
    request.mutable_place_stream_manager()->set_placement(placement);
    request.mutable_place_stream_manager()->set_container_id(1);
    return call(request).place_stream_manager_reply();
  };
  std::swap(first, master);
  EXPECT_THAT(ask(proto::STREAM_MANAGER_PROCESS).moved(), ElementsAre(1));
  std::swap(first, master);
  first.reset();
  ASSERT_TRUE(until([&] {
    auto found = state.master(id);
    return found.ok() && found->port() == master->endpoint().port;
  }));
  EXPECT_EQ(stats().stream_managers(0).placement(), proto::STREAM_MANAGER_PROCESS);
  auto one = host(1);
  ASSERT_TRUE(until([&] { return one->plans.size() == 1; }));
  EXPECT_EQ(one->plans[0].packing().containers(0).stream_manager(), proto::STREAM_MANAGER_PROCESS);
  EXPECT_EQ(one->plans[0].packing().containers(0).stream_manager_moves(), 1u);
  EXPECT_THAT(ask(proto::STREAM_MANAGER_IN_HOST).moved(), ElementsAre(1));
  EXPECT_EQ(state.plan(id)->value.packing().containers(0).stream_manager_moves(), 2u);
}

TEST_F(TopologyMasterTest, PlansThatCannotBeRunAreRefused) {
  const auto refused = [&](const std::function<void(proto::PhysicalPlan&)>& change) {
    proto::PhysicalPlan changed = plan;
    change(changed);
    EXPECT_TRUE(state.put_plan(id, changed, state.plan(id)->version).ok());
    Status started = start_master();
    master.reset();
    return started.code() == StatusCode::kMalformed;
  };
  EXPECT_TRUE(refused([](auto& p) { p.set_epoch(0); }));
  EXPECT_TRUE(refused([](auto& p) { p.clear_packing(); }));
  EXPECT_TRUE(refused([](auto& p) { p.mutable_packing()->mutable_containers(1)->set_container_id(1); }));
  EXPECT_TRUE(
      refused([](auto& p) { p.mutable_packing()->mutable_containers(1)->mutable_executors(0)->set_first_task(1); }));
  id = TopologyId("none-1-1");
  EXPECT_EQ(start_master().code(), StatusCode::kNotFound);
}

TEST(ErrorLog, LongTextsAreCut) {
  ErrorLog log;
  log.allow("a");
  proto::ErrorEntry error;
  error.set_component("a");
  error.set_text(std::string(1'000'000, 'x'));
  EXPECT_TRUE(log.add(error));
  EXPECT_EQ(log.all()[0].text().size(), ErrorLog::kTextBytesMax);
  error.set_component("b");
  EXPECT_FALSE(log.add(error));
  EXPECT_THAT(log.take_changed(), ElementsAre("a"));
  EXPECT_THAT(log.take_changed(), IsEmpty());
}

}  // namespace
}  // namespace petrel
