// daemon_verbs: the processes of a cluster. The root, or an agent, starts them; users need none of these.
#include <algorithm>

#include "native/base/log.h"
#include "native/bin/java_launch.h"
#include "native/bin/verbs.h"
#include "native/container/agent.h"
#include "native/container/root.h"
#include "native/container/stream_manager_main.h"
#include "native/topology_master/topology_master_main.h"
#include "storm-compat/nimbus/nimbus_main.h"

namespace petrel::cli {
namespace {

int run_nimbus(const Call& call) {
  configure_log(LogLevel::kInfo);
  Settings settings = call.settings;
  const auto environment = SettingsEnvironment::of_process().variable;
  const auto java = find_java_home(settings.java_home, environment);
  // Topologies can be accepted without a JDK; their hosts will say what is missing.
  if (java.ok()) settings.java_home = java->string();
  return nimbus_main(settings);
}

int run_root(const std::vector<std::string>& args) {
  configure_log(LogLevel::kInfo);
  return root_main(args);
}
int run_container(const std::vector<std::string>& args) {
  configure_log(LogLevel::kInfo);
  return container_main(args);
}
int run_stream_manager(const std::vector<std::string>& args) {
  configure_log(LogLevel::kInfo);
  return stream_manager_main(args);
}
int run_topology_master(const std::vector<std::string>& args) {
  configure_log(LogLevel::kInfo);
  return topology_master_main(args);
}

const Verb kVerbs[] = {
    {.name = "nimbus",
     .words = "",
     .summary = "the Nimbus daemon in the foreground (`up` starts and watches it)",
     .details = "",
     .flags = {},
     .run = run_nimbus},
    {.name = "root", .words = "", .summary = "", .details = "", .flags = {}, .run_raw = run_root},
    {.name = "container", .words = "", .summary = "", .details = "", .flags = {}, .run_raw = run_container},
    {.name = "stream-manager", .words = "", .summary = "", .details = "", .flags = {}, .run_raw = run_stream_manager},
    {.name = "topology-master", .words = "", .summary = "", .details = "", .flags = {}, .run_raw = run_topology_master},
};

}  // namespace

std::span<const Verb> daemon_verbs() {
  return kVerbs;
}

}  // namespace petrel::cli
