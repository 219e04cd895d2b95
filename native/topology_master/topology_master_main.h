// `petrel topology-master <spec file>`.
#pragma once

#include <string>
#include <vector>

namespace petrel {

/// args: <spec file> [--incarnation N]. Runs until SIGTERM. Exit code 0; 1 when the plan cannot be loaded; 2 for wrong
/// arguments.
int topology_master_main(const std::vector<std::string>& args);

}  // namespace petrel
