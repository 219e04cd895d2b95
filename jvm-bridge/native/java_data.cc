#include "jvm-bridge/native/java_data.h"

namespace petrel {

uint64_t JavaDataReader::number(size_t width, const char* what) {
  if (failed()) return 0;
  if (left() < width) {
    status_ = Status::malformed("at byte {}: {} needs {} bytes, {} are left", at_, what, width, left());
    return 0;
  }
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) value = (value << 8) | static_cast<uint8_t>(bytes_[at_++]);
  return value;
}

std::string JavaDataReader::str(size_t limit) {
  int32_t length = i32();
  if (failed()) return "";
  if (length < 0 || static_cast<size_t>(length) > limit || static_cast<size_t>(length) > left()) {
    status_ = Status::malformed("at byte {}: a string of {} bytes; at most {} are allowed and {} are left", at_, length,
                                limit, left());
    return "";
  }
  std::string text(reinterpret_cast<const char*>(bytes_.data()) + at_, static_cast<size_t>(length));
  at_ += static_cast<size_t>(length);
  return text;
}

int32_t JavaDataReader::count(int32_t limit, size_t smallest) {
  int32_t value = i32();
  if (failed()) return 0;
  if (value < 0 || value > limit || static_cast<size_t>(value) > left() / smallest) {
    status_ = Status::malformed("at byte {}: a count of {}; at most {} are allowed and {} bytes are left", at_, value,
                                limit, left());
    return 0;
  }
  return value;
}

}  // namespace petrel
