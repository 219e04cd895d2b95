#include "native/transport/asio_reactor.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

namespace petrel {
namespace {

constexpr Nanos kPatience = Seconds(10);

TEST(AsioReactor, TimersRunAndCancelledOnesDoNot) {
  AsioReactor reactor;
  int ran = 0;
  reactor.after(Millis(5), [&] { ++ran; });
  auto cancelled = reactor.after(Millis(1), [&] { ran += 100; });
  reactor.cancel(cancelled);
  reactor.cancel(987654);  // unknown
  EXPECT_TRUE(reactor.run_until([&] { return ran > 0; }, kPatience));
  EXPECT_EQ(ran, 1);
}

TEST(AsioReactor, PostAndStopWorkFromAnotherThread) {
  AsioReactor reactor;
  bool ran = false;
  std::thread other([&] { reactor.post([&] { ran = true, reactor.stop(); }); });
  reactor.run();
  other.join();
  EXPECT_TRUE(ran);
}

std::string unused_name() {
  static int count = 0;
  return "@petrel-asio-reactor-test-" + std::to_string(getpid()) + "-" + std::to_string(++count);
}

/// What every stream keeps, whatever it is made of.
class StreamContract : public testing::TestWithParam<bool> {
 protected:
  Endpoint endpoint() { return GetParam() ? Endpoint{unused_name(), 0} : Endpoint{"127.0.0.1", 0}; }
  void connect_to(const Endpoint& to, std::unique_ptr<ByteStream>& stream) {
    reactor.connect(to, kPatience, [&stream](Result<std::unique_ptr<ByteStream>> result) {
      ASSERT_TRUE(result.ok()) << result.status().to_string();
      stream = std::move(result).value();
    });
    ASSERT_TRUE(reactor.run_until([&] { return stream != nullptr; }, kPatience));
  }

