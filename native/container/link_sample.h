// LinkSample: what a process tells the topology master of the tuples that crossed.
#pragma once

#include <cstdint>
#include <map>

#include "native/links/route_table.h"
#include "native/stream_manager/stream_manager.h"
#include "proto/control.pb.h"

namespace petrel {

/// What the stream manager of `container` has sent: frames, sections and bytes, re-sent ones too; how late leases of
/// others came to it.
void add_sent(const StreamManagerCounters& counters, int32_t container, proto::LinkSample& sample);

/// What a host of `container` has taken: tuples by source slot (HostEndpoint::accepted_tuples), each once.
void add_accepted(const std::map<uint32_t, uint64_t>& tuples_by_slot, const RouteTable& routes, int32_t container,
                  proto::LinkSample& sample);

}  // namespace petrel
