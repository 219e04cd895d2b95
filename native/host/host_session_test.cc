#include "native/host/host_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "native/transport/manual_reactor.h"

namespace petrel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Plan and samples are their protobuf bytes.
class FakeRuntime : public HostRuntime {
 public:
  Result<std::string> encode(const proto::PhysicalPlan& plan, const HostIdentity& host) override {
    for (const proto::ContainerPlan& container : plan.packing().containers()) {
      if (container.container_id() == host.container_id) return plan.SerializeAsString();
    }
    return Status::malformed("no container {}", host.container_id);
  }
  Result<proto::HostSample> decode(const std::string& bytes) override {
    proto::HostSample sample;
    if (!sample.ParseFromString(bytes)) return Status::malformed("not a sample");
    return sample;
  }
  void boot(std::string plan, Done done) override {
    calls.push_back(fmt::format("boot {}", !plan.empty()));
    boot_done = std::move(done);
  }
  void start(bool active, Done done) override {
    calls.push_back(fmt::format("start {}", active));
    start_done = std::move(done);
  }
  void drain(uint64_t epoch) override { calls.push_back(fmt::format("drain {}", epoch)); }
  void set_active(bool active, Done) override { calls.push_back(fmt::format("setActive {}", active)); }
  void sample(std::function<void(Result<std::string>)> done) override {
    ++samples;
    sample_done = std::move(done);
  }
  void stop(Millis grace, int code) override { calls.push_back(fmt::format("stop {} {}", grace.count(), code)); }

  std::vector<std::string> calls;
  Done boot_done, start_done;
  std::function<void(Result<std::string>)> sample_done;
  int samples = 0;
};

class HostSessionTest : public testing::Test {
 protected:
  HostSessionTest() {
    HostSessionOptions options;
    options.host = {1, 5, "h", 6700, "uuid", "/code", "/pids"};
    HostSessionLinks links;
    links.send = [this](const proto::Envelope& message) -> Status {
      if (!connected_) return Status(StatusCode::kUnavailable, "away");
      sent_.push_back(message);
      return {};
    };
    links.somebody_cares = [this] { return cared_for_; };
    links.fail = [this](const Status& why) { failure_ = why.message(); };
    links.start_links = [this](const proto::PhysicalPlan& plan) {
      linked_epochs_.push_back(plan.epoch());
      return link_status_;
    };
    links.booted = [this] { calls_at_links_run_.push_back(runtime_.calls.size()); };
    links.endpoints = [this](const proto::DataEndpoints& endpoints) { endpoints_ = endpoints; };
    links.link_sample = [this] { return link_sample_; };
    session_ = std::make_unique<HostSession>(reactor_, options, links, runtime_, errors_);
    session_->start();
  }
  void plan(uint64_t epoch, proto::TopologyStatus status, int32_t container = 1) {
    proto::Envelope message;
    proto::PhysicalPlan& p = *message.mutable_physical_plan();
    p.set_epoch(epoch);
    p.set_status(status);
    p.mutable_packing()->add_containers()->set_container_id(container);
    session_->on_message(message);
  }
  void start_executors() {
    proto::Envelope message;
    message.mutable_start_executors()->set_epoch(1);
    session_->on_message(message);
  }
  void status(proto::TopologyStatus value) {
    proto::Envelope message;
    message.mutable_set_status()->set_status(value);
    session_->on_message(message);
  }
  void run_active() {
    plan(1, proto::STATUS_ACTIVE);
    runtime_.boot_done({});
    start_executors();
  }
  std::vector<proto::Envelope> sent(proto::Envelope::BodyCase kind) {
    std::vector<proto::Envelope> out;
    for (const proto::Envelope& message : sent_) {
      if (message.body_case() == kind) out.push_back(message);
    }
    return out;
  }

  ManualReactor reactor_;
  FakeRuntime runtime_;
  ErrorOutbox errors_;
  bool connected_ = true;
  bool cared_for_ = true;
  std::vector<proto::Envelope> sent_;
  std::string failure_;
  std::vector<uint64_t> linked_epochs_;
  std::vector<size_t> calls_at_links_run_;
  Status link_status_;
  proto::DataEndpoints endpoints_;
  proto::LinkSample link_sample_;
  std::unique_ptr<HostSession> session_;
};

TEST_F(HostSessionTest, BootsThenStartsWhenAllContainersAreThere) {
  plan(1, proto::STATUS_ACTIVE);
  EXPECT_THAT(runtime_.calls, ElementsAre("boot true"));
  runtime_.boot_done({});
  EXPECT_THAT(runtime_.calls, ElementsAre("boot true"));
  start_executors();
  EXPECT_THAT(runtime_.calls, ElementsAre("boot true", "start true"));
}

TEST_F(HostSessionTest, LinksStartOnceBeforeTheBoot) {
  plan(4, proto::STATUS_ACTIVE);
  plan(4, proto::STATUS_ACTIVE);
  plan(5, proto::STATUS_ACTIVE);
  EXPECT_THAT(linked_epochs_, ElementsAre(4));
  EXPECT_THAT(runtime_.calls, ElementsAre("boot true"));
}

