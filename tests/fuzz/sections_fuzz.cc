// Any bytes as the body of a frame. Input: a byte that says which kind (from data on), then the body.
// Beside crashes and leaks: what is taken is written again byte for byte; views stay inside the body.
#include <cstdint>

#include "tests/fuzz/frame_bodies.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr int kFirst = static_cast<int>(petrel::FrameKind::kData);
  constexpr int kKinds = static_cast<int>(petrel::FrameKind::kHosts) - kFirst + 1;
  const auto kind = static_cast<petrel::FrameKind>(kFirst + data[0] % kKinds);
  petrel::fuzz::check_body_of(kind, std::string_view(reinterpret_cast<const char*>(data) + 1, size - 1));
  return 0;
}
