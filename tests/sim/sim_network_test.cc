#include "tests/sim/sim_network.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace petrel::sim {
namespace {

/// An end of a stream with everything that it heard.
struct Listening {
  std::unique_ptr<ByteStream> stream;
  std::string heard;
  std::optional<Status> closed;
  size_t pieces = 0;
  void take(std::unique_ptr<ByteStream> s) {
    stream = std::move(s);
    stream->start(
        [this](std::string_view bytes) {
          heard += bytes;
          ++pieces;
        },
        [this](Status reason) { closed = reason; });
  }
};

class NetworkTest : public ::testing::Test {
 protected:
  explicit NetworkTest(uint64_t seed = 1) : world(seed), network(world, profile(), world.rng(9)) {}
  static NetworkProfile profile() {
    NetworkProfile profile;
    profile.split_percent = 50;
    return profile;
  }
  void connect(const Endpoint& endpoint) {
    auto listening = b.listen(endpoint, [this](std::unique_ptr<ByteStream> stream) { server.take(std::move(stream)); });
    ASSERT_TRUE(listening.ok());
    acceptor = std::move(*listening);
    a.connect(acceptor->endpoint(), Seconds(1), [this](Result<std::unique_ptr<ByteStream>> stream) {
      ASSERT_TRUE(stream.ok());
      client.take(std::move(*stream));
    });
    run(Millis(10));
    ASSERT_TRUE(client.stream != nullptr && server.stream != nullptr);
  }
  void run(Nanos time) { world.run_until(world.now() + time); }

