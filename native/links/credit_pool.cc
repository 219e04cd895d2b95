#include "native/links/credit_pool.h"

#include <algorithm>

#include "native/base/check.h"
#include "native/base/mutant.h"

namespace petrel {

uint64_t CreditPool::share_of(const State& flow) const {
  if (flow.lane != kTupleLane) return 0;
  const uint64_t own = flow.consumed + options_.first_window;
  return flow.limit > own ? flow.limit - own : 0;
}

uint64_t CreditPool::deep_of(const State& flow) const {
  if (flow.lane != kTupleLane) return 0;
  const uint64_t waiting = flow.received - flow.consumed;
  return waiting > options_.first_window ? waiting - options_.first_window : 0;
}

template <typename Change>
void CreditPool::mutate(State& flow, Change change) {
  const uint64_t share = share_of(flow);
  shares_ -= share;
  deep_ -= deep_of(flow);
  if (share > 0) --sharers_;
  waiting_[flow.lane] -= flow.received - flow.consumed;
  change(flow);
  waiting_[flow.lane] += flow.received - flow.consumed;
  const uint64_t share_after = share_of(flow);
  shares_ += share_after;
  deep_ += deep_of(flow);
  if (share_after > 0) ++sharers_;
}

void CreditPool::raise(Flow flow, uint64_t limit) {
  State& state = flows_[flow];
  if (limit <= state.limit || !state.open) return;
  mutate(state, [limit](State& s) { s.limit = limit; });
  raised_.insert(flow);
}

CreditPool::Flow CreditPool::open(uint8_t lane, MonoTime now) {
  Flow flow = 0;
  if (free_.empty()) {
    flow = static_cast<Flow>(flows_.size());
    flows_.emplace_back();
  } else {
    flow = free_.back();
    free_.pop_back();
  }
  State& state = flows_[flow];
  state = State{};
  state.lane = lane;
  state.open = true;
  state.last_arrival = now;
  // The sender starts from the same number, so that nobody needs to tell it.
  state.limit = lane == kCycleLane ? options_.cycle_window : options_.first_window;
  return flow;
}

void CreditPool::close(Flow flow) {
  State& state = flows_[flow];
  if (!state.open) return;
  mutate(state, [](State& s) { s.limit = s.received; });
  state.open = false;
  starved_.erase(flow);
  raised_.erase(flow);
  std::erase(reservations_, flow);
  if (gone(flow)) free_.push_back(flow);
  serve_reservations();
}

void CreditPool::received(Flow flow, uint64_t offset, MonoTime now) {
  State& state = flows_[flow];
  CHECK(offset >= state.received);
  mutate(state, [offset](State& s) { s.received = offset; });
  if (now - state.last_arrival >= options_.idle) state.idle = true;
  state.last_arrival = now;
  if (state.lane == kCycleLane) {
    raise(flow, offset + options_.cycle_window);
  } else if ((state.limit - std::min(state.limit, offset)) * 2 < options_.first_window + share_of(state)) {
    state.hungry = true;
  }
}

uint64_t CreditPool::target_share(Flow flow, uint64_t share_before) {
  State& state = flows_[flow];
  const uint64_t room = shares_ < pool_ ? pool_ - shares_ : 0;
  const uint64_t now_has = share_of(state);
  if (!reservations_.empty() || room == 0 || state.idle) {
    if (state.idle && now_has == 0) state.idle = false;
    if (!state.idle && reservations_.empty() && state.hungry) starved_.insert(flow);
    return 0;
  }
  uint64_t target = share_before;
  if (state.hungry) {
    target = std::max(target, std::min(fair(), std::max(2 * share_before, options_.first_window)));
    const uint64_t own = state.consumed + options_.first_window;
    if (state.want > own && state.want - own <= fair()) target = std::max(target, state.want - own);
    state.hungry = false;
  }
  if (!starved_.empty() && !starved_.contains(flow)) target = std::min(target, fair());
  if (target > now_has + room) target = now_has + room;
  starved_.erase(flow);
  return target;
}

bool CreditPool::consumed(Flow flow, uint64_t bytes) {
  State& state = flows_[flow];
  const bool honest = bytes <= state.received - state.consumed;
  if (!honest) bytes = state.received - state.consumed;
  const uint64_t share_before = share_of(state);
  const bool was_withheld = withheld();
  mutate(state, [bytes](State& s) { s.consumed += bytes; });
  if (!state.open) {
    if (bytes > 0 && gone(flow)) free_.push_back(flow);
  } else if (state.lane == kTupleLane && !withheld()) {
    const uint64_t target = target_share(flow, share_before);
    raise(flow, state.consumed + options_.first_window + target);
    if (PETREL_MUTANT("credit counted twice")) raise(flow, state.limit + bytes);
  }
  if (was_withheld && !withheld()) grant_first_windows();
  serve_reservations();
  return honest;
}

void CreditPool::grant_first_windows() {
  for (Flow flow = 0; flow < flows_.size(); ++flow) {
    const State& state = flows_[flow];
    if (state.open && state.lane == kTupleLane) raise(flow, state.consumed + options_.first_window);
  }
}

bool CreditPool::reserve(Flow flow, uint64_t end) {
  State& state = flows_[flow];
  if (!state.open || end > state.limit + options_.max_tuple_bytes) return false;
  state.want = std::max(state.want, end);
  if (state.lane == kCycleLane) {
    raise(flow, state.want);
    return true;
  }
  if (state.limit >= state.want) return true;
  if (state.want - state.received > options_.first_window) {
    // It will not fit however much is consumed.
    if (!state.queued) reservations_.push_back(flow);
    state.queued = true;
    serve_reservations();
  } else {
    state.hungry = true;  // it will fit when enough is consumed; the share grows then
  }
  return true;
}

bool CreditPool::can_serve(const State& flow) const {
  const uint64_t own = std::max(flow.limit, flow.consumed + options_.first_window);
  const uint64_t more = flow.want > own ? flow.want - own : 0;
  if (shares_ + more <= pool_) return true;
  // Beyond the pool only one at a time, and only when nothing but first windows is waiting. What the flow was granted
  // itself and has not used up (others went before the one who had asked) does not stand in its way.
  return shares_ - share_of(flow) <= pool_ && deep_ == 0 &&
         flow.want - flow.consumed <= options_.first_window + options_.max_tuple_bytes;
}

// In turn, but a flow that is beyond the pool already goes before those who wait for it to come back.
void CreditPool::serve_reservations() {
  while (!reservations_.empty() && !withheld()) {
    const auto done = [this](Flow flow) { return !flows_[flow].open || flows_[flow].limit >= flows_[flow].want; };
    const auto beyond = [this](Flow flow) { return share_of(flows_[flow]) > pool_ && can_serve(flows_[flow]); };
    auto next = reservations_.begin();
    if (!done(*next) && !can_serve(flows_[*next])) {
      next = std::find_if(reservations_.begin(), reservations_.end(), beyond);
      if (next == reservations_.end()) return;
    }
    const Flow flow = *next;
    if (!done(flow)) {
      raise(flow, flows_[flow].want);
      ++reservations_served_;
    }
    flows_[flow].queued = false;
    reservations_.erase(next);
  }
}

std::vector<CreditPool::Flow> CreditPool::take_raised() {
  std::vector<Flow> raised(raised_.begin(), raised_.end());
  raised_.clear();
  return raised;
}

uint64_t CreditPool::exposure() const {
  uint64_t sum = 0;
  for (const State& state : flows_) {
    if (state.lane == kTupleLane) sum += std::max(state.limit, state.received) - state.consumed;
  }
  return sum;
}

}  // namespace petrel
