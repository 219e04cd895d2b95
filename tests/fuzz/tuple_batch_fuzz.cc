// Any bytes as a tuple batch: parse, walk every value, hash the fields; and what was read, written again, reads the
// same. A writer with too small a limit refuses a tuple and keeps what it has. With the highest bit of the first byte,
// which no version has, the rest says which tuples a writer is to make first: lengths within lengths are rarely
// guessed.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "native/base/check.h"
#include "native/codec/tuple_batch.h"
#include "native/routing/fields_hash.h"

namespace petrel {
namespace {

void check_planted([[maybe_unused]] const TupleView& tuple) {
#ifdef PETREL_PLANTED_BUG
  // Behind valid structure: an anchored tuple whose first value is true.
  if (tuple.anchors() > 0 && tuple.value_count() > 0) {
    WireReader reader = tuple.values();
    if (read_value(reader).tag == ValueTag::kTrue) std::abort();
  }
#endif
}

// The batch written again from what the view says.
std::string rebuild(const TupleBatchView& batch) {
  TupleBatchBuilder builder;
  for (const TupleView& tuple : batch.tuples()) {
    check_planted(tuple);
    std::vector<Anchor> anchors;
    for (uint32_t i = 0; i < tuple.anchors(); ++i) anchors.push_back(tuple.anchor(i));
    std::vector<Value> values;
    std::vector<uint32_t> indices;
    WireReader reader = tuple.values();
    for (uint32_t i = 0; i < tuple.value_count(); ++i) {
      const std::string_view rest = reader.rest();
      const ValueView view = read_value(reader);
      CHECK(reader.ok());
      CHECK(decode_value(rest.substr(0, rest.size() - reader.remaining())).ok());
      java_hash(view);
      values.push_back(materialise(view));
      indices.push_back(i);
    }
    CHECK(reader.remaining() == 0);
    fields_hash(tuple, indices);
    const size_t before = builder.bytes();
    CHECK(builder.add(tuple.source_task(), tuple.stream(), anchors, values).ok());
    const size_t length = builder.bytes() - before - sizeof(uint32_t);
    const Status refused = builder.add(tuple.source_task(), tuple.stream(), anchors, values, length - 1);
    CHECK(refused.code() == StatusCode::kLimit && builder.bytes() == before + sizeof(uint32_t) + length);
  }
  return builder.take();
}

/// Tuples as bytes choose them; every choice takes at least a byte.
class Chooser {
 public:
  explicit Chooser(std::string_view bytes) : bytes_(bytes) {}

  std::string batch() {
    TupleBatchBuilder builder;
    while (!bytes_.empty()) {
      const TaskId task(1 + byte() % 8);
      const uint32_t stream = byte();
      std::vector<Anchor> anchors(byte() % 4);
      for (Anchor& anchor : anchors) anchor = {byte(), byte()};
      std::vector<Value> values;
      for (int left = byte() % 8; left > 0 && !bytes_.empty(); --left) values.push_back(value(0));
      CHECK(builder.add(task, stream, anchors, values).ok());
    }
    return builder.take();
  }

 private:
  uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto first = static_cast<uint8_t>(bytes_[0]);
    bytes_.remove_prefix(1);
    return first;
  }
  uint64_t number() {
    uint64_t number = 0;
    for (int left = byte() % 9; left > 0; --left) number = number << 8 | byte();
    return number;
  }
  std::string text() {
    const std::string text(bytes_.substr(0, byte()));
    bytes_.remove_prefix(std::min(text.size(), bytes_.size()));
    return text;
  }
  std::vector<Value> several(int count, int depth) {
    std::vector<Value> values;
    for (; count > 0; --count) values.push_back(value(depth));
    return values;
  }
  Value value(int depth) {
    const auto tag = static_cast<ValueTag>(byte() % 12);
    switch (tag) {
      case ValueTag::kNull:
        return {};
      case ValueTag::kTrue:
      case ValueTag::kFalse:
        return {tag == ValueTag::kTrue};
      case ValueTag::kInt:
        return {static_cast<int32_t>(number())};
      case ValueTag::kLong:
        return {static_cast<int64_t>(number())};
      case ValueTag::kDouble:
        return {std::bit_cast<double>(number())};
      case ValueTag::kLatin1:
      case ValueTag::kUtf16: {
        std::u16string units;
        for (const char c : text())
          units.push_back(static_cast<char16_t>(static_cast<uint8_t>(c) << (tag == ValueTag::kUtf16 ? 8 : 0)));
        return {std::move(units)};
      }
      case ValueTag::kBytes:
        return {Value::Bytes{text()}};
      case ValueTag::kOpaque:
        return {Value::Opaque{text()}};
      case ValueTag::kList:
        return depth == kMaxDepth ? Value() : Value{several(byte() % 4, depth + 1)};
      case ValueTag::kMap:
        return depth == kMaxDepth ? Value() : Value{Value::Map{several(2 * (byte() % 3), depth + 1)}};
    }
    CHECK(false);
  }

  std::string_view bytes_;
};

bool check(std::string_view bytes) {
  const Result<TupleBatchView> batch = TupleBatchView::parse(bytes);
  if (!batch.ok()) {
    CHECK(!batch.status().message().empty());
    return false;
  }
  CHECK(!TupleBatchView::parse(bytes, bytes.size() - 1).ok());  // the limit counts every byte
  // A writer may choose UTF-16 where Latin-1 would do; after one pass the bytes are canonical and stay so.
  const std::string first = rebuild(*batch);
  const Result<TupleBatchView> again = TupleBatchView::parse(first);
  CHECK(again.ok());
  CHECK(again->tuples().size() == batch->tuples().size());
  CHECK(rebuild(*again) == first);
  return true;
}

}  // namespace
}  // namespace petrel

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (size > 0 && data[0] >= 0x80) {
    CHECK(petrel::check(petrel::Chooser(bytes.substr(1)).batch()));
  } else {
    petrel::check(bytes);
  }
  return 0;
}
