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

TEST(AsioReactor, StreamsCarryBytesBothWaysAndTellTheEnd) {
  AsioReactor reactor;
  std::unique_ptr<ByteStream> server;
  std::unique_ptr<ByteStream> client;
  std::string at_server;
  std::string at_client;
  int ends = 0;
  auto acceptor = reactor.listen({"127.0.0.1", 0}, [&](std::unique_ptr<ByteStream> stream) {
    server = std::move(stream);
    server->start([&](std::string_view bytes) { at_server += bytes; }, [&](Status) { ++ends; });
    server->send("welcome");
  });
  ASSERT_TRUE(acceptor.ok()) << acceptor.status().to_string();
  reactor.connect((*acceptor)->endpoint(), kPatience, [&](Result<std::unique_ptr<ByteStream>> stream) {
    ASSERT_TRUE(stream.ok()) << stream.status().to_string();
    client = std::move(stream).value();
    client->start([&](std::string_view bytes) { at_client += bytes; }, [&](Status) {});
    client->send(std::string(300'000, 'x'));
    client->send("end");
  });
  ASSERT_TRUE(reactor.run_until([&] { return at_server.size() == 300'003 && at_client == "welcome"; }, kPatience));
  EXPECT_TRUE(at_server.ends_with("xend"));
  EXPECT_EQ(client->queued_bytes(), 0u);
  client.reset();
  EXPECT_TRUE(reactor.run_until([&] { return ends == 1; }, kPatience));
}

TEST(AsioReactor, ConnectErrorsAreStatuses) {
  AsioReactor reactor;
  uint16_t free_port = 0;
  {
    auto acceptor = reactor.listen({"127.0.0.1", 0}, [](std::unique_ptr<ByteStream>) {});
    ASSERT_TRUE(acceptor.ok());
    free_port = (*acceptor)->endpoint().port;
  }
  std::vector<Status> errors;
  auto remember = [&](Result<std::unique_ptr<ByteStream>> stream) { errors.push_back(stream.status()); };
  reactor.connect({"127.0.0.1", free_port}, kPatience, remember);
  reactor.connect({"not an address", 1}, kPatience, remember);
  ASSERT_TRUE(reactor.run_until([&] { return errors.size() == 2; }, kPatience));
  for (const Status& error : errors) EXPECT_FALSE(error.ok());
  EXPECT_EQ(reactor.listen({"no", 1}, nullptr).status().code(), StatusCode::kMalformed);
}

TEST(AsioReactor, TakenPortIsNamed) {
  AsioReactor reactor;
  auto first = reactor.listen({"127.0.0.1", 0}, [](std::unique_ptr<ByteStream>) {});
  ASSERT_TRUE(first.ok());
  auto second = reactor.listen((*first)->endpoint(), [](std::unique_ptr<ByteStream>) {});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().message().find(std::to_string((*first)->endpoint().port)), std::string::npos);
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
