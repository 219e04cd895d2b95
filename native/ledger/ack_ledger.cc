#include "native/ledger/ack_ledger.h"

#include <algorithm>
#include <cstring>

#include "native/base/check.h"
#include "native/base/mutant.h"

namespace petrel {
namespace {

constexpr size_t kFirstCells = 1024;

bool well_formed(const AckRecord& record) {
  const auto kind = static_cast<uint8_t>(record.kind);
  return kind >= 1 && kind <= 4 && record.zero[0] == 0 && record.zero[1] == 0 && record.zero[2] == 0;
}

}  // namespace

AckLedger::AckLedger(const Clock& clock, AckLedgerOptions options)
    : clock_(clock), options_(options), cells_(kFirstCells, Cell{0, 0}), wheel_(clock.now()) {
  options_.max_entries = std::clamp<size_t>(options_.max_entries, 1, kInRing - 1);
}

Status AckLedger::open(TaskId spout_task, Millis timeout) {
  const int32_t task = spout_task.get();
  if (task < 1 || static_cast<uint32_t>(task) > RootId::kMaxTask) {
    return Status::malformed("spout task {} cannot have a ledger; task ids with acks go from 1 to {}", task,
                             RootId::kMaxTask);
  }
  // A time-out of more than ten years is one that never comes; the cap keeps the sum with `now` in range.
  constexpr Millis kMax = std::chrono::hours(24 * 3650);
  if (timeout.count() < 0) {
    return Status::malformed("time-out {} ms of spout task {} is negative; use 0 to switch time-outs off",
                             timeout.count(), task);
  }
  if (static_cast<size_t>(task) >= timeout_ns_.size()) timeout_ns_.resize(static_cast<size_t>(task) + 1, kNotOpened);
  timeout_ns_[static_cast<size_t>(task)] = Nanos(std::min(timeout, kMax)).count();
  return Status();
}

void AckLedger::apply(std::span<const AckRecord> records, std::vector<Completion>& out) {
  const MonoTime now = clock_.now();
  for (const AckRecord& record : records) apply_one(record, now, out);
}

Status AckLedger::apply_bytes(std::span<const std::byte> bytes, std::vector<Completion>& out) {
  if (bytes.size() % sizeof(AckRecord) != 0) {
    return Status::malformed("a batch of ack records has {} bytes; it must be a multiple of {}", bytes.size(),
                             sizeof(AckRecord));
  }
  const MonoTime now = clock_.now();
  for (size_t offset = 0; offset < bytes.size(); offset += sizeof(AckRecord)) {
    AckRecord record;
    std::memcpy(&record, bytes.data() + offset, sizeof(record));
    apply_one(record, now, out);
  }
  return Status();
}

void AckLedger::apply_one(const AckRecord& record, MonoTime now, std::vector<Completion>& out) {
  ++counters_.records;
  if (!belongs_here(record)) return;
  uint32_t index = find(record.root);
  if (index == kNone) {
    // Nothing to remember of a tree that is not here: a reset, or a record that changes neither XOR nor mask.
    if (record.kind == AckKind::kResetTimeout) return;
    if (record.kind == AckKind::kAck && record.xor_value == 0 && record.host_mask == 0) return;
    if (entries() >= options_.max_entries) {
      refuse_full(record, out);
      return;
    }
    index = insert(record.root);
    // An INIT arms it itself.
    if (record.kind != AckKind::kInit) arm(index, now);
  }
  LedgerEntry& entry = entry_of(index);
  switch (record.kind) {
    case AckKind::kInit:
      if (entry.init_seen) {
        ++counters_.duplicate_inits;
        return;
      }
      on_init(entry, index, record, now);
      break;
    case AckKind::kAck:
      entry.xor_value ^= record.xor_value;
      break;
    case AckKind::kFail:
      entry.failed = true;
      break;
    case AckKind::kResetTimeout:
      arm(index, now);
      return;
  }
  if (record.host_mask != 0) {
    // By what its own emitter knew: the tree may have gone elsewhere before the loss, and to the successor after it.
    entry.lost |= touched_lost_host(record.host_mask, record.loss_number);
    entry.host_mask |= record.host_mask;
    entry.loss_number = std::min(entry.loss_number, record.loss_number);
  }
  settle(index, out);
}

bool AckLedger::belongs_here(const AckRecord& record) {
  if (!well_formed(record)) {
    ++counters_.dropped_malformed;
    return false;
  }
  if (RootId::incarnation(record.root) != (options_.incarnation.get() & RootId::kIncarnationMask) &&
      !PETREL_MUTANT("record of an earlier spout incarnation accepted")) {
    ++counters_.dropped_incarnation;
    return false;
  }
  const auto task = static_cast<size_t>(RootId::spout_task(record.root));
  if (task >= timeout_ns_.size() || timeout_ns_[task] == kNotOpened) {
    ++counters_.dropped_unknown_spout;
    return false;
  }
  return true;
}

void AckLedger::on_init(LedgerEntry& entry, uint32_t index, const AckRecord& record, MonoTime now) {
  entry.init_seen = true;
  entry.xor_value ^= record.xor_value;
  ++pending_;
  arm(index, now);
}

void AckLedger::settle(uint32_t index, std::vector<Completion>& out) {
  const LedgerEntry& entry = entry_of(index);
  if (!entry.init_seen) return;
  if (entry.failed) {
    finish(index, CompletionKind::kFail, out);
  } else if (entry.xor_value == 0) {
    finish(index, CompletionKind::kAck, out);
  } else if (entry.lost) {
    finish(index, CompletionKind::kHostLost, out);
  }
}

void AckLedger::refuse_full(const AckRecord& record, std::vector<Completion>& out) {
  if (record.kind != AckKind::kInit) {
    ++counters_.dropped_full;
    return;
  }
  ++counters_.refused_full;
  out.push_back({record.root, RootId::spout_task(record.root), CompletionKind::kFail});
}

void AckLedger::expire(MonoTime now, std::vector<Completion>& out) {
  due_.clear();
  const int64_t last_tick = wheel_.current_tick();
  wheel_.advance(now, due_);
  if (wheel_.current_tick() != last_tick) {
    const size_t of_table = due_.size();
    ring_.collect(wheel_.current_tick(), due_);
    for (size_t i = of_table; i < due_.size(); ++i) due_[i] |= kInRing;
  }
  for (const uint32_t index : due_) {
    if (entry_of(index).init_seen) {
      finish(index, CompletionKind::kTimeout, out);
    } else {
      ++counters_.orphans_expired;
      erase(index);
    }
  }
}

std::optional<Nanos> AckLedger::until_next_tick(MonoTime now) const {
  if (wheel_.armed() + ring_.armed() == 0) return std::nullopt;
  return TimingWheel::kTick - now.time_since_epoch() % TimingWheel::kTick;
}

void AckLedger::host_lost(uint32_t slot, uint32_t loss_number, std::vector<Completion>& out) {
  HostLoss& host = losses_[slot % kHostSlots];
  if (!admit_loss(host, clock_.now())) {
    ++counters_.ignored_losses;
    return;
  }
  host.loss_number = std::max(host.loss_number, loss_number);
  const uint64_t bit = uint64_t{1} << (slot % kHostSlots);
  lost_slots_ |= bit;
  const auto look = [&](uint32_t index, LedgerEntry& entry) {
    if ((entry.host_mask & bit) == 0 || entry.loss_number >= host.loss_number) return;
    entry.lost = true;
    if (entry.init_seen) finish(index, CompletionKind::kHostLost, out);
  };
  ring_.for_each([&](uint32_t index, LedgerEntry& entry) { look(index | kInRing, entry); });
  for (uint32_t index = 0; index < slab_.size(); ++index) look(index, slab_[index]);
}

bool AckLedger::admit_loss(HostLoss& host, MonoTime now) const {
  if (!options_.fail_on_host_loss) return false;
  if (host.losses_in_window == 0 || now - host.window_start >= Seconds(60)) {
    host.window_start = now;
    host.losses_in_window = 0;
  }
  if (host.losses_in_window >= options_.max_losses_per_minute) return false;
  ++host.losses_in_window;
  return true;
}

bool AckLedger::touched_lost_host(uint64_t mask, uint32_t loss_number) const {
  for (uint64_t slots = mask & lost_slots_; slots != 0; slots &= slots - 1) {
    if (losses_[std::countr_zero(slots)].loss_number > loss_number) return true;
  }
  return false;
}

void AckLedger::finish(uint32_t index, CompletionKind kind, std::vector<Completion>& out) {
  const uint64_t root = entry_of(index).root;
  out.push_back({root, RootId::spout_task(root), kind});
  --pending_;
  switch (kind) {
    case CompletionKind::kAck:
      ++counters_.acked;
      break;
    case CompletionKind::kFail:
      ++counters_.failed;
      break;
    case CompletionKind::kTimeout:
      ++counters_.timed_out;
      break;
    case CompletionKind::kHostLost:
      ++counters_.host_lost;
      break;
  }
  erase(index);
}

// Starts or restarts the time-out of an entry.
void AckLedger::arm(uint32_t index, MonoTime now) {
  const LedgerEntry& entry = entry_of(index);
  const bool in_ring = (index & kInRing) != 0;
  Nanos timeout(timeout_ns_[static_cast<size_t>(RootId::spout_task(entry.root))]);
  if (timeout.count() == 0) {
    if (entry.init_seen) {
      if (in_ring) {
        ring_.disarm(index & ~kInRing);
      } else {
        wheel_.disarm(index);
      }
      return;
    }
    timeout = options_.orphan_ttl;
  }
  if (PETREL_MUTANT("time-out 2x too late")) timeout *= 2;
  if (in_ring) {
    ring_.arm(index & ~kInRing, TimingWheel::due_tick(now + timeout, wheel_.current_tick()));
  } else {
    wheel_.arm(index, now + timeout);
  }
}

uint32_t AckLedger::find(uint64_t root) const {
  if (const uint32_t index = ring_.find(root); index != RootRing::kNone) return index | kInRing;
  return in_table_ == 0 ? kNone : find_in_table(root);
}

uint32_t AckLedger::insert(uint64_t root) {
  const uint32_t index = ring_.insert(root);
  if (ring_.places() > due_.capacity()) due_.reserve(ring_.places() + slab_.capacity());
  return index != RootRing::kNone ? index | kInRing : insert_in_table(root);
}

void AckLedger::erase(uint32_t index) {
  if ((index & kInRing) != 0) {
    ring_.erase(index & ~kInRing);
  } else {
    erase_from_table(index);
  }
}

// --- the table
// ---------------------------------------------------------------------------------------------------------

uint64_t AckLedger::hash(uint64_t root) const {
  uint64_t z = (root ^ options_.hash_seed) * 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 32)) * 0xD6E8FEB86659FD93ULL;
  return z ^ (z >> 32);
}

