// The bad inputs N01-N23 of the framing of Nimbus' port. Every case ends with a good call and the memory check of the
// fixture.
#include <sys/resource.h>

#include <vector>

#include "storm-compat/thrift/framed_server_fixture.h"

namespace petrel::thrift_test {
namespace {

constexpr int kUnknownMethod = 1;
constexpr int kInvalidMessageType = 2;
constexpr int kProtocolError = 7;

using BadFrames = FramedServerFixture;

TEST_F(BadFrames, N01_length_above_the_limit) {
  start();
  expect_closed(Bytes().i32(0x7fffffff).str(), "frame length 2147483647 is above the limit of 67108864 bytes");
}

TEST_F(BadFrames, N01_limit_is_an_option_and_a_frame_of_that_size_passes) {
  FramedServerOptions options;
  options.max_frame_bytes = 2000;
  start(options);
  std::string head = message("isTopologyNameAllowed", Bytes().field(kString, 1).str());
  std::string name(2000 - head.size() - 4 - 1, 'n');
  std::string largest = head + Bytes().text(name).stop().str();
  ASSERT_EQ(largest.size(), 2000u);
  RawClient client = connect();
  EXPECT_EQ(client.call(framed(largest)).type, kReply);
  expect_closed(framed(largest + "x"), "frame length 2001 is above the limit of 2000 bytes");
}

TEST_F(BadFrames, N01_memory_follows_the_bytes_not_the_length) {
  start();
  std::vector<RawClient> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(connect());
    clients.back().send(Bytes().i32(64 << 20).i32(0x80010001u).i32(4).str());
  }
  ASSERT_TRUE(eventually([&] { return server_->stats().open == 50; }));
  EXPECT_TRUE(good_call_works());
  EXPECT_LT(live_bytes() - live_before_, 10 << 20) << "50 announced frames of 64 MiB";
}

TEST_F(BadFrames, N02_negative_length) {
  start();
  expect_closed(Bytes().i32(-16).str(), "frame length -16 is not positive");
}

TEST_F(BadFrames, N03_length_zero) {
  start();
  expect_closed(Bytes().i32(0).str(), "frame length 0 is not positive");
}

TEST_F(BadFrames, N04_fewer_bytes_than_the_length_and_then_the_end) {
  start();
  RawClient client = connect();
  client.send(Bytes().i32(100).i32(0x80010001u).str());
  client.finish_sending();
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(logged("the peer ended the connection after 4 of the 100 bytes of a frame"));
}

TEST_F(BadFrames, N05_unframed_senders_are_named) {
  FramedServerOptions options;
  options.log_interval = Millis(0);
  start(options);
  expect_closed("GET /index.html HTTP/1.1\r\nHost: nimbus\r\n\r\n", "'GET ' look like an HTTP request");
  expect_closed(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), "look like a TLS hello");
  expect_closed("SSH-2.0-OpenSSH_9.2p1\r\n", "look like an SSH banner");
  expect_closed(message("getLeader", Bytes().stop().str()), "look like Thrift without frames");
  expect_closed(Bytes().i8(1).i32(6).raw("GSSAPI").raw("01234567").str(), "look like a SASL negotiation");
}

TEST_F(BadFrames, N06_wrong_version_word) {
  start();
  expect_closed(framed(Bytes().i32(0x80020001u).text("getLeader").i32(1).stop().str()),
                "the frame begins with 0x80020001, which is no message of the binary protocol");
}

TEST_F(BadFrames, N06_the_old_header_without_version_is_read) {
  start();
  RawClient client = connect();
  Answer answer = client.call(framed(Bytes().text("getLeader").i8(kCall).i32(9).stop().str()));
  EXPECT_EQ(answer.type, kReply);
  EXPECT_EQ(answer.seqid, 9);
}

TEST_F(BadFrames, N07_unknown_method) {
  start();
  Answer answer = expect_error(framed(message("getLeadr\n\x1b[31m", Bytes().stop().str(), 42)), kUnknownMethod,
                               "Invalid method name: 'getLeadr\\x0a\\x1b[31m'");
  EXPECT_EQ(answer.seqid, 42);
  expect_error(framed(message("", Bytes().stop().str())), kUnknownMethod, "Invalid method name: ''");
}

