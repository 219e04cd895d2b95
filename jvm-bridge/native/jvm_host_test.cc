// petrel-jvm-host as a process, with the Java classes of testdata/ and a topology master played by the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "jvm-bridge/native/test_classes.h"
#include "native/base/file.h"
#include "native/container/container_paths.h"
#include "native/container/process_launcher.h"
#include "native/state_store/store_registry.h"
#include "native/state_store/topology_state.h"
#include "native/transport/asio_reactor.h"
#include "native/transport/control_server.h"

namespace petrel {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr Nanos kPatience = Seconds(60);
const std::string kSecret(32, 's');
const std::string kTopology = "wc-1-1700000000";

class JvmHostTest : public testing::Test, public ControlServerHandler {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/jvm_host_XXXXXX";
    home_ = fs::canonical(mkdtemp(pattern.data()));
    spec_.set_topology_id(kTopology);
    spec_.set_topology_name("wc");
    spec_.set_container_id(1);
    spec_.set_host("localhost");
    spec_.set_port(6700);
    spec_.add_processes(proto::PROCESS_JVM_HOST);
    spec_.set_state_store("file:" + (home_ / "state").string());
    spec_.set_secret(kSecret);
    spec_.set_worker_id("uuid-1");
    spec_.set_local_dir((home_ / "local").string());
    spec_.set_log_dir((home_ / "logs").string());
    paths_ = ContainerPaths::of(HomePaths(home_.string()), kTopology, 1);
    SpecDirs dirs(spec_);
    for (const std::string& dir :
         {paths_.run_dir, dirs.code, dirs.worker + "/artifacts", dirs.pids, (home_ / "state").string()}) {
      fs::create_directories(dir);
    }
    std::ofstream(dirs.code + "/topology.thrift") << "bytes";
    write_conf(
        "{\"topology.worker.childopts\": \"-Xmx64m -XX:+UseSerialGC\", \"topology.environment\": {\"MINE\": \"yes\"}}");
    ASSERT_TRUE(write_small_file(paths_.spec_file(), spec_.SerializeAsString()).ok());
    agent_lock_.emplace(std::move(*FileLock::take(paths_.agent_lock())));
    start_master();
  }

