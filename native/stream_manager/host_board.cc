#include "native/stream_manager/host_board.h"

#include "native/links/host_table.h"

namespace petrel {

bool HostBoard::local_up(uint32_t slot, uint32_t incarnation) {
  if (gone(slot, incarnation)) return false;
  HostEntry& entry = hosts_[slot].entry;
  entry = HostEntry{slot, container_, incarnation, HostState::kUp, entry.path_epoch + 1};
  return true;
}

bool HostBoard::pressure(uint32_t slot, uint32_t incarnation, uint16_t bits) {
  const auto found = hosts_.find(slot);
  if (found == hosts_.end()) return false;
  HostEntry& entry = found->second.entry;
  if (entry.incarnation != incarnation || entry.state != HostState::kUp || entry.pressure == bits) return false;
  entry.pressure = bits;
  return true;
}

bool HostBoard::lost(uint32_t slot, int32_t container, uint32_t incarnation) {
  if (incarnation == 0 || gone(slot, incarnation)) return false;
  HostEntry& entry = hosts_[slot].entry;
  entry = HostEntry{slot, container, incarnation, HostState::kLost, entry.path_epoch};
  return true;
}

bool HostBoard::learn(int32_t container, const HostEntry& said) {
  if (said.container != container || container == container_ || said.incarnation == 0) return false;
  if (said.slot >= HostTable::kMaxSlots) return false;
  if (said.state == HostState::kLost) return lost(said.slot, container, said.incarnation);
  if (said.state != HostState::kUp || gone(said.slot, said.incarnation)) return false;
  Host& host = hosts_[said.slot];
  if (host.entry.incarnation == said.incarnation && host.path_epoch_of_peer == said.path_epoch) {
    return pressure(said.slot, said.incarnation, said.pressure);
  }
  host.entry =
      HostEntry{said.slot, container, said.incarnation, HostState::kUp, host.entry.path_epoch + 1, said.pressure};
  host.path_epoch_of_peer = said.path_epoch;
  return true;
}

bool HostBoard::path_up(int32_t container) {
  bool changed = false;
  for (auto& [slot, host] : hosts_) {
    if (host.entry.container != container || host.entry.state != HostState::kUp) continue;
    ++host.entry.path_epoch;
    changed = true;
  }
  return changed;
}

bool HostBoard::gone(uint32_t slot, uint32_t incarnation) const {
  const auto found = hosts_.find(slot);
  if (found == hosts_.end()) return false;
  const HostEntry& entry = found->second.entry;
  return incarnation < entry.incarnation || (incarnation == entry.incarnation && entry.state == HostState::kLost);
}

uint32_t HostBoard::incarnation(uint32_t slot) const {
  const auto found = hosts_.find(slot);
  return found == hosts_.end() ? 0 : found->second.entry.incarnation;
}

std::vector<HostEntry> HostBoard::all() const {
  std::vector<HostEntry> entries;
  for (const auto& [slot, host] : hosts_) entries.push_back(host.entry);
  return entries;
}

std::vector<HostEntry> HostBoard::own() const {
  std::vector<HostEntry> entries;
  for (const auto& [slot, host] : hosts_) {
    if (host.entry.container == container_) entries.push_back(host.entry);
  }
  return entries;
}

}  // namespace petrel
