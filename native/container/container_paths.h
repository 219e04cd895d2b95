// The files of a cluster home and of one container, spelled once (docs/architecture.md, "Files of a cluster").
#pragma once

#include <string>

#include "native/base/status.h"
#include "proto/control.pb.h"

namespace petrel {

struct HomePaths {
  explicit HomePaths(std::string home_dir) : home(std::move(home_dir)) {}
  std::string home;
  std::string run() const { return home + "/run"; }
  std::string desired() const { return run() + "/desired"; }
  std::string containers() const { return run() + "/containers"; }
  std::string root_lock() const { return run() + "/root.lock"; }
  std::string root_pid() const { return run() + "/root.pid"; }
  std::string sessions() const { return run() + "/sessions"; }
  std::string nimbus_stem() const { return run() + "/nimbus"; }  // + .pid, .lock, .exit
  std::string logs() const { return home + "/logs"; }
};

/// Of one container; `run_dir` is run/containers/<topology id>/<container>, where the agent keeps the spec as
/// container.spec: this is the spec file that the processes of the container get.
struct ContainerPaths {
  std::string run_dir;
  std::string spec_file() const { return run_dir + "/container.spec"; }
  std::string agent_stem() const { return run_dir + "/agent"; }
  std::string agent_lock() const { return run_dir + "/agent.lock"; }
  std::string root_lock() const { return run_dir + "/../../../root.lock"; }
  /// <process>: process_name(); + .pid, .exit, .incarnation
  std::string process_stem(const std::string& process) const { return run_dir + "/" + process; }

  static ContainerPaths of(const HomePaths& home, const std::string& topology_id, int32_t container_id);
  /// What a restarted stream manager knows of its predecessor: its port and its peers.
  std::string stream_manager_memory() const { return run_dir + "/stream-manager.memory"; }
  /// From the path of container.spec.
  static ContainerPaths of_spec_file(const std::string& spec_file);
};

/// "topology-master", "jvm-host", "native-host", "stream-manager"; null for a kind that this petrel does not know.
const char* process_name(int kind);

/// The abstract Unix socket of the stream manager process of the container that this container.spec describes: one name
/// for each home, topology and container.
std::string data_socket_name(const std::string& spec_file);

/// Where stream managers of the container listen for other containers: the configured address, else loopback.
std::string listen_address(const proto::ContainerSpec& spec);

/// Directories that a spec implies.
struct SpecDirs {
  explicit SpecDirs(const proto::ContainerSpec& spec);
  std::string code;           // <local>/supervisor/stormdist/<id>
  std::string worker;         // <local>/workers/<worker id>: cwd of the host
  std::string pids;           // <worker>/pids
  std::string tmp;            // <worker>/tmp
  std::string topology_logs;  // <logs>/workers-artifacts/<id>
  std::string artifacts;      // <topology_logs>/<port>: worker.log ...
};

/// Reads and checks a spec file: ids that are one path component, sizes, port.
Result<proto::ContainerSpec> load_container_spec(const std::string& file);
Status check_container_spec(const proto::ContainerSpec& spec);

/// Exit file of a process: it writes "<code>\n" before it ends, so that an adopting agent learns the code.
Status write_exit_file(const std::string& stem, int code);

}  // namespace petrel
