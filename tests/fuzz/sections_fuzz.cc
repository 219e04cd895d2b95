// Any bytes as the body of a frame. Input: a byte that says which kind (from data on), then the body. With the highest
// bit of the first byte the sections of a data frame are made right first, all but what they carry: a fuzzer rarely
// guesses two headers in a row.
// Beside crashes and leaks: what is taken is written again byte for byte; views stay inside the body.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "tests/fuzz/frame_bodies.h"

namespace petrel {
namespace {

template <typename T>
T get(const std::string& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

/// Whatever the bytes are, they become sections: numbers into their range, lengths to what is there.
std::string repair(std::string_view bytes) {
  const std::string in(bytes);
  std::string out;
  size_t sections = 0;
  for (size_t at = 0; at + kSectionHeaderBytes < in.size() && sections < kMaxSections; ++sections) {
    const size_t left = in.size() - at - kSectionHeaderBytes;
    SectionHeader header;
    header.destination_task = std::max(1, get<int32_t>(in, at) & INT32_MAX);
    header.executor = std::max(1, get<int32_t>(in, at + 4) & INT32_MAX);
    header.lane = static_cast<uint8_t>(in[at + 8]) % 2;
    header.kind = static_cast<SectionKind>(static_cast<uint8_t>(in[at + 9]) % 3);
    header.count = std::max(1U, get<uint32_t>(in, at + 12));
    header.offset = get<uint64_t>(in, at + 20) / 2;
    size_t size = std::clamp<size_t>(get<uint32_t>(in, at + 16), 1, left);
    if (header.kind == SectionKind::kMarker) size = kMarkerBytes;
    if (header.kind == SectionKind::kFragment) size = std::max(size, kFragmentHeaderBytes + 1);
    if (size > left) break;
    std::string body = in.substr(at + kSectionHeaderBytes, size);
    if (header.kind == SectionKind::kMarker) {
      body = encode_marker(
          {static_cast<uint8_t>(body[0]), get<uint64_t>(body, 1), std::max(1, get<int32_t>(body, 9) & INT32_MAX)});
    }
    if (header.kind == SectionKind::kFragment) {
      const size_t carried = size - kFragmentHeaderBytes;
      Fragment fragment{get<uint32_t>(body, 0), get<uint32_t>(body, 4), get<uint64_t>(body, 8) / 2,
                        get<uint64_t>(body, 16), std::string_view(body).substr(kFragmentHeaderBytes)};
      fragment.total_bytes = std::max(fragment.total_bytes, fragment.offset_in_tuple + carried);
      body = encode_fragment(fragment);
    }
    append_section(out, header, body);
    at += kSectionHeaderBytes + size;
  }
  return out;
}

}  // namespace
}  // namespace petrel

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr int kFirst = static_cast<int>(petrel::FrameKind::kData);
  constexpr int kKinds = static_cast<int>(petrel::FrameKind::kHosts) - kFirst + 1;
  const auto kind = static_cast<petrel::FrameKind>(kFirst + (data[0] & 0x7f) % kKinds);
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (kind != petrel::FrameKind::kData || data[0] < 0x80) {
    petrel::fuzz::check_body_of(kind, body);
    return 0;
  }
  const std::string repaired = petrel::repair(body);
  CHECK(repaired.empty() || petrel::parse_sections(repaired).ok());
  petrel::fuzz::check_body_of(kind, repaired);
  return 0;
}
