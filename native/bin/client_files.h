// client_files: the files that a user's main class needs to find this cluster: a storm.yaml with our Nimbus in it, and
// a log4j2 configuration for when the jar has none. Written below <home>/client when they differ from what is there.
#pragma once

#include <string>

#include "native/base/status.h"
#include "native/config/settings.h"

namespace petrel::cli {

struct ClientFiles {
  std::string directory;
  std::string storm_yaml;
};

Result<ClientFiles> write_client_files(const Settings& settings);

/// JSON, which is YAML: the cluster conf with nimbus.seeds and nimbus.thrift.port as this installation has them.
std::string client_storm_yaml(const Settings& settings);

}  // namespace petrel::cli