  AsioReactor reactor;
};
INSTANTIATE_TEST_SUITE_P(, StreamContract, testing::Values(false, true),
                         [](const auto& p) { return p.param ? "Unix" : "Tcp"; });

TEST_P(StreamContract, CarriesBytesBothWaysAndTellsTheEnd) {
  std::unique_ptr<ByteStream> server;
  std::unique_ptr<ByteStream> client;
  std::string at_server;
  std::string at_client;
  int ends = 0;
  auto acceptor = reactor.listen(endpoint(), [&](std::unique_ptr<ByteStream> stream) {
    server = std::move(stream);
    server->start([&](std::string_view bytes) { at_server += bytes; }, [&](Status) { ++ends; });
    server->send("welcome");
  });
  ASSERT_TRUE(acceptor.ok()) << acceptor.status().to_string();
  connect_to((*acceptor)->endpoint(), client);
  client->start([&](std::string_view bytes) { at_client += bytes; }, [&](Status) {});
  std::string sent;
  for (int i = 0; i < 100; ++i) {  // more pieces than one write takes
    sent += std::string(3'000, static_cast<char>('a' + i % 26));
    client->send(std::string(3'000, static_cast<char>('a' + i % 26)));
  }
  client->send("end");
  ASSERT_TRUE(reactor.run_until([&] { return at_server.size() == 300'003 && at_client == "welcome"; }, kPatience));
  EXPECT_EQ(at_server, sent + "end");
  EXPECT_EQ(client->queued_bytes(), 0u);
  const int pid = GetParam() ? getpid() : 0;
  EXPECT_EQ(client->peer_pid(), pid);
  EXPECT_EQ(server->peer_pid(), pid);
  EXPECT_FALSE(client->peer().empty());
  client.reset();
  EXPECT_TRUE(reactor.run_until([&] { return ends == 1; }, kPatience));
}

TEST_P(StreamContract, TellsEachTimeThatQueuedBytesHaveLeft) {
  std::unique_ptr<ByteStream> server;
  std::unique_ptr<ByteStream> client;
  auto acceptor = reactor.listen(endpoint(), [&](std::unique_ptr<ByteStream> stream) { server = std::move(stream); });
  ASSERT_TRUE(acceptor.ok());
  connect_to((*acceptor)->endpoint(), client);
  size_t seen = 64 << 20;
  int calls = 0;
  bool inside_send = true;
  client->on_written([&] {
    EXPECT_FALSE(inside_send);
    EXPECT_LT(client->queued_bytes(), seen);
    seen = client->queued_bytes();
    ++calls;
  });
  client->start([](std::string_view) {}, [](Status) {});
  client->send(std::string(seen, 'x'));
  inside_send = false;
  ASSERT_TRUE(reactor.run_until([&] { return calls > 0 && server != nullptr; }, kPatience));
  EXPECT_GT(client->queued_bytes(), 0u);  // nobody reads yet
  size_t read = 0;
  server->start([&](std::string_view bytes) { read += bytes.size(); }, [](Status) {});
  ASSERT_TRUE(reactor.run_until([&] { return read == size_t{64} << 20; }, kPatience));
  EXPECT_EQ(seen, 0u);
}

TEST_P(StreamContract, OnWrittenMayDestroyTheStream) {
  std::unique_ptr<ByteStream> server;
  std::unique_ptr<ByteStream> client;
  bool ended = false;
  auto acceptor = reactor.listen(endpoint(), [&](std::unique_ptr<ByteStream> stream) {
    server = std::move(stream);
    server->start([](std::string_view) {}, [&](Status) { ended = true; });
  });
  ASSERT_TRUE(acceptor.ok());
  connect_to((*acceptor)->endpoint(), client);
  client->on_written([&] { client.reset(); });
  client->send("x");
  EXPECT_TRUE(reactor.run_until([&] { return ended; }, kPatience));
  EXPECT_EQ(client, nullptr);
}

TEST_P(StreamContract, NobodyListensIsUnavailable) {
  Endpoint gone = endpoint();
  {
    auto acceptor = reactor.listen(gone, [](std::unique_ptr<ByteStream>) {});
    ASSERT_TRUE(acceptor.ok());
    gone = (*acceptor)->endpoint();
  }
  Status status;
  reactor.connect(gone, kPatience, [&](Result<std::unique_ptr<ByteStream>> stream) { status = stream.status(); });
  ASSERT_TRUE(reactor.run_until([&] { return !status.ok(); }, kPatience));
  EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status.to_string();
  auto again = reactor.listen(gone, [](std::unique_ptr<ByteStream>) {});  // the name is free
  EXPECT_TRUE(again.ok()) << again.status().to_string();
  auto taken = reactor.listen(gone, [](std::unique_ptr<ByteStream>) {});
  ASSERT_FALSE(taken.ok());
  EXPECT_NE(taken.status().message().find(GetParam() ? gone.host : std::to_string(gone.port)), std::string::npos);
}

// Else it could hand the connection on to the one that was meant, and read along.
TEST(AsioReactor, AListenerOfAnotherUserIsDenied) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be another user for a moment";
  AsioReactor reactor;
  const Endpoint name{"@petrel-asio-other-user", 0};
  int accepted = 0;
  constexpr uid_t kNobody = 65534;
  ASSERT_EQ(::seteuid(kNobody), 0);  // whose name it is, is settled by listen()
  auto acceptor = reactor.listen(name, [&](std::unique_ptr<ByteStream>) { ++accepted; });
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_TRUE(acceptor.ok());
  std::vector<Status> results;
  reactor.connect(name, Seconds(5), [&](auto stream) { results.push_back(stream.status()); });
  ASSERT_TRUE(reactor.run_until([&] { return !results.empty() && accepted == 1; }, kPatience));
  EXPECT_EQ(results[0].code(), StatusCode::kDenied) << results[0].message();
  EXPECT_NE(results[0].message().find("of user 65534"), std::string::npos) << results[0].message();
}

TEST(AsioReactor, UnixNamesAreChecked) {
  AsioReactor reactor;
  for (const Endpoint& bad : {Endpoint{"@", 0}, Endpoint{"@x", 1}, Endpoint{"@" + std::string(107, 'n'), 0}}) {
    EXPECT_EQ(reactor.listen(bad, nullptr).status().code(), StatusCode::kMalformed);
    Status status;
    reactor.connect(bad, kPatience, [&](Result<std::unique_ptr<ByteStream>> stream) { status = stream.status(); });
    EXPECT_TRUE(status.ok());  // never inside connect()
    ASSERT_TRUE(reactor.run_until([&] { return !status.ok(); }, kPatience));
    EXPECT_EQ(status.code(), StatusCode::kMalformed);
  }
  EXPECT_TRUE(reactor.listen({"@" + std::string(106, 'n'), 0}, [](std::unique_ptr<ByteStream>) {}).ok());
}

TEST(AsioReactor, WhenReadableRunsOnce) {
  AsioReactor reactor;
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  int ran = 0;
  reactor.when_readable(fds[0], [&] { ++ran; });
  ASSERT_EQ(write(fds[1], "x", 1), 1);
  EXPECT_TRUE(reactor.run_until([&] { return ran == 1; }, kPatience));
  close(fds[0]);
  close(fds[1]);
}

}  // namespace
}  // namespace petrel
