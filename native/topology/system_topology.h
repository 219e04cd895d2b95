// Step 2 of reading a submission: the components, streams and inputs that Storm adds to every topology.
#pragma once

#include "native/base/status.h"
#include "native/config/conf_value.h"
#include "native/topology/logical_plan.h"

namespace petrel {

/// Adds __acker, __eventlogger (when asked for), one __metrics_<class> per registered consumer and __system, their
/// streams and inputs, and the streams that every component gets. `conf` is the merged topology conf.
/// The user's components must be there with executors, tasks and json_conf set. Does not assign task ids.
/// Errors: conf values of the wrong type.
Status add_system_components(LogicalPlan& plan, const ConfMap& conf);

}  // namespace petrel
