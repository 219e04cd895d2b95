#include "native/container/link_sample.h"

namespace petrel {
namespace {

proto::PairCount& pair_of(proto::LinkSample& sample, int32_t from, int32_t to) {
  for (proto::PairCount& pair : *sample.mutable_pairs()) {
    if (pair.from_container() == from && pair.to_container() == to) return pair;
  }
  proto::PairCount& pair = *sample.add_pairs();
  pair.set_from_container(from);
  pair.set_to_container(to);
  return pair;
}

}  // namespace

void add_sent(const StreamManagerCounters& counters, int32_t container, proto::LinkSample& sample) {
  for (const auto& [ends, count] : counters.pairs) {
    proto::PairCount& pair = pair_of(sample, ends.first, ends.second);
    pair.set_frames(pair.frames() + count.frames);
    pair.set_sections(pair.sections() + count.sections);
    pair.set_bytes(pair.bytes() + count.bytes);
  }
  for (const auto& [from, counts] : counters.lease_delays) {
    pair_of(sample, from, container).mutable_lease_delays()->Assign(counts.begin(), counts.end());
  }
}

void add_accepted(const std::map<uint32_t, uint64_t>& tuples_by_slot, const RouteTable& routes, int32_t container,
                  proto::LinkSample& sample) {
  for (const auto& [slot, tuples] : tuples_by_slot) {
    const HostPlace* place = routes.host(slot);
    if (place == nullptr) continue;
    proto::PairCount& pair = pair_of(sample, place->container, container);
    pair.set_tuples(pair.tuples() + tuples);
  }
}

}  // namespace petrel
