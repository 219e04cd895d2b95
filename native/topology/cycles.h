// Cycles of a topology: allowed, as in Storm, but the user is told.
#pragma once

#include <string>
#include <vector>

#include "native/topology/logical_plan.h"

namespace petrel {

/// The strongly connected groups of components that read from each other in a circle (or from themselves), each sorted.
/// Inputs from and of system components do not count.
std::vector<std::vector<std::string>> find_cycles(const LogicalPlan& plan);

}  // namespace petrel
