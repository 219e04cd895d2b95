// LinkTotals: what crossed between containers, summed over the processes that count it and over their incarnations.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "proto/control.pb.h"

namespace petrel {

/// Thread: one owner.
/// Limits: the processes are registered ones of the plan; pairs of other containers than those allowed are dropped.
class LinkTotals {
 public:
  struct Process {
    proto::Role role = proto::ROLE_UNSET;
    int32_t container_id = 0;
    uint32_t slot = 0;
    auto operator<=>(const Process&) const = default;
  };
  using Pair = std::pair<int32_t, int32_t>;

  void allow(int32_t container_id) { containers_.insert(container_id); }
  /// `sample` is cumulative of this incarnation; samples of an older one than the newest are ignored.
  void take(const Process& process, uint32_t incarnation, const proto::LinkSample& sample);
  std::map<Pair, proto::PairCount> totals() const;

 private:
  struct Source {
    uint32_t incarnation = 0;
    std::map<Pair, proto::PairCount> ended;  // of all incarnations before
    std::map<Pair, proto::PairCount> now;
  };

  std::set<int32_t> containers_;
  std::map<Process, Source> sources_;
};

}  // namespace petrel
