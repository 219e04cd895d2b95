// nimbus_access: calls from the command line to Nimbus, and how their results are printed.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "native/bin/verbs.h"
#include "storm-compat/thrift/nimbus_client.h"
#include "storm_types.h"  // generated

namespace petrel::cli {

/// Where the settings say Nimbus is: nimbus.seeds of the cluster conf, else the Nimbus host.
std::vector<NimbusEndpoint> nimbus_seeds(const Settings& settings);

/// One connection, one body. kUnavailable says where it looked and how to start a cluster.
Status with_nimbus(const Call& call, const std::function<void(storm::NimbusClient&)>& body);

/// Prints the error; under the name `storm` in the form of Storm's client, `NotAliveException(msg:...)`. Returns 1.
int fail_like_storm(const Call& call, const Status& status);

/// The table of `storm list`, ready to print.
std::string topologies_table(const std::vector<storm::TopologySummary>& topologies);

}  // namespace petrel::cli