uint32_t AckLedger::find_in_table(uint64_t root) const {
  const uint64_t hashed = hash(root);
  const auto fingerprint = static_cast<uint32_t>(hashed >> 32);
  const size_t mask = cells_.size() - 1;
  for (size_t at = hashed & mask; cells_[at].index_plus_one != 0; at = (at + 1) & mask) {
    const uint32_t index = cells_[at].index_plus_one - 1;
    if (cells_[at].fingerprint == fingerprint && slab_[index].root == root) return index;
  }
  return kNone;
}

uint32_t AckLedger::insert_in_table(uint64_t root) {
  if ((in_table_ + 1) * 2 > cells_.size()) grow();
  uint32_t index;
  if (free_.empty()) {
    index = static_cast<uint32_t>(slab_.size());
    slab_.push_back({});
    if (slab_.capacity() > free_.capacity()) {
      wheel_.resize(slab_.capacity());
      free_.reserve(slab_.capacity());
      due_.reserve(ring_.places() + slab_.capacity());
    }
  } else {
    index = free_.back();
    free_.pop_back();
  }
  slab_[index] = LedgerEntry{.root = root};
  const uint64_t hashed = hash(root);
  const size_t mask = cells_.size() - 1;
  size_t at = hashed & mask;
  while (cells_[at].index_plus_one != 0) at = (at + 1) & mask;
  cells_[at] = {static_cast<uint32_t>(hashed >> 32), index + 1};
  ++in_table_;
  return index;
}

