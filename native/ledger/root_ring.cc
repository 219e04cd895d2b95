#include "native/ledger/root_ring.h"

#include <utility>

#include "native/ledger/ack_record.h"

namespace petrel {

uint32_t RootRing::place(uint64_t root) const {
  // Each task, and each half of a task's sequence numbers, has a beginning of its own.
  constexpr int kHalf = RootId::kSequenceBits - 1;
  const uint64_t begin = ((root >> kHalf) * 0x9E3779B97F4A7C15ULL) >> 32;
  return static_cast<uint32_t>((root + begin) & (cells_.size() - 1));
}

uint32_t RootRing::insert(uint64_t root) {
  uint32_t index = place(root);
  if (cells_[index].tick != kFree) {
    if (2 * size_ < cells_.size() || cells_.size() >= kMaxPlaces) return kNone;
    grow();
    index = place(root);
    if (cells_[index].tick != kFree) return kNone;
  }
  cells_[index] = Cell{.entry = {.root = root}, .tick = kUnarmed};
  ++size_;
  return index;
}

void RootRing::erase(uint32_t index) {
  disarm(index);
  cells_[index].tick = kFree;
  --size_;
}

void RootRing::arm(uint32_t index, int64_t tick) {
  if (cells_[index].tick == kUnarmed) ++armed_;
  cells_[index].tick = tick;
}

void RootRing::disarm(uint32_t index) {
  if (cells_[index].tick == kUnarmed) return;
  cells_[index].tick = kUnarmed;
  --armed_;
}

void RootRing::collect(int64_t tick, std::vector<uint32_t>& due) {
  if (armed_ == 0) return;
  for (uint32_t index = 0; index < cells_.size(); ++index) {
    if (cells_[index].tick < 0 || cells_[index].tick > tick) continue;
    disarm(index);
    due.push_back(index);
  }
}

void RootRing::grow() {
  std::vector<Cell> old(2 * cells_.size());
  old.swap(cells_);
  // Places that differ stay different in a ring of twice the size.
  for (Cell& cell : old) {
    if (cell.tick != kFree) cells_[place(cell.entry.root)] = std::move(cell);
  }
}

}  // namespace petrel
