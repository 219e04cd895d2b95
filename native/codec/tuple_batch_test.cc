#include "native/codec/tuple_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "native/base/escape.h"
#include "native/base/rng.h"
#include "native/codec/value_notation.h"

namespace petrel {
namespace {

using ::petrel::testing::from_hex;
using ::petrel::testing::parse_notation;
using ::petrel::testing::read_vectors;
using ::testing::HasSubstr;

struct Tuple {
  TaskId task;
  uint32_t stream;
  std::vector<Anchor> anchors;
  std::vector<Value> values;
};

Tuple parse_tuple(const std::string& line) {
  std::istringstream in(line);
  int32_t task;
  std::string anchors;
  Tuple tuple;
  in >> task >> tuple.stream >> anchors;
  tuple.task = TaskId(task);
  if (anchors != "-") {
    std::istringstream list(anchors);
    for (std::string pair; std::getline(list, pair, ',');) {
      const size_t colon = pair.find(':');
      tuple.anchors.push_back(
          {std::stoull(pair.substr(0, colon), nullptr, 16), std::stoull(pair.substr(colon + 1), nullptr, 16)});
    }
  }
  std::string rest;
  std::getline(in, rest);
  tuple.values = std::get<Value::List>(parse_notation(rest).data);
  return tuple;
}

TEST(TupleBatch, Vectors) {
  for (const auto& [line, hex] : read_vectors("batches.txt")) {
    const Tuple tuple = parse_tuple(line);
    TupleBatchBuilder builder;
    ASSERT_TRUE(builder.add(tuple.task, tuple.stream, tuple.anchors, tuple.values).ok());
    const std::string bytes = builder.take();
    EXPECT_EQ(to_hex(bytes), to_hex(from_hex(hex))) << line;

    Result<TupleBatchView> batch = TupleBatchView::parse(bytes);
    ASSERT_TRUE(batch.ok()) << batch.status().to_string();
    ASSERT_EQ(batch->tuples().size(), 1u);
    const TupleView& view = batch->tuples()[0];
    EXPECT_EQ(view.source_task(), tuple.task);
    EXPECT_EQ(view.stream(), tuple.stream);
    ASSERT_EQ(view.anchors(), tuple.anchors.size());
    for (uint32_t i = 0; i < view.anchors(); ++i) EXPECT_EQ(view.anchor(i), tuple.anchors[i]);
    ASSERT_EQ(view.value_count(), tuple.values.size());
    WireReader reader = view.values();
    for (const Value& value : tuple.values) EXPECT_EQ(materialise(read_value(reader)), value);
  }
}

std::string three_tuples() {
  TupleBatchBuilder builder;
  EXPECT_TRUE(builder.add(TaskId(1), 0, {{1, 2}}, {{u"word"}, {int64_t{5}}}).ok());
  EXPECT_TRUE(builder.add(TaskId(-1), 7, {}, {}).ok());
  EXPECT_TRUE(builder.add(TaskId(300), 1, {{1, 2}, {3, 4}}, {{Value::List{{true}, {}}}}).ok());
  return builder.take();
}

TEST(TupleBatch, EveryPrefixAndEveryTailIsRefused) {
  const std::string bytes = three_tuples();
  ASSERT_TRUE(TupleBatchView::parse(bytes).ok());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(TupleBatchView::parse(bytes.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(TupleBatchView::parse(bytes + '\0').ok());
}

TEST(TupleBatch, EveryFlippedByteIsSafe) {
  const std::string bytes = three_tuples();
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      Result<TupleBatchView> batch = TupleBatchView::parse(flipped);
      if (batch.ok()) {
        EXPECT_EQ(batch->tuples().size(), 3u);
      } else {
        EXPECT_LE(batch.status().message().size(), 200u);
      }
    }
  }
}

TEST(TupleBatch, RefusesWithAReason) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"02 00", "version 2"},
      {"01 ff ff ff ff 0f", "tuples"},
      {"01 01 ff ff ff ff 01 00 00 00", "does not fit"},
      {"01 01 04 00 00 00 01 00 05 00", "anchors"},
      {"01 01 04 00 00 00 01 00 00 09", "values"},
      {"01 01 05 00 00 00 01 00 00 00 00", "follow its last value"},
      {"01 01 08 00 00 00 ff ff ff ff 0f 00 00 00", "source task"},
  };
  for (const auto& [hex, word] : cases) {
    const Result<TupleBatchView> batch = TupleBatchView::parse(from_hex(hex));
    ASSERT_FALSE(batch.ok()) << hex;
    EXPECT_THAT(batch.status().message(), HasSubstr(word)) << hex;
  }
  EXPECT_EQ(TupleBatchView::parse(three_tuples(), 10).status().code(), StatusCode::kLimit);
}

TEST(TupleBatch, ARefusedTupleLeavesTheBatchAsItWas) {
  TupleBatchBuilder builder;
  ASSERT_TRUE(builder.add(TaskId(1), 0, {}, {{int32_t{1}}}).ok());
  Value deep;
  for (int i = 0; i <= kMaxDepth; ++i) deep = {Value::List{std::move(deep)}};
  EXPECT_FALSE(builder.add(TaskId(1), 0, {}, {{int32_t{2}}, deep}).ok());
  EXPECT_FALSE(builder.add(TaskId(0), 0, {}, {}).ok());
  EXPECT_EQ(builder.count(), 1u);
  const std::string bytes = builder.take();
  Result<TupleBatchView> batch = TupleBatchView::parse(bytes);
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->tuples().size(), 1u);
}

}  // namespace
}  // namespace petrel
