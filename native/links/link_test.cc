// Links among friends, on a network and a time that the test owns.
#include <numeric>
#include <set>

#include "native/links/fake_net.h"
#include "native/links/link_test_kit.h"
#include "native/links/loop_link.h"

namespace petrel {
namespace {

using ::petrel::testing::ClientEnd;
using ::petrel::testing::FakeReactor;
using ::petrel::testing::frame_of;
using ::petrel::testing::host_identity;
using ::petrel::testing::kPatience;
using ::petrel::testing::kSecret;
using ::petrel::testing::LinkEnd;
using ::petrel::testing::server_identity;
using ::petrel::testing::ServerEnd;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LinkTest : public ::testing::Test {
 protected:
  void serve(LinkServerOptions options = {}) {
    options.identity = server_identity();
    options.listen = {"127.0.0.1", 900};
    server = std::make_unique<LinkServer>(reactor, options, server_end);
    ASSERT_TRUE(server->start().ok());
  }
  LinkClientOptions client_options(LinkIdentity identity = host_identity()) {
    LinkClientOptions options;
    options.identity = std::move(identity);
    return options;
  }
  std::unique_ptr<LinkClient> dial(LinkClientOptions options, ClientEnd& end) {
    auto dialling =
        std::make_unique<LinkClient>(reactor, options, [] { return std::vector{Endpoint{"127.0.0.1", 900}}; }, end);
    dialling->start();
    return dialling;
  }
  void link_up(LinkServerOptions options = {}) {
    serve(options);
    client = dial(client_options(), client_end);
    ASSERT_TRUE(reactor.run_until([&] { return client_end.links == 1; }, kPatience));
    ASSERT_EQ(server_end.ends.size(), 1u);
  }

  FakeReactor reactor;
  ServerEnd server_end;
  ClientEnd client_end;
  std::unique_ptr<LinkServer> server;
  std::unique_ptr<LinkClient> client;
};

TEST_F(LinkTest, BothEndsKnowEachOtherAfterTheHello) {
  LinkServerOptions options;
  options.features = 6;
  serve(options);
  LinkClientOptions with_features = client_options();
  with_features.features = 3;
  with_features.must_understand = 2;
  client = dial(with_features, client_end);
  ASSERT_TRUE(reactor.run_until([&] { return client_end.links == 1; }, kPatience));
  const LinkPeer& host = server_end.ends[0]->link->peer();
  EXPECT_EQ(host.role, LinkRole::kHost);
  EXPECT_EQ(host.container, 7);
  EXPECT_EQ(host.slot, 1u);
  EXPECT_EQ(host.incarnation, 1u);
  EXPECT_EQ(host.link_epoch, 1u);
  EXPECT_EQ(host.features, 2u);
  EXPECT_EQ(host.pid, 4711);
  EXPECT_EQ(host.text, "host 1 (container 7, incarnation 1) at fake client");
  const LinkPeer& manager = client_end.end.link->peer();
  EXPECT_EQ(manager.role, LinkRole::kStreamManager);
  EXPECT_EQ(manager.container, 7);
  EXPECT_EQ(manager.incarnation, 3u);
  EXPECT_EQ(manager.features, 2u);
  EXPECT_EQ(server->unproved(), 0u);
  EXPECT_EQ(server->counters().links, 1u);
}

TEST_F(LinkTest, FramesArriveAsTheyWereSentInTheOrderOfTheirLane) {
  link_up();
  std::vector<Frame> sent;
  for (int i = 0; i < 300; ++i) {
    FrameHeader header;
    header.kind = i % 3 == 0 ? FrameKind::kCredit : FrameKind::kData;
    header.plan_epoch = 3;
    header.source_task = i;
    header.source_host = 1;
    header.destination_incarnation = 9;
    sent.push_back(make_frame(header, std::string(static_cast<size_t>(i) * 40, static_cast<char>('a' + i % 26))));
    client_end.end.link->send(sent.back());
    server_end.ends[0]->link->send(sent.back());
  }
  reactor.run();
  for (LinkEnd* end : {server_end.ends[0].get(), &client_end.end}) {
    ASSERT_EQ(end->frames.size(), sent.size());
    EXPECT_THAT(end->closed, IsEmpty());
    std::array<int, 2> last{-1, -1};
    for (const Frame& frame : end->frames) {
      const int task = frame.header.source_task;
      int& before = last[static_cast<size_t>(lane_of(frame.header.kind))];
      EXPECT_GT(task, before);
      before = task;
      EXPECT_EQ(frame.bytes(), sent[static_cast<size_t>(task)].bytes());
      EXPECT_EQ(frame.header.body_crc, sent[static_cast<size_t>(task)].header.body_crc);
      EXPECT_EQ(frame.header.link_epoch, 1u);
    }
  }
}

// S15: a byte at a time, from the first of the hello on.
TEST_F(LinkTest, FramesSplitAtEveryByte) {
  reactor.chunk_bytes = 1;
  link_up();
  for (size_t size : {0, 1, 59, 60, 61, 3000})
    client_end.end.link->send(frame_of(FrameKind::kData, std::string(size, 'x')));
  server_end.ends[0]->link->send(frame_of(FrameKind::kHosts, "answer"));
  reactor.run();
  ASSERT_EQ(server_end.ends[0]->count, 6u);
  EXPECT_EQ(server_end.ends[0]->frames[5].bytes(), std::string(3000, 'x'));
  ASSERT_EQ(client_end.end.count, 1u);
}

TEST_F(LinkTest, ThePriorityLaneOvertakesWaitingData) {
  link_up();
  auto pipe = reactor.pipes[0];
  pipe->stalled[0] = true;
  for (int i = 0; i < 40; ++i) client_end.end.link->send(frame_of(FrameKind::kData, std::string(64 * 1024, 'd')));
  reactor.run();
  client_end.end.link->send(frame_of(FrameKind::kAcks, "acks"));
  reactor.run();
  EXPECT_GT(client_end.end.link->queued_bytes(), size_t{40} * 64 * 1024);
  EXPECT_LT(pipe->queue[0].size(), size_t{1} << 18);  // the rest waits in lanes
  reactor.release(pipe);
  reactor.run();
  const auto& frames = server_end.ends[0]->frames;
  ASSERT_EQ(frames.size(), 41u);
  size_t place = 0;
  while (frames[place].header.kind != FrameKind::kAcks) ++place;
  EXPECT_LE(place, 4u);
  EXPECT_EQ(client_end.end.link->queued_bytes(), 0u);
}

TEST_F(LinkTest, AFullOutboxClosesTheLinkWithASentenceAndTheClientDialsAgain) {
  serve();
  LinkClientOptions options = client_options();
  options.limits.outbox_bytes = 1 << 20;
  client = dial(options, client_end);
  ASSERT_TRUE(reactor.run_until([&] { return client_end.links == 1; }, kPatience));
  reactor.pipes[0]->stalled[0] = true;
  for (int i = 0; i < 100; ++i) {
    if (client_end.end.link) client_end.end.link->send(frame_of(FrameKind::kData, std::string(64 * 1024, 'd')));
  }
  EXPECT_THAT(client_end.end.closed, IsEmpty());  // not inside send()
  ASSERT_TRUE(reactor.run_until([&] { return client_end.links == 2; }, kPatience));
  ASSERT_EQ(client_end.end.closed.size(), 1u);
  EXPECT_EQ(client_end.end.closed[0].code(), StatusCode::kLimit);
  EXPECT_THAT(client_end.end.closed[0].message(), HasSubstr("does not read"));
  EXPECT_EQ(client_end.end.link->peer().link_epoch, 2u);
  EXPECT_EQ(server_end.ends.size(), 2u);
}

TEST_F(LinkTest, LeasesKeepASilentLinkAlive) {
  link_up();
  reactor.advance(Seconds(60));
  EXPECT_EQ(client_end.links, 1);
  EXPECT_THAT(client_end.end.closed, IsEmpty());
  EXPECT_EQ(server_end.ends[0]->count, 0u);  // leases are the link's own
  const auto counters = static_cast<FrameLink&>(*client_end.end.link).counters();
  EXPECT_GE(counters.leases_sent, 50u);
  EXPECT_LE(counters.leases_sent, 61u);
  EXPECT_EQ(counters.pauses, 0u);
}

TEST_F(LinkTest, CountsHowLateSignsOfLifeCame) {
  LinkServerOptions options;
  options.delays = std::make_shared<LeaseDelays>();
  link_up(options);
  reactor.advance(Seconds(60));
  LeaseDelays::Counts counts = options.delays->counts().at(7);
  EXPECT_GE(counts[0], 50u);
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), uint64_t{0}), counts[0]) << "all were punctual";
  // A lease that was due a second after the last sign of life comes 1.5 to 2.5 s late.
  reactor.pipes[0]->stalled = {true, true};
  reactor.advance(Millis(2500));
  reactor.release(reactor.pipes[0]);
  reactor.advance(Seconds(3));
  counts = options.delays->counts().at(7);
  EXPECT_GE(counts[11] + counts[12], 1u);
  EXPECT_EQ(counts[13], 0u);
  EXPECT_EQ(server_end.ends.size(), 1u);
}

