// HostTable: what a host knows of the other hosts: the newest incarnation of each slot, whether it is up or lost, and
// the loss number. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "native/codec/frame.h"

namespace petrel {

/// Thread: one owner.  Limits: kMaxSlots slots.
class HostTable {
 public:
  static constexpr uint32_t kMaxSlots = 65536;
  /// What a piece of news has changed, in this order.
  struct Change {
    bool lost = false;      // the incarnation that was known (or was not yet) is dead
    bool up = false;        // a new incarnation can be reached
    bool path = false;      // the way to it is new
    bool pressure = false;  // pressure() has changed
  };

  explicit HostTable(uint32_t own_slot, uint32_t own_incarnation = 0)
      : own_slot_(own_slot), own_incarnation_(own_incarnation), loss_number_(own_incarnation) {}

  /// From a `hosts` frame.
  Change learn(const HostEntry& entry);
  /// From the header of a frame that it sent.
  Change seen(uint32_t slot, uint32_t incarnation);

  /// The incarnation to send to; 0: not known, or lost.
  uint32_t address(uint32_t slot) const;
  bool current(uint32_t slot, uint32_t incarnation) const { return incarnation != 0 && address(slot) == incarnation; }
  /// The oldest incarnation that may live.
  uint32_t least_alive(uint32_t slot) const {
    return slot < hosts_.size() ? hosts_[slot].incarnation + (hosts_[slot].lost ? 1 : 0) : 0;
  }
  /// What all other hosts together ask to be held back.
  uint16_t pressure() const { return pressure_; }
  /// All slots below `hosts` but our own were announced as up.
  bool all_up(size_t hosts) const;
  /// Slots that are known.
  uint32_t slots() const { return static_cast<uint32_t>(hosts_.size()); }
  /// The sum of the newest incarnations, our own with them (else ours and those of others could not be compared); a
  /// loss counts as the next one.
  uint32_t loss_number() const { return loss_number_; }

 private:
  struct Host {
    uint32_t incarnation = 0;
    bool announced = false;
    bool lost = false;
    uint32_t path_epoch = 0;
    uint16_t pressure = 0;
  };
  Host* find(uint32_t slot);
  void count();
  bool gather_pressure();

  const uint32_t own_slot_;
  const uint32_t own_incarnation_;
  std::vector<Host> hosts_;
  uint32_t loss_number_;
  uint16_t pressure_ = 0;
};

}  // namespace petrel
