// Where stream managers of one machine meet, and that nothing at that place can keep them apart.
#include "native/stream_manager/peer_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "native/links/fake_net.h"
#include "native/links/link_test_kit.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace {

using ::petrel::testing::FakeReactor;
using ::petrel::testing::kPatience;
using ::petrel::testing::kSecret;
using ::petrel::testing::LinkEnd;
using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::Pair;

LinkIdentity identity_of(int32_t container, std::string secret = kSecret) {
  return {"words-1-2", std::move(secret), LinkRole::kStreamManager, container, 0, 1};
}

/// The stream manager behind a PeerLoop: keeps its links.
struct Manager : PeerLoopHandler {
  Manager(Reactor& reactor, int32_t container, Endpoint listen = {"127.0.0.1", 0}) {
    PeerLoopOptions options;
    options.identity = identity_of(container);
    options.listen = std::move(listen);
    PeerLoopHandler& handler = *this;
    loop = std::make_unique<PeerLoop>(reactor, reactor, options, handler);
    EXPECT_TRUE(loop->start().ok());
  }
  void on_peer(std::unique_ptr<Link> link) override {
    ++links;
    end.hold(std::move(link));
  }
  void on_no_listener(int32_t container, uint32_t incarnation) override { silent.emplace_back(container, incarnation); }

  std::unique_ptr<PeerLoop> loop;
  LinkEnd end;
  int links = 0;
  std::vector<std::pair<int32_t, uint32_t>> silent;
};

/// The stream manager of an older Petrel, or one that did not get the name: only its port.
struct PortOnly : LinkServerHandler {
  PortOnly(Reactor& reactor, int32_t container, Endpoint listen, std::string secret = kSecret) {
    LinkServerOptions options;
    options.identity = identity_of(container, std::move(secret));
    options.listen = std::move(listen);
    LinkServerHandler& handler = *this;
    server = std::make_unique<LinkServer>(reactor, options, handler);
    EXPECT_TRUE(server->start().ok());
  }
  void on_link(std::unique_ptr<FrameLink> link) override { end.hold(std::move(link)); }

  std::unique_ptr<LinkServer> server;
  LinkEnd end;
};

class NearPeers : public ::testing::Test {
 protected:
  bool linked(Manager& manager) {
    return net_.run_until([&] { return manager.end.link != nullptr; }, kPatience);
  }
  Endpoint last_dialled() const { return net_.pipes.back()->dialled; }

  FakeReactor net_;
  Manager one_{net_, 1};
};

TEST_F(NearPeers, MeetAtTheName) {
  Manager two(net_, 2);
  one_.loop->set_peers({{2, 1, two.loop->endpoint()}});
  ASSERT_TRUE(linked(one_));
  EXPECT_EQ(last_dialled(), near_endpoint(two.loop->endpoint()));
  EXPECT_EQ(net_.pipes.size(), 1u);
  EXPECT_EQ(two.links, 1);
  EXPECT_EQ(one_.end.link->peer().container, 2);
}

TEST_F(NearPeers, MeetAtThePortWhenNobodyHasTheName) {
  PortOnly two(net_, 2, {"127.0.0.1", 0});
  one_.loop->set_peers({{2, 1, two.server->endpoint()}});
  net_.run();  // without waiting
  ASSERT_NE(one_.end.link, nullptr);
  EXPECT_EQ(last_dialled(), two.server->endpoint());
  EXPECT_THAT(one_.silent, IsEmpty());
}

TEST_F(NearPeers, MeetAtThePortWhenSomebodyElseHasTheName) {
  PortOnly two(net_, 2, {"127.0.0.1", 0});
  PortOnly thief(net_, 2, near_endpoint(two.server->endpoint()), std::string(32, 't'));
  one_.loop->set_peers({{2, 1, two.server->endpoint()}});
  ASSERT_TRUE(linked(one_));
  EXPECT_EQ(last_dialled(), two.server->endpoint());
  EXPECT_EQ(thief.server->counters().accepted, 1u);
  EXPECT_EQ(thief.end.link, nullptr);
}

TEST_F(NearPeers, MeetAtThePortWhenTheNameIsSilent) {
  PortOnly two(net_, 2, {"127.0.0.1", 0});
  std::vector<std::unique_ptr<ByteStream>> streams;
  auto thief = net_.listen(near_endpoint(two.server->endpoint()),
                           [&](std::unique_ptr<ByteStream> stream) { streams.push_back(std::move(stream)); });
  ASSERT_TRUE(thief.ok());
  one_.loop->set_peers({{2, 1, two.server->endpoint()}});
  ASSERT_TRUE(linked(one_));
  EXPECT_EQ(streams.size(), 1u);
  EXPECT_EQ(last_dialled(), two.server->endpoint());
}

