// WireReader, WireWriter: the few primitives of the tagged encoding and of frames. Little-endian; varints as in LEB128,
// shortest form only.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "native/base/status.h"

namespace petrel {

static_assert(std::endian::native == std::endian::little);

constexpr uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
constexpr int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

/// Reads hostile bytes. After the first error every read gives 0 or nothing and status() keeps that error, so that a
/// caller may read several things and look once. Thread: a value. Limits: reads only inside the bytes that it was
/// given.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return status_.ok(); }
  const Status& status() const { return status_; }
  size_t offset() const { return offset_; }
  size_t remaining() const { return bytes_.size() - offset_; }
  /// What has not been read yet.
  std::string_view rest() const { return bytes_.substr(offset_); }

  uint8_t u8() {
    if (remaining() < 1) return fail_short("a byte", 1);
    return static_cast<uint8_t>(bytes_[offset_++]);
  }
  uint16_t u16() { return fixed<uint16_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  uint32_t varint32() { return static_cast<uint32_t>(varint(32)); }
  uint64_t varint64() { return varint(64); }

  /// `count` bytes of the input itself.
  std::string_view view(size_t count, const char* what) {
    if (remaining() < count) {
      fail_short(what, count);
      return {};
    }
    const std::string_view result = bytes_.substr(offset_, count);
    offset_ += count;
    return result;
  }
  /// A count of things of at least `least_bytes` each; refused when they cannot all be in the input.
  uint32_t count(size_t least_bytes, const char* what) {
    const uint32_t result = varint32();
    if (ok() && result > remaining() / least_bytes) return fail_count(what, result);
    return ok() ? result : 0;
  }
  void fail(Status status) {
    if (status_.ok()) status_ = std::move(status);
    offset_ = bytes_.size();
  }

 private:
  template <typename T>
  T fixed() {
    if (remaining() < sizeof(T)) return static_cast<T>(fail_short("a number", sizeof(T)));
    T result;
    std::memcpy(&result, bytes_.data() + offset_, sizeof(T));
    offset_ += sizeof(T);
    return result;
  }
  uint64_t varint(int bits);
  uint8_t fail_short(const char* what, size_t need);
  uint32_t fail_count(const char* what, uint32_t count);

  std::string_view bytes_;
  size_t offset_ = 0;
  Status status_;
};

/// Appends to a string. Thread: one owner of the string.
class WireWriter {
 public:
  explicit WireWriter(std::string& out) : out_(out) {}

  void u8(uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void u16(uint16_t value) { fixed(value); }
  void u32(uint32_t value) { fixed(value); }
  void u64(uint64_t value) { fixed(value); }
  void varint(uint64_t value) {
    while (value >= 0x80) {
      u8(static_cast<uint8_t>(value | 0x80));
      value >>= 7;
    }
    u8(static_cast<uint8_t>(value));
  }
  void bytes(std::string_view bytes) { out_.append(bytes); }

 private:
  template <typename T>
  void fixed(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    out_.append(raw, sizeof(T));
  }
  std::string& out_;
};

}  // namespace petrel
