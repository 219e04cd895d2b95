#include "native/codec/value_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "native/base/escape.h"
#include "native/base/rng.h"
#include "native/codec/value_notation.h"

namespace petrel {
namespace {

using ::petrel::testing::from_hex;
using ::petrel::testing::parse_notation;
using ::petrel::testing::read_vectors;
using ::testing::HasSubstr;

std::string encode(const Value& value) {
  std::string out;
  const Status status = encode_value(value, out);
  EXPECT_TRUE(status.ok()) << status.to_string();
  return out;
}

class ValueVectors : public ::testing::TestWithParam<const char*> {};

TEST_P(ValueVectors, EncodeAndDecodeAgree) {
  for (const auto& [notation, hex] : read_vectors(GetParam())) {
    const Value value = parse_notation(notation);
    const std::string bytes = from_hex(hex);
    EXPECT_EQ(to_hex(encode(value)), to_hex(bytes)) << notation;
    Result<Value> decoded = decode_value(bytes);
    ASSERT_TRUE(decoded.ok()) << notation << ": " << decoded.status().to_string();
    // Compared as bytes: a NaN does not equal itself.
    EXPECT_EQ(to_hex(encode(*decoded)), to_hex(bytes)) << notation;
  }
}
INSTANTIATE_TEST_SUITE_P(Files, ValueVectors,
                         ::testing::Values("values/scalars.txt", "values/text.txt", "values/containers.txt"));

TEST(ValueCodec, RefusesBadBytesWithAReason) {
  for (const auto& [hex, word] : read_vectors("bad_values.txt")) {
    const Result<Value> decoded = decode_value(from_hex(hex));
    ASSERT_FALSE(decoded.ok()) << hex;
    EXPECT_EQ(decoded.status().code(), StatusCode::kMalformed);
    EXPECT_THAT(decoded.status().message(), HasSubstr(word)) << hex;
    EXPECT_LE(decoded.status().message().size(), 200u);
  }
}

TEST(ValueCodec, EveryPrefixOfAValueIsRefused) {
  const std::string bytes = from_hex("0a 01 06 01 6b 09 04 08 01 00 07 02 3d d8 00 de 04 80 89 7a 05 0000000000000c40");
  ASSERT_TRUE(decode_value(bytes).ok());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_value(bytes.substr(0, size)).ok()) << size;
  }
}

TEST(ValueCodec, NestsUpToTheLimitAndNotDeeper) {
  Value value{Value::List{}};
  for (int depth = 1; depth < kMaxDepth; ++depth) value = {Value::List{std::move(value)}};
  std::string bytes = encode(value);
  ASSERT_TRUE(decode_value(bytes).ok());
  value = {Value::List{std::move(value)}};
  const std::string before = bytes;
  EXPECT_EQ(encode_value(value, bytes).code(), StatusCode::kMalformed);
  EXPECT_EQ(bytes, before);
}

TEST(ValueCodec, RandomBytesNeverHarm) {
  Rng rng(7);
  int accepted = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string bytes;
    const size_t size = rng.below(40);
    // Low bytes make tags and small counts likely.
    for (size_t i = 0; i < size; ++i)
      bytes.push_back(static_cast<char>(rng.below(3) == 0 ? rng.next() : rng.below(12)));
    Result<Value> decoded = decode_value(bytes);
    if (!decoded.ok()) continue;
    ++accepted;
    const std::string again = encode(*decoded);
    Result<Value> twice = decode_value(again);
    ASSERT_TRUE(twice.ok());
    ASSERT_EQ(encode(*twice), again);
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace petrel
