#include "native/codec/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "native/base/rng.h"

namespace petrel {
namespace {

using ::testing::HasSubstr;

FrameHeader some_header(FrameKind kind = FrameKind::kData) {
  FrameHeader header;
  header.kind = kind;
  header.link_epoch = 1;
  header.sequence = 0x0102030405060708;
  header.plan_epoch = ~0ULL;
  header.source_task = 7;
  header.source_host = 2;
  header.source_incarnation = 3;
  header.destination_host = 4;
  header.destination_incarnation = 5;
  header.fragment_id = 6;
  return header;
}

std::string_view without_length(const std::string& frame) {
  return std::string_view(frame).substr(kFrameLengthBytes);
}

TEST(Frame, HeaderRoundTrip) {
  for (int kind = 1; kind <= 12; ++kind) {
    const std::string body = kind == 12 ? "" : "body";
    const std::string bytes = encode_frame(some_header(static_cast<FrameKind>(kind)), body);
    ASSERT_EQ(bytes.size(), 4 + 56 + body.size());
    auto frame = parse_frame(without_length(bytes));
    ASSERT_TRUE(frame.ok()) << frame.status().to_string();
    FrameHeader expected = some_header(static_cast<FrameKind>(kind));
    expected.body_crc = frame->header.body_crc;
    EXPECT_EQ(frame->header, expected);
    EXPECT_EQ(frame->body, body);
    EXPECT_STRNE(to_string(frame->header.kind), "?");
  }
}

TEST(Frame, OnlyDataAndProbesTravelInTheDataLane) {
  for (int kind = 1; kind <= 12; ++kind) {
    EXPECT_EQ(lane_of(static_cast<FrameKind>(kind)), kind == 5 || kind == 6 ? FrameLane::kData : FrameLane::kPriority);
  }
}

// S4: whatever bit is wrong, the frame is not taken.
TEST(Frame, EveryWrongBitIsSeen) {
  std::string body;
  append_section(body, {9, 8, 0, SectionKind::kTuples, 1, 0, 0}, "twelve bytes");
  const std::string bytes = encode_frame(some_header(), body);
  for (size_t bit = 0; bit < 8 * (bytes.size() - kFrameLengthBytes); ++bit) {
    std::string wrong = bytes;
    wrong[kFrameLengthBytes + bit / 8] ^= static_cast<char>(1 << bit % 8);
    auto frame = parse_frame(without_length(wrong));
    ASSERT_FALSE(frame.ok()) << bit;
    EXPECT_EQ(frame.status().code(), StatusCode::kCorrupt);
    EXPECT_THAT(frame.status().message(), HasSubstr(bit / 8 < kFrameHeaderBytes ? "checksum" : "frame body"));
  }
}

TEST(Frame, TheLimitCountsHeaderAndBody) {
  const std::string bytes = encode_frame(some_header(), std::string(100, 'x'));
  EXPECT_TRUE(parse_frame(without_length(bytes), 156).ok());
  EXPECT_FALSE(parse_frame(without_length(bytes), 155).ok());
  EXPECT_TRUE(check_frame_length(156, 156).ok());
  EXPECT_EQ(check_frame_length(157, 156).code(), StatusCode::kLimit);
  EXPECT_EQ(check_frame_length(55, 156).code(), StatusCode::kMalformed);
}

TEST(Frame, CountsAreCapped) {
  std::string sections;
  for (size_t i = 0; i < kMaxSections; ++i) append_section(sections, {9, 8, 0, SectionKind::kTuples, 1, 0, i}, "x");
  EXPECT_TRUE(parse_sections(sections).ok());
  append_section(sections, {9, 8, 0, SectionKind::kTuples, 1, 0, 0}, "x");
  EXPECT_EQ(parse_sections(sections).status().code(), StatusCode::kLimit);

  std::string hosts;
  for (uint32_t i = 0; i < kMaxEntries; ++i) append_entry(hosts, HostEntry{i, 1, 1, HostState::kUp, 0});
  EXPECT_EQ(parse_hosts(hosts)->size(), kMaxEntries);
  append_entry(hosts, HostEntry{1, 1, 1, HostState::kUp, 0});
  EXPECT_EQ(parse_hosts(hosts).status().code(), StatusCode::kLimit);

  const std::string records((kMaxEntries + 1) * kAckRecordBytes, '\0');
  EXPECT_EQ(parse_acks(encode_acks(0, records)).status().code(), StatusCode::kLimit);
  EXPECT_TRUE(parse_acks(encode_acks(0, std::string_view(records).substr(kAckRecordBytes))).ok());
}

TEST(Frame, WhatWasWrittenReadsTheSame) {
  Rng rng(5);
  std::string body;
  std::vector<SectionHeader> headers;
  std::vector<std::string> bytes;
  for (int i = 0; i < 200; ++i) {
    const auto kind = static_cast<SectionKind>(rng.below(3));
    SectionHeader header{static_cast<int32_t>(1 + rng.below(1000)),
                         static_cast<int32_t>(1 + rng.below(1000)),
                         static_cast<uint8_t>(rng.below(2)),
                         kind,
                         static_cast<uint32_t>(1 + rng.below(50)),
                         0,
                         rng.next() >> 1};
    std::string content(1 + rng.below(100), 'c');
    if (kind == SectionKind::kMarker) {
      content = encode_marker({static_cast<uint8_t>(rng.next()), rng.next(), 1 + static_cast<int32_t>(rng.below(9))});
    }
    if (kind == SectionKind::kFragment) content = encode_fragment({1, 2, 10, 10 + content.size(), content});
    append_section(body, header, content);
    header.bytes = static_cast<uint32_t>(content.size());
    if (kind == SectionKind::kMarker) header.count = 0;
    headers.push_back(header);
    bytes.push_back(content);
  }
  auto sections = parse_sections(body);
  ASSERT_TRUE(sections.ok()) << sections.status().to_string();
  ASSERT_EQ(sections->size(), headers.size());
  for (size_t i = 0; i < headers.size(); ++i) {
    EXPECT_EQ((*sections)[i].header, headers[i]);
    EXPECT_EQ((*sections)[i].bytes, bytes[i]);
  }
}

// S3, S15: no prefix of a body is taken for a body, but where a section ends.
TEST(Frame, AFragmentIsAppendedAsItIsEncoded) {
  const Fragment fragment{1, 2, 10, 100, "part"};
  const SectionHeader header{9, 8, 1, SectionKind::kFragment, 7, 0, 55};
  std::string expected = "before";
  append_section(expected, header, encode_fragment(fragment));
  std::string body = "before";
  append_fragment(body, header, fragment);
  EXPECT_EQ(body, expected);
}

TEST(Frame, EveryCutOfSectionsIsRefused) {
  std::string body;
  append_section(body, {9, 8, 0, SectionKind::kTuples, 1, 0, 0}, "first");
  const size_t first = body.size();
  append_section(body, {9, 8, 1, SectionKind::kMarker, 0, 0, 5}, encode_marker({1, 2, 3}));
  for (size_t size = 0; size < body.size(); ++size) {
    EXPECT_EQ(parse_sections(std::string_view(body).substr(0, size)).ok(), size == first) << size;
  }
  EXPECT_TRUE(parse_sections(body).ok());
}

}  // namespace
}  // namespace petrel
