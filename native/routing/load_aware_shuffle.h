// LoadAwareShuffle: shuffle that avoids full queues, with Storm's numbers: a ring of max(1000, 5 n) slots, filled in
// proportion to weights of 1 to 100; at each refresh a target within 0.05 of the smallest load gains 1 and any other
// loses 10. Near targets are taken alone until their average load is above the higher bound, and again when it has
// fallen below the lower one. Twin: LoadAwareShuffleGrouper.java.
#pragma once

#include <vector>

#include "native/base/rng.h"
#include "native/routing/grouper.h"

namespace petrel {

class LoadAwareShuffle : public Grouper {
 public:
  /// `near`: the part of the targets in this worker; none: all are equally near.
  LoadAwareShuffle(std::vector<int32_t> targets, const std::vector<int32_t>& near, double higher_bound,
                   double lower_bound, uint64_t seed);
  Status choose(std::span<const Value> values, std::vector<int32_t>& out) override;
  bool uses_load() const override { return true; }
  void refresh_load(const LoadView& load) override;

  int weight(size_t index) const { return weights_[index]; }

 private:
  void build_ring();
  bool move_scope(const std::vector<double>& loads);
  bool in_scope(size_t index) const { return !near_only_ || near_[index]; }

  std::vector<int32_t> targets_;
  std::vector<bool> near_;
  double higher_bound_;
  double lower_bound_;
  bool near_only_ = true;
  std::vector<int> weights_;
  std::vector<int32_t> ring_;
  size_t next_ = 0;
  Rng rng_;
};

/// Fisher-Yates.
void shuffle_in_place(std::vector<int32_t>& values, Rng& rng);

}  // namespace petrel
