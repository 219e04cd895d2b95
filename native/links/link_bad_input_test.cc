// Bad input on links, S1 to S16 of the catalogue: each case gets its sentence, and the server goes on to serve a good
// peer. Every case runs over TCP, over a Unix socket, and over a network in memory that delivers in small pieces.
#include <unistd.h>

#include <functional>

#include "native/base/rng.h"
#include "native/links/fake_net.h"
#include "native/links/frame_channel.h"
#include "native/links/link_test_kit.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace {

using ::petrel::testing::ClientEnd;
using ::petrel::testing::FakeReactor;
using ::petrel::testing::frame_of;
using ::petrel::testing::host_identity;
using ::petrel::testing::kPatience;
using ::petrel::testing::LinkEnd;
using ::petrel::testing::RawClient;
using ::petrel::testing::server_identity;
using ::petrel::testing::ServerEnd;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

enum class Net { kTcp, kUnix, kMemory };

class LinkBadInput : public ::testing::TestWithParam<Net> {
 protected:
  void SetUp() override {
    if (GetParam() == Net::kMemory) fake.chunk_bytes = 7;
  }
  void TearDown() override {
    if (server) expect_good_link();
  }
  Reactor& reactor() { return GetParam() == Net::kMemory ? static_cast<Reactor&>(fake) : asio; }
  bool run_until(const std::function<bool()>& done) {
    return GetParam() == Net::kMemory ? fake.run_until(done, kPatience) : asio.run_until(done, kPatience);
  }
  void serve(LinkLimits limits = {}) {
    LinkServerOptions options;
    options.identity = server_identity();
    options.limits = limits;
    if (GetParam() == Net::kUnix) options.listen = {fmt::format("@petrel-link-test-{}-{}", getpid(), ++names), 0};
    server = std::make_unique<LinkServer>(reactor(), options, server_end);
    Status started = server->start();
    ASSERT_TRUE(started.ok()) << started.to_string();
  }
  std::unique_ptr<ByteStream> connect() {
    std::unique_ptr<ByteStream> stream;
    reactor().connect(server->endpoint(), kPatience, [&](Result<std::unique_ptr<ByteStream>> result) {
      ASSERT_TRUE(result.ok()) << result.status().to_string();
      stream = std::move(result).value();
    });
    EXPECT_TRUE(run_until([&] { return stream != nullptr; }));
    return stream;
  }
  /// Connected, and the challenge has come.
  std::unique_ptr<RawClient> stranger() {
    auto raw = std::make_unique<RawClient>(connect());
    EXPECT_TRUE(run_until([&] { return !raw->frames().empty() || raw->closed; }));
    return raw;
  }
  /// A peer with a link that then says what it likes.
  std::unique_ptr<RawClient> linked(uint32_t slot = 66) {
    auto raw = stranger();
    const size_t before = server_end.ends.size();
    raw->send(raw->hello(host_identity(slot)));
    EXPECT_TRUE(run_until([&] { return raw->welcome() && server_end.ends.size() == before + 1; }));
    return raw;
  }
  void expect_stranger_closed(const std::string& bytes, const std::string& sentence) {
    SCOPED_TRACE(sentence);
    auto raw = stranger();
    const size_t before = server_end.strangers.size();
    raw->send(bytes);
    ASSERT_TRUE(run_until([&] { return raw->closed; }));
    ASSERT_EQ(server_end.strangers.size(), before + 1);
    EXPECT_THAT(server_end.strangers.back(), HasSubstr(sentence));
    EXPECT_EQ(server->unproved(), 0u);
    expect_good_link();
  }
  /// The server refuses with a sentence that reaches the peer.
  void expect_refused(RawClient& raw, const std::string& bytes, const std::string& sentence) {
    SCOPED_TRACE(sentence);
    raw.send(bytes);
    ASSERT_TRUE(run_until([&] { return !raw.refusal().empty(); }));
    EXPECT_THAT(raw.refusal(), HasSubstr(sentence));
    EXPECT_THAT(server_end.strangers.back(), HasSubstr(sentence));
    EXPECT_FALSE(raw.welcome());
    expect_good_link();
  }
  /// A linked peer's bytes end its link with a sentence and a code; what came before was delivered.
  void expect_link_closed(const std::string& bytes, StatusCode code, const std::string& sentence,
                          size_t frames_before = 0) {
    SCOPED_TRACE(sentence);
    auto raw = linked(++slots);
    LinkEnd& end = *server_end.ends.back();
    raw->send(bytes);
    ASSERT_TRUE(run_until([&] { return !end.closed.empty() && raw->closed; }));
    EXPECT_EQ(end.closed[0].code(), code) << end.closed[0].to_string();
    EXPECT_THAT(end.closed[0].message(), HasSubstr(sentence));
    EXPECT_EQ(end.count, frames_before);
    expect_good_link();
  }
  /// The next good request works.
  void expect_good_link() {
    ClientEnd end;
    LinkClientOptions options;
    options.identity = host_identity(++slots);
    LinkClient client(reactor(), options, [this] { return std::vector{server->endpoint()}; }, end);
    client.start();
    ASSERT_TRUE(run_until([&] { return end.links == 1; }));
    end.end.link->send(frame_of(FrameKind::kData, "good"));
    ASSERT_TRUE(run_until([&] { return server_end.ends.back()->count == 1; }));
    EXPECT_EQ(server_end.ends.back()->frames[0].bytes(), "good");
    server_end.ends.back()->link->send(frame_of(FrameKind::kCredit, "answer"));
    ASSERT_TRUE(run_until([&] { return end.end.count == 1; }));
  }

