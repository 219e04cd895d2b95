#include "native/links/host_table.h"

#include <utility>

namespace petrel {

HostTable::Host* HostTable::find(uint32_t slot) {
  if (slot == own_slot_ || slot >= kMaxSlots) return nullptr;
  if (slot >= hosts_.size()) hosts_.resize(slot + 1);
  return &hosts_[slot];
}

void HostTable::count() {
  loss_number_ = own_incarnation_;
  for (const Host& host : hosts_) loss_number_ += host.incarnation + (host.lost ? 1 : 0);
}

bool HostTable::gather_pressure() {
  uint16_t all = 0;
  for (const Host& host : hosts_) all |= host.pressure;
  return std::exchange(pressure_, all) != all;
}

HostTable::Change HostTable::learn(const HostEntry& entry) {
  Change change;
  Host* host = find(entry.slot);
  if (host == nullptr || entry.incarnation == 0 || entry.incarnation < host->incarnation) return change;
  const bool newer = entry.incarnation > host->incarnation;
  if (entry.state == HostState::kUp) {
    if (newer) {
      change.lost = host->incarnation != 0 && !host->lost;
      change.up = true;
      *host = Host{entry.incarnation, true, false, entry.path_epoch, entry.pressure};
    } else if (!host->lost) {
      change.path = entry.path_epoch != host->path_epoch;
      host->path_epoch = entry.path_epoch;
      host->announced = true;
      host->pressure = entry.pressure;
    }
  } else if (entry.state == HostState::kLost && (newer || !host->lost)) {
    change.lost = true;
    *host = Host{entry.incarnation, false, true, entry.path_epoch};
  }
  if (change.lost || change.up) count();
  change.pressure = gather_pressure();
  return change;
}

HostTable::Change HostTable::seen(uint32_t slot, uint32_t incarnation) {
  Change change;
  Host* host = find(slot);
  if (host == nullptr || incarnation <= host->incarnation) return change;
  change.lost = host->incarnation != 0 && !host->lost;
  change.up = true;
  *host = Host{incarnation, false, false, 0};
  count();
  change.pressure = gather_pressure();
  return change;
}

uint32_t HostTable::address(uint32_t slot) const {
  if (slot >= hosts_.size() || hosts_[slot].lost) return 0;
  return hosts_[slot].incarnation;
}

bool HostTable::all_up(size_t hosts) const {
  for (size_t slot = 0; slot < hosts; ++slot) {
    if (slot == own_slot_) continue;
    if (slot >= hosts_.size() || !hosts_[slot].announced || hosts_[slot].lost) return false;
  }
  return true;
}

}  // namespace petrel