// S12: half-open. One end's bytes do not arrive any more: the other closes after the lease, not before.
TEST_F(LinkTest, APeerWithoutASignOfLifeIsGivenUp) {
  link_up();
  reactor.pipes[0]->stalled = {true, true};
  reactor.advance(Millis(3900));
  EXPECT_THAT(client_end.end.closed, IsEmpty());
  ASSERT_TRUE(reactor.run_until([&] { return client_end.links == 2; }, Seconds(5)));
  ASSERT_EQ(client_end.end.closed.size(), 1u);
  EXPECT_EQ(client_end.end.closed[0].code(), StatusCode::kTimeout);
  EXPECT_THAT(client_end.end.closed[0].message(), HasSubstr("nothing came from fake server"));
  ASSERT_EQ(server_end.ends.size(), 2u);
  EXPECT_EQ(server_end.ends[0]->closed.size(), 1u);  // by its own lease, or by the newer link
}

TEST_F(LinkTest, APauseOfOurOwnIsNotTakenForThePeersDeath) {
  link_up();
  // Both ends live in this process. All timers are late, and run before anybody reads what came meanwhile.
  client_end.end.link->send(frame_of(FrameKind::kData, "before"));
  server_end.ends[0]->link->send(frame_of(FrameKind::kCredit, "before"));
  reactor.pipes[0]->stalled = {true, true};
  reactor.run();
  reactor.pause(Seconds(20));
  reactor.advance(Millis(1));
  EXPECT_THAT(client_end.end.closed, IsEmpty());
  EXPECT_THAT(server_end.ends[0]->closed, IsEmpty());
  reactor.release(reactor.pipes[0]);
  reactor.advance(Seconds(10));
  EXPECT_EQ(client_end.links, 1);
  EXPECT_THAT(client_end.end.closed, IsEmpty());
  EXPECT_EQ(server_end.ends[0]->count, 1u);
  EXPECT_GE(static_cast<FrameLink&>(*client_end.end.link).counters().pauses, 1u);
  // A peer that is silent after the pause too is given up.
  reactor.pause(Seconds(20));
  reactor.pipes[0]->stalled = {true, true};
  EXPECT_TRUE(reactor.run_until([&] { return client_end.links == 2; }, Seconds(5)));
}

