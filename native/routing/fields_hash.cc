#include "native/routing/fields_hash.h"

#include <cmath>

#include "native/base/check.h"

namespace petrel {
namespace {

// Java's int arithmetic wraps; ours does it in uint32_t.
uint32_t fold(uint64_t bits) {
  return static_cast<uint32_t>(bits ^ (bits >> 32));
}

uint32_t hash_double(double value) {
  // Double.hashCode sees one NaN only.
  return fold(std::isnan(value) ? 0x7FF8000000000000ULL : std::bit_cast<uint64_t>(value));
}

uint32_t hash_text(const ValueView& value) {
  uint32_t hash = 0;
  if (value.tag == ValueTag::kLatin1) {
    for (const char byte : value.payload) hash = 31 * hash + static_cast<unsigned char>(byte);
    return hash;
  }
  for (size_t i = 0; i < value.payload.size(); i += 2) {
    uint16_t unit;
    std::memcpy(&unit, value.payload.data() + i, sizeof(unit));
    hash = 31 * hash + unit;
  }
  return hash;
}

uint32_t hash_bytes(std::string_view bytes) {
  uint32_t hash = 1;
  for (const char byte : bytes) hash = 31 * hash + static_cast<uint32_t>(static_cast<signed char>(byte));
  return hash;
}

std::optional<uint32_t> hash_value(const ValueView& value);

std::optional<uint32_t> hash_list(const ValueView& list) {
  WireReader reader(list.payload);
  uint32_t hash = 1;
  for (uint32_t i = 0; i < list.count; ++i) {
    const std::optional<uint32_t> element = hash_value(read_value(reader));
    if (!element) return std::nullopt;
    hash = 31 * hash + *element;
  }
  return hash;
}

// A key that is there twice would count twice; a batch of ours never has one (it comes from a HashMap).
std::optional<uint32_t> hash_map(const ValueView& map) {
  WireReader reader(map.payload);
  uint32_t hash = 0;
  for (uint32_t i = 0; i < map.count; ++i) {
    const std::optional<uint32_t> key = hash_value(read_value(reader));
    const std::optional<uint32_t> value = hash_value(read_value(reader));
    if (!key || !value) return std::nullopt;
    hash += *key ^ *value;
  }
  return hash;
}

std::optional<uint32_t> hash_value(const ValueView& value) {
  switch (value.tag) {
    case ValueTag::kNull:
      return 0;
    case ValueTag::kTrue:
      return 1231;
    case ValueTag::kFalse:
      return 1237;
    case ValueTag::kInt:
      return static_cast<uint32_t>(value.integer);
    case ValueTag::kLong:
      return fold(static_cast<uint64_t>(value.integer));
    case ValueTag::kDouble:
      return hash_double(value.number);
    case ValueTag::kLatin1:
    case ValueTag::kUtf16:
      return hash_text(value);
    case ValueTag::kList:
      return hash_list(value);
    case ValueTag::kMap:
      return hash_map(value);
    case ValueTag::kBytes:
    case ValueTag::kOpaque:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int32_t> java_hash(const ValueView& value) {
  const std::optional<uint32_t> hash = hash_value(value);
  return hash ? std::optional<int32_t>(static_cast<int32_t>(*hash)) : std::nullopt;
}

std::optional<int32_t> fields_hash(std::span<const ValueView> values) {
  uint32_t hash = 1;
  for (const ValueView& value : values) {
    const std::optional<uint32_t> one = value.tag == ValueTag::kBytes ? hash_bytes(value.payload) : hash_value(value);
    if (!one) return std::nullopt;
    hash = 31 * hash + *one;
  }
  return static_cast<int32_t>(hash);
}

std::optional<int32_t> fields_hash(const TupleView& tuple, std::span<const uint32_t> indices) {
  std::vector<ValueView> all(tuple.value_count());
  WireReader reader = tuple.values();
  for (ValueView& value : all) value = read_value(reader);
  std::vector<ValueView> selected;
  selected.reserve(indices.size());
  for (const uint32_t index : indices) {
    if (index >= all.size()) return std::nullopt;
    selected.push_back(all[index]);
  }
  return fields_hash(selected);
}

uint32_t fields_target(int32_t hash, uint32_t targets) {
  CHECK(targets > 0 && targets <= INT32_MAX);
  const int64_t remainder = int64_t{hash} % targets;
  return static_cast<uint32_t>(remainder < 0 ? remainder + targets : remainder);
}

}  // namespace petrel
