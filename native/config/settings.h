// Settings: what a Petrel process of this machine is told, from petrel.yaml and from a storm.yaml where Storm looks.
//
// Later wins: defaults; storm.yaml ($STORM_CONF_DIR, else $STORM_HOME/conf, else ~/.storm; all three would be read by
// different Storm commands, the first that exists is taken); petrel.yaml ($PETREL_CONF, else $PETREL_HOME/petrel.yaml,
// else ./petrel.yaml); -c key=value. Every option is a row of settings_options() (option.h).
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "native/base/status.h"
#include "native/config/conf_value.h"

namespace petrel {

struct Settings {
  std::string home;                  // petrel.home
  std::string nimbus_host;           // where Nimbus listens and what getLeader answers
  int64_t nimbus_port = 0;           // nimbus.thrift.port
  bool nimbus_allow_remote = false;  // other machines may call; nobody proves who they are
  int64_t nimbus_max_frame_bytes = 0;
  int64_t nimbus_max_connections = 0;
  int64_t upload_expiry_s = 0;       // nimbus.file.copy.expiration.secs
  int64_t upload_max_bytes = 0;      // of one jar
  int64_t upload_quota_bytes = 0;    // of all unfinished uploads together
  std::vector<int64_t> slots_ports;  // supervisor.slots.ports
  std::string java_home;             // empty: JAVA_HOME, else the newest JDK from 17 up
  std::string java_dir;              // empty: beside the binary
  std::string local_dir;             // storm.local.dir; default <home>/local
  std::string log_dir;               // storm.log.dir; default <home>/logs
  int64_t worker_shutdown_sleep_s = 0;
  std::string bind_address;  // petrel.bind.address: where stream managers listen for other containers

  /// storm.yaml, petrel.yaml and -c together, without defaults: what Storm calls the cluster conf.
  ConfMap cluster_conf;
  /// Files that were read, in order.
  std::vector<std::string> sources;
};

/// Where settings come from; tests replace it. `variable` answers nullopt for an unset variable.
struct SettingsEnvironment {
  std::function<std::optional<std::string>(const std::string& variable)> variable;
  std::string working_dir = ".";
  static SettingsEnvironment of_process();
};

/// `overrides`: -c key=value, values as JSON when they are JSON, else strings. `home`: --home, when given.
/// Errors name file, key, value, expected type and bounds.
Result<Settings> load_settings(const SettingsEnvironment& environment,
                               const std::vector<std::pair<std::string, std::string>>& overrides = {},
                               const std::string& home = "");

/// docs/config.md, generated from the table of options.
std::string settings_markdown();

}  // namespace petrel