TEST_F(NearPeers, ListenAtThePortWhenSomebodyElseHasTheName) {
  auto thief = net_.listen(near_endpoint({"127.0.0.1", 7000}), [](std::unique_ptr<ByteStream>) {});
  ASSERT_TRUE(thief.ok());
  Manager two(net_, 2, {"127.0.0.1", 7000});
  one_.loop->set_peers({{2, 1, two.loop->endpoint()}});
  ASSERT_TRUE(linked(one_));
  EXPECT_EQ(last_dialled(), two.loop->endpoint());
}

TEST_F(NearPeers, OfAnotherAddressAreDialledAtThePort) {
  Manager two(net_, 2, {"10.1.2.3", 0});
  one_.loop->set_peers({{2, 1, two.loop->endpoint()}});
  ASSERT_TRUE(linked(one_));
  EXPECT_EQ(last_dialled(), two.loop->endpoint());
  EXPECT_EQ(net_.pipes.size(), 1u);
}

TEST_F(NearPeers, TheNameComesFirstAgainWhenALinkEnds) {
  auto two = std::make_unique<PortOnly>(net_, 2, Endpoint{"127.0.0.1", 7000});
  one_.loop->set_peers({{2, 1, {"127.0.0.1", 7000}}});
  ASSERT_TRUE(linked(one_));
  ASSERT_EQ(last_dialled().host, "127.0.0.1");
  two.reset();
  ASSERT_TRUE(net_.run_until([&] { return one_.end.link == nullptr; }, kPatience));
  Manager successor(net_, 2, {"127.0.0.1", 7000});
  ASSERT_TRUE(linked(one_));
  EXPECT_EQ(last_dialled(), near_endpoint({"127.0.0.1", 7000}));
}

TEST_F(NearPeers, MeetAtTheNameAgainAfterAPauseWhenTheirLinkBreaks) {
  Manager two(net_, 2);
  one_.loop->set_peers({{2, 1, two.loop->endpoint()}});
  ASSERT_TRUE(linked(one_));
  const auto first = net_.pipes.back();
  net_.cut(first);
  net_.run();
  EXPECT_EQ(net_.pipes.size(), 1u);  // not yet
  ASSERT_TRUE(linked(one_));
  EXPECT_EQ(net_.pipes.size(), 2u);
  EXPECT_EQ(last_dialled(), near_endpoint(two.loop->endpoint()));
}

TEST_F(NearPeers, ThatDiedAreReportedWhoeverListensAtTheName) {
  auto two = std::make_unique<Manager>(net_, 2);
  const Endpoint port = two->loop->endpoint();
  one_.loop->set_peers({{2, 1, port}});
  ASSERT_TRUE(linked(one_));
  two.reset();
  PortOnly thief(net_, 2, near_endpoint(port), std::string(32, 't'));
  ASSERT_TRUE(net_.run_until([&] { return !one_.silent.empty(); }, Seconds(1)));
  EXPECT_THAT(one_.silent, Each(Pair(2, 1u)));
  EXPECT_GE(thief.server->counters().accepted, 1u);
}

TEST_F(NearPeers, ThatNoLongerListenAreReported) {
  auto two = std::make_unique<Manager>(net_, 2);
  one_.loop->set_peers({{2, 1, two->loop->endpoint()}});
  ASSERT_TRUE(linked(one_));
  two.reset();
  ASSERT_TRUE(net_.run_until([&] { return !one_.silent.empty(); }, kPatience));
  EXPECT_THAT(one_.silent, Each(Pair(2, 1u)));
}

// The socket of the name knows its process, that of the port does not.
class NearPeersOfThisMachine : public ::testing::TestWithParam<const char*> {};

TEST_P(NearPeersOfThisMachine, MeetAtTheNameHoweverTheAddressIsWritten) {
  AsioReactor reactor;
  Manager one(reactor, 1, {GetParam(), 0});
  Manager two(reactor, 2);
  one.loop->set_peers({{2, 1, two.loop->endpoint()}});
  ASSERT_TRUE(reactor.run_until([&] { return one.end.link && two.end.link; }, kPatience));
  EXPECT_EQ(one.end.link->peer().pid, reactor.own_pid());
  EXPECT_EQ(two.end.link->peer().pid, reactor.own_pid());
  one.end.link.reset();
  two.end.link.reset();
}
INSTANTIATE_TEST_SUITE_P(Addresses, NearPeersOfThisMachine, ::testing::Values("127.0.0.1", "localhost"));

}  // namespace
}  // namespace petrel
