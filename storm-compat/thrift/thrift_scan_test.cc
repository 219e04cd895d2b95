#include "storm-compat/thrift/thrift_scan.h"

#include <gmock/gmock.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include "Nimbus.h"
#include "storm-compat/thrift/frame_assembler.h"
#include "storm-compat/thrift/thrift_test_util.h"

namespace petrel::thrift_test {
namespace {

using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::transport::TMemoryBuffer;
using ::testing::HasSubstr;

template <typename T>
std::string bytes_of(const T& value) {
  auto buffer = std::make_shared<TMemoryBuffer>();
  TBinaryProtocol protocol(buffer);
  value.write(&protocol);
  return buffer->getBufferAsString();
}

storm::StormTopology sample_topology() {
  storm::StormTopology topology;
  storm::SpoutSpec spout;
  spout.spout_object.__set_serialized_java(std::string("\xac\xed\0\xff", 4));  // binary need not be UTF-8
  storm::StreamInfo stream;
  stream.output_fields = {"word"};
  spout.common.streams["default"] = stream;
  topology.spouts["spout"] = spout;
  storm::Bolt bolt;
  bolt.bolt_object = spout.spout_object;
  storm::GlobalStreamId id;
  id.componentId = "spout";
  id.streamId = "default";
  storm::Grouping grouping;
  grouping.__set_fields({"word"});
  bolt.common.inputs[id] = grouping;
  topology.bolts["count"] = bolt;
  return topology;
}

TEST(ThriftScan, what_the_generated_code_writes_passes) {
  EXPECT_TRUE(scan_struct(bytes_of(sample_topology()), "StormTopology").ok());
  EXPECT_TRUE(scan_struct(bytes_of(storm::StormTopology()), "StormTopology").ok());
  storm::RebalanceOptions options;
  options.__set_num_executors({{"count", 4}});
  EXPECT_TRUE(scan_struct(bytes_of(options), "RebalanceOptions").ok());
}

// A reader that sees any prefix must stop at its end, and say so.
TEST(ThriftScan, every_prefix_of_a_topology_is_refused) {
  std::string bytes = bytes_of(sample_topology());
  for (size_t size = 0; size < bytes.size(); ++size) {
    Status status = scan_struct(std::string_view(bytes).substr(0, size), "StormTopology");
    EXPECT_EQ(status.code(), StatusCode::kMalformed) << size;
  }
  EXPECT_THAT(scan_struct(bytes + "x", "StormTopology").message(), HasSubstr("1 bytes follow after the end"));
}

TEST(ThriftScan, every_changed_byte_is_refused_or_reads) {
  std::string bytes = bytes_of(sample_topology());
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int value : {0, 1, 12, 127, 128, 255}) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(value);
      if (!scan_struct(changed, "StormTopology").ok()) continue;
      auto buffer = std::make_shared<TMemoryBuffer>(reinterpret_cast<uint8_t*>(changed.data()),
                                                    static_cast<uint32_t>(changed.size()));
      TBinaryProtocol protocol(buffer);
      storm::StormTopology topology;
      EXPECT_NO_THROW(topology.read(&protocol)) << "byte " << at << " = " << value;
    }
  }
}

TEST(ThriftScan, places_are_spelled_with_fields_and_keys) {
  storm::StormTopology topology = sample_topology();
  topology.bolts["wo\nrd"] = topology.bolts["count"];
  std::string bytes = bytes_of(topology);
  size_t at = bytes.rfind(Bytes().text("word").str());
  ASSERT_NE(at, std::string::npos);
  bytes[at + 4] = '\xff';
  EXPECT_THAT(scan_struct(bytes, "StormTopology").message(),
              HasSubstr("StormTopology.bolts[\"wo\\x0ard\"].common.inputs.0.fields.0: '\\xfford' is not UTF-8"));
}

