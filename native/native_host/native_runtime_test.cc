#include "native/native_host/native_runtime.h"

#include <gtest/gtest.h>

#include <optional>

#include "native/packing/physical_plan.h"

namespace petrel {
namespace {

const std::string kLibraries = std::string(PETREL_BUILD_DIR) + "/topologies";

Component component(const std::string& name, ComponentKind kind, const std::string& from, const std::string& library,
                    const std::string& registered) {
  Component made;
  made.name = name;
  made.kind = kind;
  made.streams = {Stream{"default", {"v"}, false}};
  if (!from.empty()) made.inputs = {Input{from, "default", GroupingKind::kShuffle, {}, ""}};
  made.json_conf =
      R"({"petrel.native.library": ")" + library + R"(", "petrel.native.component": ")" + registered + R"("})";
  return made;
}

// Task n is the only one of the n-th component; containers[n - 1] is where it runs.
PhysicalPlan plan_of(std::vector<Component> components, const std::vector<int32_t>& containers) {
  PhysicalPlan plan;
  plan.epoch = 3;
  plan.logical.topology_id = "test-1-1";
  plan.logical.topology_name = "test";
  plan.logical.components = std::move(components);
  assign_task_ids(plan.logical);
  plan.status = TopologyStatus::kActive;
  for (int32_t id = 1; id <= *std::max_element(containers.begin(), containers.end()); ++id) {
    ContainerPlan container;
    container.container_id = id;
    container.host = "127.0.0.1";
    container.port = 6700 + id;
    HostPlan host;
    host.slot = static_cast<uint32_t>(id - 1);
    host.kind = HostKind::kNative;
    for (size_t i = 0; i < containers.size(); ++i) {
      if (containers[i] != id) continue;
      const auto task = static_cast<int32_t>(i + 1);
      container.executors.push_back({plan.logical.components[i].name, {task, task}, {}});
      host.executors.push_back(task);
    }
    container.hosts = {host};
    plan.packing.containers.push_back(std::move(container));
  }
  return plan;
}

// A runtime with what it said. All on one control loop.
struct Process {
  Process(AsioReactor& loop, int32_t container, ConfMap conf = {}) {
    NativeRuntimeOptions options;
    options.host.container_id = container;
    options.host.incarnation = 1;
    options.host.slot = static_cast<uint32_t>(container - 1);
    options.topology_id = "test-1-1";
    options.secret = std::string(32, 's');
    options.resources_dir = kLibraries;
    options.conf = std::move(conf);
    options.entropy = 1000 + static_cast<uint64_t>(container);
    NativeRuntimeEvents events;
    events.prepared = [this, &loop] { loop.post([this] { prepared = true; }); };
    events.report_error = [](const std::string&, int32_t, const std::string&) {};
    events.die = [this, &loop](const std::string&, int32_t, const std::string& text) {
      loop.post([this, text] { died = text; });
    };
    events.fail = [this, &loop](const Status& why) { loop.post([this, why] { failed = why; }); };
    events.listening = [this, &loop](const Endpoint& at) { loop.post([this, at] { listening = at; }); };
    events.links_up = [this, &loop](uint64_t epoch) { loop.post([this, epoch] { links_up = epoch; }); };
    events.drained = [this, &loop](uint64_t epoch) { loop.post([this, epoch] { drained = epoch; }); };
    events.stopped = [this, &loop](int code) { loop.post([this, code] { stopped = code; }); };
    runtime = std::make_unique<NativeRuntime>(SystemClock::instance(), loop, std::move(options), std::move(events));
  }
  void boot(const PhysicalPlan& plan) {
    runtime->boot(*runtime->encode(plan.to_proto(), {}), [this](Status status) { booted = status; });
  }
  int64_t acked() {
    proto::HostSample sample;
    runtime->sample([&](Result<std::string> bytes) { latest = *runtime->decode(*bytes); });
    int64_t sum = 0;
    for (const proto::ExecutorSample& executor : latest.executors()) {
      for (const proto::StreamCounts& stream : executor.outputs()) sum += stream.acked();
    }
    return sum;
  }

