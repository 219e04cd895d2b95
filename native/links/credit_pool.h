// CreditPool: how far the flows into one executor may go.
//
// limit = consumed + first window + share, absolute and never lower than before. The first window is a flow's own; the
// shares of all flows come out of the executor's pool. A share comes back when bytes are consumed and the limit does
// not follow. A section that is larger than a flow could otherwise get is a reservation: these are served one after the
// other; each gets its whole size from the pool when there is room, or else, once nothing but first windows is waiting,
// beyond it. So what can wait at the executor is at most
//     pool + flows * first window + one reservation (max_tuple_bytes)   (lane 0)
// Lane 1 is always granted; while more than the pool waits on it, lane 0 is granted nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <vector>

#include "native/links/section.h"

namespace petrel {

/// Thread: one owner.  Limits: the caller bounds the number of flows.
class CreditPool {
 public:
  using Flow = uint32_t;
  CreditPool(const FlowOptions& options, uint64_t pool_bytes) : options_(options), pool_(pool_bytes) {}

  void set_pool(uint64_t bytes) { pool_ = bytes; }
  Flow open(uint8_t lane, MonoTime now);
  /// The source is gone: nothing more is granted. The number is free again when all that came is consumed.
  void close(Flow flow);

  /// Bytes up to `offset` have come.
  void received(Flow flow, uint64_t offset, MonoTime now);
  /// False: more than has been received; the rest is ignored.
  bool consumed(Flow flow, uint64_t bytes);
  /// The sender waits for `end`. False: nobody could ask for that.
  bool reserve(Flow flow, uint64_t end);

  uint64_t limit(Flow flow) const { return flows_[flow].limit; }
  uint64_t wanted(Flow flow) const { return flows_[flow].want; }
  /// What the flow may have under way and waiting: for deciding when the sender is told.
  uint64_t window(Flow flow) const {
    const State& state = flows_[flow];
    return state.lane == kCycleLane ? options_.cycle_window : state.limit - state.consumed;
  }
  /// Bytes that have come and are not consumed.
  uint64_t unread(Flow flow) const { return flows_[flow].received - flows_[flow].consumed; }
  /// A section that ends at `end` is within what was granted.
  bool granted(Flow flow, uint64_t end) const { return end <= flows_[flow].limit; }
  /// Closed, and everything consumed.
  bool gone(Flow flow) const { return !flows_[flow].open && flows_[flow].consumed == flows_[flow].received; }
  /// Flows whose limit has grown since the last call, in order.
  std::vector<Flow> take_raised();

  uint64_t pool_bytes() const { return pool_; }
  uint64_t shares() const { return shares_; }
  uint64_t waiting() const { return waiting_[kTupleLane] + waiting_[kCycleLane]; }
  uint64_t waiting(uint8_t lane) const { return waiting_[lane]; }
  size_t flows() const { return flows_.size() - free_.size(); }
  size_t reservations() const { return reservations_.size(); }
  uint64_t reservations_served() const { return reservations_served_; }
  /// Sum over the flows of lane 0 of what may still come or waits: at most the bound above.
  uint64_t exposure() const;

 private:
  struct State {
    uint8_t lane = kTupleLane;
    bool open = false;
    bool hungry = false;  // has used more than half of its window
    bool idle = false;    // was silent for long: gives its share back
    bool queued = false;  // has a reservation
    uint64_t received = 0;
    uint64_t consumed = 0;
    uint64_t limit = 0;
    uint64_t want = 0;
    MonoTime last_arrival{};
  };
  uint64_t share_of(const State& flow) const;
  uint64_t deep_of(const State& flow) const;
  template <typename Change>
  void mutate(State& flow, Change change);
  void raise(Flow flow, uint64_t limit);
  uint64_t fair() const { return pool_ / (sharers_ + starved_.size() + 1); }
  bool withheld() const { return waiting_[kCycleLane] > pool_; }
  uint64_t target_share(Flow flow, uint64_t share_before);
  bool can_serve(const State& flow) const;
  void serve_reservations();
  void grant_first_windows();

  const FlowOptions& options_;
  uint64_t pool_;
  std::vector<State> flows_;
  std::vector<Flow> free_;
  uint64_t shares_ = 0;  // sum of share_of
  uint64_t deep_ = 0;    // bytes that wait beyond first windows
  size_t sharers_ = 0;   // flows with a share
  uint64_t waiting_[kLanes] = {0, 0};
  std::set<Flow> starved_;  // would have grown, and the pool was empty
  std::deque<Flow> reservations_;
  std::set<Flow> raised_;
  uint64_t reservations_served_ = 0;
};

}  // namespace petrel
