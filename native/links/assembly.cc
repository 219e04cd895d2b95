#include "native/links/assembly.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace petrel {

Assembly::~Assembly() {
  if (memory_ != nullptr) munmap(memory_, capacity_);
}

void Assembly::append(std::string_view bytes) {
  if (bytes.empty()) return;
  if (bytes.size() > capacity_ - size_) grow(size_ + bytes.size());
  std::memcpy(memory_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

void Assembly::grow(size_t least) {
  constexpr size_t kStep = 64U << 10;  // whole pages of any size
  const size_t capacity = (std::max(least, 2 * capacity_) + kStep - 1) / kStep * kStep;
  void* const memory = memory_ == nullptr
                           ? mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                           : mremap(memory_, capacity_, capacity, MREMAP_MAYMOVE);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<char*>(memory);
  capacity_ = capacity;
}

}  // namespace petrel
