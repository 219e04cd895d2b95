#include "native/bin/nimbus_access.h"

#include <fmt/format.h>

#include "Nimbus.h"  // generated

namespace petrel::cli {

std::vector<NimbusEndpoint> nimbus_seeds(const Settings& settings) {
  const auto port = static_cast<uint16_t>(settings.nimbus_port);
  std::vector<NimbusEndpoint> seeds;
  if (!settings.cluster_conf.contains("nimbus.host")) {
    const Result<std::vector<std::string>> hosts = settings.cluster_conf.get_strings("nimbus.seeds");
    if (hosts.ok()) {
      for (const std::string& host : *hosts) seeds.push_back({host, port});
    }
  }
  if (seeds.empty()) seeds.push_back({settings.nimbus_host, port});
  for (NimbusEndpoint& seed : seeds) {
    if (seed.host == "0.0.0.0" || seed.host == "::") seed.host = "localhost";
  }
  return seeds;
}

Status with_nimbus(const Call& call, const std::function<void(storm::NimbusClient&)>& body) {
  const std::vector<NimbusEndpoint> seeds = nimbus_seeds(call.settings);
  const Result<std::unique_ptr<NimbusClient>> client = NimbusClient::connect(seeds);
  if (!client.ok()) {
    return Status::error(StatusCode::kUnavailable, "no Nimbus at {}:{} ({}); `petrel up` starts one here",
                         seeds[0].host, seeds[0].port, client.status().message());
  }
  return (*client)->call(body);
}

int fail_like_storm(const Call& call, const Status& status) {
  const char* exception = nullptr;
  switch (status.code()) {
    case StatusCode::kNotFound:
      exception = "NotAliveException";
      break;
    case StatusCode::kAlreadyExists:
      exception = "AlreadyAliveException";
      break;
    case StatusCode::kMalformed:
      exception = "InvalidTopologyException";
      break;
    case StatusCode::kDenied:
      exception = "AuthorizationException";
      break;
    default:
      break;
  }
  if (!call.as_storm() || exception == nullptr) return fail(call, status);
  fmt::print(stderr, "Exception in thread \"main\" {}(msg:{})\n", exception, status.message());
  return 1;
}

std::string topologies_table(const std::vector<storm::TopologySummary>& topologies) {
  if (topologies.empty()) return "No topologies running.\n";
  constexpr const char* kRow = "{:<20} {:<10} {:<10} {:<12} {:<12} {:<20} {:<20}\n";
  std::string out = fmt::format(fmt::runtime(kRow), "Topology_name", "Status", "Num_tasks", "Num_workers",
                                "Uptime_secs", "Topology_Id", "Owner");
  out += std::string(88, '-') + "\n";
  for (const storm::TopologySummary& topology : topologies) {
    out += fmt::format(fmt::runtime(kRow), topology.name, topology.status, topology.num_tasks, topology.num_workers,
                       topology.uptime_secs, topology.id, topology.owner);
  }
  return out;
}

}  // namespace petrel::cli
