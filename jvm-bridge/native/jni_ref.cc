#include "jvm-bridge/native/jni_ref.h"

#include <algorithm>
#include <vector>

namespace petrel {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;

// Decodes one code point at `at` and moves past it; broken bytes are one replacement each.
uint32_t next_code_point(std::string_view text, size_t& at) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint32_t first = byte(at++);
  if (first < 0x80) return first;
  int extra = first >= 0xF0 && first < 0xF5 ? 3 : first >= 0xE0 ? 2 : first >= 0xC2 ? 1 : 0;
  if (first >= 0xF5 || extra == 0) return kReplacement;
  uint32_t code = first & (0x3Fu >> extra);
  if (at + extra > text.size()) return kReplacement;
  for (int i = 0; i < extra; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return kReplacement;
    code = (code << 6) | (byte(at + i) & 0x3F);
  }
  constexpr uint32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
  bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kSmallest[extra] || code > 0x10FFFF || surrogate) return kReplacement;
  at += extra;
  return code;
}

void append_utf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

}  // namespace

jstring make_java_string(JNIEnv* env, std::string_view utf8) {
  std::vector<jchar> units;
  units.reserve(utf8.size());
  for (size_t at = 0; at < utf8.size();) {
    uint32_t code = next_code_point(utf8, at);
    if (code < 0x10000) {
      units.push_back(static_cast<jchar>(code));
    } else {
      units.push_back(static_cast<jchar>(0xD800 + ((code - 0x10000) >> 10)));
      units.push_back(static_cast<jchar>(0xDC00 + ((code - 0x10000) & 0x3FF)));
    }
  }
  return env->NewString(units.data(), static_cast<jsize>(units.size()));
}

std::string from_java_string(JNIEnv* env, jstring text, size_t limit) {
  if (text == nullptr) return "";
  size_t length = std::min(static_cast<size_t>(env->GetStringLength(text)), limit);
  std::vector<jchar> units(length);
  env->GetStringRegion(text, 0, static_cast<jsize>(length), units.data());
  std::string out;
  out.reserve(length);
  for (size_t i = 0; i < length; ++i) {
    uint32_t unit = units[i];
    bool high = unit >= 0xD800 && unit <= 0xDBFF;
    bool low_follows = i + 1 < length && units[i + 1] >= 0xDC00 && units[i + 1] <= 0xDFFF;
    if (high && low_follows) {
      append_utf8(0x10000 + ((unit - 0xD800) << 10) + (units[++i] - 0xDC00u), out);
    } else {
      append_utf8(unit >= 0xD800 && unit <= 0xDFFF ? kReplacement : unit, out);
    }
  }
  return out;
}

}  // namespace petrel
