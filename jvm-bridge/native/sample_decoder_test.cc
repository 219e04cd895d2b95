#include "jvm-bridge/native/sample_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jvm-bridge/native/java_data.h"
#include "native/base/rng.h"

namespace petrel {
namespace {

using testing::HasSubstr;

std::span<const std::byte> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string good_sample() {
  JavaDataWriter out;
  out.i32(1);
  out.str("word-Σ");
  out.i32(3);
  out.i32(5);
  out.u8(1);
  for (int64_t value : {11, 12, 13, 14}) out.i64(value);
  out.i32(1);
  out.str("default");
  for (int64_t value : {21, 22, 23, 24, 25, 26}) out.i64(value);
  out.i32(1);
  out.str("src");
  out.str("s2");
  for (int64_t value : {31, 32, 33, 34, 35, 36, 37}) out.i64(value);
  out.i32(1);
  out.i32(9);
  out.i64(13);
  return out.take();
}

TEST(SampleDecoder, ReadsEveryField) {
  auto sample = decode_sample(bytes_of(good_sample()));
  ASSERT_TRUE(sample.ok()) << sample.status().message();
  ASSERT_EQ(sample->executors_size(), 1);
  const proto::ExecutorSample& e = sample->executors(0);
  EXPECT_EQ(e.component(), "word-Σ");
  EXPECT_EQ(e.first_task(), 3);
  EXPECT_EQ(e.last_task(), 5);
  EXPECT_TRUE(e.spout());
  EXPECT_EQ(e.queue_depth(), 11);
  EXPECT_EQ(e.queue_bytes(), 12);
  EXPECT_EQ(e.blocked_ns(), 13);
  EXPECT_EQ(e.pending(), 14);
  const proto::StreamCounts& s = e.outputs(0);
  EXPECT_EQ(s.stream(), "default");
  EXPECT_EQ(s.emitted(), 21);
  EXPECT_EQ(s.transferred(), 22);
  EXPECT_EQ(s.acked(), 23);
  EXPECT_EQ(s.failed(), 24);
  EXPECT_EQ(s.complete_ns_sum(), 25);
  EXPECT_EQ(s.complete_samples(), 26);
  const proto::InputCounts& i = e.inputs(0);
  EXPECT_EQ(i.component(), "src");
  EXPECT_EQ(i.stream(), "s2");
  EXPECT_EQ(i.acked(), 31);
  EXPECT_EQ(i.failed(), 32);
  EXPECT_EQ(i.executed(), 33);
  EXPECT_EQ(i.execute_ns_sum(), 34);
  EXPECT_EQ(i.execute_samples(), 35);
  EXPECT_EQ(i.process_ns_sum(), 36);
  EXPECT_EQ(i.process_samples(), 37);
  ASSERT_EQ(e.blocked_by_size(), 1);
  EXPECT_EQ(e.blocked_by(0).first_task(), 9);
  EXPECT_EQ(e.blocked_by(0).ns(), 13);
}

TEST(SampleDecoder, EveryPrefixIsRefused) {
  std::string good = good_sample();
  for (size_t length = 0; length < good.size(); ++length) {
    auto sample = decode_sample(bytes_of(good.substr(0, length)));
    EXPECT_FALSE(sample.ok()) << length;
    EXPECT_EQ(sample.status().code(), StatusCode::kMalformed);
  }
  EXPECT_THAT(decode_sample(bytes_of(good + "x")).status().message(), HasSubstr("1 bytes after the end"));
}

TEST(SampleDecoder, ACountOrLengthNeverAllocatesWhatIsNotThere) {
  for (int32_t count : {INT32_MAX, -1, 100'001, 2}) {
    JavaDataWriter out;
    out.i32(count);
    EXPECT_FALSE(decode_sample(bytes_of(out.take())).ok()) << count;
  }
  JavaDataWriter out;
  out.i32(1);
  out.i32(INT32_MAX);  // length of the name
  std::string bytes = out.take() + std::string(200, 'a');
  EXPECT_THAT(decode_sample(bytes_of(bytes)).status().message(), HasSubstr("a string of 2147483647 bytes"));
}

TEST(SampleDecoder, AnyFlippedByteIsAnAnswerNotACrash) {
  Rng rng(7);
  std::string good = good_sample();
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = good;
    for (uint64_t flips = 1 + rng.below(4); flips > 0; --flips)
      bytes[rng.below(bytes.size())] = static_cast<char>(rng.next());
    auto sample = decode_sample(bytes_of(bytes));
    if (sample.ok()) {
      EXPECT_LE(sample->executors_size(), 4);
    }
  }
}

}  // namespace
}  // namespace petrel
