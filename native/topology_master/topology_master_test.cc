#include "native/topology_master/topology_master.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "native/state_store/memory_store.h"
#include "native/transport/asio_reactor.h"
#include "native/transport/control_client.h"

namespace petrel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Nanos kPatience = Seconds(20);
const std::string kSecret(32, 's');

/// A host of the topology as the master sees it.
class Host : public ControlClientHandler {
 public:
  Host(Reactor& reactor, TopologyState& state, const TopologyId& id, int32_t container, uint32_t incarnation)
      : client_(
            reactor, options(id, container, incarnation),
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
    if (message.has_start_executors()) starts.push_back(message.start_executors().epoch());
    if (message.has_set_status()) statuses.push_back(message.set_status().status());
  }
  void on_disconnected(const Status&) override { ++disconnected; }
  void on_refused(const std::string& reason) override { refused.push_back(reason); }
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
  void stop() { client_.stop(); }

  int connected = 0;
  int disconnected = 0;
  std::vector<proto::PhysicalPlan> plans;
  std::vector<uint64_t> starts;
  std::vector<proto::TopologyStatus> statuses;
  std::vector<std::string> refused;

 private:
  static ControlClientOptions options(const TopologyId& id, int32_t container, uint32_t incarnation) {
    ControlClientOptions options;
    options.identity = {id.get(), kSecret, proto::ROLE_HOST, container, incarnation};
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
  std::unique_ptr<Host> host(int32_t container, uint32_t incarnation = 1) {
    return std::make_unique<Host>(reactor, state, id, container, incarnation);
  }
  bool until(const std::function<bool()>& done) { return reactor.run_until(done, kPatience); }
  /// As Nimbus asks; here through a handler of our own since the master's loop is this thread.
  proto::StatsReply stats() {
    struct Nimbus : ControlClientHandler {
      void on_connected() override { connected = true; }
      void on_message(proto::Envelope message) override { reply = message.stats_reply(), answered = true; }
      void on_disconnected(const Status&) override {}
      void on_refused(const std::string&) override {}
      bool connected = false;
      bool answered = false;
      proto::StatsReply reply;
    } nimbus;
    ControlClientOptions options;
    options.identity = {id.get(), kSecret, proto::ROLE_NIMBUS, 0, 0};
    ControlClient client(reactor, options, [&]() -> Result<Endpoint> { return master->endpoint(); }, nimbus);
    client.start();
    EXPECT_TRUE(until([&] { return nimbus.connected; }));
    proto::Envelope request;
    request.set_request_id(9);
    request.mutable_stats_request();
    EXPECT_TRUE(client.send(request).ok());
    EXPECT_TRUE(until([&] { return nimbus.answered; }));
    return nimbus.reply;
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

TEST_F(TopologyMasterTest, AContainerOutsideThePlanIsRefused) {
  ASSERT_TRUE(start_master().ok());
  auto stranger = host(3);
  ASSERT_TRUE(until([&] { return !stranger->refused.empty(); }));
  EXPECT_THAT(stranger->refused[0], HasSubstr("container 3"));
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
