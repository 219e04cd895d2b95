// operator new and delete of petrel-sim: a free list for each size and thread, because a fifth of a schedule's time
// went into allocations. Nothing goes back to the system. Sanitizers keep their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <array>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace {

constexpr size_t kStep = 32;
constexpr size_t kLargest = 2048;  // with the header; above it malloc is quick enough
constexpr size_t kChunk = 128 * 1024;

/// Before each block; in a free one the list goes on in its first word.
struct alignas(std::max_align_t) Header {
  size_t list = 0;  // 0: malloc's
};
struct Free {
  Free* next = nullptr;
};
struct Chunk {
  char* at = nullptr;
  size_t left = 0;
};

thread_local std::array<Free*, kLargest / kStep + 1> free_lists{};
thread_local Chunk chunk{};

void* checked(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

Header* cut(size_t bytes) {
  if (chunk.left < bytes) {
    chunk.at = static_cast<char*>(checked(std::malloc(kChunk)));
    chunk.left = kChunk;
  }
  void* at = chunk.at;
  chunk.at += bytes;
  chunk.left -= bytes;
  return new (at) Header;
}

}  // namespace

void* operator new(size_t bytes) {
  const size_t list = (bytes + sizeof(Header) + kStep - 1) / kStep;
  if (list >= free_lists.size()) return new (checked(std::malloc(bytes + sizeof(Header)))) Header + 1;
  if (Free* free = free_lists[list]) {
    free_lists[list] = free->next;
    return free;
  }
  Header* header = cut(list * kStep);
  header->list = list;
  return header + 1;
}

void operator delete(void* memory) noexcept {
  if (memory == nullptr) return;
  Header* header = static_cast<Header*>(memory) - 1;
  if (header->list == 0) return std::free(header);
  free_lists[header->list] = new (memory) Free{free_lists[header->list]};
}

void operator delete(void* memory, size_t) noexcept {
  operator delete(memory);
}

#endif
