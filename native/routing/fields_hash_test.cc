#include "native/routing/fields_hash.h"

#include <gtest/gtest.h>

#include <sstream>

#include "native/codec/value_notation.h"

namespace petrel {
namespace {

using ::petrel::testing::parse_notation;
using ::petrel::testing::read_vectors;

// Encodes the notation `[values]` as a tuple and hands its view to the function.
template <typename Function>
auto with_tuple(const std::string& notation, Function function) {
  TupleBatchBuilder builder;
  EXPECT_TRUE(builder.add(TaskId(1), 0, {}, std::get<Value::List>(parse_notation(notation).data)).ok());
  const std::string bytes = builder.take();
  Result<TupleBatchView> batch = TupleBatchView::parse(bytes);
  EXPECT_TRUE(batch.ok());
  return function(batch->tuples().at(0));
}

std::optional<int32_t> hash_of(const std::string& notation) {
  return with_tuple(notation, [](const TupleView& tuple) {
    std::vector<uint32_t> indices(tuple.value_count());
    for (uint32_t i = 0; i < indices.size(); ++i) indices[i] = i;
    return fields_hash(tuple, indices);
  });
}

TEST(FieldsHash, EqualsStorm) {
  for (const auto& [notation, expected] : read_vectors("fields_hash.txt")) {
    std::istringstream in(expected);
    int32_t hash = 0;
    uint32_t of_four = 0;
    uint32_t of_seven = 0;
    in >> hash >> of_four >> of_seven;
    ASSERT_EQ(hash_of(notation), hash) << notation;
    EXPECT_EQ(fields_target(hash, 4), of_four) << notation;
    EXPECT_EQ(fields_target(hash, 7), of_seven) << notation;
  }
}

TEST(FieldsHash, TakesTheFieldsInTheOrderOfTheGrouping) {
  const auto hash = [](std::vector<uint32_t> indices) {
    return with_tuple(R"([s:"a", l:7, null])", [&](const TupleView& tuple) { return fields_hash(tuple, indices); });
  };
  EXPECT_EQ(hash({0, 1}), 3975);
  EXPECT_NE(hash({1, 0}), 3975);
  EXPECT_EQ(hash({2}), 31);
  EXPECT_EQ(hash({}), 1);
  EXPECT_EQ(hash({3}), std::nullopt);
}

TEST(FieldsHash, SaysWhenOnlyAJvmCanKnow) {
  EXPECT_EQ(hash_of("[k:0102]"), std::nullopt);
  EXPECT_EQ(hash_of("[[b:01]]"), std::nullopt);  // an array inside a list hashes by identity
  EXPECT_EQ(hash_of("[{l:1=k:00}]"), std::nullopt);
}

TEST(FieldsHash, EveryNanIsOne) {
  EXPECT_EQ(hash_of("[d:7ff8000000000123]"), hash_of("[d:7ff8000000000000]"));
}

}  // namespace
}  // namespace petrel
