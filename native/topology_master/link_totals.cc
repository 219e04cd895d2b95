#include "native/topology_master/link_totals.h"

#include <algorithm>

namespace petrel {
namespace {

constexpr int kClassesMax = 64;  // of lease delays

void add(const proto::PairCount& from, proto::PairCount& to) {
  to.set_from_container(from.from_container());
  to.set_to_container(from.to_container());
  to.set_frames(to.frames() + from.frames());
  to.set_sections(to.sections() + from.sections());
  to.set_bytes(to.bytes() + from.bytes());
  to.set_tuples(to.tuples() + from.tuples());
  for (int i = 0; i < std::min(from.lease_delays_size(), kClassesMax); ++i) {
    if (i == to.lease_delays_size()) to.add_lease_delays(0);
    to.set_lease_delays(i, to.lease_delays(i) + from.lease_delays(i));
  }
}

}  // namespace

void LinkTotals::take(const Process& process, uint32_t incarnation, const proto::LinkSample& sample) {
  Source& source = sources_[process];
  if (incarnation < source.incarnation) return;
  if (incarnation > source.incarnation) {
    for (const auto& [pair, count] : source.now) add(count, source.ended[pair]);
    source.incarnation = incarnation;
  }
  source.now.clear();
  for (const proto::PairCount& count : sample.pairs()) {
    if (!containers_.contains(count.from_container()) || !containers_.contains(count.to_container())) continue;
    source.now[{count.from_container(), count.to_container()}] = count;
  }
}

std::map<LinkTotals::Pair, proto::PairCount> LinkTotals::totals() const {
  std::map<Pair, proto::PairCount> out;
  for (const auto& [process, source] : sources_) {
    for (const auto& [pair, count] : source.ended) add(count, out[pair]);
    for (const auto& [pair, count] : source.now) add(count, out[pair]);
  }
  return out;
}

}  // namespace petrel
