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

LoadAwareShuffle::LoadAwareShuffle(std::vector<int32_t> targets, uint64_t seed)
    : targets_(std::move(targets)), weights_(targets_.size(), kMaxWeight), rng_(seed) {
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
  const double least = *std::min_element(loads.begin(), loads.end());
  bool changed = false;
  for (size_t i = 0; i < targets_.size(); ++i) {
    const int weight = loads[i] <= least + kTolerance ? std::min(kMaxWeight, weights_[i] + kGain)
                                                      : std::max(kMinWeight, weights_[i] - kLoss);
    changed |= weight != weights_[i];
    weights_[i] = weight;
  }
  if (changed) build_ring();
}

void LoadAwareShuffle::build_ring() {
  const size_t capacity = std::max(kMinRing, 5 * targets_.size());
  int64_t sum = 0;
  for (int weight : weights_) sum += weight;
  ring_.clear();
  ring_.reserve(capacity);
  for (size_t i = 0; i < targets_.size(); ++i) {
    const auto share = static_cast<size_t>(static_cast<int64_t>(capacity) * weights_[i] / sum);
    ring_.insert(ring_.end(), share, targets_[i]);
  }
  // What rounding left over goes round the targets that are not being avoided.
  for (size_t i = 0; ring_.size() < capacity; i = (i + 1) % targets_.size()) {
    if (int64_t{weights_[i]} * static_cast<int64_t>(targets_.size()) >= sum) ring_.push_back(targets_[i]);
  }
  shuffle_in_place(ring_, rng_);
}

void shuffle_in_place(std::vector<int32_t>& values, Rng& rng) {
  for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[rng.below(i)]);
}

}  // namespace petrel
