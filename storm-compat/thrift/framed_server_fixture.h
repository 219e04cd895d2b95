// For tests: a FramedServer on loopback over a small Nimbus, its log, and what must hold after every bad input: the
// server answers, and the process holds no more memory than before.
#pragma once

#include <atomic>
#include <stdexcept>

#include "Nimbus.h"
#include "native/base/log.h"
#include "storm-compat/thrift/call_context.h"
#include "storm-compat/thrift/framed_server.h"
#include "storm-compat/thrift/thrift_test_util.h"

namespace petrel::thrift_test {

class SmallNimbus : public storm::NimbusNull {
 public:
  void getLeader(storm::NimbusSummary& summary) override {
    summary.host = "127.0.0.1";
    summary.port = leader_port;
  }
  void getNimbusConf(std::string& conf) override { conf = std::string(conf_bytes, 'c'); }
  bool isTopologyNameAllowed(const std::string& name) override {
    last_name = name;
    return name != "taken";
  }
  void activate(const std::string&) override { throw std::runtime_error("the machine is on fire"); }
  void deactivate(const std::string&) override { throw 7; }
  void killTopology(const std::string& name) override {
    storm::NotAliveException gone;
    gone.msg = name + " is not alive";
    throw gone;
  }
  void submitTopology(const std::string&, const std::string&, const std::string&,
                      const storm::StormTopology&) override {
    caller = current_caller();
    auto raw = raw_argument(current_frame(), 4);
    raw_topology = raw.ok() ? std::string(*raw) : raw.status().to_string();
  }
  /// Waits until the test lets it go.
  void getTopologyConf(std::string& conf, const std::string&) override {
    ++waiting;
    let_go.wait(false);
    --waiting;
    conf = "{}";
  }

  void release() {
    let_go = true;
    let_go.notify_all();
  }

  int leader_port = 0;
  std::atomic<size_t> conf_bytes{2};
  std::string last_name;
  Caller caller;
  std::string raw_topology;
  std::atomic<int> waiting{0};
  std::atomic<bool> let_go{false};
};

class FramedServerFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    log_fd_ = memfd_create("log", MFD_CLOEXEC);
    configure_log(LogLevel::kInfo, log_fd_);
  }
  void TearDown() override {
    if (server_ != nullptr) {
      EXPECT_TRUE(good_call_works()) << "a good client gets no answer afterwards";
      EXPECT_TRUE(eventually([&] { return live_bytes() - live_before_ < (10 << 20); }))
          << live_bytes() - live_before_ << " bytes more than before";
      nimbus_->release();
      server_->stop();
    }
    if (HasFailure()) fprintf(stderr, "the server's log:\n%s\n", log().c_str());
    configure_log(LogLevel::kInfo, 2);
    ::close(log_fd_);
  }

  void start(const FramedServerOptions& options = {}) {
    server_ = std::make_unique<FramedServer>(std::make_shared<storm::NimbusProcessor>(nimbus_), options,
                                             SystemClock::instance());
    Status started = server_->start("127.0.0.1", 0);
    ASSERT_TRUE(started.ok()) << started.to_string();
    nimbus_->leader_port = server_->port();
    ASSERT_TRUE(good_call_works());  // what is allocated once is allocated now
    live_before_ = live_bytes();
  }

  RawClient connect() { return RawClient(server_->port()); }
  bool good_call_works() {
    RawClient client = connect();
    Answer answer = client.call(empty_call("getLeader", 77));
    return answer.came && answer.type == kReply && answer.seqid == 77;
  }

  std::string log() {
    std::string text(static_cast<size_t>(lseek(log_fd_, 0, SEEK_END)), '\0');
    ssize_t n = pread(log_fd_, text.data(), text.size(), 0);
    text.resize(n < 0 ? 0 : static_cast<size_t>(n));
    return text;
  }
  bool logged(const std::string& part) {
    return eventually([&] { return log().find(part) != std::string::npos; });
  }

  /// `bytes` end the connection, and the log says `sentence`.
  void expect_closed(std::string_view bytes, const std::string& sentence) {
    RawClient client = connect();
    client.send(bytes);
    EXPECT_TRUE(client.closed());
    EXPECT_TRUE(logged(sentence)) << sentence;
  }
  /// `bytes` are answered with an exception of this type that says `part`, and the connection goes on.
  Answer expect_error(std::string_view bytes, int type, const std::string& part) {
    RawClient client = connect();
    Answer answer = client.call(bytes);
    EXPECT_TRUE(answer.came);
    EXPECT_EQ(answer.type, kException);
    EXPECT_EQ(answer.error_type, type);
    EXPECT_NE(answer.error_text.find(part), std::string::npos) << "the text is: " << answer.error_text;
    Answer next = client.call(empty_call("getLeader", 5));
    EXPECT_TRUE(next.came && next.type == kReply) << "the connection does not go on";
    return answer;
  }

  std::shared_ptr<SmallNimbus> nimbus_ = std::make_shared<SmallNimbus>();
  std::unique_ptr<FramedServer> server_;
  int log_fd_ = -1;
  int64_t live_before_ = 0;
};

}  // namespace petrel::thrift_test
