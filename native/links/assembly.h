// Assembly: the bytes of a large section while its fragments come.
#pragma once

#include <cstddef>
#include <string_view>

namespace petrel {

/// Memory is touched as bytes come, whatever was announced, and growing copies nothing: the pages move. What bytes()
/// gives is good until the next append(). Thread: one owner, later any number of readers.
class Assembly {
 public:
  Assembly() = default;
  ~Assembly();
  Assembly(const Assembly&) = delete;

  /// Throws std::bad_alloc.
  void append(std::string_view bytes);
  std::string_view bytes() const { return {memory_, size_}; }
  size_t size() const { return size_; }

 private:
  void grow(size_t least);

  char* memory_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;  // of addresses
};

}  // namespace petrel
