#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "native/transport/asio_reactor.h"
#include "native/transport/control_client.h"
#include "native/transport/control_server.h"

namespace petrel {
namespace {

constexpr Nanos kPatience = Seconds(10);
const std::string kSecret(32, 's');

class Master : public ControlServerHandler {
 public:
  Status on_hello(const ControlPeer& peer) override {
    if (peer.incarnation == 13) return Status(StatusCode::kConflict, "incarnation 13 is stale");
    return Status();
  }
  void on_connected(const ControlPeer& peer) override { connected.push_back(peer); }
  void on_message(const ControlPeer& peer, proto::Envelope message) override {
    messages.push_back(message);
    if (message.has_stats_request()) {
      proto::Envelope reply;
      reply.set_request_id(message.request_id());
      reply.mutable_stats_reply()->set_epoch(7);
      EXPECT_TRUE(server->send(peer.id, reply).ok());
    }
  }
  void on_disconnected(const ControlPeer&, const Status& reason) override { disconnected.push_back(reason); }

  ControlServer* server = nullptr;
  std::vector<ControlPeer> connected;
  std::vector<proto::Envelope> messages;
  std::vector<Status> disconnected;
};

class Host : public ControlClientHandler {
 public:
  void on_connected() override { ++connected; }
  void on_message(proto::Envelope message) override { messages.push_back(message); }
  void on_disconnected(const Status&) override { ++disconnected; }
  void on_refused(const std::string& reason) override { refused.push_back(reason); }

  int connected = 0;
  int disconnected = 0;
  std::vector<proto::Envelope> messages;
  std::vector<std::string> refused;
};

class ControlTest : public testing::Test {
 protected:
  void serve(ControlServerOptions options = {}, uint16_t port = 0) {
    options.topology_id = "words-1-2";
    options.secret = kSecret;
    options.listen.port = port;
    server = std::make_unique<ControlServer>(reactor, options, master);
    master.server = server.get();
    Status started = server->start();
    ASSERT_TRUE(started.ok()) << started.to_string();
    endpoint = server->endpoint();
  }
  ControlClientOptions client_options(uint32_t incarnation = 1) {
    ControlClientOptions options;
    options.identity = {"words-1-2", kSecret, proto::ROLE_HOST, 1, incarnation};
    options.backoff_min = Millis(5);
    options.backoff_max = Millis(20);
    return options;
  }
  std::unique_ptr<ControlClient> client(ControlClientOptions options) {
    return std::make_unique<ControlClient>(reactor, options, [this]() -> Result<Endpoint> { return endpoint; }, host);
  }
  /// A stranger's connection: sends bytes as they are.
  std::unique_ptr<ByteStream> stranger() {
    std::unique_ptr<ByteStream> stream;
    reactor.connect(endpoint, kPatience, [&](auto result) { stream = std::move(result).value(); });
    EXPECT_TRUE(reactor.run_until([&] { return stream != nullptr; }, kPatience));
    stream->start([this](std::string_view bytes) { stranger_got += bytes; },
                  [this](Status) { stranger_closed = true; });
    return stream;
  }

