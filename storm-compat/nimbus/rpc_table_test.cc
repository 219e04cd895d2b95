#include "storm-compat/nimbus/rpc_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thrift/TApplicationException.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "storm-compat/nimbus/nimbus_fixture.h"

namespace petrel {
namespace {

using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::transport::TMemoryBuffer;
using ::testing::HasSubstr;
using testing::Nimbus;
using testing::World;

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// The methods of the Nimbus service, from the IDL itself.
std::set<std::string> idl_methods() {
  const std::string idl = text_of(PETREL_SOURCE_DIR "/storm-compat/thrift/storm.thrift");
  const size_t begin = idl.find("service Nimbus {");
  EXPECT_NE(begin, std::string::npos);
  const std::string service = idl.substr(begin, idl.find("\n}", begin) - begin);
  std::set<std::string> methods;
  std::istringstream lines(service.substr(service.find('\n') + 1));
  for (std::string line; std::getline(lines, line);) {  // "  type name(1: ..."; a type may hold spaces: map<a, b>
    const size_t open = line.find('(');
    if (open == std::string::npos) continue;
    methods.insert(line.substr(line.rfind(' ', open) + 1, open - line.rfind(' ', open) - 1));
  }
  return methods;
}

/// Sends a call without arguments through the generated processor; returns name, type and TApplicationException if it
/// is one.
struct Answer {
  std::string name;
  apache::thrift::protocol::TMessageType type = apache::thrift::protocol::T_CALL;
  std::string error;
};
Answer call_with_empty_arguments(storm::NimbusProcessor& processor, const std::string& method) {
  auto in = std::make_shared<TMemoryBuffer>();
  auto out = std::make_shared<TMemoryBuffer>();
  auto in_protocol = std::make_shared<TBinaryProtocol>(in);
  auto out_protocol = std::make_shared<TBinaryProtocol>(out);
  in_protocol->writeMessageBegin(method, apache::thrift::protocol::T_CALL, 7);
  in_protocol->writeFieldStop();
  in_protocol->writeMessageEnd();
  processor.process(in_protocol, out_protocol, nullptr);
  Answer answer;
  int32_t seqid = 0;
  out_protocol->readMessageBegin(answer.name, answer.type, seqid);
  if (answer.type == apache::thrift::protocol::T_EXCEPTION) {
    apache::thrift::TApplicationException error;
    error.read(out_protocol.get());
    answer.error = error.what();
  }
  return answer;
}

TEST(RpcTable, HasExactlyTheMethodsOfTheIdlInOrder) {
  std::set<std::string> table;
  std::string last;
  for (const RpcRow& row : rpc_table()) {
    EXPECT_LT(last, row.method);
    last = row.method;
    table.insert(row.method);
    EXPECT_EQ(find_rpc(row.method), &row);
    EXPECT_GT(std::string(row.sentence).size(), 10u) << row.method;
  }
  EXPECT_EQ(table, idl_methods());
  EXPECT_GT(table.size(), 50u);
  EXPECT_EQ(find_rpc("noSuchMethod"), nullptr);
}

TEST(RpcTable, EveryRefusedMethodAnswersWithItsSentenceAndNoOtherDoes) {
  World world;
  Nimbus nimbus(world);
  storm::NimbusProcessor processor(std::shared_ptr<storm::NimbusIf>(&nimbus.service, [](storm::NimbusIf*) {}));
  for (const RpcRow& row : rpc_table()) {
    const Answer answer = call_with_empty_arguments(processor, row.method);
    EXPECT_EQ(answer.name, row.method);
    if (row.support == RpcSupport::kRefused) {
      EXPECT_EQ(answer.type, apache::thrift::protocol::T_EXCEPTION) << row.method;
      EXPECT_EQ(answer.error, refusal(row.method)) << row.method;
    } else {
      EXPECT_THAT(answer.error, Not(HasSubstr("is not served"))) << row.method;
    }
  }
}

TEST(RpcTable, EveryMethodAsksAuthorise) {
  World world;
  Nimbus nimbus(world);
  storm::NimbusProcessor processor(std::shared_ptr<storm::NimbusIf>(&nimbus.service, [](storm::NimbusIf*) {}));
  const Caller stranger{"192.0.2.7:999", ""};
  const CallScope scope(stranger, "");
  for (const RpcRow& row : rpc_table()) {
    const Answer answer = call_with_empty_arguments(processor, row.method);
    // Where the IDL declares AuthorizationException it is a normal reply, else the exception's own text.
    if (answer.type == apache::thrift::protocol::T_EXCEPTION) {
      EXPECT_THAT(answer.error, ::testing::AnyOf(HasSubstr("AuthorizationException"), HasSubstr("may not call")))
          << row.method;
    }
  }
  EXPECT_THAT(testing::message_of<storm::AuthorizationException>([&] { nimbus.service.killTopology("x"); }),
              HasSubstr("192.0.2.7:999 may not call killTopology on 'x'"));
  EXPECT_THAT(testing::message_of<storm::AuthorizationException>([&] { nimbus.service.setLogConfig("x", {}); }),
              HasSubstr("may not call setLogConfig"));
}

TEST(RpcTable, TheGeneratedPageIsTheOneInDocs) {
  EXPECT_EQ(text_of(PETREL_SOURCE_DIR "/docs/storm-compat.md"), storm_compat_markdown())
      << "write it anew: petrel compat --markdown > docs/storm-compat.md";
}

TEST(Authorise, LoopbackIsThisMachineInAllItsForms) {
  for (const char* local : {"127.0.0.1:5", "127.8.9.1:5", "[::1]:5", "[::ffff:127.0.0.1]:5", "", "::1", "127.0.0.1"}) {
    EXPECT_TRUE(is_loopback(local)) << local;
  }
  for (const char* remote : {"10.0.0.1:5", "[2001:db8::1]:5", "[::ffff:10.0.0.1]:5", "128.0.0.1:5"}) {
    EXPECT_FALSE(is_loopback(remote)) << remote;
  }
}

TEST(Authorise, OthersNeedTheSetting) {
  const RpcRow& row = *find_rpc("submitTopology");
  EXPECT_EQ(authorise({.allow_remote = false}, {"10.0.0.1:5", ""}, row, "t").code(), StatusCode::kDenied);
  EXPECT_TRUE(authorise({.allow_remote = true}, {"10.0.0.1:5", ""}, row, "t").ok());
  EXPECT_TRUE(authorise({.allow_remote = false}, {"127.0.0.1:5", ""}, row, "t").ok());
  EXPECT_EQ(owner_of({"10.0.0.1:5", ""}), owner_of({"10.0.0.1:6", ""}));
  EXPECT_NE(owner_of({"10.0.0.1:5", ""}), owner_of({"10.0.0.2:5", ""}));
  EXPECT_NE(owner_of({"10.0.0.1:5", "alice"}), owner_of({"10.0.0.1:5", "bob"}));
}

}  // namespace
}  // namespace petrel
