#include "native/codec/wire.h"

namespace petrel {

uint64_t WireReader::varint(int bits) {
  uint64_t result = 0;
  for (int shift = 0; shift < bits; shift += 7) {
    if (remaining() == 0) return fail_short("a varint", 1);
    const auto byte = static_cast<uint8_t>(bytes_[offset_++]);
    const int room = bits - shift;
    if (room < 7 && byte >> room != 0) break;
    result |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) {
      if (byte != 0 || shift == 0) return result;
      fail(Status::malformed("varint ends in a zero byte at offset {}; the shortest form is required", offset_ - 1));
      return 0;
    }
  }
  fail(Status::malformed("varint at offset {} does not fit in {} bits", offset_, bits));
  return 0;
}

uint8_t WireReader::fail_short(const char* what, size_t need) {
  fail(Status::malformed("{} of {} bytes at offset {} does not fit in the {} bytes that are left", what, need, offset_,
                         remaining()));
  return 0;
}

uint32_t WireReader::fail_count(const char* what, uint32_t count) {
  fail(Status::malformed("{} {} at offset {} cannot be in the {} bytes that are left", count, what, offset_,
                         remaining()));
  return 0;
}

}  // namespace petrel
