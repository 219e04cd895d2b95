#include "native/state_store/state_file.h"

#include <gtest/gtest.h>

namespace petrel {
namespace {

StateFile sample() {
  return {42, "topologies/words-1-2/base", "123-00ff", std::string("data\0with zero", 14)};
}

TEST(StateFile, RoundTrip) {
  for (const StateFile& file :
       {sample(), StateFile{1, "p", "", ""}, StateFile{~0ull, "a/b", "", std::string(70'000, 'x')}}) {
    auto decoded = decode_state_file(encode_state_file(file));
    ASSERT_TRUE(decoded.ok()) << decoded.status().to_string();
    EXPECT_EQ(*decoded, file);
  }
}

TEST(StateFile, TruncationAtEveryByteIsCorrupt) {
  const std::string bytes = encode_state_file(sample());
  for (size_t length = 0; length < bytes.size(); ++length) {
    auto decoded = decode_state_file(std::string_view(bytes).substr(0, length));
    ASSERT_FALSE(decoded.ok()) << length;
    EXPECT_EQ(decoded.status().code(), StatusCode::kCorrupt) << length;
  }
  EXPECT_EQ(decode_state_file(bytes + "x").status().code(), StatusCode::kCorrupt);
}

TEST(StateFile, EveryFlippedBitIsNoticed) {
  const std::string bytes = encode_state_file(sample());
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      EXPECT_FALSE(decode_state_file(flipped).ok()) << "byte " << at << " bit " << bit;
    }
  }
}

TEST(StateFile, EveryZeroedTailIsNoticed) {
  // What a file system leaves when the length was written and the blocks were not.
  const std::string bytes = encode_state_file(sample());
  for (size_t from = 0; from < bytes.size(); ++from) {
    std::string torn = bytes.substr(0, from) + std::string(bytes.size() - from, '\0');
    if (torn == bytes) continue;
    EXPECT_FALSE(decode_state_file(torn).ok()) << from;
  }
}

TEST(StateFile, ANewerFormatIsRefusedByNameAndNotCalledCorrupt) {
  std::string bytes = encode_state_file(sample());
  bytes[8] = 2;
  auto decoded = decode_state_file(bytes);
  EXPECT_EQ(decoded.status().code(), StatusCode::kUnavailable);
  EXPECT_NE(decoded.status().message().find("format 2"), std::string::npos);
}

TEST(StateFile, HugeLengthFieldsAreRefused) {
  for (size_t at : {24u, 28u, 32u}) {
    std::string bytes = encode_state_file(sample());
    for (int i = 0; i < 4; ++i) bytes[at + i] = '\xff';
    EXPECT_EQ(decode_state_file(bytes).status().code(), StatusCode::kCorrupt);
  }
}

}  // namespace
}  // namespace petrel
