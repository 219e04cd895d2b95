// fields_hash: Storm's hash of grouping values, Arrays.deepHashCode, computed from the tagged encoding without decoding
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "native/codec/tuple_batch.h"
#include "native/codec/value_codec.h"

namespace petrel {

/// Object.hashCode() of one value as an element of a list or map. Nothing when only a JVM can know it: an opaque value,
/// or an array, which there hashes by identity.
std::optional<int32_t> java_hash(const ValueView& value);

/// The hash of the values at `indices` of a tuple, in that order; byte[] counts by content. Nothing when java_hash has
/// none for a value, or an index is outside the tuple. Thread: a pure function. Limits: reads the values once.
std::optional<int32_t> fields_hash(const TupleView& tuple, std::span<const uint32_t> indices);
/// The same for values that are already there.
std::optional<int32_t> fields_hash(std::span<const ValueView> values);

/// floorMod(hash, targets): the index into the sorted target tasks. targets > 0.
uint32_t fields_target(int32_t hash, uint32_t targets);

}  // namespace petrel