TEST_F(BadFrames, N08_reply_sent_to_a_server) {
  start();
  for (int type : {kReply, kException}) {
    expect_error(framed(message("getLeader", Bytes().stop().str(), 1, type)), kInvalidMessageType,
                 "was sent to a server; every method here is called with type 1");
  }
}

TEST_F(BadFrames, N08_message_type_that_does_not_exist) {
  start();
  expect_closed(framed(message("getLeader", Bytes().stop().str(), 1, 9)),
                "message type 9 of 'getLeader' does not exist");
}

TEST_F(BadFrames, N09_oneway_flag_on_a_two_way_call) {
  start();
  expect_error(framed(message("getLeader", Bytes().stop().str(), 1, kOneway)), kInvalidMessageType,
               "message type 4 (one-way call) was sent");
}

TEST_F(BadFrames, N10_string_length_negative_or_beyond_the_frame) {
  start();
  for (int64_t length : {int64_t{-1}, int64_t{100}, int64_t{0x7fffffff}, int64_t{-0x7fffffff}}) {
    std::string arguments = Bytes().field(kString, 1).i32(length).raw("abc").stop().str();
    expect_error(framed(message("isTopologyNameAllowed", arguments)), kProtocolError,
                 fmt::format("isTopologyNameAllowed.name: string length {} does not fit", length));
  }
}

TEST_F(BadFrames, N11_list_of_two_billion_structs) {
  start();
  std::string arguments = Bytes()
                              .field(kStruct, 1)
                              .field(kString, 1)
                              .text("id")
                              .field(kList, 2)
                              .i8(kStruct)
                              .i32(0x7fffffff)
                              .repeat(std::string(1, '\0'), 64)
                              .str();
  expect_error(framed(message("sendSupervisorWorkerHeartbeats", arguments)), kProtocolError,
               "worker_heartbeats: container size 2147483647 cannot be true");
}

