#include "native/routing/load_aware_shuffle.h"

#include <algorithm>

namespace petrel {
namespace {
constexpr size_t kMinRing = 1000;
constexpr int kMaxWeight = 100;
constexpr int kMinWeight = 1;
constexpr int kGain = 1;
constexpr int kLoss = 10;
constexpr double kTolerance = 0.05;
}  // namespace

LoadAwareShuffle::LoadAwareShuffle(std::vector<int32_t> targets, const std::vector<int32_t>& near, double higher_bound,
                                   double lower_bound, uint64_t seed)
    : targets_(std::move(targets)),
      higher_bound_(higher_bound),
      lower_bound_(lower_bound),
      weights_(targets_.size(), kMaxWeight),
      rng_(seed) {
  for (int32_t target : targets_) {
    near_.push_back(near.empty() || std::find(near.begin(), near.end(), target) != near.end());
  }
  if (std::find(near_.begin(), near_.end(), true) == near_.end()) near_.assign(targets_.size(), true);
  build_ring();
}

Status LoadAwareShuffle::choose(std::span<const Value>, std::vector<int32_t>& out) {
  if (next_ >= ring_.size()) next_ = 0;
  out.push_back(ring_[next_++]);
  return {};
}

void LoadAwareShuffle::refresh_load(const LoadView& load) {
  std::vector<double> loads;
  loads.reserve(targets_.size());
  for (int32_t target : targets_) loads.push_back(load(target));
  bool changed = move_scope(loads);
  double least = 1e9;
  for (size_t i = 0; i < targets_.size(); ++i) {
    if (in_scope(i)) least = std::min(least, loads[i]);
  }
  for (size_t i = 0; i < targets_.size(); ++i) {
    if (!in_scope(i)) continue;
    const int weight = loads[i] <= least + kTolerance ? std::min(kMaxWeight, weights_[i] + kGain)
                                                      : std::max(kMinWeight, weights_[i] - kLoss);
    changed |= weight != weights_[i];
    weights_[i] = weight;
  }
  if (changed) build_ring();
}

// True when the scope has changed; all weights begin anew then.
bool LoadAwareShuffle::move_scope(const std::vector<double>& loads) {
  double sum = 0;
  size_t count = 0;
  for (size_t i = 0; i < loads.size(); ++i) {
    if (!near_[i]) continue;
    sum += loads[i];
    ++count;
  }
  const double average = sum / static_cast<double>(count);
  const bool next = near_only_ ? average <= higher_bound_ : average < lower_bound_;
  if (next == near_only_) return false;
  near_only_ = next;
  std::fill(weights_.begin(), weights_.end(), kMaxWeight);
  return true;
}

void LoadAwareShuffle::build_ring() {
  const size_t capacity = std::max(kMinRing, 5 * targets_.size());
  int64_t sum = 0;
  int64_t count = 0;
  for (size_t i = 0; i < targets_.size(); ++i) {
    if (!in_scope(i)) continue;
    sum += weights_[i];
    ++count;
  }
  ring_.clear();
  ring_.reserve(capacity);
  for (size_t i = 0; i < targets_.size(); ++i) {
    if (!in_scope(i)) continue;
    const auto share = static_cast<size_t>(static_cast<int64_t>(capacity) * weights_[i] / sum);
    ring_.insert(ring_.end(), share, targets_[i]);
  }
  // What rounding left over goes round the targets that are not being avoided.
  for (size_t i = 0; ring_.size() < capacity; i = (i + 1) % targets_.size()) {
    if (in_scope(i) && weights_[i] * count >= sum) ring_.push_back(targets_[i]);
  }
  shuffle_in_place(ring_, rng_);
}

void shuffle_in_place(std::vector<int32_t>& values, Rng& rng) {
  for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[rng.below(i)]);
}

}  // namespace petrel
