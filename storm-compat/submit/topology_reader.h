// From what a Storm client submits to a checked LogicalPlan.
//
// All rules of Storm are kept (and its sentences, where it has one); where Storm accepts something, so do we.
// Thread: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "native/base/status.h"
#include "native/config/conf_value.h"
#include "native/topology/logical_plan.h"
#include "storm_types.h"  // generated: StormTopology

namespace petrel {

/// T1: 1..200 bytes of UTF-8, none of / . : \ (Storm's rule) and no control character.
Status check_topology_name(std::string_view name);

struct SubmitInfo {
  std::string topology_id;  // <name>-<counter>-<epoch seconds>
  std::string topology_name;
  std::string owner;  // topology.submitter.user
};

struct ReadLimits {
  int64_t components = 10'000;
  int64_t streams = 200'000;    // of all user components; the same number again for inputs and for fields
  int64_t executors = 100'000;  // system components included, as for tasks
  int64_t tasks = 1'000'000;
  int64_t workers = 10'000;
  int64_t metrics_consumers = 100;
};

struct Submission {
  LogicalPlan plan;                   // system topology with task ids; json_conf normalised
  ConfMap conf;                       // merged and normalised: what getTopologyConf answers and workers get
  std::vector<std::string> warnings;  // accepted, but tell the user (cycles, keys without effect)
};

/// `cluster_conf`: Settings::cluster_conf (defaults are added here). `json_conf`: as the client sent it.
/// Errors: kMalformed or kLimit, to be sent as InvalidTopologyException with the message as it is.
/// Beyond Storm: serialised objects must start like a Java serialisation stream, so that garbage fails here and not in
/// a worker that restarts for ever.
Result<Submission> read_submission(const storm::StormTopology& topology, const ConfMap& cluster_conf,
                                   std::string_view json_conf, const SubmitInfo& info, const ReadLimits& limits = {});

}  // namespace petrel
