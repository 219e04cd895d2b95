// CrossLink: a Link whose connection lives on another loop. What crosses goes through two queues with a bound.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "native/links/link.h"
#include "native/transport/reactor.h"

namespace petrel {

struct CrossLinkLimits {
  size_t queue_bytes = 128U << 20;  // to the home loop; data frames beyond it are dropped and counted
  /// Frames of the priority lane go on beyond it by so much; then the link ends with kLimit (and comes back).
  size_t priority_slack_bytes = 16U << 20;
  size_t link_high_bytes = 4U << 20;  // data frames wait for the connection while so much waits in it
  Nanos link_high_retry = Millis(2);
};

/// The loop on which the connection lives. Links of a loop that has stopped for ever end with shut().
class AwayLoop {
 public:
  explicit AwayLoop(Reactor& reactor) : reactor_(reactor) {}
  AwayLoop(const AwayLoop&) = delete;
  ~AwayLoop() { shut(); }

  /// `link` (of the away loop, not started yet) as a link of `home`. Order is kept in each lane.
  /// Thread: call on the away loop. The answer belongs to the home loop: move it there before anything else.
  std::unique_ptr<Link> carry(std::unique_ptr<Link> link, Reactor& home, const CrossLinkLimits& limits);
  /// Ends the connections. Thread: the away loop, or any one once that loop has stopped.
  void shut();
  /// Data frames that found the queue full. Any thread.
  uint64_t dropped() const { return dropped_->load(std::memory_order_relaxed); }

 private:
  class Crossing;
  class CrossLink;

  Reactor& reactor_;
  std::shared_ptr<std::atomic<uint64_t>> dropped_ = std::make_shared<std::atomic<uint64_t>>(0);
  std::vector<std::weak_ptr<Crossing>> crossings_;
};

}  // namespace petrel
