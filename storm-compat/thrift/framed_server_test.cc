#include "storm-compat/thrift/framed_server.h"

#include <gmock/gmock.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include "storm-compat/thrift/framed_server_fixture.h"
#include "storm-compat/thrift/nimbus_client.h"

namespace petrel::thrift_test {
namespace {

constexpr int kInternalError = 6;

using FramedServerTest = FramedServerFixture;
using ::testing::HasSubstr;

TEST_F(FramedServerTest, answers_the_first_call_of_every_storm_client) {
  start();
  // What a 2.8 client sends first: length 22, strict call header, name, seqid 1, no arguments.
  RawClient client = connect();
  Answer answer = client.call(std::string("\0\0\0\x16\x80\x01\0\x01\0\0\0\x09getLeader\0\0\0\x01\0", 26));
  EXPECT_EQ(answer.type, kReply);
  EXPECT_EQ(answer.method, "getLeader");
  EXPECT_EQ(answer.seqid, 1);
}

TEST_F(FramedServerTest, handler_exceptions_are_internal_errors) {
  start();
  std::string arguments = Bytes().field(kString, 1).text("x").stop().str();
  expect_error(framed(message("activate", arguments)), kInternalError, "the machine is on fire");
  expect_error(framed(message("deactivate", arguments)), kInternalError, "Internal error");
}

TEST_F(FramedServerTest, declared_exceptions_are_replies) {
  start();
  auto client = NimbusClient::connect({{"127.0.0.1", server_->port()}});
  ASSERT_TRUE(client.ok()) << client.status().to_string();
  Status status = (*client)->call([](storm::NimbusClient& nimbus) { nimbus.killTopology("wc"); });
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "wc is not alive");
  bool allowed = false;
  EXPECT_TRUE((*client)->call([&](storm::NimbusClient& n) { allowed = n.isTopologyNameAllowed("wc"); }).ok());
  EXPECT_TRUE(allowed);
}

TEST_F(FramedServerTest, answers_above_what_a_client_reads_become_a_sentence) {
  start();
  std::string call = framed(message("getNimbusConf", Bytes().stop().str()));
  nimbus_->conf_bytes = 1 << 20;
  expect_error(call, kInternalError, "and a Storm client reads at most 1048576");
  RawClient client = connect();
  std::string header = message("getNimbusConf", Bytes().field(kString, 0).i32(0).stop().str());
  nimbus_->conf_bytes = (1 << 20) - header.size();  // the whole payload counts
  Answer largest = client.call(call);
  EXPECT_EQ(largest.type, kReply);
  ++nimbus_->conf_bytes;
  EXPECT_EQ(client.call(call).type, kException);
}

TEST_F(FramedServerTest, handlers_see_caller_and_raw_bytes) {
  start();
  storm::StormTopology topology;
  auto buffer = std::make_shared<apache::thrift::transport::TMemoryBuffer>();
  apache::thrift::protocol::TBinaryProtocol protocol(buffer);
  topology.write(&protocol);
  std::string bytes = buffer->getBufferAsString();
  // A field that a newer client knows and the generated code drops.
  std::string newer = Bytes().field(kString, 900).text("from the future").str() + bytes;
  std::string arguments = Bytes().field(kString, 1).text("n").field(kStruct, 4).raw(newer).stop().str();
  RawClient client = connect();
  ASSERT_EQ(client.call(framed(message("submitTopology", arguments))).type, kReply);
  EXPECT_EQ(nimbus_->raw_topology, newer);
  EXPECT_THAT(nimbus_->caller.address, HasSubstr("127.0.0.1:"));
  EXPECT_EQ(nimbus_->caller.principal, "");
  EXPECT_EQ(current_caller().address, "");
}

TEST_F(FramedServerTest, a_slow_handler_does_not_stop_others) {
  FramedServerOptions options;
  options.workers = 3;
  start(options);
  std::string slow = framed(message("getTopologyConf", Bytes().field(kString, 1).text("id").stop().str(), 8));
  RawClient first = connect();
  RawClient second = connect();
  ASSERT_TRUE(first.send(slow));
  ASSERT_TRUE(second.send(slow));
  ASSERT_TRUE(eventually([&] { return nimbus_->waiting == 2; }));
  EXPECT_TRUE(good_call_works());
  nimbus_->release();
  EXPECT_EQ(first.read().seqid, 8);
  EXPECT_EQ(second.read().seqid, 8);
}

TEST_F(FramedServerTest, a_full_queue_is_told) {
  FramedServerOptions options;
  options.workers = 1;
  options.max_queued_calls = 1;
  start(options);
  std::string slow = framed(message("getTopologyConf", Bytes().field(kString, 1).text("id").stop().str()));
  RawClient running = connect();
  ASSERT_TRUE(running.send(slow));
  ASSERT_TRUE(eventually([&] { return nimbus_->waiting == 1; }));
  RawClient queued = connect();
  ASSERT_TRUE(queued.send(slow));
  ASSERT_TRUE(eventually([&] { return server_->stats().calls == 3; }));  // the fixture's good call is one
  RawClient third = connect();
  Answer answer = third.call(empty_call("getLeader"));
  EXPECT_EQ(answer.error_type, kInternalError);
  EXPECT_THAT(answer.error_text, HasSubstr("Nimbus is busy: 1 calls are waiting"));
  nimbus_->release();
  EXPECT_EQ(running.read().type, kReply);
  EXPECT_EQ(queued.read().type, kReply);
}

TEST_F(FramedServerTest, memory_of_all_connections_is_bounded) {
  FramedServerOptions options;
  options.max_buffered_bytes = 1 << 20;
  start(options);
  std::vector<RawClient> clients;
  std::string part = Bytes().i32(4 << 20).i32(0x80010001u).i32(9).repeat("x", 300'000).str();
  for (int i = 0; i < 5; ++i) {
    clients.push_back(connect());
    clients.back().send(part);
  }
  EXPECT_TRUE(logged("requests of all connections take"));
}

TEST_F(FramedServerTest, a_large_request_arrives_in_pieces) {
  start();
  std::string name(20 << 20, 'n');
  std::string arguments = Bytes().field(kString, 1).text(name).stop().str();
  RawClient client = connect();
  EXPECT_EQ(client.call(framed(message("isTopologyNameAllowed", arguments))).type, kReply);
  EXPECT_TRUE(nimbus_->last_name == name);
  std::string().swap(nimbus_->last_name);
  std::string call = empty_call("getLeader", 3);  // cut at every byte
  for (size_t cut = 1; cut < call.size(); ++cut) {
    ASSERT_TRUE(client.send(std::string_view(call).substr(0, cut)));
    ASSERT_TRUE(client.send(std::string_view(call).substr(cut)));
    EXPECT_EQ(client.read().seqid, 3);
  }
}

TEST_F(FramedServerTest, repeated_errors_are_counted_not_written) {
  FramedServerOptions options;
  options.log_interval = Millis(3'600'000);
  start(options);
  for (int i = 0; i < 100; ++i) {
    RawClient client = connect();
    client.send(Bytes().i32(-16).str());
    EXPECT_TRUE(client.closed());
  }
  std::string text = log();
  size_t lines = 0;
  for (size_t at = text.find("frame length -16"); at != std::string::npos; at = text.find("frame length -16", at + 1)) {
    ++lines;
  }
  EXPECT_EQ(lines, 1u);
  EXPECT_EQ(server_->stats().closed_for_error, 100);
}

TEST_F(FramedServerTest, a_port_that_is_taken_is_named) {
  start();
  FramedServer second(std::make_shared<storm::NimbusProcessor>(nimbus_), {}, SystemClock::instance());
  Status status = second.start("127.0.0.1", server_->port());
  EXPECT_EQ(status.code(), StatusCode::kIo);
  EXPECT_THAT(status.message(), HasSubstr(fmt::format("cannot listen on 127.0.0.1:{}: ", server_->port())));
}

TEST_F(FramedServerTest, stop_waits_for_handlers_and_closes_connections) {
  start();
  RawClient client = connect();
  ASSERT_EQ(client.call(empty_call("getLeader")).type, kReply);
  server_->stop();
  EXPECT_TRUE(client.closed());
  server_.reset();
}

TEST_F(FramedServerTest, client_goes_to_the_leader_and_past_dead_seeds) {
  start();
  auto client = NimbusClient::connect({{"127.0.0.1", 1}, {"localhost", server_->port()}});
  ASSERT_TRUE(client.ok()) << client.status().to_string();
  EXPECT_EQ((*client)->endpoint().host, "127.0.0.1");  // what getLeader says, not the seed
  auto nobody = NimbusClient::connect({{"127.0.0.1", 1}});
  EXPECT_EQ(nobody.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(nobody.status().message(), HasSubstr("connect to Nimbus at 127.0.0.1:1"));
}

}  // namespace
}  // namespace petrel::thrift_test
