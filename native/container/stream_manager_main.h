// `petrel stream-manager <spec file> --incarnation N`: the stream manager of a container as a process of its own.
//
// It needs the topology master only for news: plan and peers are also read from the state store and from what its
// predecessor wrote down, and it listens on its predecessor's port again when that is free. So a stream manager that is
// killed comes back by itself, also while topology master, Nimbus and agent are away.
#pragma once

#include <string>
#include <vector>

namespace petrel {

/// Runs until SIGTERM, or until agent and root have both been gone for kLeaseSeconds. Exit code 0; 1 when it cannot
/// listen; 2 for wrong arguments.
int stream_manager_main(const std::vector<std::string>& args);

}  // namespace petrel
