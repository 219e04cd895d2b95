// The container agent, `petrel container <spec file>`: prepares Storm's directories, runs the processes of one
// container, restarts and adopts them. It holds agent.lock while it lives.
#pragma once

#include <string>
#include <vector>

namespace petrel {

/// args: <spec file>. Runs until SIGTERM or SIGINT (orderly end of the processes). Exit code 0 after an orderly end,
/// 1 when the container cannot be prepared (the root tries again), 2 for wrong arguments, 3 when another agent has the
/// lock.
int container_main(const std::vector<std::string>& args);

}  // namespace petrel
