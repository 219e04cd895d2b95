// The tagged encoding of tuple values: what goes between hosts instead of Kryo for the common classes.
//
//   value  = null | true | false                                  tag alone
//          | int     tag 3, zigzag varint (32 bits)               java.lang.Integer
//          | long    tag 4, zigzag varint (64 bits)               java.lang.Long
//          | double  tag 5, 8 bytes                               java.lang.Double, all NaN bits kept
//          | latin1  tag 6, varint n, n bytes                     java.lang.String whose UTF-16 units are all below 256
//          | utf16   tag 7, varint n, 2n bytes                    any other String, UTF-16 little-endian
//          | bytes   tag 8, varint n, n bytes                     byte[]
//          | list    tag 9, varint n, n values                    exactly java.util.ArrayList
//          | map     tag 10, varint n, n x (value value)          exactly java.util.HashMap
//          | opaque  tag 11, varint n, n bytes                    Kryo, of any other class; never read by native code
//
// Strings are not UTF-8: UTF-16 keeps unpaired surrogates, takes 2 bytes and not 3 for CJK, and is a plain copy for
// Java. Lists and maps nest at most kMaxDepth deep; what is deeper goes as opaque. Twin:
// io.petrel.host.codec.TaggedCodec; shared vectors: tests/vectors/values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "native/base/status.h"
#include "native/codec/wire.h"

namespace petrel {

enum class ValueTag : uint8_t {
  kNull = 0,
  kTrue = 1,
  kFalse = 2,
  kInt = 3,
  kLong = 4,
  kDouble = 5,
  kLatin1 = 6,
  kUtf16 = 7,
  kBytes = 8,
  kList = 9,
  kMap = 10,
  kOpaque = 11,
};

constexpr int kMaxDepth = 32;

/// A value that owns its parts. Maps keep the order of the bytes and may hold a key twice: the last one counts, as in
/// Java.
struct Value {
  struct Bytes {
    std::string data;
    bool operator==(const Bytes&) const = default;
  };
  struct Opaque {
    std::string data;
    bool operator==(const Opaque&) const = default;
  };
  using List = std::vector<Value>;
  /// Key, value, key, value ...
  struct Map {
    std::vector<Value> flat;
    bool operator==(const Map&) const = default;
  };
  std::variant<std::monostate, bool, int32_t, int64_t, double, std::u16string, Bytes, List, Map, Opaque> data;
  bool operator==(const Value&) const = default;
};

/// A value in place. `payload` is the text or bytes; for a list or map the encoded elements.
struct ValueView {
  ValueTag tag = ValueTag::kNull;
  int64_t integer = 0;  // kInt, kLong
  double number = 0;    // kDouble
  uint32_t count = 0;   // kList, kMap (pairs), kUtf16 (units)
  std::string_view payload;
};

/// Reads one value and everything in it; errors stay in the reader. The view lives as long as the bytes.
ValueView read_value(WireReader& reader, int depth = 0);

/// Errors: kMalformed when lists and maps nest deeper than kMaxDepth (nothing is appended then).
Status encode_value(const Value& value, std::string& out);

/// Exactly one value. Errors: kMalformed with offset and rule.
Result<Value> decode_value(std::string_view bytes);
/// From a view that read_value gave.
Value materialise(const ValueView& view);

}  // namespace petrel
