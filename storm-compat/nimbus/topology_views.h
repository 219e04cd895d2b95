// topology_views: a stored topology and the topology master's statistics, as the Thrift structs that Storm's tools
// read. Every executor of the plan is listed and has statistics (zeros while the master is silent), because tools unbox
// them without looking. Windows: "600", "10800", "86400", ":all-time". Thread: pure functions.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "native/topology/logical_plan.h"
#include "proto/control.pb.h"
#include "proto/state.pb.h"
#include "storm-compat/nimbus/topology_book.h"
#include "storm_types.h"  // generated

namespace petrel {

inline constexpr std::array<const char*, 4> kWindowKeys = {"600", "10800", "86400", ":all-time"};

storm::TopologySummary summary_of(const TopologyEntry& entry, int64_t now_ms);

enum class ErrorsWanted { kAll, kNone, kOne };
/// `stats` may be null (no answer). `errors`: newest first, any components.
storm::TopologyInfo info_of(const TopologyEntry& entry, const proto::StatsReply* stats,
                            const std::vector<proto::ErrorEntry>& errors, ErrorsWanted wanted, int64_t now_ms);

/// All four windows present in every map; `stats` may be null.
storm::ExecutorStats executor_stats_of(const Component& component, const proto::ExecutorStats* stats);

/// The user's topology with the components and streams that the plan adds (getTopology shows them).
Result<storm::StormTopology> system_topology_of(const LogicalPlan& plan, storm::StormTopology user);

/// A struct from the bytes that were stored for it. kCorrupt.
Result<storm::StormTopology> parse_topology(const std::string& bytes);
/// The bytes of a struct, TBinaryProtocol.
std::string print_topology(const storm::StormTopology& topology);

}  // namespace petrel
