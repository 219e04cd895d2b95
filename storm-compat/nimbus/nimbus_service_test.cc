// The Nimbus service as Storm's clients use it: submit, status machine, exceptions, what is shown, restarts.
// T and U numbers are those of the catalogue of bad inputs.
#include "storm-compat/nimbus/nimbus_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thrift/TApplicationException.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <thread>

#include "native/container/container_paths.h"
#include "storm-compat/nimbus/nimbus_fixture.h"

namespace petrel {
namespace {

using apache::thrift::TApplicationException;
using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::transport::TMemoryBuffer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::message_of;
using testing::Nimbus;
using testing::word_topology;
using testing::World;

storm::KillOptions wait_secs(int32_t secs) {
  storm::KillOptions options;
  options.__set_wait_secs(secs);
  return options;
}

std::string id_of(Nimbus& nimbus, const std::string& name) {
  return nimbus.summary(name).id;
}

// --- submit ----------------------------------------------------------------------------------------------------------

TEST(Submit, StoresLaunchesAndShows) {
  World world;
  Nimbus nimbus(world);
  EXPECT_TRUE(nimbus.service.isTopologyNameAllowed("wc"));
  nimbus.submit("wc", word_topology(), R"({"topology.workers": 2, "my.key": 1.0})");
  EXPECT_FALSE(nimbus.service.isTopologyNameAllowed("wc"));
  const storm::TopologySummary summary = nimbus.summary("wc");
  EXPECT_EQ(summary.status, "ACTIVE");
  EXPECT_EQ(summary.id, fmt::format("wc-1-{}", world.clock.wall_ms() / 1000));
  EXPECT_EQ(summary.num_workers, 2);
  EXPECT_EQ(summary.num_tasks, 2 + 4 + 2);  // words, count, __acker (one per topology.workers)
  EXPECT_EQ(summary.num_executors, 2 + 3 + 2);
  EXPECT_EQ(summary.storm_version, "2.8.3");
  EXPECT_EQ(world.scheduler.launches, 1);
  EXPECT_EQ(world.scheduler.running.size(), 3u);  // container 0 and two workers
  EXPECT_EQ(nimbus.uploads.sessions(), 0u);

  const TopologyPtr entry = nimbus.book.by_name("wc");
  EXPECT_THAT(entry->base.warnings(), IsEmpty());
  ASSERT_EQ(entry->base.specs_size(), 3);
  const proto::ContainerSpec& master = entry->base.specs(0);
  const proto::ContainerSpec& host = entry->base.specs(1);
  EXPECT_THAT(master.processes(), ElementsAre(proto::PROCESS_TOPOLOGY_MASTER));
  EXPECT_THAT(host.processes(), ElementsAre(proto::PROCESS_JVM_HOST));
  EXPECT_EQ(host.port(), 6700);
  EXPECT_EQ(entry->base.specs(2).port(), 6701);
  EXPECT_NE(entry->base.specs(2).worker_id(), host.worker_id());
  ASSERT_EQ(entry->base.specs(2).plan().hosts_size(), 1);
  EXPECT_EQ(entry->base.specs(2).plan().hosts(0).slot(), 1u);
  EXPECT_EQ(host.secret().size(), 32u);
  EXPECT_EQ(host.secret(), master.secret());
  EXPECT_TRUE(check_container_spec(master).ok()) << check_container_spec(master).message();
  EXPECT_TRUE(check_container_spec(host).ok()) << check_container_spec(host).message();
  for (const char* name : {"stormjar.jar", "topology.thrift", "stormconf.json"}) {
    ASSERT_NE(entry->artifact(name), nullptr) << name;
    EXPECT_TRUE(nimbus.artifacts.path_of(entry->artifact(name)->digest()).ok());
  }
  std::string conf;
  nimbus.service.getTopologyConf(conf, summary.id);
  const ConfMap map = parse_json_map(conf, "conf").value();
  EXPECT_EQ(map.get_string("storm.id", "").value(), summary.id);
  EXPECT_EQ(map.get_int("topology.workers", 0).value(), 2);
  EXPECT_NE(map.find("my.key")->as_double(), nullptr);                     // number types survive
  EXPECT_EQ(map.get_int("topology.message.timeout.secs", 0).value(), 30);  // defaults are merged
}

TEST(Submit, SecondTopologyGetsTheNextSlotAndNumbersGoOnBehindThem) {
  World world;
  Nimbus nimbus(world);
  for (const char* name : {"a", "b", "c"}) nimbus.submit(name, word_topology());
  std::vector<int> ports;
  for (const char* name : {"a", "b", "c"}) ports.push_back(nimbus.book.by_name(name)->base.specs(1).port());
  EXPECT_THAT(ports, ElementsAre(6700, 6701, 6702));
}

TEST(Submit, InitialStatusIsHonouredAndCredentialsAreRefused) {
  World world;
  Nimbus nimbus(world);
  storm::SubmitOptions options;
  options.initial_status = storm::TopologyInitialStatus::INACTIVE;
  nimbus.service.submitTopologyWithOpts("t", nimbus.upload(), "{}", word_topology(), options);
  EXPECT_EQ(nimbus.status("t"), "INACTIVE");
  storm::Credentials credentials;
  credentials.creds["k"] = "v";
  options.__set_creds(credentials);
  EXPECT_THAT(message_of<storm::InvalidTopologyException>(
                  [&] { nimbus.service.submitTopologyWithOpts("u", nimbus.upload(), "{}", word_topology(), options); }),
              HasSubstr("credentials"));
}

TEST(Submit, T02_duplicate_name) {
  World world;
  Nimbus nimbus(world);
  nimbus.submit("t", word_topology());
  EXPECT_EQ(message_of<storm::AlreadyAliveException>([&] { nimbus.submit("t", word_topology()); }),
            "t is already active");
  EXPECT_EQ(nimbus.book.all().size(), 1u);
}

TEST(Submit, T02_of_fifty_at_once_exactly_one_wins) {
  World world;
  Nimbus nimbus(world);
  std::vector<std::string> locations;
  for (int i = 0; i < 50; ++i) locations.push_back(nimbus.upload());
  std::atomic<int> won = 0, lost = 0, other = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 50; ++i) {
    threads.emplace_back([&, i] {
      try {
        nimbus.service.submitTopology("same", locations[static_cast<size_t>(i)], "{}", word_topology());
        ++won;
      } catch (const storm::AlreadyAliveException&) {
        ++lost;
      } catch (const std::exception& error) {
        ++other;
        ADD_FAILURE() << error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 49);
  EXPECT_EQ(other, 0);
  EXPECT_EQ(nimbus.book.all().size(), 1u);
  EXPECT_EQ(world.scheduler.launches, 1);
}

TEST(Submit, T01_names) {
  World world;
  Nimbus nimbus(world);
  for (const std::string& bad : {std::string(), std::string(300, 'n'), std::string("a/b"), std::string(".."),
                                 std::string("a:b"), std::string("a.b"), std::string("a\\b"), std::string("a\nb")}) {
    EXPECT_FALSE(nimbus.service.isTopologyNameAllowed(bad)) << escape(bad);
    message_of<storm::InvalidTopologyException>([&] { nimbus.submit(bad, word_topology()); });
  }
  for (const char* good : {"<script>", "$(id)", "it's", "\xf0\x9f\x98\x80", "a b"}) {
    EXPECT_TRUE(nimbus.service.isTopologyNameAllowed(good)) << good;
    nimbus.submit(good, word_topology());
    EXPECT_EQ(nimbus.status(good), "ACTIVE");
  }
}

TEST(Submit, U07_U08_locations_that_are_no_tokens) {
  World world;
  Nimbus nimbus(world);
  std::string unfinished;
  nimbus.service.beginFileUpload(unfinished);
  nimbus.service.uploadChunk(unfinished, testing::sample_jar());
  nimbus.submit("other", word_topology());
  const std::string foreign_jar =
      nimbus.artifacts.path_of(nimbus.book.by_name("other")->artifact("stormjar.jar")->digest()).value();
  for (const std::string& bad : {std::string("/etc/passwd"), std::string("passwd"), std::string("../uploads/x"),
                                 std::string("a\0b", 3), foreign_jar, std::string()}) {
    EXPECT_THAT(message_of<storm::InvalidTopologyException>(
                    [&] { nimbus.service.submitTopology("t", bad, "{}", word_topology()); }),
                HasSubstr("is not an upload token"))
        << escape(bad);
  }
  EXPECT_THAT(message_of<storm::InvalidTopologyException>(
                  [&] { nimbus.service.submitTopology("t", unfinished, "{}", word_topology()); }),
              HasSubstr("never finished"));
  EXPECT_TRUE(nimbus.service.isTopologyNameAllowed("t"));
}

TEST(Submit, U01_U02_U03_upload_errors_reach_the_client) {
  World world;
  Nimbus nimbus(world);
  EXPECT_THAT(message_of<TApplicationException>([&] { nimbus.service.uploadChunk("nope", "x"); }),
              HasSubstr("not an upload token"));
  const std::string location = nimbus.upload();
  EXPECT_THAT(message_of<TApplicationException>([&] { nimbus.service.uploadChunk(location, "x"); }),
              HasSubstr("is finished"));
  EXPECT_THAT(message_of<TApplicationException>([&] { nimbus.service.finishFileUpload(location); }),
              HasSubstr("finished already"));
  nimbus.service.submitTopology("t", location, "{}", word_topology());
  EXPECT_EQ(nimbus.status("t"), "ACTIVE");
}

TEST(Submit, U04_another_hosts_upload_cannot_be_used) {
  World world;
  world.access.allow_remote = true;
  Nimbus nimbus(world);
  const std::string location = nimbus.upload();
  const Caller other{"192.0.2.1:5", ""};
  const CallScope scope(other, "");
  EXPECT_THAT(message_of<storm::InvalidTopologyException>(
                  [&] { nimbus.service.submitTopology("t", location, "{}", word_topology()); }),
              HasSubstr("not an upload token"));
}

TEST(Submit, U09_jars_that_are_no_zips) {
  World world;
  Nimbus nimbus(world);
  for (const std::string& bad : {std::string(), std::string("text"), testing::sample_jar().substr(0, 60)}) {
    EXPECT_THAT(message_of<storm::InvalidTopologyException>(
                    [&] { nimbus.service.submitTopology("t", nimbus.upload(bad), "{}", word_topology()); }),
                HasSubstr("the uploaded jar"));
  }
  EXPECT_TRUE(nimbus.book.all().empty());
}

TEST(Submit, T03_T04_conf_errors) {
  World world;
  Nimbus nimbus(world);
  for (const char* bad :
       {"", "null", "[]", "7", "{", R"({"topology.workers": "four"})", R"({"topology.workers": NaN})"}) {
    const std::string message =
        message_of<storm::InvalidTopologyException>([&] { nimbus.submit("t", word_topology(), bad); });
    EXPECT_FALSE(message.empty()) << bad;
  }
  EXPECT_THAT(message_of<storm::InvalidTopologyException>(
                  [&] { nimbus.submit("t", word_topology(), R"({"topology.workers":"four"})"); }),
              HasSubstr("topology.workers"));
  nimbus.submit("t", word_topology(), R"({"unknown.key": {"a": [1, null]}})");  // T5
  EXPECT_EQ(nimbus.status("t"), "ACTIVE");
}

TEST(Submit, T06_T08_topology_errors) {
  World world;
  Nimbus nimbus(world);
  storm::StormTopology none = word_topology();
  none.spouts.clear();
  none.bolts.clear();
  message_of<storm::InvalidTopologyException>([&] { nimbus.submit("t", none); });
  storm::StormTopology unknown = word_topology();
  storm::GlobalStreamId source;
  source.componentId = "nobody";
  source.streamId = "default";
  unknown.bolts["count"].common.inputs[source].__set_shuffle({});
  EXPECT_THAT(message_of<storm::InvalidTopologyException>([&] { nimbus.submit("t", unknown); }), HasSubstr("nobody"));
  EXPECT_TRUE(nimbus.service.isTopologyNameAllowed("t"));
  nimbus.submit("t", word_topology());
}

TEST(Submit, T19_client_of_another_line) {
  World world;
  Nimbus nimbus(world);
  for (const char* version : {"1.2.4", "3.0.0", "99.1"}) {
    storm::StormTopology topology = word_topology();
    topology.__set_storm_version(version);
    EXPECT_THAT(message_of<storm::InvalidTopologyException>([&] { nimbus.submit("t", topology); }), HasSubstr(version));
  }
}

TEST(Submit, U13_U14_blob_names) {
  World world;
  Nimbus nimbus(world);
  storm::StormTopology topology = word_topology();
  topology.__set_dependency_jars({"dep-missing.jar"});
  EXPECT_THAT(message_of<storm::InvalidTopologyException>([&] { nimbus.submit("t", topology); }),
              HasSubstr("dependency jar 'dep-missing.jar' is not in the blob store"));
  topology.__set_dependency_jars({"../../etc/passwd"});
  EXPECT_THAT(message_of<storm::InvalidTopologyException>([&] { nimbus.submit("t", topology); }),
              HasSubstr("blob key"));
  std::string session;
  for (const char* key : {"stormjar.jar", "dep-a.jar"}) {
    nimbus.service.beginCreateBlob(session, key, {});
    nimbus.service.finishBlobUpload(session);
  }
  topology.__set_dependency_jars({"stormjar.jar"});
  EXPECT_THAT(message_of<storm::InvalidTopologyException>([&] { nimbus.submit("t", topology); }),
              HasSubstr("name of a file of the topology itself"));
  for (const char* local : {"../x", "/etc/x", "..", "plain"}) {  // not handed to workers yet, so none is accepted
    const std::string conf =
        fmt::format(R"({{"topology.blobstore.map": {{"dep-a.jar": {{"localname": "{}"}}}}}})", local);
    EXPECT_THAT(message_of<storm::InvalidTopologyException>([&] { nimbus.submit("t", word_topology(), conf); }),
                HasSubstr("topology.blobstore.map"));
  }
  topology.__set_dependency_jars({"dep-a.jar", "dep-a.jar"});
  nimbus.submit("t", topology);
  EXPECT_NE(nimbus.book.by_name("t")->artifact("dep-a.jar"), nullptr);
}

TEST(Submit, AFailedLaunchLeavesNothing) {
  World world;
  Nimbus nimbus(world);
  world.scheduler.fail_launch = true;
  EXPECT_THAT(message_of<TApplicationException>([&] { nimbus.submit("t", word_topology()); }),
              HasSubstr("no space for specs"));
  EXPECT_TRUE(nimbus.service.isTopologyNameAllowed("t"));
  EXPECT_TRUE(TopologyState(world.store).topologies().value().empty());
  world.scheduler.fail_launch = false;
  nimbus.submit("t", word_topology());
  EXPECT_EQ(nimbus.status("t"), "ACTIVE");
}

TEST(Submit, ANameLeftByACutOffSubmitIsFreed) {
  World world;
  Nimbus nimbus(world);
  ASSERT_TRUE(TopologyState(world.store).claim_name("t", TopologyId("t-9-1700000000")).ok());
  nimbus.submit("t", word_topology());
  EXPECT_EQ(TopologyState(world.store).id_of("t").value().get(), id_of(nimbus, "t"));
}

/// The frame of submitTopology whose StormTopology has a field that this IDL does not know.
std::string frame_with_unknown_field(const std::string& location) {
  auto buffer = std::make_shared<TMemoryBuffer>();
  TBinaryProtocol out(buffer);
  using namespace apache::thrift::protocol;
  out.writeMessageBegin("submitTopology", T_CALL, 1);
  const auto text = [&](int16_t id, const std::string& value) {
    out.writeFieldBegin("", T_STRING, id);
    out.writeString(value);
  };
  text(1, "t");
  text(2, location);
  text(3, "{}");
  out.writeFieldBegin("", T_STRUCT, 4);
  const std::string known = print_topology(word_topology());
  buffer->write(reinterpret_cast<const uint8_t*>(known.data()),
                static_cast<uint32_t>(known.size() - 1));  // without its stop
  text(999, "from the future");
  out.writeFieldStop();
  out.writeFieldStop();
  out.writeMessageEnd();
  return buffer->getBufferAsString();
}

TEST(Submit, TheRawBytesAreKept) {
  World world;
  Nimbus nimbus(world);
  std::string frame = frame_with_unknown_field(nimbus.upload());
  storm::NimbusProcessor processor(std::shared_ptr<storm::NimbusIf>(&nimbus.service, [](storm::NimbusIf*) {}));
  auto in =
      std::make_shared<TMemoryBuffer>(reinterpret_cast<uint8_t*>(frame.data()), static_cast<uint32_t>(frame.size()));
  auto out = std::make_shared<TMemoryBuffer>();
  const Caller caller;
  const CallScope scope(caller, frame);
  processor.process(std::make_shared<TBinaryProtocol>(in), std::make_shared<TBinaryProtocol>(out), nullptr);
  const TopologyPtr entry = nimbus.book.by_name("t");
  ASSERT_NE(entry, nullptr);
  const std::string stored = nimbus.artifacts.read(entry->artifact("topology.thrift")->digest(), 1 << 20).value();
  EXPECT_THAT(stored, HasSubstr("from the future"));
  EXPECT_TRUE(parse_topology(stored).ok());
}

// --- statuses --------------------------------------------------------------------------------------------------------

TEST(Status, ActivateAndDeactivate) {
  World world;
  Nimbus nimbus(world);
  nimbus.submit("t", word_topology());
  nimbus.service.deactivate("t");
  EXPECT_EQ(nimbus.status("t"), "INACTIVE");
  nimbus.service.deactivate("t");
  nimbus.service.activate("t");
  EXPECT_EQ(nimbus.status("t"), "ACTIVE");
  EXPECT_THAT(world.masters.told, ElementsAre(proto::STATUS_INACTIVE, proto::STATUS_ACTIVE));
}

TEST(Status, T22_unknown_names) {
  World world;
  Nimbus nimbus(world);
  EXPECT_EQ(message_of<storm::NotAliveException>([&] { nimbus.service.activate("x"); }), "x is not alive");
  EXPECT_EQ(message_of<storm::NotAliveException>([&] { nimbus.service.deactivate("x"); }), "x is not alive");
  EXPECT_EQ(message_of<storm::NotAliveException>([&] { nimbus.service.killTopology("x"); }), "x is not alive");
  EXPECT_EQ(message_of<storm::NotAliveException>([&] { nimbus.service.killTopologyWithOpts("x", wait_secs(1)); }),
            "x is not alive");
  storm::TopologyInfo info;
  EXPECT_EQ(message_of<storm::NotAliveException>([&] { nimbus.service.getTopologyInfo(info, "x-1-2"); }),
            "x-1-2 is not alive");
}

TEST(Status, KillWaitsAsLongAsTheMessageTimeout) {
  World world;
  Nimbus nimbus(world);
  nimbus.submit("t", word_topology(), R"({"topology.message.timeout.secs": 12})");
  const TopologyId id(id_of(nimbus, "t"));
  nimbus.service.killTopology("t");
  EXPECT_EQ(nimbus.status("t"), "KILLED");
  EXPECT_EQ(world.masters.told.back(), proto::STATUS_KILLED);
  EXPECT_FALSE(nimbus.service.isTopologyNameAllowed("t"));
  world.clock.advance(Seconds(11));
  nimbus.book.tick();
  EXPECT_TRUE(world.scheduler.killed.empty());
  EXPECT_EQ(nimbus.status("t"), "KILLED");
  world.clock.advance(Seconds(1));
  nimbus.book.tick();
  EXPECT_TRUE(world.scheduler.killed.contains(id.get()));
  EXPECT_TRUE(nimbus.book.all().empty());
  EXPECT_TRUE(TopologyState(world.store).topologies().value().empty());
  EXPECT_EQ(TopologyState(world.store).id_of("t").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(nimbus.artifact_files(), 0u);
  EXPECT_TRUE(nimbus.service.isTopologyNameAllowed("t"));
  nimbus.submit("t", word_topology());  // T24: the name is free again
  EXPECT_NE(id_of(nimbus, "t"), id.get());
}

TEST(Status, T22_a_killed_topology_only_takes_another_kill) {
  World world;
  Nimbus nimbus(world);
  nimbus.submit("t", word_topology());
  nimbus.service.killTopologyWithOpts("t", wait_secs(1000));
  EXPECT_THAT(message_of<TApplicationException>([&] { nimbus.service.activate("t"); }), HasSubstr("was killed"));
  EXPECT_THAT(message_of<TApplicationException>([&] { nimbus.service.deactivate("t"); }), HasSubstr("was killed"));
  message_of<storm::AlreadyAliveException>([&] { nimbus.submit("t", word_topology()); });
  nimbus.service.killTopologyWithOpts("t", wait_secs(5));  // the wait is set anew
  world.clock.advance(Seconds(5));
  nimbus.book.tick();
  EXPECT_TRUE(nimbus.book.all().empty());
}

TEST(Status, T22_odd_waits) {
  World world;
  Nimbus nimbus(world);
  nimbus.submit("t", word_topology());
  EXPECT_THAT(message_of<TApplicationException>([&] { nimbus.service.killTopologyWithOpts("t", wait_secs(-5)); }),
              HasSubstr("-5"));
  EXPECT_EQ(nimbus.status("t"), "ACTIVE");
  nimbus.service.killTopologyWithOpts("t", wait_secs(INT32_MAX));
  world.clock.advance(Seconds(1'000'000));
  nimbus.book.tick();
  EXPECT_EQ(nimbus.status("t"), "KILLED");
  nimbus.service.killTopologyWithOpts("t", wait_secs(0));
  nimbus.book.tick();
  EXPECT_TRUE(nimbus.book.all().empty());
}

TEST(Status, AKilledTopologyStaysUntilItsProcessesAreGone) {
  World world;
  Nimbus nimbus(world);
  nimbus.submit("t", word_topology());
  world.scheduler.linger = true;
  nimbus.service.killTopologyWithOpts("t", wait_secs(0));
  nimbus.book.tick();
  EXPECT_EQ(nimbus.status("t"), "KILLED");
  world.scheduler.linger = false;
  nimbus.book.tick();
  EXPECT_TRUE(nimbus.book.all().empty());
}

// --- restarts --------------------------------------------------------------------------------------------------------

TEST(Restart, ResumesTopologiesAndKills) {
  World world;
  {
    Nimbus nimbus(world);
    nimbus.submit("lives", word_topology());
    nimbus.submit("dies", word_topology());
    nimbus.service.deactivate("lives");
    nimbus.service.killTopologyWithOpts("dies", wait_secs(60));
  }
  world.scheduler.running.clear();
  world.scheduler.launches = 0;
  Nimbus again(world);
  EXPECT_EQ(again.status("lives"), "INACTIVE");
  EXPECT_EQ(again.status("dies"), "KILLED");
  EXPECT_EQ(world.scheduler.launches, 1);  // only the living one is handed over again
  storm::TopologyInfo info;
  again.service.getTopologyInfoByName(info, "lives");
  EXPECT_EQ(info.executors.size(), 2u + 3 + 1);
  world.clock.advance(Seconds(60));
  again.book.tick();
  EXPECT_EQ(again.book.all().size(), 1u);
  again.submit("new", word_topology());
  EXPECT_THAT(id_of(again, "new"), ::testing::StartsWith("new-3-"));  // the counter goes on
}

TEST(Restart, ADamagedTopologyIsShownAndCanBeKilled) {
  World world;
  std::string id;
  {
    Nimbus nimbus(world);
    nimbus.submit("t", word_topology());
    id = id_of(nimbus, "t");
  }
  TopologyState state(world.store);
  const auto plan = state.plan(TopologyId(id)).value();
  proto::PhysicalPlan damaged = plan.value;
  damaged.mutable_logical()->mutable_components(0)->set_first_task(77);
  ASSERT_TRUE(state.put_plan(TopologyId(id), damaged, plan.version).ok());
  Nimbus again(world);
  EXPECT_EQ(again.status("t"), "ACTIVE");
  storm::TopologyInfo info;
  again.service.getTopologyInfo(info, id);
  EXPECT_TRUE(info.executors.empty());
  EXPECT_THAT(info.sched_status, HasSubstr("damaged"));
  storm::StormTopology topology;
  message_of<TApplicationException>([&] { again.service.getTopology(topology, id); });
  again.service.killTopologyWithOpts("t", wait_secs(0));
  again.book.tick();
  EXPECT_TRUE(again.book.all().empty());
}

TEST(Restart, WithAnUnreadableRecordNoArtifactIsCollected) {
  World world;
  {
    Nimbus nimbus(world);
    nimbus.submit("lost", word_topology());
    nimbus.submit("t", word_topology(), R"({"a": 1})");
  }
  const std::vector<std::string> paths = world.store.list("topologies").value();
  for (const std::string& path : paths) {
    if (path.find("/lost-") == std::string::npos || !path.ends_with("/base")) continue;
    const StoredRecord record = world.store.get(path).value();
    ASSERT_TRUE(world.store.put_if(path, "\xff\xff garbage", record.version).ok());
  }
  Nimbus again(world);
  ASSERT_EQ(again.book.all().size(), 1u);
  const size_t before = again.artifact_files();
  again.service.killTopologyWithOpts("t", wait_secs(0));
  again.book.tick();
  EXPECT_TRUE(again.book.all().empty());
  EXPECT_EQ(again.artifact_files(), before);
}

// --- what is shown ---------------------------------------------------------------------------------------------------

TEST(Info, LeaderAndCluster) {
  World world;
  Nimbus nimbus(world);
  nimbus.submit("t", word_topology());
  world.clock.advance(Seconds(7));
  storm::NimbusSummary leader;
  nimbus.service.getLeader(leader);
  EXPECT_EQ(leader.host, "localhost");
  EXPECT_EQ(leader.port, 6627);
  EXPECT_TRUE(leader.isLeader);
  EXPECT_EQ(leader.uptime_secs, 7);
  storm::ClusterSummary cluster;
  nimbus.service.getClusterInfo(cluster);
  ASSERT_EQ(cluster.topologies.size(), 1u);
  EXPECT_EQ(cluster.topologies[0].uptime_secs, 7);
  ASSERT_EQ(cluster.supervisors.size(), 1u);
  EXPECT_EQ(cluster.supervisors[0].num_workers, 2);
  EXPECT_EQ(cluster.supervisors[0].num_used_workers, 1);
  EXPECT_GT(cluster.supervisors[0].total_resources["memory.mb"], 0);
  EXPECT_EQ(cluster.nimbus_uptime_secs, 7);
}

TEST(Info, EveryExecutorHasAllWindowsWhileTheMasterIsSilent) {
  World world;
  Nimbus nimbus(world);
  nimbus.submit("t", word_topology());
  storm::TopologyInfo info;
  nimbus.service.getTopologyInfo(info, id_of(nimbus, "t"));
  ASSERT_EQ(info.executors.size(), 6u);  // words 2, count 3, __acker 1
  for (const storm::ExecutorSummary& executor : info.executors) {
    ASSERT_TRUE(executor.__isset.stats);
    for (const char* window : {"600", "10800", "86400", ":all-time"}) {
      EXPECT_TRUE(executor.stats.emitted.contains(window));
      EXPECT_TRUE(executor.stats.transferred.contains(window));
      if (executor.component_id == "words") {
        EXPECT_TRUE(executor.stats.specific.spout.acked.contains(window));
        EXPECT_TRUE(executor.stats.specific.spout.complete_ms_avg.contains(window));
      } else {
        EXPECT_TRUE(executor.stats.specific.bolt.executed.contains(window));
        EXPECT_TRUE(executor.stats.specific.bolt.process_ms_avg.contains(window));
      }
    }
  }
  for (const char* component : {"__acker", "count", "words"}) EXPECT_TRUE(info.errors.contains(component));
}

proto::StatsReply stats_of_words() {
  proto::StatsReply reply;
  proto::ExecutorStats* executor = reply.add_executors();
  executor->set_component("words");
  executor->set_first_task(6);
  executor->set_last_task(6);
  executor->set_spout(true);
  executor->set_uptime_s(33);
  proto::Window* window = executor->add_windows();
  window->set_key("600");
  proto::WindowedStream* stream = window->add_outputs();
  stream->set_stream("default");
  stream->set_emitted(1000);
  stream->set_transferred(2000);
  stream->set_acked(990);
  stream->set_failed(10);
  stream->set_complete_ms(1.5);
  for (int i = 0; i < 3; ++i) {
    proto::ErrorEntry* error = reply.add_errors();
    error->set_component("count");
    error->set_text(fmt::format("java.lang.RuntimeException: {}", i));
    error->set_time_s(100 - i);
    error->set_host("localhost");
    error->set_port(6700);
  }
  return reply;
}

TEST(Info, StatisticsAndErrorsOfTheMaster) {
  World world;
  Nimbus nimbus(world);
  nimbus.submit("t", word_topology());
  const Component* words = nimbus.book.by_name("t")->plan->logical.find("words");
  ASSERT_EQ(words->first_task, 6);  // __acker 1, count 2-5, words 6-7
  world.masters.reply = stats_of_words();
  const std::string id = id_of(nimbus, "t");
  storm::TopologyInfo info;
  nimbus.service.getTopologyInfo(info, id);
  int found = 0;
  for (const storm::ExecutorSummary& executor : info.executors) {
    if (executor.component_id != "words" || executor.executor_info.task_start != 6) continue;
    ++found;
    EXPECT_EQ(executor.uptime_secs, 33);
    EXPECT_EQ(executor.stats.emitted.at("600").at("default"), 1000);
    EXPECT_EQ(executor.stats.transferred.at("600").at("default"), 2000);
    EXPECT_EQ(executor.stats.specific.spout.acked.at("600").at("default"), 990);
    EXPECT_EQ(executor.stats.specific.spout.failed.at("600").at("default"), 10);
    EXPECT_DOUBLE_EQ(executor.stats.specific.spout.complete_ms_avg.at("600").at("default"), 1.5);
  }
  EXPECT_EQ(found, 1);
  EXPECT_EQ(info.errors.at("count").size(), 3u);
  storm::GetInfoOptions options;
  options.__set_num_err_choice(storm::NumErrorsChoice::ONE);
  nimbus.service.getTopologyInfoWithOpts(info, id, options);
  ASSERT_EQ(info.errors.at("count").size(), 1u);
  EXPECT_EQ(info.errors.at("count")[0].error, "java.lang.RuntimeException: 0");
  options.__set_num_err_choice(storm::NumErrorsChoice::NONE);
  nimbus.service.getTopologyInfoByNameWithOpts(info, "t", options);
  EXPECT_TRUE(info.errors.at("count").empty());
}

TEST(Info, ErrorsOutliveTheMaster) {
  World world;
  Nimbus nimbus(world);
  nimbus.submit("t", word_topology());
  proto::ComponentErrors errors;
  errors.set_component("count");
  *errors.add_errors() = stats_of_words().errors(0);
  ASSERT_TRUE(TopologyState(world.store).put_errors(TopologyId(id_of(nimbus, "t")), errors, 0).ok());
  storm::TopologyInfo info;
  nimbus.service.getTopologyInfoByName(info, "t");
  EXPECT_EQ(info.errors.at("count").size(), 1u);
}

TEST(Info, TopologyWithAndWithoutTheSystem) {
  World world;
  Nimbus nimbus(world);
  nimbus.submit("t", word_topology());
  const std::string id = id_of(nimbus, "t");
  storm::StormTopology user, system;
  nimbus.service.getUserTopology(user, id);
  EXPECT_EQ(user, word_topology());
  nimbus.service.getTopology(system, id);
  EXPECT_TRUE(system.bolts.contains("__acker"));
  EXPECT_TRUE(system.bolts.contains("__system"));
  EXPECT_TRUE(system.spouts.at("words").common.streams.contains("__ack_init"));
  EXPECT_THAT(system.bolts.at("count").bolt_object.serialized_java, HasSubstr("bolt bytes"));
  storm::GlobalStreamId source;
  source.componentId = "words";
  source.streamId = "default";
  EXPECT_THAT(system.bolts.at("count").common.inputs.at(source).fields, ElementsAre("word"));
}

TEST(Info, NimbusConfMasksSecrets) {
  World world;
  world.settings.cluster_conf.set("storm.zookeeper.auth.payload", "canary-1");
  world.settings.cluster_conf.set("my.nested", ConfMap{{"db.password", ConfValue("canary-2")}});
  world.settings.cluster_conf.set("plain", "shown");
  Nimbus nimbus(world);
  std::string conf;
  nimbus.service.getNimbusConf(conf);
  EXPECT_THAT(conf, Not(HasSubstr("canary")));
  EXPECT_THAT(conf, HasSubstr("shown"));
  EXPECT_EQ(parse_json_map(conf, "conf").value().get_int("nimbus.thrift.port", 0).value(), 6627);
}

TEST(Info, SmallAnswers) {
  World world;
  Nimbus nimbus(world);
  nimbus.submit("t", word_topology());
  storm::TopologyHistoryInfo history;
  nimbus.service.getTopologyHistory(history, "");
  EXPECT_THAT(history.topo_ids, ElementsAre(id_of(nimbus, "t")));
  storm::LogConfig log;
  nimbus.service.getLogConfig(log, id_of(nimbus, "t"));
  EXPECT_TRUE(log.named_logger_level.empty());
  EXPECT_EQ(testing::message_of<TApplicationException>([&] { nimbus.service.rebalance("t", {}); }),
            refusal("rebalance"));
}

}  // namespace
}  // namespace petrel
