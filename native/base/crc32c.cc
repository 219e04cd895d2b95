#include "native/base/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace petrel {
namespace {

static_assert(std::endian::native == std::endian::little);

using Table = std::array<std::array<uint32_t, 256>, 8>;

/// tables[n][b]: what byte b does to the checksum n bytes later, so that eight bytes go in one step.
constexpr Table make_tables() {
  Table tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82F63B78U : crc >> 1;
    tables[0][byte] = crc;
  }
  for (size_t n = 1; n < 8; ++n) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t crc = tables[n - 1][byte];
      tables[n][byte] = crc >> 8 ^ tables[0][crc & 0xFF];
    }
  }
  return tables;
}
constexpr Table kTables = make_tables();

// The instruction takes three cycles and can begin in each: three stripes of so many bytes are read side by side.
constexpr size_t kStripe = 1024;

/// What the bits of a checksum become when kStripe zero bytes follow, a byte of it at a time: it is linear in its bits.
using ShiftTable = std::array<std::array<uint32_t, 256>, 4>;

constexpr ShiftTable make_shift() {
  std::array<uint32_t, 32> of_bit{};
  for (size_t bit = 0; bit < 32; ++bit) {
    uint32_t crc = 1U << bit;
    for (size_t n = 0; n < kStripe; ++n) crc = crc >> 8 ^ kTables[0][crc & 0xFF];
    of_bit[bit] = crc;
  }
  ShiftTable shift{};
  for (size_t place = 0; place < 4; ++place) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      for (size_t bit = 0; bit < 8; ++bit) {
        if (byte >> bit & 1) shift[place][byte] ^= of_bit[8 * place + bit];
      }
    }
  }
  return shift;
}
constexpr ShiftTable kShift = make_shift();

uint32_t shifted(uint32_t crc) {
  return kShift[0][crc & 0xFF] ^ kShift[1][crc >> 8 & 0xFF] ^ kShift[2][crc >> 16 & 0xFF] ^ kShift[3][crc >> 24];
}

uint64_t load64(const char* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t crc32c_by_instruction(std::string_view bytes, uint32_t before) {
  uint64_t crc = ~before;
  while (bytes.size() >= 3 * kStripe) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t at = 0; at < kStripe; at += 8) {
      crc = _mm_crc32_u64(crc, load64(bytes.data() + at));
      second = _mm_crc32_u64(second, load64(bytes.data() + kStripe + at));
      third = _mm_crc32_u64(third, load64(bytes.data() + 2 * kStripe + at));
    }
    crc = shifted(shifted(static_cast<uint32_t>(crc)) ^ static_cast<uint32_t>(second)) ^ static_cast<uint32_t>(third);
    bytes.remove_prefix(3 * kStripe);
  }
  while (bytes.size() >= 8) {
    crc = _mm_crc32_u64(crc, load64(bytes.data()));
    bytes.remove_prefix(8);
  }
  auto low = static_cast<uint32_t>(crc);
  for (char c : bytes) low = _mm_crc32_u8(low, static_cast<uint8_t>(c));
  return ~low;
}
#endif

}  // namespace

uint32_t crc32c_by_table(std::string_view bytes, uint32_t before) {
  uint32_t crc = ~before;
  while (bytes.size() >= 8) {
    const uint64_t word = load64(bytes.data()) ^ crc;
    crc = 0;
    for (size_t n = 0; n < 8; ++n) crc ^= kTables[7 - n][word >> (8 * n) & 0xFF];
    bytes.remove_prefix(8);
  }
  for (char c : bytes) crc = crc >> 8 ^ kTables[0][(crc ^ static_cast<uint8_t>(c)) & 0xFF];
  return ~crc;
}

uint32_t crc32c(std::string_view bytes, uint32_t before) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  if (has_instruction) return crc32c_by_instruction(bytes, before);
#endif
  return crc32c_by_table(bytes, before);
}

}  // namespace petrel