  std::optional<Status> booted;
  bool prepared = false;
  std::optional<std::string> died;
  Status failed;
  std::optional<Endpoint> listening;
  uint64_t links_up = 0;
  uint64_t drained = 0;
  std::optional<int> stopped;
  proto::HostSample latest;
  std::unique_ptr<NativeRuntime> runtime;
};

TEST(NativeRuntime, OneHostRunsDrainsAndStops) {
  AsioReactor loop;
  ConfMap conf;
  conf.set("topology.max.spout.pending", 100);
  Process host(loop, 1, conf);
  host.boot(plan_of({component("a", ComponentKind::kSpout, "", "libpetrel_test_components.so", "counter"),
                     component("b", ComponentKind::kBolt, "a", "libpetrel_example.so", "identity"),
                     component("c", ComponentKind::kBolt, "b", "libpetrel_example.so", "identity")},
                    {1, 1, 1}));
  ASSERT_TRUE(loop.run_until([&] { return host.booted.has_value(); }, Seconds(10)));
  ASSERT_TRUE(host.booted->ok()) << host.booted->to_string();
  host.runtime->start(true, [](Status) {});
  EXPECT_TRUE(loop.run_until([&] { return host.prepared && host.acked() > 2000; }, Seconds(60)));
  host.runtime->set_active(false, [](Status) {});
  host.runtime->drain(7);
  EXPECT_TRUE(loop.run_until([&] { return host.drained == 7; }, Seconds(60)));
  EXPECT_TRUE(loop.run_until(
      [&] {
        const int64_t acked = host.acked();
        return host.latest.executors_size() == 3 && host.latest.executors(0).pending() == 0 &&
               acked == host.latest.executors(0).outputs(0).emitted();
      },
      Seconds(60)));
  host.runtime->stop(Millis(5000), 5);
  EXPECT_TRUE(loop.run_until([&] { return host.stopped.has_value(); }, Seconds(60)));
  EXPECT_EQ(host.stopped, 5);
  EXPECT_FALSE(host.died.has_value()) << *host.died;
}

TEST(NativeRuntime, TwoContainersWithAStreamManagerInEach) {
  AsioReactor loop;
  ConfMap conf;
  conf.set("topology.max.spout.pending", 100);
  Process first(loop, 1, conf);
  Process second(loop, 2, conf);
  const PhysicalPlan plan =
      plan_of({component("a", ComponentKind::kSpout, "", "libpetrel_test_components.so", "counter"),
               component("b", ComponentKind::kBolt, "a", "libpetrel_example.so", "identity"),
               component("c", ComponentKind::kBolt, "b", "libpetrel_example.so", "identity")},
              {1, 2, 1});
  for (Process* host : {&first, &second}) host->boot(plan);
  ASSERT_TRUE(loop.run_until([&] { return first.listening && second.listening; }, Seconds(10)))
      << first.booted->to_string();
  proto::DataEndpoints endpoints;
  for (Process* host : {&first, &second}) {
    proto::DataEndpoint& endpoint = *endpoints.add_endpoints();
    endpoint.set_container_id(host == &first ? 1 : 2);
    endpoint.set_incarnation(1);
    endpoint.set_host(host->listening->host);
    endpoint.set_port(host->listening->port);
  }
  for (Process* host : {&first, &second}) host->runtime->set_peers(endpoints);
  ASSERT_TRUE(loop.run_until([&] { return first.links_up == 3 && second.links_up == 3; }, Seconds(30)));
  for (Process* host : {&first, &second}) host->runtime->start(true, [](Status) {});
  EXPECT_TRUE(loop.run_until([&] { return first.acked() > 2000; }, Seconds(60)));
  for (Process* host : {&first, &second}) host->runtime->set_active(false, [](Status) {});
  for (Process* host : {&first, &second}) host->runtime->drain(1);
  EXPECT_TRUE(loop.run_until([&] { return first.drained == 1 && second.drained == 1; }, Seconds(60)));
  EXPECT_TRUE(
      loop.run_until([&] { return first.acked() == first.latest.executors(0).outputs(0).emitted(); }, Seconds(60)));
  proto::LinkSample links = second.runtime->link_sample();
  EXPECT_FALSE(first.died || second.died);
  EXPECT_EQ(first.latest.executors(0).outputs(0).failed(), 0);
}

TEST(NativeRuntime, AnExceptionOfUserCodeIsReportedBeforeTheHostEnds) {
  AsioReactor loop;
  Process host(loop, 1);
  // The counter's values are no text: Value::text() throws in the bolt.
  host.boot(plan_of({component("a", ComponentKind::kSpout, "", "libpetrel_test_components.so", "counter"),
                     component("b", ComponentKind::kBolt, "a", "libpetrel_test_components.so", "misbehaving")},
                    {1, 1}));
  ASSERT_TRUE(loop.run_until([&] { return host.booted.has_value(); }, Seconds(10)));
  ASSERT_TRUE(host.booted->ok()) << host.booted->to_string();
  host.runtime->start(true, [](Status) {});
  ASSERT_TRUE(loop.run_until([&] { return host.died.has_value(); }, Seconds(60)));
  EXPECT_EQ(*host.died, "component 'b' task 2: execute threw: the value is not a String");
}

TEST(NativeRuntime, WhatCannotRunSaysSoAtBoot) {
  AsioReactor loop;
  Process host(loop, 1);
  PhysicalPlan plan = plan_of({component("a", ComponentKind::kSpout, "", "libpetrel_test_components.so", "counter"),
                               component("b", ComponentKind::kBolt, "a", "libpetrel_example.so", "identity")},
                              {1, 1});
  plan.logical.components[1].inputs[0].grouping = GroupingKind::kCustomSerialized;
  plan.logical.components[1].inputs[0].custom = "x";
  host.boot(plan);
  ASSERT_TRUE(loop.run_until([&] { return host.booted.has_value(); }, Seconds(10)));
  EXPECT_NE(host.booted->message().find("a custom grouping is a Java object"), std::string::npos)
      << host.booted->message();
}

}  // namespace
}  // namespace petrel
