// RootRing: the trees of a ledger by the sequence number of their root. A task's roots are consecutive and end nearly
// in their order, so records walk through memory one after the other, and no hash, list or free list is touched. A root
// that finds its place taken has no place here: its ledger has a table for those (stragglers of the ring's last turn,
// other tasks).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "native/base/clock.h"

namespace petrel {

/// What a ledger knows of one tree.
struct LedgerEntry {
  uint64_t root = 0;
  uint64_t xor_value = 0;
  uint64_t host_mask = 0;
  uint32_t loss_number = UINT32_MAX;  // smallest of the records': errs on the side of failing
  bool init_seen = false;
  bool failed = false;  // FAIL came before INIT
  bool lost = false;    // a tuple of it was in a host that died
};

/// Thread: one owner.
/// Limits: 40 bytes for each of at most kMaxPlaces places; twice as many as there are trees when a place was missing,
/// never returned.
class RootRing {
 public:
  static constexpr uint32_t kNone = 0xFFFFFFFF;
  static constexpr size_t kMaxPlaces = size_t{1} << 20;

  RootRing() : cells_(kFirstPlaces) {}

  /// Where the root is, or kNone.
  uint32_t find(uint64_t root) const {
    const uint32_t index = place(root);
    const Cell& cell = cells_[index];
    return cell.tick != kFree && cell.entry.root == root ? index : kNone;
  }
  /// A new entry of a root that is not here, without a deadline; kNone when its place is taken. May move all entries.
  uint32_t insert(uint64_t root);
  void erase(uint32_t index);
  LedgerEntry& entry(uint32_t index) { return cells_[index].entry; }
  const LedgerEntry& entry(uint32_t index) const { return cells_[index].entry; }

  /// Arms, or arms anew, for the tick with this number.
  void arm(uint32_t index, int64_t tick);
  void disarm(uint32_t index);
  /// Disarms what is due by this tick and appends it to `due`. Looks at every place.
  void collect(int64_t tick, std::vector<uint32_t>& due);

  template <typename Visit>  // void(uint32_t index, const LedgerEntry&); may erase that entry
  void for_each(Visit visit) {
    for (uint32_t index = 0; index < cells_.size(); ++index) {
      if (cells_[index].tick != kFree) visit(index, cells_[index].entry);
    }
  }

  size_t size() const { return size_; }
  size_t armed() const { return armed_; }
  size_t places() const { return cells_.size(); }
  size_t memory_bytes() const { return cells_.capacity() * sizeof(Cell); }

 private:
  static constexpr size_t kFirstPlaces = 1024;
  static constexpr int64_t kFree = -2;
  static constexpr int64_t kUnarmed = -1;
  struct Cell {
    LedgerEntry entry;
    int64_t tick = kFree;
  };

  uint32_t place(uint64_t root) const;
  void grow();

  std::vector<Cell> cells_;  // power of two
  size_t size_ = 0;
  size_t armed_ = 0;
};

}  // namespace petrel
