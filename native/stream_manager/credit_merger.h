// CreditMerger: credit frames that wait for a link whose reader is slow. Credit says absolutely where a receiver is, so
// of one flow only the newest is kept: what waits is bounded by the flows, not by the time.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "native/links/link.h"

namespace petrel {

/// Thread: one owner.  Limits: kFlowsMax flows.
class CreditMerger {
 public:
  static constexpr size_t kFlowsMax = 1U << 20;

  /// Errors: kMalformed; kLimit when it would be a flow too many, and then nothing of the frame is kept.
  Status add(const Frame& frame);
  /// One frame for each pair of hosts (more when they share more than kMaxEntries flows); nothing waits any more.
  std::vector<Frame> take();
  bool empty() const { return flows_ == 0; }
  /// Entries that a newer one has replaced.
  uint64_t merged() const { return merged_; }

 private:
  struct Hosts {
    uint32_t source = 0, source_incarnation = 0, destination = 0, destination_incarnation = 0;
    auto operator<=>(const Hosts&) const = default;
  };
  struct Waiting {
    FrameHeader header;                                        // of the newest frame
    std::map<std::pair<int32_t, uint8_t>, CreditEntry> flows;  // by executor and lane
  };

  std::map<Hosts, Waiting> waiting_;
  size_t flows_ = 0;
  uint64_t merged_ = 0;
};

}  // namespace petrel