  SimWorld world;
  SimNetwork network;
  SimReactor a{world, network, 1, 101};
  SimReactor b{world, network, 1, 102};
  std::unique_ptr<Acceptor> acceptor;
  Listening client;
  Listening server;
};

std::string text(size_t bytes) {
  std::string out(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) out[i] = static_cast<char>(i * 7 + i / 251);
  return out;
}

TEST_F(NetworkTest, BytesArriveInOrderAndInPieces) {
  connect({"127.0.0.1", 0});
  const std::string sent = text(1'000'000);
  client.stream->send(sent);
  EXPECT_GT(client.stream->queued_bytes(), 0u);  // more than the buffers take
  run(Seconds(1));
  EXPECT_EQ(server.heard, sent);
  EXPECT_GT(server.pieces, 20u);
  EXPECT_EQ(client.stream->queued_bytes(), 0u);
  EXPECT_FALSE(server.closed);
}

TEST_F(NetworkTest, NamesBelongToAMachineAndTellThePid) {
  connect({"@name", 0});
  EXPECT_EQ(client.stream->peer_pid(), 102);
  EXPECT_EQ(server.stream->peer_pid(), 101);
  SimReactor elsewhere(world, network, 2, 103);
  Status refused;
  elsewhere.connect({"@name", 0}, Seconds(1),
                    [&](Result<std::unique_ptr<ByteStream>> stream) { refused = stream.status(); });
  run(Millis(10));
  EXPECT_EQ(refused.code(), StatusCode::kUnavailable);
}

TEST_F(NetworkTest, ACutIsToldToBothEndsAndWhatArrivesIsAPrefix) {
  for (int round = 0; round < 20; ++round) {
    SCOPED_TRACE(round);
    client = {};
    server = {};
    acceptor.reset();
    connect({"127.0.0.1", 0});
    const std::string sent = text(200'000);
    client.stream->send(sent);
    run(std::chrono::microseconds(50 * round));
    ASSERT_EQ(network.open_connections(), 1u);
    network.cut(0);
    run(Seconds(1));
    EXPECT_TRUE(client.closed.has_value() && !client.closed->ok());
    EXPECT_TRUE(server.closed.has_value() && !server.closed->ok());
    EXPECT_EQ(server.heard, sent.substr(0, server.heard.size()));
    EXPECT_EQ(network.open_connections(), 0u);
  }
}

TEST_F(NetworkTest, OfAHalfOpenConnectionOneEndNeverHears) {
  connect({"127.0.0.1", 0});
  network.half_open(0, true, Millis(100));
  client.stream->send("lost");
  server.stream->send("lost");
  run(Seconds(60));
  EXPECT_TRUE(client.closed.has_value());
  EXPECT_FALSE(server.closed.has_value());
  EXPECT_EQ(server.heard + client.heard, "");
}

TEST_F(NetworkTest, AStallDelaysAndLosesNothing) {
  connect({"127.0.0.1", 0});
  network.stall(0, 0, Seconds(3));
  client.stream->send("up");
  server.stream->send("down");
  run(Seconds(1));
  EXPECT_EQ(server.heard, "");
  EXPECT_EQ(client.heard, "down");
  run(Seconds(3));
  EXPECT_EQ(server.heard, "up");
}

TEST_F(NetworkTest, SeparatedMachinesTimeOutAndGoOnLater) {
  SimReactor far(world, network, 2, 103);
  connect({"127.0.0.1", 0});
  network.separate(1, 2, Seconds(3));
  Status late;
  far.connect(acceptor->endpoint(), Seconds(1),
              [&](Result<std::unique_ptr<ByteStream>> stream) { late = stream.status(); });
  run(Seconds(2));
  EXPECT_EQ(late.code(), StatusCode::kTimeout);
  bool connected = false;
  far.connect(acceptor->endpoint(), Seconds(5),
              [&](Result<std::unique_ptr<ByteStream>> stream) { connected = stream.ok(); });
  run(Seconds(2));
  EXPECT_TRUE(connected);
}

TEST_F(NetworkTest, OfAKilledProcessNothingRunsAndItsPeerHearsTheEnd) {
  std::optional<Listening> dying(std::in_place);
  auto process = std::make_unique<SimReactor>(world, network, 1, 104);
  connect({"127.0.0.1", 0});
  process->connect(acceptor->endpoint(), Seconds(1),
                   [&](Result<std::unique_ptr<ByteStream>> stream) { dying->take(std::move(*stream)); });
  run(Millis(10));
  bool ran = false;
  process->after(Millis(1), [&] { ran = true; });
  bool ended = false;
  b.when_process_ends(104, [&] { ended = true; });
  dying->stream->send("x");
  network.process_dies(*process->gate());
  process->gate()->die();
  dying.reset();
  process.reset();
  world.process_ended(104);
  run(Seconds(1));
  EXPECT_FALSE(ran);
  EXPECT_TRUE(ended);
  EXPECT_TRUE(server.closed.has_value());
  acceptor.reset();
  Status refused;
  a.connect({"127.0.0.1", 20000}, Seconds(1),
            [&](Result<std::unique_ptr<ByteStream>> stream) { refused = stream.status(); });
  run(Seconds(1));
  EXPECT_EQ(refused.code(), StatusCode::kUnavailable);
}

TEST_F(NetworkTest, APausedProcessGetsEverythingLater) {
  connect({"127.0.0.1", 0});
  std::vector<int> order;
  b.gate()->pause();
  b.after(Millis(5), [&] { order.push_back(1); });
  const Reactor::TimerId cancelled = b.after(Millis(6), [&] { order.push_back(2); });
  client.stream->send("while it slept");
  run(Seconds(2));
  EXPECT_TRUE(order.empty());
  EXPECT_EQ(server.heard, "");
  b.cancel(cancelled);
  b.gate()->resume(true, false);
  EXPECT_EQ(order, std::vector<int>{1});
  run(Millis(1));
  EXPECT_EQ(server.heard, "while it slept");
}

uint64_t hash_of(uint64_t seed) {
  SimWorld world(seed);
  SimNetwork network(world, {}, world.rng(9));
  SimReactor a(world, network, 1, 101);
  SimReactor b(world, network, 1, 102);
  Listening client;
  Listening server;
  auto acceptor =
      b.listen({"127.0.0.1", 0}, [&](std::unique_ptr<ByteStream> stream) { server.take(std::move(stream)); });
  a.connect((*acceptor)->endpoint(), Seconds(1),
            [&](Result<std::unique_ptr<ByteStream>> stream) { client.take(std::move(*stream)); });
  world.run_until(world.now() + Millis(10));
  client.stream->send(text(500'000));
  world.run_until(world.now() + Millis(2));
  network.cut(0);
  world.run_until(world.now() + Seconds(1));
  return world.trace_hash();
}

TEST(SimWorld, TheSameSeedTwiceIsTheSameScheduleAndAnotherIsAnother) {
  EXPECT_EQ(hash_of(5), hash_of(5));
  EXPECT_NE(hash_of(5), hash_of(6));
}

TEST(SimWorld, EventsRunInOrderOfTimeThenOfTheirPutting) {
  SimWorld world(1);
  std::string order;
  world.after(Millis(2), [&] { order += 'c'; });
  world.after(Millis(1), [&] { order += 'a'; });
  world.after(Millis(1), [&] { order += 'b'; });
  const SimWorld::EventId gone = world.after(Millis(1), [&] { order += 'x'; });
  world.cancel(gone);
  world.cancel(gone);
  world.run_until(world.now() + Millis(5));
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(world.now_ms(), 5);
}

}  // namespace
}  // namespace petrel::sim