TEST_F(HostSessionTest, LinksRunWhenJavaIsBootedAndBeforeItStarts) {
  plan(4, proto::STATUS_ACTIVE);
  start_executors();
  EXPECT_THAT(calls_at_links_run_, IsEmpty());  // what came now would find nobody
  runtime_.boot_done({});
  EXPECT_THAT(calls_at_links_run_, ElementsAre(1));
  EXPECT_THAT(runtime_.calls, ElementsAre("boot true", "start true"));
}

TEST_F(HostSessionTest, WithoutLinksNothingIsBooted) {
  link_status_ = Status(StatusCode::kUnavailable, "no port");
  plan(4, proto::STATUS_ACTIVE);
  EXPECT_THAT(failure_, HasSubstr("no port"));
  EXPECT_THAT(runtime_.calls, IsEmpty());
}

TEST_F(HostSessionTest, NewsOfTheLinksReachTheMasterAlsoTheNextOne) {
  session_->listening({"127.0.0.1", 4711});
  connected_ = false;
  session_->links_up(4);
  session_->drained(9);
  EXPECT_THAT(sent(proto::Envelope::kLinksUp), IsEmpty());
  connected_ = true;
  sent_.clear();
  session_->on_connected();
  ASSERT_EQ(sent(proto::Envelope::kDataEndpoint).size(), 1u);
  const proto::DataEndpoint endpoint = sent(proto::Envelope::kDataEndpoint)[0].data_endpoint();
  EXPECT_EQ(endpoint.container_id(), 1);
  EXPECT_EQ(endpoint.incarnation(), 5u);
  EXPECT_EQ(endpoint.port(), 4711);
  ASSERT_EQ(sent(proto::Envelope::kLinksUp).size(), 1u);
  EXPECT_EQ(sent(proto::Envelope::kLinksUp)[0].links_up().epoch(), 4u);
  ASSERT_EQ(sent(proto::Envelope::kDrained).size(), 1u);
  EXPECT_EQ(sent(proto::Envelope::kDrained)[0].drained().epoch(), 9u);
}

TEST_F(HostSessionTest, EndpointsGoToTheLinksAndCountsOfThemToTheMaster) {
  proto::Envelope message;
  message.mutable_data_endpoints()->add_endpoints()->set_port(17);
  session_->on_message(message);
  ASSERT_EQ(endpoints_.endpoints_size(), 1);
  run_active();
  reactor_.advance(Seconds(1));
  EXPECT_THAT(sent(proto::Envelope::kLinkSample), IsEmpty());  // one host: nothing to tell
  link_sample_.add_pairs()->set_tuples(3);
  reactor_.advance(Seconds(1));
  ASSERT_EQ(sent(proto::Envelope::kLinkSample).size(), 1u);
  EXPECT_EQ(sent(proto::Envelope::kLinkSample)[0].link_sample().pairs(0).tuples(), 3u);
}

TEST_F(HostSessionTest, ADrainFollowsTheStatusOnceAndWaitsForTheStart) {
  const auto inactive = [&](uint64_t epoch) {
    proto::Envelope message;
    message.mutable_set_status()->set_status(proto::STATUS_INACTIVE);
    message.mutable_set_status()->set_drain_epoch(epoch);
    session_->on_message(message);
  };
  plan(1, proto::STATUS_ACTIVE);
  runtime_.boot_done({});
  inactive(7);
  start_executors();
  inactive(7);
  EXPECT_THAT(runtime_.calls, ElementsAre("boot true", "start false", "drain 7"));
  runtime_.calls.clear();
  status(proto::STATUS_ACTIVE);
  inactive(8);
  EXPECT_THAT(runtime_.calls, ElementsAre("setActive true", "setActive false", "drain 8"));
}

TEST_F(HostSessionTest, AStartThatComesDuringBootWaitsForIt) {
  plan(1, proto::STATUS_INACTIVE);
  start_executors();
  EXPECT_THAT(runtime_.calls, ElementsAre("boot true"));
  runtime_.boot_done({});
  EXPECT_THAT(runtime_.calls, ElementsAre("boot true", "start false"));
}

TEST_F(HostSessionTest, AStatusBeforeTheStartIsTheStartsStatus) {
  plan(1, proto::STATUS_INACTIVE);
  status(proto::STATUS_ACTIVE);
  runtime_.boot_done({});
  start_executors();
  EXPECT_THAT(runtime_.calls, ElementsAre("boot true", "start true"));
}

TEST_F(HostSessionTest, StatusChangesReachJavaOnce) {
  run_active();
  runtime_.calls.clear();
  status(proto::STATUS_ACTIVE);
  status(proto::STATUS_INACTIVE);
  status(proto::STATUS_INACTIVE);
  status(proto::STATUS_UNSET);
  status(proto::STATUS_ACTIVE);
  status(proto::STATUS_KILLED);
  EXPECT_THAT(runtime_.calls, ElementsAre("setActive false", "setActive true", "setActive false"));
}