TEST_F(BadFrames, N11_small_elements_that_grow_in_memory) {
  FramedServerOptions options;
  options.scan.max_decoded_base = 1 << 20;
  start(options);
  // Lists of one byte each on the wire would become 100,000 structs.
  std::string arguments = Bytes()
                              .field(kStruct, 1)
                              .field(kString, 1)
                              .text("id")
                              .field(kList, 2)
                              .i8(kStruct)
                              .i32(100'000)
                              .repeat(std::string(1, '\0'), 100'000)
                              .stop()
                              .stop()
                              .str();
  expect_error(framed(message("sendSupervisorWorkerHeartbeats", arguments)), kProtocolError,
               "of memory; send fewer elements per call");
}

std::string topology_argument(std::string_view topology) {
  return Bytes()
      .field(kString, 1)
      .text("name")
      .field(kString, 2)
      .text("token")
      .field(kString, 3)
      .text("{}")
      .field(kStruct, 4)
      .raw(topology)
      .stop()
      .str();
}

TEST_F(BadFrames, N12_map_size_and_key_type) {
  start();
  std::string huge = Bytes().field(kMap, 1).i8(kString).i8(kStruct).i32(0x7ffffff0).repeat("x", 20).str();
  expect_error(framed(message("submitTopology", topology_argument(huge))), kProtocolError,
               "submitTopology.topology.spouts: container size 2147483632 cannot be true");
  std::string negative = Bytes().field(kMap, 1).i8(kString).i8(kStruct).i32(-5).repeat("x", 20).str();
  expect_error(framed(message("submitTopology", topology_argument(negative))), kProtocolError,
               "container size -5 cannot be true");
  std::string keys = Bytes().field(kMap, 1).i8(kI32).i8(kStruct).i32(1).i32(5).stop().stop().str();
  expect_error(framed(message("submitTopology", topology_argument(keys))), kProtocolError,
               "key type is i32, the contract says string");
  std::string no_type = Bytes().field(kMap, 1).i8(99).i8(kStruct).i32(1).i32(5).stop().stop().str();
  expect_error(framed(message("submitTopology", topology_argument(no_type))), kProtocolError,
               "key type 99 is no type of Thrift");
}

TEST_F(BadFrames, N13_deep_nesting) {
  start();
  std::string open_struct = Bytes().field(kStruct, 99).str();
  std::string open_list = Bytes().i8(kList).i32(1).str();
  for (size_t depth : {64, 1000, 100'000}) {  // the argument struct is one level more
    std::string structs = Bytes().repeat(open_struct, depth).repeat(std::string(1, '\0'), depth + 1).str();
    expect_error(framed(message("getLeader", structs)), kProtocolError, "nested 65 deep, the limit is 64");
    std::string lists = Bytes().field(kList, 99).repeat(open_list, depth).i8(kByte).i32(0).stop().str();
    expect_error(framed(message("getLeader", lists)), kProtocolError, "nested 65 deep, the limit is 64");
    // A method that nobody knows skips its arguments, too.
    expect_error(framed(message("noSuchMethod", structs)), kProtocolError, "nested 65 deep, the limit is 64");
  }
  std::string deepest = Bytes().repeat(open_struct, 63).repeat(std::string(1, '\0'), 64).str();
  RawClient client = connect();
  EXPECT_EQ(client.call(framed(message("getLeader", deepest))).type, kReply);
}

TEST_F(BadFrames, N14_wrong_type_of_a_known_field_is_skipped) {
  start();
  RawClient client = connect();
  std::string arguments = Bytes().field(kI32, 1).i32(5).field(kString, 77).text("unknown").stop().str();
  EXPECT_EQ(client.call(framed(message("isTopologyNameAllowed", arguments))).type, kReply);
  EXPECT_EQ(nimbus_->last_name, "");
}

TEST_F(BadFrames, N15_missing_required_field_is_named) {
  start();
  expect_error(framed(message("submitTopology", topology_argument(Bytes().stop().str()))), kProtocolError,
               "submitTopology.topology: required field 1 'spouts' (map) of StormTopology is missing");
  std::string no_count = Bytes().field(kStruct, 2).stop().stop().str();  // RebalanceOptions may be empty
  RawClient client = connect();
  EXPECT_EQ(client.call(framed(message("rebalance", no_count))).type, kReply);
}

// Storm's generated readers let the last one win (pinned by derive_idl_test.py). A request that one reader understands
// as one thing and another reader as another is refused here; no client writes a field twice.
TEST_F(BadFrames, N16_field_that_is_there_twice) {
  start();
  std::string arguments = Bytes().field(kString, 1).text("first").field(kString, 1).text("second").stop().str();
  nimbus_->last_name = "untouched";
  expect_error(framed(message("isTopologyNameAllowed", arguments)), kProtocolError,
               "field 1 'name' of isTopologyNameAllowed is there twice");
  EXPECT_EQ(nimbus_->last_name, "untouched");
}

TEST_F(BadFrames, N17_enum_value_that_does_not_exist) {
  start();
  std::string arguments = Bytes().field(kStruct, 5).field(kI32, 1).i32(99).stop().stop().str();
  expect_error(framed(message("submitTopologyWithOpts", arguments)), kProtocolError,
               "submitTopologyWithOpts.options.initial_status: 99 is no TopologyInitialStatus; known are ACTIVE (1), "
               "INACTIVE (2)");
}

TEST_F(BadFrames, N18_text_that_is_not_utf8) {
  start();
  for (std::string bad : {"\xff\xfe", "a\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80"}) {
    std::string name = Bytes().field(kString, 1).text(bad).stop().str();
    expect_error(framed(message("isTopologyNameAllowed", name)), kProtocolError, "is not UTF-8; send text as UTF-8");
    std::string conf = Bytes().field(kString, 3).text("{\"a\":\"" + bad + "\"}").stop().str();
    expect_error(framed(message("submitTopology", conf)), kProtocolError, "submitTopology.jsonConf: ");
  }
  RawClient client = connect();
  std::string good = Bytes().field(kString, 1).text("w\xc3\xb6rter \xf0\x9f\x90\xa6 \xe4\xb8\xad").stop().str();
  EXPECT_EQ(client.call(framed(message("isTopologyNameAllowed", good))).type, kReply);
}

TEST_F(BadFrames, N19_one_byte_at_a_time) {
  FramedServerOptions options;
  options.progress_window = Millis(300);
  options.sweep_interval = Millis(20);
  start(options);
  RawClient client = connect();
  client.send(Bytes().i32(1 << 20).i32(0x80010001u).i32(9).str());
  EXPECT_TRUE(eventually([&] {
    client.send("x");
    return client.closed(Millis(10));
  }));
  EXPECT_TRUE(logged("the least is 16384; send a request in one go"));
}

TEST_F(BadFrames, N19_frame_that_grows_but_does_not_end) {
  FramedServerOptions options;
  options.frame_deadline = Millis(400);
  options.sweep_interval = Millis(20);
  start(options);
  RawClient client = connect();
  client.send(Bytes().i32(64 << 20).i32(0x80010001u).i32(9).str());
  EXPECT_TRUE(eventually([&] {
    client.send(std::string(1000, 'x'));
    return client.closed(Millis(10));
  }));
  EXPECT_TRUE(logged("within 400 ms, the time for a whole frame"));
}

TEST_F(BadFrames, N19_connection_that_says_nothing) {
  FramedServerOptions options;
  options.first_call_timeout = Millis(200);
  options.sweep_interval = Millis(20);
  start(options);
  RawClient client = connect();
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(logged("no good call within 200 ms"));
}

TEST_F(BadFrames, N20_idle_connections_above_the_cap) {
  FramedServerOptions options;
  options.max_connections = 20;
  start(options);
  RawClient proven = connect();
  ASSERT_EQ(proven.call(empty_call("getLeader")).type, kReply);
  std::vector<RawClient> idle;
  for (int i = 0; i < 200; ++i) idle.push_back(connect());
  ASSERT_TRUE(eventually([&] { return server_->stats().dropped_for_cap >= 181; }));
  EXPECT_LE(server_->stats().open, 20);
  EXPECT_TRUE(good_call_works());
  EXPECT_TRUE(idle.front().closed()) << "the oldest goes first";
  EXPECT_EQ(proven.call(empty_call("getLeader")).type, kReply) << "one that made a good call stays";
  EXPECT_TRUE(logged("the limit is 20: 127.0.0.1:"));
}

TEST_F(BadFrames, N20_five_thousand_connections) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit raised = before;
  raised.rlim_cur = std::min<rlim_t>(before.rlim_max, 8192);
  setrlimit(RLIMIT_NOFILE, &raised);
  // Both ends are in this process: the clients' descriptors and at most 1,024 of the server.
  size_t clients = std::min<size_t>(5000, raised.rlim_cur - 1024 - 200);
  {
    start();
    std::vector<RawClient> idle;
    idle.reserve(clients);
    for (size_t i = 0; i < clients; ++i) {
      idle.push_back(connect());
      ASSERT_TRUE(idle.back().connected()) << i;
    }
    EXPECT_TRUE(good_call_works());
    EXPECT_LE(server_->stats().open, 1024);
  }
  EXPECT_TRUE(good_call_works());
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(BadFrames, N21_connects_and_resets) {
  start();
  for (int i = 0; i < 3000; ++i) {
    RawClient client = connect();
    if (i % 2 == 0) client.send(Bytes().i32(100).str());
    client.reset();
  }
  EXPECT_TRUE(eventually([&] { return server_->stats().open == 0; }));
}

TEST_F(BadFrames, N22_client_that_never_reads) {
  FramedServerOptions options;
  options.write_deadline = Millis(300);
  options.sweep_interval = Millis(20);
  start(options);
  nimbus_->conf_bytes = 1'000'000;
  RawClient client = connect();
  std::string calls;
  for (int i = 0; i < 100; ++i) calls += empty_call("getNimbusConf", i);
  client.send(calls);
  EXPECT_TRUE(logged("it did not read its answer of 1000"));
  EXPECT_TRUE(eventually([&] { return server_->stats().open == 0; }));
}

TEST_F(BadFrames, N23_ten_thousand_calls_at_once) {
  start();
  std::string calls;
  for (int i = 0; i < 10'000; ++i) calls += empty_call("getLeader", i);
  RawClient client = connect();
  std::thread sender([&] { client.send(calls); });
  for (int i = 0; i < 10'000; ++i) {
    Answer answer = client.read();
    if (!answer.came || answer.type != kReply || answer.seqid != i) {
      ADD_FAILURE() << "answer " << i << " has seqid " << answer.seqid;
      break;
    }
  }
  sender.join();
}

}  // namespace
}  // namespace petrel::thrift_test