  void TearDown() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      wait_for([&] { return exit_.has_value(); });
    }
    server_.reset();
    if (HasFailure()) fmt::print(stderr, "--- the host said:\n{}\n", host_log());
    fs::remove_all(home_);
  }

  void write_conf(const std::string& json) { std::ofstream(SpecDirs(spec_).code + "/stormconf.json") << json; }

  void start_master() {
    if (!store_) {
      auto store = open_store(spec_.state_store(), nullptr);
      ASSERT_TRUE(store.ok()) << store.status().message();
      store_ = std::move(*store);
    }
    ControlServerOptions options;
    options.topology_id = kTopology;
    options.secret = kSecret;
    server_ = std::make_unique<ControlServer>(reactor_, options, *this);
    ASSERT_TRUE(server_->start().ok());
    proto::MasterEndpoint endpoint;
    endpoint.set_host(server_->endpoint().host);
    endpoint.set_port(server_->endpoint().port);
    endpoint.set_pid(getpid());
    registration_.reset();
    auto registration = TopologyState(*store_).register_master(TopologyId(kTopology), endpoint);
    ASSERT_TRUE(registration.ok()) << registration.status().message();
    registration_ = std::move(*registration);
  }

  void launch() {
    ProcessSpec process;
    process.argv = {(fs::path(PETREL_BUILD_DIR) / "bin/petrel-jvm-host").string(),
                    paths_.spec_file(),
                    "--incarnation",
                    "3",
                    "--java-dir",
                    test_java_dir()};
    for (char** at = environ; *at != nullptr; ++at) process.env.emplace_back(*at);
    process.stdout_file = (home_ / "host.log").string();
    auto started = launcher_.spawn(process, [this](ExitStatus status) { exit_ = status; });
    ASSERT_TRUE(started.ok()) << started.status().message();
    pid_ = started->pid;
  }

  // Exit code, or -signal; the file that the agent reads must agree.
  int wait_exit() {
    bool ended = wait_for([&] { return exit_.has_value(); });
    EXPECT_TRUE(ended) << "the host did not end";
    if (!ended) return -1000;
    pid_ = 0;
    if (exit_->signal) return -*exit_->signal;
    auto file = read_small_file(paths_.process_stem("jvm-host") + ".exit", 100);
    EXPECT_TRUE(file.ok());
    std::string code = file.ok() ? *file : "";
    EXPECT_EQ(code, fmt::format("{}\n", exit_->code.value_or(-1)));
    return exit_->code.value_or(-1);
  }

  bool wait_for(const std::function<bool()>& done) {
    // The loop only wakes for its own events; files and processes are looked at between short turns.
    MonoTime deadline = SystemClock::instance().now() + kPatience;
    while (SystemClock::instance().now() < deadline) {
      if (reactor_.run_until(done, Millis(20))) return true;
    }
    return done();
  }

  std::string host_log() {
    std::ifstream file(home_ / "host.log");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  bool host_said(const std::string& text) {
    return wait_for([&] { return host_log().find(text) != std::string::npos; });
  }

  void send(const proto::Envelope& message) { ASSERT_TRUE(server_->send(peer_.id, message).ok()); }
  void send_plan(proto::TopologyStatus status = proto::STATUS_ACTIVE) {
    proto::Envelope message;
    proto::PhysicalPlan& plan = *message.mutable_physical_plan();
    plan.set_epoch(1);
    plan.set_status(status);
    plan.mutable_logical()->set_topology_id(kTopology);
    plan.mutable_packing()->add_containers()->set_container_id(1);
    send(message);
  }
  void send_start() {
    proto::Envelope message;
    message.mutable_start_executors()->set_epoch(1);
    send(message);
  }
  void run_to_prepared() {
    launch();
    ASSERT_TRUE(wait_for([&] { return connections_ > 0; }));
    send_plan();
    send_start();
    ASSERT_TRUE(wait_for([&] { return prepared_ > 0; }));
  }
  void tell_java(const std::string& what) {
    // testdata's Host does what the file says when its status changes.
    std::ofstream(SpecDirs(spec_).worker + "/order") << what;
    proto::Envelope message;
    message.mutable_set_status()->set_status(proto::STATUS_INACTIVE);
    send(message);
  }

  Status on_hello(const ControlPeer& peer) override {
    EXPECT_EQ(peer.role, proto::ROLE_HOST);
    EXPECT_EQ(peer.container_id, 1);
    EXPECT_EQ(peer.incarnation, 3u);
    return {};
  }
  void on_connected(const ControlPeer& peer) override {
    peer_ = peer;
    ++connections_;
  }
  void on_message(const ControlPeer&, proto::Envelope message) override {
    if (message.has_prepared()) ++prepared_;
    if (message.has_host_sample()) ++samples_;
    if (message.has_error_report()) errors_.push_back(message.error_report().error());
  }
  void on_disconnected(const ControlPeer&, const Status&) override {}

  fs::path home_;
  proto::ContainerSpec spec_;
  ContainerPaths paths_;
  std::optional<FileLock> agent_lock_;
  AsioReactor reactor_;
  SystemLauncher launcher_{reactor_};
  std::optional<ExitStatus> exit_;
  std::unique_ptr<StateStore> store_;
  std::unique_ptr<ControlServer> server_;
  std::unique_ptr<EphemeralRecord> registration_;
  ControlPeer peer_;
  pid_t pid_ = 0;
  int connections_ = 0;
  int prepared_ = 0;
  int samples_ = 0;
  std::vector<proto::ErrorEntry> errors_;
};

TEST_F(JvmHostTest, BootsRunsSamplesAndStopsOnSigterm) {
  run_to_prepared();
  EXPECT_TRUE(wait_for([&] { return samples_ >= 2; }));
  kill(pid_, SIGTERM);
  EXPECT_EQ(wait_exit(), 0);
  EXPECT_THAT(host_log(), HasSubstr("java: stop 3000"));
  EXPECT_THAT(host_log(), HasSubstr("java: shutdown hook"));
}

TEST_F(JvmHostTest, UserCodeThatExitsGivesItsCodeToTheAgent) {
  run_to_prepared();
  tell_java("exit 11");
  EXPECT_EQ(wait_exit(), 11);
  EXPECT_THAT(host_log(), HasSubstr("java: shutdown hook"));
}

