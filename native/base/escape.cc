#include "native/base/escape.h"

#include <fmt/format.h>

namespace petrel {
namespace {

// Length of the valid UTF-8 sequence at `at`, 0 when there is none (RFC 3629: no overlong forms, no surrogates).
size_t utf8_length(std::string_view s, size_t at) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  auto tail = [&](size_t i) { return i < s.size() && (byte(i) & 0xC0) == 0x80; };
  unsigned char b = byte(at);
  if (b >= 0xC2 && b <= 0xDF) return tail(at + 1) ? 2 : 0;
  if (b >= 0xE0 && b <= 0xEF) {
    if (!tail(at + 1) || !tail(at + 2)) return 0;
    if (b == 0xE0 && byte(at + 1) < 0xA0) return 0;
    if (b == 0xED && byte(at + 1) > 0x9F) return 0;
    return 3;
  }
  if (b >= 0xF0 && b <= 0xF4) {
    if (!tail(at + 1) || !tail(at + 2) || !tail(at + 3)) return 0;
    if (b == 0xF0 && byte(at + 1) < 0x90) return 0;
    if (b == 0xF4 && byte(at + 1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

std::string escape(std::string_view bytes, size_t limit) {
  std::string out;
  for (size_t i = 0; i < bytes.size();) {
    unsigned char b = static_cast<unsigned char>(bytes[i]);
    size_t length = b >= 0x20 && b < 0x7F ? 1 : b < 0x80 ? 0 : utf8_length(bytes, i);
    // C1 control characters are valid UTF-8 (C2 80..9F) but drive terminals.
    if (length == 2 && b == 0xC2 && static_cast<unsigned char>(bytes[i + 1]) < 0xA0) length = 0;
    std::string piece = length == 0 ? fmt::format("\\x{:02x}", b) : std::string(bytes.substr(i, length));
    if (out.size() + piece.size() > limit) return out + "...";
    out += piece;
    i += length == 0 ? 1 : length;
  }
  return out;
}

bool is_utf8(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size();) {
    size_t length = static_cast<unsigned char>(bytes[i]) < 0x80 ? 1 : utf8_length(bytes, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (unsigned char b : bytes) out += fmt::format("{:02x}", b);
  return out;
}

}  // namespace petrel