TEST_F(HostSessionTest, AMasterThatComesBackChangesNothing) {
  run_active();
  session_->prepared();
  runtime_.calls.clear();
  session_->on_disconnected(Status(StatusCode::kUnavailable, "gone"));
  session_->on_connected();
  plan(1, proto::STATUS_ACTIVE);
  start_executors();
  EXPECT_THAT(runtime_.calls, IsEmpty());
  EXPECT_EQ(sent(proto::Envelope::kPrepared).size(), 2u) << "the new master has to hear it as well";
}

TEST_F(HostSessionTest, AMasterThatComesBackWithAnotherStatusIsFollowed) {
  run_active();
  runtime_.calls.clear();
  plan(1, proto::STATUS_INACTIVE);
  EXPECT_THAT(runtime_.calls, ElementsAre("setActive false"));
}

TEST_F(HostSessionTest, AnotherEpochIsKeptAway) {
  run_active();
  runtime_.calls.clear();
  plan(2, proto::STATUS_ACTIVE, 9);
  EXPECT_THAT(runtime_.calls, IsEmpty());
}

TEST_F(HostSessionTest, APlanWithoutThisContainerIsNotBooted) {
  plan(1, proto::STATUS_ACTIVE, 9);
  EXPECT_THAT(runtime_.calls, IsEmpty());
  plan(2, proto::STATUS_ACTIVE, 1);
  EXPECT_THAT(runtime_.calls, ElementsAre("boot true"));
}

TEST_F(HostSessionTest, AFailedBootEndsTheHost) {
  plan(1, proto::STATUS_ACTIVE);
  runtime_.boot_done(Status(StatusCode::kInternal, "tasks differ"));
  EXPECT_THAT(failure_, HasSubstr("boot: tasks differ"));
  start_executors();
  EXPECT_THAT(runtime_.calls, ElementsAre("boot true"));
}

TEST_F(HostSessionTest, SamplesGoOutOncePerSecondWithTheHostsNames) {
  reactor_.advance(Seconds(3));
  EXPECT_EQ(runtime_.samples, 0) << "nothing to sample before boot";
  run_active();
  reactor_.advance(Seconds(1));
  ASSERT_EQ(runtime_.samples, 1);
  reactor_.advance(Seconds(5));
  EXPECT_EQ(runtime_.samples, 1) << "one at a time";
  runtime_.sample_done(std::string());
  auto samples = sent(proto::Envelope::kHostSample);
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_EQ(samples[0].host_sample().container_id(), 1);
  EXPECT_EQ(samples[0].host_sample().incarnation(), 5u);
  EXPECT_EQ(samples[0].host_sample().plan_epoch(), 1u);
  EXPECT_EQ(samples[0].host_sample().uptime_ms(), 9000);
  reactor_.advance(Seconds(1));
  EXPECT_EQ(runtime_.samples, 2);
}

TEST_F(HostSessionTest, ABrokenSampleIsNotSent) {
  run_active();
  reactor_.advance(Seconds(1));
  runtime_.sample_done(std::string("\xFF\xFF\xFF\xFF", 4));
  EXPECT_THAT(sent(proto::Envelope::kHostSample), IsEmpty());
}

TEST_F(HostSessionTest, ErrorsWaitForTheMaster) {
  connected_ = false;
  proto::ErrorEntry entry;
  entry.set_component("bolt");
  errors_.push(entry);
  session_->send_errors();
  EXPECT_EQ(errors_.size(), 1u);
  connected_ = true;
  session_->on_connected();
  EXPECT_EQ(errors_.size(), 0u);
  EXPECT_EQ(sent(proto::Envelope::kErrorReport).at(0).error_report().error().component(), "bolt");
}

TEST_F(HostSessionTest, EndsWhenAgentAndRootHaveBothBeenGoneForTheLease) {
  run_active();
  runtime_.calls.clear();
  cared_for_ = false;
  reactor_.advance(Seconds(29));
  EXPECT_THAT(runtime_.calls, IsEmpty());
  cared_for_ = true;
  reactor_.advance(Seconds(2));
  cared_for_ = false;
  reactor_.advance(Seconds(29));
  EXPECT_THAT(runtime_.calls, IsEmpty()) << "somebody was there in between";
  reactor_.advance(Seconds(3));
  EXPECT_THAT(runtime_.calls, ElementsAre("stop 3000 0"));
}

TEST_F(HostSessionTest, StopsOnce) {
  run_active();
  runtime_.calls.clear();
  session_->stop("signal", 0);
  session_->stop("signal", 0);
  status(proto::STATUS_INACTIVE);
  EXPECT_THAT(runtime_.calls, ElementsAre("stop 3000 0"));
}

TEST_F(HostSessionTest, AnAnswerAfterTheEndOfTheSessionIsDropped) {
  plan(1, proto::STATUS_ACTIVE);
  auto late = runtime_.boot_done;
  session_.reset();
  late(Status(StatusCode::kInternal, "late"));
  EXPECT_EQ(failure_, "");
}

TEST_F(HostSessionTest, AMessageForSomebodyElseIsIgnored) {
  proto::Envelope message;
  message.mutable_stats_request();
  session_->on_message(message);
  session_->on_message(proto::Envelope());
  EXPECT_THAT(runtime_.calls, IsEmpty());
}

}  // namespace
}  // namespace petrel