  AsioReactor reactor;
  Master master;
  Host host;
  std::unique_ptr<ControlServer> server;
  Endpoint endpoint;
  std::string stranger_got;
  bool stranger_closed = false;
};

TEST_F(ControlTest, AClientThatHearsNothingConnectsAgain) {
  ControlServerOptions mute;
  mute.heartbeat = Seconds(1000);
  serve(mute);
  ControlClientOptions options = client_options();
  options.heartbeat = Millis(10);
  auto c = client(options);
  c->start();
  ASSERT_TRUE(reactor.run_until([&] { return host.connected == 3; }, kPatience));
  EXPECT_GE(host.disconnected, 2);
}

TEST_F(ControlTest, HeartbeatsKeepAQuietConnection) {
  ControlServerOptions beats;
  beats.heartbeat = Millis(5);
  serve(beats);
  ControlClientOptions options = client_options();
  options.heartbeat = Millis(500);
  auto c = client(options);
  c->start();
  bool over = false;
  reactor.after(Seconds(3), [&] { over = true; });
  ASSERT_TRUE(reactor.run_until([&] { return over; }, kPatience));
  EXPECT_EQ(host.connected, 1);
  EXPECT_EQ(host.disconnected, 0);
  EXPECT_TRUE(host.messages.empty());
}

TEST_F(ControlTest, HelloThenMessagesBothWays) {
  serve();
  auto c = client(client_options());
  c->start();
  ASSERT_TRUE(reactor.run_until([&] { return host.connected == 1 && master.connected.size() == 1; }, kPatience));
  EXPECT_EQ(master.connected[0].container_id, 1);
  EXPECT_EQ(master.connected[0].pid, getpid());
  proto::Envelope plan;
  plan.mutable_physical_plan()->mutable_logical()->set_topology_name(std::string(3'000'000, 'n'));  // > hello limit
  ASSERT_TRUE(server->send(master.connected[0].id, plan).ok());
  proto::Envelope prepared;
  prepared.mutable_prepared()->set_epoch(4);
  ASSERT_TRUE(c->send(prepared).ok());
  ASSERT_TRUE(reactor.run_until([&] { return host.messages.size() == 1 && master.messages.size() == 1; }, kPatience));
  EXPECT_EQ(host.messages[0].physical_plan().logical().topology_name().size(), 3'000'000u);
  EXPECT_EQ(master.messages[0].prepared().epoch(), 4u);
}

TEST_F(ControlTest, ClientFindsARestartedServerAtAnotherPort) {
  serve();
  auto c = client(client_options());
  c->start();
  ASSERT_TRUE(reactor.run_until([&] { return host.connected == 1; }, kPatience));
  server.reset();
  ASSERT_TRUE(reactor.run_until([&] { return host.disconnected == 1; }, kPatience));
  EXPECT_EQ(c->send(proto::Envelope()).code(), StatusCode::kUnavailable);
  serve();
  EXPECT_TRUE(reactor.run_until([&] { return host.connected == 2; }, kPatience));
}

TEST_F(ControlTest, WrongSecretIsRefusedAndSaysSo) {
  serve();
  auto options = client_options();
  options.identity.secret = std::string(32, 't');
  auto c = client(options);
  c->start();
  ASSERT_TRUE(reactor.run_until([&] { return !host.refused.empty(); }, kPatience));
  EXPECT_THAT(host.refused[0], testing::HasSubstr("secret"));
  EXPECT_TRUE(master.connected.empty());
}

TEST_F(ControlTest, ProofIsBoundToRoleContainerIncarnationAndNonce) {
  const std::string proof = hello_proof(kSecret, "nonce", proto::ROLE_HOST, 1, 2);
  EXPECT_EQ(proof.size(), 32u);
  EXPECT_EQ(proof, hello_proof(kSecret, "nonce", proto::ROLE_HOST, 1, 2));
  EXPECT_NE(proof, hello_proof(kSecret, "nonce", proto::ROLE_NIMBUS, 1, 2));
  EXPECT_NE(proof, hello_proof(kSecret, "nonce", proto::ROLE_HOST, 2, 2));
  EXPECT_NE(proof, hello_proof(kSecret, "nonce", proto::ROLE_HOST, 1, 3));
  EXPECT_NE(proof, hello_proof(kSecret, "nonc3", proto::ROLE_HOST, 1, 2));
  EXPECT_NE(proof, hello_proof(kSecret, "nonce", proto::ROLE_HOST, 1, 2, 1));
  EXPECT_FALSE(equal_constant_time("abc", "abcd"));
  EXPECT_TRUE(equal_constant_time("abc", "abc"));
}

TEST_F(ControlTest, ForeignTopologyAndStaleIncarnationAreRefused) {
  serve();
  auto foreign = client_options();
  foreign.identity.topology_id = "other";
  auto a = client(foreign);
  a->start();
  ASSERT_TRUE(reactor.run_until([&] { return host.refused.size() == 1; }, kPatience));
  EXPECT_THAT(host.refused[0], testing::HasSubstr("other"));
  a->stop();
  auto b = client(client_options(13));
  b->start();
  ASSERT_TRUE(reactor.run_until([&] { return host.refused.size() >= 2; }, kPatience));
  EXPECT_THAT(host.refused.back(), testing::HasSubstr("stale"));
}

TEST_F(ControlTest, LengthsOutsideTheLimitCloseTheConnection) {
  serve();
  for (const std::string& bytes : {std::string("\x7f\xff\xff\xff", 4), std::string("\0\0\0\0", 4),
                                   std::string("\0\1\0\1x", 5) /* 65537 before the hello */,
                                   std::string("GET / HTTP/1.1\r\n"), std::string("\0\0\0\3abc", 7)}) {
    stranger_closed = false;
    auto stream = stranger();
    stream->send(bytes);
    EXPECT_TRUE(reactor.run_until([&] { return stranger_closed; }, kPatience)) << bytes;
  }
  auto c = client(client_options());
  c->start();
  EXPECT_TRUE(reactor.run_until([&] { return host.connected == 1; }, kPatience));
}

TEST_F(ControlTest, SilentAndDrippingPeersAreClosedByDeadline) {
  ControlServerOptions options;
  options.limits.hello_timeout = Millis(50);
  serve(options);
  auto silent = stranger();
  EXPECT_TRUE(reactor.run_until([&] { return stranger_closed; }, kPatience));
  EXPECT_EQ(server->connections(), 0u);
}

TEST_F(ControlTest, HalfAFrameIsClosedByDeadline) {
  ControlServerOptions options;
  options.limits.frame_timeout = Millis(50);
  serve(options);
  auto dripping = stranger();
  dripping->send(std::string("\0\0\0\x20half", 8));
  EXPECT_TRUE(reactor.run_until([&] { return stranger_closed; }, kPatience));
}

TEST_F(ControlTest, AStrangerMakesRoomForAGoodClient) {
  ControlServerOptions options;
  options.connections_max = 1;
  serve(options);
  auto silent = stranger();
  ASSERT_TRUE(reactor.run_until([&] { return server->connections() == 1; }, kPatience));
  auto c = client(client_options());
  c->start();
  EXPECT_TRUE(reactor.run_until([&] { return host.connected == 1; }, kPatience));
  EXPECT_TRUE(reactor.run_until([&] { return stranger_closed; }, kPatience));
}

TEST_F(ControlTest, APeerThatDoesNotReadIsDropped) {
  ControlServerOptions options;
  options.limits.outbox_bytes = 256 * 1024;
  serve(options);
  // Speaks the protocol by hand and then stops reading: no start() on the stream.
  auto c = client(client_options());
  c->start();
  ASSERT_TRUE(reactor.run_until([&] { return master.connected.size() == 1; }, kPatience));
  proto::Envelope large;
  large.mutable_physical_plan()->mutable_logical()->set_topology_name(std::string(8'000'000, 'n'));
  // Nothing runs the loop, so nothing is read: the first fills the outbox, a later one is refused.
  Status sent;
  for (int i = 0; i < 4 && sent.ok(); ++i) sent = server->send(master.connected[0].id, large);
  EXPECT_EQ(sent.code(), StatusCode::kLimit);
  EXPECT_TRUE(reactor.run_until([&] { return master.disconnected.size() == 1; }, kPatience));
  EXPECT_EQ(master.disconnected[0].code(), StatusCode::kLimit);
}

TEST_F(ControlTest, BlockingCallFromAnotherThread) {
  serve();
  Result<proto::StatsReply> reply = Status(StatusCode::kInternal, "not run");
  bool done = false;
  std::thread nimbus([&] {
    reply = request_stats(endpoint, "words-1-2", kSecret, kPatience);
    reactor.post([&] { done = true; });
  });
  EXPECT_TRUE(reactor.run_until([&] { return done; }, kPatience));
  nimbus.join();
  ASSERT_TRUE(reply.ok()) << reply.status().to_string();
  EXPECT_EQ(reply->epoch(), 7u);
}

TEST_F(ControlTest, BlockingCallTimesOut) {
  serve();  // nobody runs the loop
  auto reply = request_stats(endpoint, "words-1-2", kSecret, Millis(50));
  EXPECT_EQ(reply.status().code(), StatusCode::kTimeout);
}

TEST(FrameSplitter, FramesSplitAtEveryByte) {
  const std::string bytes("\0\0\0\3abc\0\0\0\1z\0\0\0\2yx", 18);
  for (size_t first = 0; first <= bytes.size(); ++first) {
    for (size_t second = first; second <= bytes.size(); ++second) {
      FrameSplitter splitter(16);
      std::vector<std::string> frames;
      auto collect = [&](std::string_view frame) { return frames.emplace_back(frame), true; };
      ASSERT_TRUE(splitter.feed(std::string_view(bytes).substr(0, first), collect).ok());
      ASSERT_TRUE(splitter.feed(std::string_view(bytes).substr(first, second - first), collect).ok());
      ASSERT_TRUE(splitter.feed(std::string_view(bytes).substr(second), collect).ok());
      EXPECT_THAT(frames, testing::ElementsAre("abc", "z", "yx"));
      EXPECT_FALSE(splitter.in_frame());
    }
  }
}

}  // namespace
}  // namespace petrel
