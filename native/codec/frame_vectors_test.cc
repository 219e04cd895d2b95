// tests/vectors/frames.txt and bad_frames.txt: every frame is read, and written again to the same bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <sstream>

#include "native/base/escape.h"
#include "native/codec/frame.h"
#include "native/codec/hello.h"
#include "native/codec/tuple_batch.h"
#include "native/codec/value_notation.h"

namespace petrel {
namespace {

using ::petrel::testing::from_hex;
using ::petrel::testing::read_vectors;
using ::testing::HasSubstr;

/// "name key=value key=value ..."
struct Words {
  explicit Words(const std::string& text) {
    std::istringstream in(text);
    for (std::string word; in >> word;) {
      const size_t equals = word.find('=');
      if (equals == std::string::npos) {
        name = word;
      } else {
        values[word.substr(0, equals)] = word.substr(equals + 1);
      }
    }
  }
  uint64_t number(const std::string& key) const {
    auto found = values.find(key);
    return found == values.end() ? 0 : std::stoull(found->second);
  }
  template <typename T>
  T as(const std::string& key) const {
    return static_cast<T>(number(key));
  }
  std::string bytes(const std::string& key) const { return from_hex(values.at(key)); }
  /// "3/4"
  std::pair<uint32_t, uint32_t> pair(const std::string& key) const {
    auto found = values.find(key);
    if (found == values.end()) return {0, 0};
    const size_t slash = found->second.find('/');
    return {static_cast<uint32_t>(std::stoul(found->second)),
            static_cast<uint32_t>(std::stoul(found->second.substr(slash + 1)))};
  }
  std::string name;
  std::map<std::string, std::string> values;
};

struct Line {
  explicit Line(const std::string& text) : head("") {
    std::istringstream in(text);
    bool first = true;
    for (std::string part; std::getline(in, part, ';'); first = false) {
      if (first) {
        head = Words(part);
      } else {
        entries.emplace_back(part);
      }
    }
  }
  Words head;
  std::vector<Words> entries;
};

FrameHeader header_of(const Words& words) {
  static const std::map<std::string, FrameKind> kinds = {
      {"challenge", FrameKind::kChallenge},  {"hello", FrameKind::kHello},     {"welcome", FrameKind::kWelcome},
      {"refused", FrameKind::kRefused},      {"data", FrameKind::kData},       {"probe", FrameKind::kProbe},
      {"credit", FrameKind::kCredit},        {"reserve", FrameKind::kReserve}, {"acks", FrameKind::kAcks},
      {"ack_credit", FrameKind::kAckCredit}, {"hosts", FrameKind::kHosts},     {"lease", FrameKind::kLease}};
  FrameHeader header;
  header.kind = kinds.at(words.name);
  header.link_epoch = words.as<uint32_t>("link");
  header.sequence = words.number("seq");
  header.plan_epoch = words.number("plan");
  header.source_task = words.as<int32_t>("task");
  std::tie(header.source_host, header.source_incarnation) = words.pair("from");
  std::tie(header.destination_host, header.destination_incarnation) = words.pair("to");
  header.fragment_id = words.as<uint32_t>("fragment");
  return header;
}

void write_section(std::string& body, const Words& words) {
  SectionHeader header;
  header.destination_task = words.as<int32_t>("task");
  header.executor = words.as<int32_t>("executor");
  header.lane = words.as<uint8_t>("lane");
  header.count = words.as<uint32_t>("count");
  header.offset = words.number("offset");
  std::string bytes;
  if (words.name == "tuples") {
    bytes = words.bytes("bytes");
  } else if (words.name == "marker") {
    header.kind = SectionKind::kMarker;
    bytes = encode_marker({words.as<uint8_t>("kind"), words.number("epoch"), words.as<int32_t>("source")});
  } else {
    ASSERT_EQ(words.name, "fragment");
    header.kind = SectionKind::kFragment;
    const std::string part = words.bytes("bytes");
    bytes = encode_fragment(
        {words.as<uint32_t>("id"), words.as<uint32_t>("index"), words.number("at"), words.number("total"), part});
  }
  append_section(body, header, bytes);
}

/// One entry of a frame as bytes.
void write_entry(std::string& body, FrameKind kind, const Words& words) {
  const auto executor = words.as<int32_t>("executor");
  const auto lane = words.as<uint8_t>("lane");
  switch (kind) {
    case FrameKind::kData:
      return write_section(body, words);
    case FrameKind::kProbe:
      return append_entry(body, ProbeEntry{executor, lane, words.number("sent")});
    case FrameKind::kCredit:
      return append_entry(body, CreditEntry{executor, lane, words.as<uint8_t>("flags"), words.as<uint16_t>("load"),
                                            words.number("received"), words.number("limit")});
    case FrameKind::kReserve:
      return append_entry(body, ReserveEntry{executor, lane, words.number("end")});
    case FrameKind::kAcks:
      body += encode_acks(words.number("offset"), words.bytes("records"));
      return;
    case FrameKind::kAckCredit:
      body += encode_ack_credit({words.number("received"), words.number("limit"), words.as<uint8_t>("flags")});
      return;
    case FrameKind::kHosts:
      return append_entry(
          body, HostEntry{words.as<uint32_t>("slot"), words.as<int32_t>("container"), words.as<uint32_t>("incarnation"),
                          static_cast<HostState>(words.number("state")), words.as<uint32_t>("path")});
    case FrameKind::kChallenge:
      body += encode_challenge({words.as<uint16_t>("min"), words.as<uint16_t>("max"), words.bytes("nonce")});
      return;
    case FrameKind::kHello:
      body += encode_hello({words.as<uint16_t>("version"), words.as<uint32_t>("must"), words.as<uint32_t>("features"),
                            static_cast<LinkRole>(words.number("role")), words.as<int32_t>("container"),
                            words.as<uint32_t>("slot"), words.as<uint32_t>("incarnation"), words.as<uint32_t>("link"),
                            words.values.at("topology"), words.bytes("nonce"), words.bytes("proof")});
      return;
    case FrameKind::kWelcome:
      body +=
          encode_welcome({words.as<uint16_t>("version"), words.as<uint32_t>("features"), words.as<int32_t>("container"),
                          words.as<uint32_t>("incarnation"), words.as<uint32_t>("link"), words.bytes("proof")});
      return;
    case FrameKind::kRefused:
      body += encode_refused(words.values.at("reason"));
      return;
    case FrameKind::kLease:
      FAIL() << "a lease has no entries";
  }
}

template <typename Entry>
std::string write_all(const Result<std::vector<Entry>>& entries) {
  EXPECT_TRUE(entries.ok()) << entries.status().to_string();
  std::string body;
  for (const Entry& entry : *entries) append_entry(body, entry);
  return body;
}

std::string rewrite_sections(std::string_view body) {
  auto sections = parse_sections(body);
  EXPECT_TRUE(sections.ok()) << sections.status().to_string();
  std::string out;
  for (const SectionView& section : *sections) {
    std::string bytes(section.bytes);
    if (section.header.kind == SectionKind::kMarker) bytes = encode_marker(*parse_marker(section.bytes));
    if (section.header.kind == SectionKind::kFragment) bytes = encode_fragment(*parse_fragment(section.bytes));
    append_section(out, section.header, bytes);
  }
  return out;
}

/// The body read and written again.
std::string rewrite(FrameKind kind, std::string_view body) {
  switch (kind) {
    case FrameKind::kData:
      return rewrite_sections(body);
    case FrameKind::kProbe:
      return write_all(parse_probe(body));
    case FrameKind::kCredit:
      return write_all(parse_credit(body));
    case FrameKind::kReserve:
      return write_all(parse_reserve(body));
    case FrameKind::kHosts:
      return write_all(parse_hosts(body));
    case FrameKind::kAcks: {
      auto acks = parse_acks(body);
      return encode_acks(acks->offset, acks->records);
    }
    case FrameKind::kAckCredit:
      return encode_ack_credit(*parse_ack_credit(body));
    case FrameKind::kChallenge:
      return encode_challenge(*parse_challenge(body));
    case FrameKind::kHello:
      return encode_hello(*parse_hello(body));
    case FrameKind::kWelcome:
      return encode_welcome(*parse_welcome(body));
    case FrameKind::kRefused:
      return encode_refused(*parse_refused(body));
    case FrameKind::kLease:
      return "";
  }
  return "?";
}

TEST(FrameVectors, TextAndBytesAgree) {
  std::map<FrameKind, int> seen;
  for (const auto& [text, hex] : read_vectors("frames.txt")) {
    SCOPED_TRACE(text);
    const Line line(text);
    const std::string expected = from_hex(hex);
    const FrameHeader header = header_of(line.head);
    std::string body;
    for (const Words& entry : line.entries) write_entry(body, header.kind, entry);
    EXPECT_EQ(to_hex(encode_frame(header, body)), to_hex(expected));

    auto frame = parse_frame(std::string_view(expected).substr(kFrameLengthBytes));
    ASSERT_TRUE(frame.ok()) << frame.status().to_string();
    FrameHeader without_crc = frame->header;
    without_crc.body_crc = 0;
    EXPECT_EQ(without_crc, header);
    EXPECT_EQ(to_hex(rewrite(header.kind, frame->body)), to_hex(frame->body));
    ++seen[header.kind];
  }
  EXPECT_EQ(seen.size(), 12u);  // every kind
}

TEST(FrameVectors, SectionsHoldBatches) {
  int batches = 0;
  std::string assembled;
  for (const auto& [text, hex] : read_vectors("frames.txt")) {
    const std::string bytes = from_hex(hex);
    auto frame = parse_frame(std::string_view(bytes).substr(kFrameLengthBytes));
    if (frame->header.kind != FrameKind::kData) continue;
    const auto sections = parse_sections(frame->body);
    ASSERT_TRUE(sections.ok()) << sections.status().to_string();
    for (const SectionView& section : *sections) {
      if (section.header.kind == SectionKind::kFragment) assembled += parse_fragment(section.bytes)->bytes;
      if (section.header.kind != SectionKind::kTuples) continue;
      auto batch = TupleBatchView::parse(section.bytes);
      ASSERT_TRUE(batch.ok()) << batch.status().to_string();
      EXPECT_EQ(batch->tuples().size(), section.header.count);
      ++batches;
    }
  }
  EXPECT_EQ(batches, 3);
  auto batch = TupleBatchView::parse(assembled);
  ASSERT_TRUE(batch.ok()) << batch.status().to_string();
  EXPECT_EQ(batch->tuples().size(), 1u);
}

TEST(FrameVectors, BadFramesAreRefusedWithASentence) {
  const std::map<std::string, std::function<Status(std::string_view)>> decoders = {
      {"length", [](std::string_view b) { return check_frame_length(WireReader(b).u32(), kMaxFrameBytes); }},
      {"frame", [](std::string_view b) { return parse_frame(b).status(); }},
      {"sections", [](std::string_view b) { return parse_sections(b).status(); }},
      {"credit", [](std::string_view b) { return parse_credit(b).status(); }},
      {"probe", [](std::string_view b) { return parse_probe(b).status(); }},
      {"reserve", [](std::string_view b) { return parse_reserve(b).status(); }},
      {"hosts", [](std::string_view b) { return parse_hosts(b).status(); }},
      {"acks", [](std::string_view b) { return parse_acks(b).status(); }},
      {"ack_credit", [](std::string_view b) { return parse_ack_credit(b).status(); }},
      {"challenge", [](std::string_view b) { return parse_challenge(b).status(); }},
      {"hello", [](std::string_view b) { return parse_hello(b).status(); }},
      {"welcome", [](std::string_view b) { return parse_welcome(b).status(); }},
      {"refused", [](std::string_view b) { return parse_refused(b).status(); }}};
  int refused = 0;
  for (const auto& [text, word] : read_vectors("bad_frames.txt")) {
    SCOPED_TRACE(text);
    const size_t space = text.find(' ');
    const std::string hex = text.substr(space + 1);
    const Status status = decoders.at(text.substr(0, space))(hex == "-" ? "" : from_hex(hex));
    ASSERT_FALSE(status.ok());
    EXPECT_THAT(status.message(), HasSubstr(word));
    ++refused;
  }
  EXPECT_GT(refused, 60);
}

}  // namespace
}  // namespace petrel
