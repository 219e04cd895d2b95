// What lies on the disk before a container's processes start: code directory, worker directory, log directories, as
// Storm lays them out.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "native/artifacts/artifact_source.h"
#include "native/base/clock.h"
#include "native/base/status.h"
#include "native/container/container_paths.h"

namespace petrel {

/// Creates everything that is missing; may be repeated, and by several containers of one topology at once: the code
/// directory is made aside and appears whole.
Status prepare_container(const proto::ContainerSpec& spec, ArtifactSource& source);

/// Removes the worker directory, and the code directory when `last_of_topology`. Logs stay.
Status remove_container_files(const proto::ContainerSpec& spec, bool last_of_topology);

/// The few keys of stormconf.json that an agent or a stream manager needs; defaults when the file or a key is missing
/// or of another type.
struct ContainerConf {
  Nanos shutdown_grace = Seconds(3);     // supervisor.worker.shutdown.sleep.secs, 0..60
  std::vector<std::string> environment;  // topology.environment, "K=V"
  size_t stream_manager_loops = 0;       // petrel.stream.manager.loops, 1..64; 0: by the cores
};
ContainerConf read_container_conf(const std::string& code_dir);

}  // namespace petrel