TEST(ThriftScan, sentences_stay_short_whatever_the_input) {
  storm::StormTopology topology;
  topology.bolts[std::string(100'000, 'b')] = sample_topology().bolts["count"];
  std::string bytes = bytes_of(topology);
  bytes[bytes.rfind("word")] = '\xff';
  EXPECT_LT(scan_struct(bytes, "StormTopology").message().size(), 700u);
}

TEST(ThriftScan, decoded_size_is_bounded_for_the_whole_message) {
  ScanLimits limits;
  limits.max_decoded_base = 1000;
  limits.decoded_per_byte = 1;
  Status status = scan_struct(bytes_of(sample_topology()), "StormTopology", limits);
  EXPECT_THAT(status.message(), HasSubstr("would take more than"));
}

TEST(ThriftScan, empty_containers_may_leave_their_types_open) {
  std::string open = Bytes()
                         .field(kMap, 1)
                         .i8(0)
                         .i8(0)
                         .i32(0)
                         .field(kMap, 2)
                         .i8(kString)
                         .i8(kStruct)
                         .i32(0)
                         .field(kMap, 3)
                         .i8(0)
                         .i8(0)
                         .i32(0)
                         .stop()
                         .str();
  EXPECT_TRUE(scan_struct(open, "StormTopology").ok());
  std::string none = open;
  none[3] = 9;
  EXPECT_THAT(scan_struct(none, "StormTopology").message(), HasSubstr("key type 9 is no type of Thrift"));
}

TEST(ThriftScan, element_types_must_be_those_of_the_contract) {
  std::string dependency_jars = Bytes().field(kList, 5).i8(kI32).i32(2).i32(1).i32(2).str();
  std::string bytes = dependency_jars + bytes_of(sample_topology());
  EXPECT_THAT(scan_struct(bytes, "StormTopology").message(),
              HasSubstr("element type is i32, the contract says string"));
}

TEST(ThriftScan, raw_fields_are_cut_out_as_they_came) {
  std::string topology = bytes_of(sample_topology());
  std::string arguments = Bytes().field(kString, 1).text("wc").field(kStruct, 4).raw(topology).stop().str();
  std::string frame = message("submitTopology", arguments);
  auto raw = raw_argument(frame, 4);
  ASSERT_TRUE(raw.ok());
  EXPECT_EQ(*raw, topology);
  EXPECT_EQ(raw_argument(frame, 7).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(*raw_field(arguments, 1), Bytes().text("wc").str());
}

TEST(ThriftScan, headers) {
  std::string call = message("getLeader", "", 7);
  auto header = scan_header(call);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->method, "getLeader");
  EXPECT_EQ(header->seqid, 7);
  EXPECT_EQ(header->type, kCall);
  std::string frame = message("getLeader", "");
  for (size_t size = 0; size < frame.size(); ++size) EXPECT_FALSE(scan_header(frame.substr(0, size)).ok()) << size;
  EXPECT_THAT(scan_header(message(std::string(257, 'm'), "")).status().message(),
              HasSubstr("the method name takes 257 bytes, the limit is 256"));
}

TEST(ThriftScan, untyped_structs_are_walked_by_their_wire_types) {
  EXPECT_TRUE(scan_untyped_struct(bytes_of(sample_topology())).ok());
  EXPECT_FALSE(scan_untyped_struct(bytes_of(sample_topology()).substr(0, 40)).ok());
}

// The bytes arrive cut in every way; the frames that come out are the same.
TEST(FrameAssembler, cuts_do_not_matter) {
  std::string stream = empty_call("getLeader", 1) + framed(message("x", std::string(40'000, 'y')));
  for (size_t step : {1u, 2u, 3u, 7u, 1000u, 16384u, 100'000u}) {
    FrameAssembler assembler(1 << 20);
    std::vector<std::string> messages;
    for (size_t at = 0; at < stream.size(); at += step) {
      std::string_view part = std::string_view(stream).substr(at, step);
      while (!part.empty()) {
        ASSERT_TRUE(assembler.take(part).ok());
        if (assembler.complete()) messages.push_back(assembler.release());
      }
    }
    ASSERT_EQ(messages.size(), 2u) << step;
    EXPECT_EQ(framed(messages[0]) + framed(messages[1]), stream);
  }
}

TEST(FrameAssembler, memory_follows_the_bytes) {
  FrameAssembler assembler(64 << 20);
  std::string start = Bytes().i32(64 << 20).i32(0x80010001u).i32(4).str();
  std::string_view bytes = start;
  ASSERT_TRUE(assembler.take(bytes).ok());
  EXPECT_LE(assembler.memory(), 20'000u);
  for (int i = 0; i < 100; ++i) {
    std::span<char> room = assembler.room(1);
    ASSERT_FALSE(room.empty());
    ASSERT_TRUE(assembler.wrote(std::min<size_t>(room.size(), 5000)).ok());
    EXPECT_LE(assembler.memory(), 16384 + 4 * assembler.received());
  }
}

}  // namespace
}  // namespace petrel::thrift_test
