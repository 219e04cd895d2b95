// MarkerAligner: when has everything that was sent before a marker arrived? When the marker of every source task of
// every input has (docs/links.md, "Markers").
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "native/codec/frame.h"
#include "native/routing/task_table.h"

namespace petrel {

inline constexpr uint8_t kDrainMarker = 1;

/// One per executor. Thread: the executor's.  Limits: holds the newest epoch only.
class MarkerAligner {
 public:
  /// The source tasks of the component's inputs; not over edges inside a cycle, not of __acker and __system.
  MarkerAligner(const TaskTable& tasks, const Component& component);

  /// Nobody's marker is waited for: the executor starts markers itself, when the host asks.
  bool is_source() const { return sources_.empty(); }
  /// The epoch that is aligned by this marker; nothing while others are missing, or when it is old or unexpected.
  std::optional<uint64_t> add(const Marker& marker);

 private:
  std::set<int32_t> sources_;
  std::set<int32_t> missing_;
  uint64_t epoch_ = 0;
};

}  // namespace petrel
