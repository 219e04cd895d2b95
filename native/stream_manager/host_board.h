// HostBoard: what a stream manager knows of the hosts: newest incarnation, up or lost, and a path epoch that grows
// whenever the way to a host came up anew. Pure. Nothing here needs to outlive the process: it is told again.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "native/codec/frame.h"

namespace petrel {

/// Thread: one owner.  Limits: slots below HostTable::kMaxSlots; once there is a plan, the caller admits only its
/// slots.
class HostBoard {
 public:
  explicit HostBoard(int32_t container) : container_(container) {}

  /// A host of our container has a link. False: a newer incarnation is known, or this one is dead.
  bool local_up(uint32_t slot, uint32_t incarnation);
  /// What a host of our container asks others to hold back. True when that is news.
  bool pressure(uint32_t slot, uint32_t incarnation, uint16_t bits);
  /// True when that is news.
  bool lost(uint32_t slot, int32_t container, uint32_t incarnation);
  /// What the stream manager of `container` says of its own hosts. True when something has changed.
  bool learn(int32_t container, const HostEntry& entry);
  /// The link to the stream manager of `container` is new.
  bool path_up(int32_t container);

  /// Older than what is known, or dead.
  bool gone(uint32_t slot, uint32_t incarnation) const;
  uint32_t incarnation(uint32_t slot) const;
  std::vector<HostEntry> all() const;
  /// The hosts of our container.
  std::vector<HostEntry> own() const;

 private:
  struct Host {
    HostEntry entry;
    uint32_t path_epoch_of_peer = 0;
  };
  const int32_t container_;
  std::map<uint32_t, Host> hosts_;
};

}  // namespace petrel