void AckLedger::erase_from_table(uint32_t index) {
  wheel_.disarm(index);
  const size_t mask = cells_.size() - 1;
  size_t hole = hash(slab_[index].root) & mask;
  while (cells_[hole].index_plus_one != index + 1) {
    CHECK(cells_[hole].index_plus_one != 0);
    hole = (hole + 1) & mask;
  }
  // Backward shift: no tombstones, so that probes stay short however many trees have passed.
  for (size_t at = (hole + 1) & mask; cells_[at].index_plus_one != 0; at = (at + 1) & mask) {
    const size_t home = hash(slab_[cells_[at].index_plus_one - 1].root) & mask;
    if (((at - home) & mask) >= ((at - hole) & mask)) {
      cells_[hole] = cells_[at];
      hole = at;
    }
  }
  cells_[hole] = {0, 0};
  slab_[index] = LedgerEntry{};  // host_lost() walks the slab
  free_.push_back(index);
  --in_table_;
}

void AckLedger::grow() {
  std::vector<Cell> old(cells_.size() * 2, Cell{0, 0});
  old.swap(cells_);
  const size_t mask = cells_.size() - 1;
  for (const Cell& cell : old) {
    if (cell.index_plus_one == 0) continue;
    size_t at = hash(slab_[cell.index_plus_one - 1].root) & mask;
    while (cells_[at].index_plus_one != 0) at = (at + 1) & mask;
    cells_[at] = cell;
  }
}

size_t AckLedger::memory_bytes() const {
  return sizeof(*this) + ring_.memory_bytes() + cells_.capacity() * sizeof(Cell) +
         slab_.capacity() * sizeof(LedgerEntry) + (free_.capacity() + due_.capacity()) * sizeof(uint32_t) +
         timeout_ns_.capacity() * sizeof(int64_t) + wheel_.memory_bytes();
}

}  // namespace petrel