TEST_F(LinkTest, AnEndedLinkIsDialledAgainWithAGreaterEpoch) {
  link_up();
  std::vector<uint32_t> epochs;
  for (int i = 1; i <= 5; ++i) {
    epochs.push_back(client_end.end.link->peer().link_epoch);
    EXPECT_EQ(client->link_epoch(), epochs.back());
    if (i % 3 == 0) {
      client_end.end.link.reset();  // by us
    } else if (i % 3 == 1) {
      reactor.cut(reactor.pipes.back());
    } else {
      server_end.ends.back()->link.reset();  // by the server
    }
    ASSERT_TRUE(reactor.run_until([&] { return client_end.links == i + 1; }, kPatience)) << i;
  }
  EXPECT_THAT(epochs, ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(LinkTest, AStoppedClientDoesNotDialButItsLinkLives) {
  link_up();
  client->stop();
  client_end.end.link->send(frame_of(FrameKind::kCredit, "x"));
  reactor.run();
  EXPECT_EQ(server_end.ends[0]->count, 1u);
  reactor.cut(reactor.pipes[0]);
  reactor.advance(Seconds(5));
  EXPECT_EQ(client_end.links, 1);
  client->start();
  EXPECT_TRUE(reactor.run_until([&] { return client_end.links == 2; }, kPatience));
}

TEST_F(LinkTest, NobodyListensIsASignalOfItsOwn) {
  client = dial(client_options(), client_end);
  reactor.advance(Seconds(3));
  EXPECT_GT(client_end.no_listener, 4);
  EXPECT_LT(client_end.no_listener, 12);  // 20 ms, doubled up to 1 s
  EXPECT_THAT(client_end.refused, IsEmpty());
  serve();
  client->retry_now();
  reactor.run();
  EXPECT_EQ(client_end.links, 1);
}

TEST_F(LinkTest, TheNextWayIsTriedWhereTheHelloFailsAndOnlyTheLastRefusalIsTold) {
  serve();
  LinkServerOptions other;
  other.identity = server_identity();
  other.identity.secret = std::string(32, 'x');
  other.listen = {"@one", 0};
  ServerEnd stranger_end;
  LinkServer stranger(reactor, other, stranger_end);
  ASSERT_TRUE(stranger.start().ok());
  std::vector<Endpoint> ways{{"@one", 0}, {"127.0.0.1", 900}};
  client = std::make_unique<LinkClient>(reactor, client_options(), [&ways] { return ways; }, client_end);
  client->start();
  reactor.run();
  ASSERT_EQ(client_end.links, 1);
  EXPECT_EQ(reactor.pipes.at(0)->dialled, ways[0]);
  EXPECT_EQ(reactor.pipes.at(1)->dialled, ways[1]);
  EXPECT_THAT(client_end.refused, IsEmpty());
  ways = {{"@one", 0}, {"@one", 0}};
  reactor.cut(reactor.pipes.at(1));
  reactor.advance(Millis(100));
  EXPECT_EQ(client_end.refused.size(), 1u);
}

TEST_F(LinkTest, NewsDuringAnAttemptBeginWithTheFirstWay) {
  serve();
  std::vector<Endpoint> ways{{"@gone", 0}, {"@nowhere", 0}};
  client = std::make_unique<LinkClient>(reactor, client_options(), [&ways] { return ways; }, client_end);
  client->start();
  ASSERT_TRUE(reactor.step());  // it has begun
  ways = {{"127.0.0.1", 900}, {"@nowhere", 0}};
  client->retry_now();
  EXPECT_TRUE(reactor.run_until([&] { return client_end.links == 1; }, kPatience));
  EXPECT_EQ(client_end.no_listener, 0);
}

TEST_F(LinkTest, OfSeveralWaysOnlyTheLastSaysThatNobodyListensAndNoneIsSpared) {
  int asked = 0;
  auto find = [&asked] {
    ++asked;
    return std::vector{Endpoint{"@one", 0}, Endpoint{"@two", 0}, Endpoint{"127.0.0.1", 900}};
  };
  client = std::make_unique<LinkClient>(reactor, client_options(), find, client_end);
  client->start();
  reactor.run();
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(client_end.no_listener, 1);
  reactor.advance(Seconds(3));
  EXPECT_GT(client_end.no_listener, 4);
  EXPECT_LT(client_end.no_listener, 12);
  EXPECT_EQ(asked, 3 * client_end.no_listener);
}

// S6: of one peer there is one link, the newest; an older incarnation is a zombie.
TEST_F(LinkTest, ANewerLinkOfTheSamePeerWins) {
  link_up();
  ClientEnd second_end;
  LinkClientOptions second = client_options();
  second.first_link_epoch = client->link_epoch() + 1;
  client->stop();
  auto second_client = dial(second, second_end);
  ASSERT_TRUE(reactor.run_until([&] { return second_end.links == 1; }, kPatience));
  ASSERT_EQ(server_end.ends[0]->closed.size(), 1u);
  EXPECT_EQ(server_end.ends[0]->closed[0].code(), StatusCode::kConflict);
  EXPECT_THAT(server_end.ends[0]->closed[0].message(), HasSubstr("a newer link of host 1"));
  EXPECT_EQ(server->counters().replaced, 1u);
  second_end.end.link->send(frame_of(FrameKind::kCredit, "x"));
  reactor.run();
  EXPECT_EQ(server_end.ends[1]->count, 1u);

  // The first again, with an epoch that is not above.
  ClientEnd late_end;
  auto late = dial(client_options(), late_end);
  reactor.advance(Millis(100));
  ASSERT_THAT(late_end.refused, ElementsAre(HasSubstr("link epoch 1 of host 1")));
  EXPECT_THAT(late_end.refused[0], HasSubstr("is not above 2"));
  EXPECT_EQ(late_end.links, 0);
  EXPECT_THAT(second_end.end.closed, IsEmpty());
}

TEST_F(LinkTest, AnOlderIncarnationIsRefusedAndANewerOneTakesOver) {
  serve();
  ClientEnd second_end;
  auto second = dial(client_options(host_identity(1, 2)), second_end);
  ASSERT_TRUE(reactor.run_until([&] { return second_end.links == 1; }, kPatience));
  ClientEnd zombie_end;
  auto zombie = dial(client_options(host_identity(1, 1)), zombie_end);
  reactor.advance(Millis(100));
  ASSERT_EQ(zombie_end.refused.size(), 1u);
  EXPECT_THAT(zombie_end.refused[0], HasSubstr("is stale: incarnation 2 of it is known"));
  EXPECT_THAT(second_end.end.closed, IsEmpty());
  second->stop();
  ClientEnd third_end;
  auto third = dial(client_options(host_identity(1, 3)), third_end);
  ASSERT_TRUE(reactor.run_until([&] { return third_end.links == 1; }, kPatience));
  EXPECT_EQ(server_end.ends[0]->closed.size(), 1u);
  // Another slot, and a stream manager of the same numbers, are other peers.
  ClientEnd other_end;
  auto other = dial(client_options(host_identity(2, 1)), other_end);
  ClientEnd manager_end;
  LinkIdentity manager = host_identity(1, 1);
  manager.role = LinkRole::kStreamManager;
  auto manager_client = dial(client_options(manager), manager_end);
  ASSERT_TRUE(reactor.run_until([&] { return other_end.links == 1 && manager_end.links == 1; }, kPatience));
  EXPECT_THAT(third_end.end.closed, IsEmpty());
}

// S2: either side may be the newer one; both versions are named.
TEST_F(LinkTest, WithoutACommonVersionBothAreNamed) {
  LinkServerOptions newer;
  newer.min_version = 2;
  newer.max_version = 3;
  serve(newer);
  client = dial(client_options(), client_end);
  reactor.advance(Millis(100));
  ASSERT_THAT(client_end.refused, ElementsAre(HasSubstr("wire version 2 to 3 of the peer, 1 here")));
  client.reset();
  server.reset();
  serve();
  LinkClientOptions options = client_options();
  options.min_version = 4;
  options.max_version = 4;
  client = dial(options, client_end);
  reactor.advance(Millis(100));
  ASSERT_EQ(client_end.refused.size(), 2u);
  EXPECT_THAT(client_end.refused[1], HasSubstr("wire version 1 of the peer, 4 here"));
  EXPECT_EQ(client_end.links, 0);
}

TEST_F(LinkTest, TheServersSentenceReachesWhomItRefuses) {
  serve();
  struct Case {
    std::string what;
    LinkClientOptions options;
    std::string sentence;
  };
  std::vector<Case> cases;
  cases.push_back({"secret", client_options(), "the proof does not match"});
  cases.back().options.identity.secret = std::string(32, 't');
  cases.push_back({"topology", client_options(), "of topology 'words-1-2', not of 'other-\\x0a'"});
  cases.back().options.identity.topology_id = "other-\n";
  cases.push_back({"feature", client_options(), "needs the features 0x4"});
  cases.back().options.must_understand = 4;
  cases.push_back({"slot", client_options(host_identity(404)), "slot 404 is not of this container"});
  for (Case& c : cases) {
    SCOPED_TRACE(c.what);
    ClientEnd end;
    auto refused = dial(c.options, end);
    reactor.advance(Millis(100));
    ASSERT_EQ(end.refused.size(), 1u);
    EXPECT_THAT(end.refused[0], HasSubstr(c.sentence));
    EXPECT_EQ(end.links, 0);
  }
  EXPECT_THAT(server_end.ends, IsEmpty());
  client = dial(client_options(), client_end);
  EXPECT_TRUE(reactor.run_until([&] { return client_end.links == 1; }, kPatience));
}

// The proof is mutual: somebody who took the server's place but has no secret gets nothing.
TEST_F(LinkTest, TheClientChecksWhoAnswers) {
  struct Impostor : LinkServerHandler {
    void on_link(std::unique_ptr<FrameLink>) override { ADD_FAILURE(); }
  };
  // It takes every proof, and welcomes with a wrong one.
  std::vector<std::unique_ptr<ByteStream>> streams;
  auto acceptor = reactor.listen({"127.0.0.1", 900}, [&](std::unique_ptr<ByteStream> stream) {
    ByteStream& raw = *stream;
    streams.push_back(std::move(stream));
    FrameHeader header;
    header.kind = FrameKind::kChallenge;
    header.sequence = 1;
    raw.send(encode_frame(header, encode_challenge({1, 1, std::string(kNonceBytes, 'n')})));
    raw.start(
        [&raw](std::string_view) {
          FrameHeader welcome;
          welcome.kind = FrameKind::kWelcome;
          welcome.sequence = 2;
          welcome.link_epoch = 1;
          raw.send(encode_frame(welcome, encode_welcome({1, 0, 7, 3, 1, std::string(kProofBytes, 'p')})));
        },
        [](Status) {});
  });
  client = dial(client_options(), client_end);
  reactor.advance(Millis(100));
  EXPECT_THAT(client_end.refused, ElementsAre(HasSubstr("did not prove the secret")));
  EXPECT_EQ(client_end.links, 0);
  client.reset();
  acceptor = Status(StatusCode::kUnavailable, "closed");

  serve();
  LinkClientOptions wrong_container = client_options();
  wrong_container.expected_container = 8;
  client = dial(wrong_container, client_end);
  reactor.advance(Millis(100));
  ASSERT_EQ(client_end.refused.size(), 2u);
  EXPECT_THAT(client_end.refused[1], HasSubstr("the stream manager of container 7 answers, 8 was expected"));
  LinkClientOptions older = client_options(host_identity(9));
  older.expected_container = 7;
  older.least_incarnation = 4;
  client = dial(older, client_end);
  reactor.advance(Millis(100));
  ASSERT_EQ(client_end.refused.size(), 3u);
  EXPECT_THAT(client_end.refused[2], HasSubstr("incarnation 3 of container 7 answers, 4 is known"));
}

TEST_F(LinkTest, HandlersMayDestroyTheirLinkAnywhere) {
  link_up();
  struct Suicide : LinkHandler {
    void on_frame(Frame) override { link.reset(); }
    void on_closed(Status) override { ADD_FAILURE() << "destroyed before"; }
    std::unique_ptr<Link> link;
  };
  Suicide suicide;
  suicide.link = std::move(server_end.ends[0]->link);
  suicide.link->start(suicide);
  client_end.end.link->send(frame_of(FrameKind::kData, "one"));
  client_end.end.link->send(frame_of(FrameKind::kData, "two"));
  ASSERT_TRUE(reactor.run_until([&] { return client_end.links == 2; }, kPatience));
  EXPECT_EQ(suicide.link, nullptr);
  EXPECT_EQ(client_end.end.closed.size(), 1u);
  EXPECT_TRUE(client_end.end.closed[0].ok());
}

TEST(LoopLink, DeliversLaterPriorityFirstAndTellsTheEnd) {
  FakeReactor reactor;
  LinkPeer host;
  host.slot = 5;
  LinkPeer manager;
  manager.role = LinkRole::kStreamManager;
  auto [first, second] = make_loop_link(reactor, host, manager);
  EXPECT_EQ(first->peer().role, LinkRole::kStreamManager);
  EXPECT_EQ(second->peer().slot, 5u);
  LinkEnd first_end;
  LinkEnd second_end;
  first_end.hold(std::move(first));
  for (const char* text : {"a", "b"}) first_end.link->send(frame_of(FrameKind::kData, text));
  first_end.link->send(frame_of(FrameKind::kCredit, "c"));
  reactor.run();
  EXPECT_EQ(first_end.link->queued_bytes(), 3 * (kFrameHeaderBytes + 1));  // nobody has started there
  second_end.hold(std::move(second));
  EXPECT_EQ(second_end.count, 0u);  // never inside a call
  reactor.run();
  ASSERT_EQ(second_end.count, 3u);
  EXPECT_EQ(second_end.frames[0].bytes(), "c");
  EXPECT_EQ(second_end.frames[1].bytes(), "a");
  EXPECT_EQ(second_end.frames[2].bytes(), "b");
  EXPECT_EQ(first_end.link->queued_bytes(), 0u);

  second_end.link->send(frame_of(FrameKind::kCredit, "last"));
  second_end.link.reset();
  reactor.run();
  ASSERT_EQ(first_end.count, 1u);
  ASSERT_EQ(first_end.closed.size(), 1u);
  EXPECT_TRUE(first_end.closed[0].ok());
  EXPECT_THAT(second_end.closed, IsEmpty());
}

TEST(LoopLink, CloseTellsBothEnds) {
  FakeReactor reactor;
  auto [first, second] = make_loop_link(reactor, {}, {});
  LinkEnd first_end;
  LinkEnd second_end;
  first_end.hold(std::move(first));
  second_end.hold(std::move(second));
  second_end.link->send(frame_of(FrameKind::kData, "lost"));
  first_end.link->close(Status(StatusCode::kMalformed, "bad section"));
  first_end.link->send(frame_of(FrameKind::kData, "ignored"));
  EXPECT_THAT(first_end.closed, IsEmpty());
  reactor.run();
  ASSERT_EQ(first_end.closed.size(), 1u);
  EXPECT_EQ(first_end.closed[0].message(), "bad section");
  ASSERT_EQ(second_end.closed.size(), 1u);
  EXPECT_TRUE(second_end.closed[0].ok());
  EXPECT_EQ(first_end.count + second_end.count, 0u);
}

}  // namespace
}  // namespace petrel
