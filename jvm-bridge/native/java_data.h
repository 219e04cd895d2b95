// JavaDataReader and JavaDataWriter: big-endian numbers and length-prefixed UTF-8, as byte[] crosses the border.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "native/base/status.h"

namespace petrel {

class JavaDataWriter {
 public:
  void u8(uint8_t value) { bytes_ += static_cast<char>(value); }
  void i32(int32_t value) { number(static_cast<uint32_t>(value), 4); }
  void i64(int64_t value) { number(static_cast<uint64_t>(value), 8); }
  void str(std::string_view text) {
    i32(static_cast<int32_t>(text.size()));
    bytes_ += text;
  }
  std::string take() { return std::move(bytes_); }

 private:
  void number(uint64_t value, int width) {
    for (int shift = (width - 1) * 8; shift >= 0; shift -= 8) bytes_ += static_cast<char>(value >> shift);
  }
  std::string bytes_;
};

/// Reads past the end give zeros and a failed status; the caller looks once at the end, and before it uses a count.
class JavaDataReader {
 public:
  explicit JavaDataReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint8_t u8() { return static_cast<uint8_t>(number(1, "u8")); }
  int32_t i32() { return static_cast<int32_t>(number(4, "i32")); }
  int64_t i64() { return static_cast<int64_t>(number(8, "i64")); }
  /// A string of at most `limit` bytes.
  std::string str(size_t limit);
  /// A count of elements of at least `smallest` bytes each: never more than the rest can hold, nor than `limit`.
  int32_t count(int32_t limit, size_t smallest);

  size_t left() const { return bytes_.size() - at_; }
  bool failed() const { return !status_.ok(); }
  const Status& status() const { return status_; }

 private:
  uint64_t number(size_t width, const char* what);

  std::span<const std::byte> bytes_;
  size_t at_ = 0;
  Status status_;
};

}  // namespace petrel