  AsioReactor asio;
  FakeReactor fake;
  ServerEnd server_end;
  std::unique_ptr<LinkServer> server;
  int names = 0;
  uint32_t slots = 1000;
};
INSTANTIATE_TEST_SUITE_P(, LinkBadInput, ::testing::Values(Net::kTcp, Net::kUnix, Net::kMemory), [](const auto& p) {
  return std::string(p.param == Net::kTcp ? "Tcp" : p.param == Net::kUnix ? "Unix" : "Memory");
});

std::string four_bytes(uint32_t value) {
  return std::string(reinterpret_cast<const char*>(&value), 4);
}

TEST_P(LinkBadInput, S1BadMagicAndStrangers) {
  serve();
  expect_stranger_closed("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "looks like HTTP");
  expect_stranger_closed("SSH-2.0-OpenSSH_9.2\r\n", "looks like SSH");
  expect_stranger_closed(std::string("\x16\x03\x01\x02\x00\x01", 6), "looks like TLS");
  auto raw = stranger();
  std::string hello = raw->hello(host_identity());
  std::string body = hello.substr(kFrameLengthBytes + kFrameHeaderBytes);
  body.replace(0, 4, "HRON");
  expect_refused(*raw, RawClient::frame(FrameKind::kHello, body, 1), "the magic number is 4e4f5248");
}

TEST_P(LinkBadInput, S2AnotherVersionIsRefusedAndBothAreNamed) {
  serve();
  for (uint16_t version : {0, 2, 65535}) {
    auto raw = stranger();
    expect_refused(*raw, raw->hello(host_identity(), 1, version),
                   fmt::format("wire version {} of the peer, 1 here; run one version", version));
  }
  auto raw = stranger();
  expect_refused(*raw, raw->hello(host_identity(), 1, 1, 0x80000001), "needs the features 0x80000001");
}

TEST_P(LinkBadInput, S3Lengths) {
  serve();
  for (uint32_t length : {0u, 55u, 4097u, 1u << 20, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    expect_stranger_closed(four_bytes(length), fmt::format("frame of {} bytes, a frame here has 56 to 4096", length));
  }
  for (uint32_t length : {0u, 55u, (1u << 20) + 1, 0x80000000u, 0xffffffffu}) {
    expect_link_closed(four_bytes(length), length < 56 ? StatusCode::kMalformed : StatusCode::kLimit,
                       fmt::format("frame of {} bytes, a frame here has 56 to 1048576", length));
  }
}

// S4: one wrong bit anywhere behind the length ends the link; what came before it was taken.
TEST_P(LinkBadInput, S4AWrongBitResetsTheLink) {
  serve();
  const std::string good = RawClient::frame(FrameKind::kData, "first", 1);
  const std::string second = RawClient::frame(FrameKind::kData, "second", 2);
  for (size_t at : {size_t{4}, size_t{5}, size_t{7}, size_t{13}, size_t{56}, size_t{59}, second.size() - 1}) {
    std::string wrong = second;
    wrong[at] ^= 0x10;
    const bool in_body = at == second.size() - 1;
    expect_link_closed(good + wrong + RawClient::frame(FrameKind::kData, "third", 3), StatusCode::kCorrupt,
                       in_body ? "checksum of the frame body" : "checksum of the frame header", 1);
  }
}

// A wrong bit in a length: all that follows is taken for one frame, which never ends while the link looks alive.
TEST_P(LinkBadInput, S4AFrameThatNeverEndsEndsTheLink) {
  LinkLimits limits;
  limits.lease_interval = Millis(50);
  limits.lease_timeout = Millis(400);
  serve(limits);
  auto raw = linked();
  LinkEnd& end = *server_end.ends.back();
  std::string frame = RawClient::frame(FrameKind::kData, "short", 1);
  frame[2] = 8;  // half a megabyte more
  raw->send(frame);
  for (uint64_t sequence = 2; end.closed.empty() && sequence < 1000; ++sequence) {
    raw->send(RawClient::frame(FrameKind::kLease, "", sequence));
    bool over = false;
    reactor().after(Millis(20), [&] { over = true; });
    ASSERT_TRUE(run_until([&] { return over; }));
  }
  ASSERT_FALSE(end.closed.empty());
  EXPECT_EQ(end.closed[0].code(), StatusCode::kTimeout);
  EXPECT_THAT(end.closed[0].message(), HasSubstr("has not come whole for"));
  EXPECT_EQ(end.count, 0u);
}

TEST_P(LinkBadInput, S4HolesAndRepetitionsOfTheSequence) {
  serve();
  const std::string first = RawClient::frame(FrameKind::kData, "x", 1);
  expect_link_closed(first + first, StatusCode::kConflict, "a data frame of sequence 1, 2 is the next of its lane", 1);
  expect_link_closed(first + RawClient::frame(FrameKind::kData, "x", 3), StatusCode::kConflict, "of sequence 3, 2 is",
                     1);
  expect_link_closed(RawClient::frame(FrameKind::kProbe, "x", 0), StatusCode::kConflict, "a probe frame of sequence 0");
  // The hello was the first of the priority lane.
  expect_link_closed(RawClient::frame(FrameKind::kCredit, "x", 1), StatusCode::kConflict, "of sequence 1, 2 is");
  expect_link_closed(
      first + RawClient::frame(FrameKind::kCredit, "x", 2) + RawClient::frame(FrameKind::kData, "x", 2, 7),
      StatusCode::kConflict, "a data frame of link epoch 7, this link has 1", 2);
}

TEST_P(LinkBadInput, S5AForeignTopology) {
  serve();
  LinkIdentity foreign = host_identity();
  foreign.topology_id = "words-2-3\r\n";
  auto raw = stranger();
  expect_refused(*raw, raw->hello(foreign), "of topology 'words-1-2', not of 'words-2-3\\x0d\\x0a'");
}

TEST_P(LinkBadInput, S6TwoPeersClaimOneIdentity) {
  serve();
  auto second = stranger();
  second->send(second->hello(host_identity(5, 2), 4));
  ASSERT_TRUE(run_until([&] { return second->welcome(); }));
  LinkEnd& held = *server_end.ends.back();
  auto zombie = stranger();
  expect_refused(*zombie, zombie->hello(host_identity(5, 1), 9), "is stale: incarnation 2 of it is known");
  auto older = stranger();
  expect_refused(*older, older->hello(host_identity(5, 2), 3), "link epoch 3 of host 5");
  auto same = stranger();
  expect_refused(*same, same->hello(host_identity(5, 2), 4), "is not above 4, which is known");
  auto none = stranger();
  expect_refused(*none, none->hello(host_identity(5, 2), 0), "link epoch 0");
  EXPECT_THAT(held.closed, IsEmpty());
  EXPECT_FALSE(second->closed);
  auto newer = stranger();
  newer->send(newer->hello(host_identity(5, 2), 5));
  ASSERT_TRUE(run_until([&] { return newer->welcome() && second->closed; }));
  ASSERT_EQ(held.closed.size(), 1u);
  EXPECT_THAT(held.closed[0].message(), HasSubstr("a newer link of host 5"));
}

TEST_P(LinkBadInput, S10FramesBeforeAndHellosAfterTheHello) {
  serve();
  for (FrameKind kind : {FrameKind::kData, FrameKind::kAcks, FrameKind::kHosts, FrameKind::kLease}) {
    const std::string body = kind == FrameKind::kLease ? "" : "x";
    expect_stranger_closed(RawClient::frame(kind, body, 1),
                           fmt::format("a {} frame before the hello", to_string(kind)));
  }
  for (FrameKind kind : {FrameKind::kChallenge, FrameKind::kWelcome, FrameKind::kRefused}) {
    expect_stranger_closed(RawClient::frame(kind, "x", 1), fmt::format("a {} frame", to_string(kind)));
  }
  auto raw = stranger();
  const std::string hello = raw->hello(host_identity(77));
  raw->send(hello + RawClient::frame(FrameKind::kHello, "again", 2));
  ASSERT_TRUE(run_until([&] { return raw->closed; }));
  EXPECT_THAT(server_end.ends.back()->closed.at(0).message(), HasSubstr("a hello frame after the hello"));
  expect_link_closed(RawClient::frame(static_cast<FrameKind>(13), "x", 2), StatusCode::kMalformed, "frame kind 13");
}

TEST_P(LinkBadInput, S11WrongProofsAndReplays) {
  serve();
  LinkIdentity guesser = host_identity();
  guesser.secret = "guessed";
  auto raw = stranger();
  expect_refused(*raw, raw->hello(guesser), "the proof does not match");
  // One try per challenge: the right proof comes too late.
  const std::string late = raw->hello(host_identity()).substr(kFrameLengthBytes + kFrameHeaderBytes);
  raw->send(RawClient::frame(FrameKind::kHello, late, 2));
  EXPECT_TRUE(run_until([&] { return raw->closed; }));
  EXPECT_FALSE(raw->welcome());

  auto first = stranger();
  const std::string recorded = first->hello(host_identity(8));
  first->send(recorded);
  ASSERT_TRUE(run_until([&] { return first->welcome(); }));
  auto replay = stranger();
  expect_refused(*replay, recorded, "the proof does not match");
  EXPECT_FALSE(first->closed);
  // Whatever bit of a good hello is changed, it is no longer one.
  for (size_t at : {6, 15, 19, 23, 27, 40, 70, 100}) {
    auto changed = stranger();
    std::string body = changed->hello(host_identity(9)).substr(kFrameLengthBytes + kFrameHeaderBytes);
    body.at(at) ^= 1;
    changed->send(RawClient::frame(FrameKind::kHello, body, 1));
    ASSERT_TRUE(run_until([&] { return !changed->refusal().empty(); })) << at;
    EXPECT_FALSE(changed->welcome());
  }
}

// S13: a flood of control frames is worked off without anything being kept, and others are served meanwhile.
TEST_P(LinkBadInput, S13AFloodOfControlFrames) {
  serve();
  ClientEnd good;
  LinkClientOptions options;
  options.identity = host_identity(500);
  LinkClient client(reactor(), options, [this] { return std::vector{server->endpoint()}; }, good);
  client.start();
  ASSERT_TRUE(run_until([&] { return good.links == 1; }));
  LinkEnd& good_end = *server_end.ends.back();
  auto raw = linked();
  LinkEnd& flooded = *server_end.ends.back();
  flooded.keep_frames = false;
  const uint64_t frames = GetParam() == Net::kMemory ? 2'000 : 200'000;
  std::string flood;
  for (uint64_t i = 0; i < frames; ++i) {
    flood +=
        i % 2 == 0 ? RawClient::frame(FrameKind::kLease, "", i + 2) : RawClient::frame(FrameKind::kCredit, "c", i + 2);
  }
  raw->send(std::move(flood));
  good.end.link->send(frame_of(FrameKind::kData, "meanwhile"));
  ASSERT_TRUE(run_until([&] { return good_end.count == 1; }));
  if (GetParam() != Net::kMemory) {
    EXPECT_LT(flooded.count, frames / 2);  // served before the flood is over
  }
  ASSERT_TRUE(run_until([&] { return flooded.count == frames / 2; }));
  EXPECT_EQ(flooded.link->queued_bytes(), 0u);
  EXPECT_THAT(flooded.closed, IsEmpty());
}

TEST_P(LinkBadInput, S14AThousandConnectionsWithoutHello) {
  serve();
  std::vector<std::unique_ptr<ByteStream>> silent;
  for (int i = 0; i < 1000; ++i) {
    silent.push_back(connect());
    ASSERT_NE(silent.back(), nullptr) << i;
    EXPECT_LE(server->unproved(), 256u);
    if (i % 250 == 249) expect_good_link();
  }
  EXPECT_GE(server->counters().dropped_unproved, 1000u - 256u);
}

TEST_P(LinkBadInput, S14SilentAndDrippingPeersAreClosedByTheDeadline) {
  LinkLimits limits;
  limits.hello_timeout = Millis(60);
  serve(limits);
  auto silent = stranger();
  auto dripping = stranger();
  const std::string hello = dripping->hello(host_identity());
  dripping->send(hello.substr(0, hello.size() - 1));
  ASSERT_TRUE(run_until([&] { return silent->closed && dripping->closed; }));
  ASSERT_EQ(server_end.strangers.size(), 2u);
  for (const std::string& sentence : server_end.strangers) EXPECT_THAT(sentence, HasSubstr("within 60 ms"));
  EXPECT_EQ(server->unproved(), 0u);
}

// S15: hello and frames cut in two at every byte.
TEST_P(LinkBadInput, S15SplitAtEveryByteBoundary) {
  serve();
  const std::string data = RawClient::frame(FrameKind::kData, "some body", 1);
  size_t size = data.size() + 1;
  for (size_t cut = 0; cut < size; cut += GetParam() == Net::kMemory ? 1 : 13) {
    auto raw = stranger();
    const std::string all = raw->hello(host_identity(static_cast<uint32_t>(20'000 + cut))) + data;
    size = all.size();
    raw->send(all.substr(0, cut));
    bool turned = false;
    reactor().post([&] { turned = true; });
    ASSERT_TRUE(run_until([&] { return turned; }));
    raw->send(all.substr(cut));
    ASSERT_TRUE(run_until([&] { return raw->welcome() && server_end.ends.back()->count == 1; })) << cut;
    EXPECT_EQ(server_end.ends.back()->frames[0].bytes(), "some body");
  }
}

// S16: a lease says nothing but that somebody lives, so a peer whose clock runs fast, slow or jumps does no harm as
// long as it says so once in a while; what it might claim in the header's fields is not read.
TEST_P(LinkBadInput, S16LeasesOfACrookedClock) {
  LinkLimits limits;
  limits.lease_interval = Millis(100);
  limits.lease_timeout = Seconds(2);
  serve(limits);
  auto raw = linked();
  LinkEnd& end = *server_end.ends.back();
  uint64_t sequence = 1;
  const auto lease = [&](uint64_t claim) {
    FrameHeader header;
    header.kind = FrameKind::kLease;
    header.sequence = ++sequence;
    header.link_epoch = 1;
    header.plan_epoch = claim;
    header.destination_incarnation = static_cast<uint32_t>(claim);
    raw->send(encode_frame(header, ""));
  };
  const auto let_pass = [&](Nanos time) {
    bool over = false;
    reactor().after(time, [&] { over = true; });
    ASSERT_TRUE(run_until([&] { return over; }));
  };
  for (int i = 0; i < 1000; ++i) lease(i % 2 == 0 ? UINT64_MAX : 0);  // a clock that races and jumps a day
  let_pass(Millis(500));
  for (int i = 0; i < 3; ++i) {  // one that runs at a tenth of the speed
    lease(1);
    let_pass(Seconds(1));
  }
  EXPECT_THAT(end.closed, IsEmpty());
  FrameHeader data;
  data.kind = FrameKind::kData;
  data.sequence = 1;
  data.link_epoch = 1;
  raw->send(encode_frame(data, "still there"));
  ASSERT_TRUE(run_until([&] { return end.count == 1; }));
  // One that stands is given up, with a sentence.
  ASSERT_TRUE(run_until([&] { return !end.closed.empty(); }));
  EXPECT_EQ(end.closed[0].code(), StatusCode::kTimeout);
  EXPECT_THAT(end.closed[0].message(), HasSubstr("nothing came from"));
}

// Whatever follows a good hello, the server ends that link or takes frames, and nothing else happens.
TEST_P(LinkBadInput, RandomBytesAndRandomChanges) {
  serve();
  Rng rng(20);
  for (int round = 0; round < 60; ++round) {
    auto raw = rng.below(3) == 0 ? stranger() : linked(++slots);
    std::string bytes;
    for (uint64_t i = 1; i <= 5; ++i) bytes += RawClient::frame(FrameKind::kData, std::string(rng.below(200), 'd'), i);
    for (uint64_t n = 1 + rng.below(4); n > 0; --n) bytes[rng.below(bytes.size())] = static_cast<char>(rng.next());
    if (rng.below(4) == 0) bytes = bytes.substr(rng.below(bytes.size()));
    raw->send(bytes);
    raw->stream.reset();
  }
  expect_good_link();
}

}  // namespace
}  // namespace petrel
