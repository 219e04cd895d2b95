// CRC32C (Castagnoli, bit-reflected), the checksum of frames and state files.
#pragma once

#include <cstdint>
#include <string_view>

namespace petrel {

/// The checksum of what had the checksum `before` (0: nothing), followed by `bytes`. Uses the processor's instruction
/// where there is one. Thread-safe.
uint32_t crc32c(std::string_view bytes, uint32_t before = 0);

/// The same by tables, on every processor; for tests.
uint32_t crc32c_by_table(std::string_view bytes, uint32_t before = 0);

}  // namespace petrel