TEST_F(JvmHostTest, UserCodeThatHaltsGivesItsCodeToTheAgent) {
  run_to_prepared();
  tell_java("halt 12");
  EXPECT_EQ(wait_exit(), 12);
}

TEST_F(JvmHostTest, ADeathIsReportedBeforeTheProcessEnds) {
  run_to_prepared();
  tell_java("die 1");
  EXPECT_EQ(wait_exit(), 1);
  ASSERT_TRUE(wait_for([&] { return !errors_.empty(); })) << "the report was lost with the process";
  EXPECT_EQ(errors_[0].component(), "bolt");
  EXPECT_THAT(errors_[0].text(), HasSubstr("boom"));
  EXPECT_EQ(errors_[0].port(), 6700);
}

TEST_F(JvmHostTest, AShutdownHookThatHangsDoesNotKeepADeadWorker) {
  write_conf("{\"supervisor.worker.shutdown.sleep.secs\": 0, \"topology.worker.childopts\": \"-Xmx64m -Dhang=true\"}");
  run_to_prepared();
  tell_java("die 1");
  EXPECT_EQ(wait_exit(), 1);
}

TEST_F(JvmHostTest, AMasterThatRestartsFindsTheSameJvm) {
  run_to_prepared();
  server_.reset();
  ASSERT_TRUE(host_said("lost the topology master"));
  start_master();
  ASSERT_TRUE(wait_for([&] { return connections_ == 2 && prepared_ >= 2; })) << "prepared is told again";
  send_plan();
  send_start();
  samples_ = 0;
  EXPECT_TRUE(wait_for([&] { return samples_ >= 1; }));
  EXPECT_EQ(host_log().find("java: boot"), host_log().rfind("java: boot")) << "booted once";
}

TEST_F(JvmHostTest, APlanThatJavaRefusesIsReported) {
  write_conf("{\"explode\": true, \"topology.worker.childopts\": \"-Xmx64m\"}");
  launch();
  ASSERT_TRUE(wait_for([&] { return connections_ > 0; }));
  send_plan();
  EXPECT_EQ(wait_exit(), 1);
  ASSERT_TRUE(wait_for([&] { return !errors_.empty(); }));
  EXPECT_THAT(errors_[0].text(), HasSubstr("plan is not Storm's"));
  EXPECT_THAT(errors_[0].text(), HasSubstr("Caused by: java.lang.RuntimeException: task 3"));
}

TEST_F(JvmHostTest, OptionsThatTheJvmRefusesAreReported) {
  write_conf("{\"topology.worker.childopts\": \"-Xmx12zz\"}");
  launch();
  EXPECT_EQ(wait_exit(), 1);
  ASSERT_TRUE(wait_for([&] { return !errors_.empty(); }));
  EXPECT_THAT(errors_[0].text(), HasSubstr("Xmx12zz"));
}

TEST_F(JvmHostTest, WrongTypesOfOptionsAreReported) {
  write_conf("{\"topology.worker.childopts\": 17}");
  launch();
  EXPECT_EQ(wait_exit(), 1);
  ASSERT_TRUE(wait_for([&] { return !errors_.empty(); }));
  EXPECT_THAT(errors_[0].text(), HasSubstr("topology.worker.childopts: an integer is not allowed"));
}

TEST_F(JvmHostTest, SigkillOfTheHostIsSeenAsSuch) {
  run_to_prepared();
  kill(pid_, SIGKILL);
  EXPECT_EQ(wait_exit(), -SIGKILL);
}

TEST_F(JvmHostTest, SigquitIsAThreadDumpAndLifeGoesOn) {
  run_to_prepared();
  kill(pid_, SIGQUIT);
  EXPECT_TRUE(host_said("\"petrel-ledger\" #"));
  kill(pid_, SIGTERM);
  EXPECT_EQ(wait_exit(), 0);
}

TEST_F(JvmHostTest, AcksGoThroughTheLedgerAndBack) {
  run_to_prepared();
  tell_java("tree 5");
  EXPECT_TRUE(host_said("java: completion 5 4 1"));
  kill(pid_, SIGTERM);
  EXPECT_EQ(wait_exit(), 0);
}

}  // namespace
}  // namespace petrel
