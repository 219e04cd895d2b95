#include "storm-compat/nimbus/info_handlers.h"

#include <unistd.h>

#include <algorithm>

#include "native/base/log.h"
#include "storm-compat/conf/storm_conf.h"
#include "storm-compat/nimbus/thrift_errors.h"

namespace petrel {
namespace {

const Logger logger("nimbus");
constexpr int64_t kMaxTopologyBytes = int64_t{64} << 20;

bool names_secret(std::string_view key) {
  std::string lower(key);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const std::string_view word : {"password", "passwd", "secret", "payload", "token", "credential", "private"}) {
    if (lower.find(word) != std::string::npos) return true;
  }
  return false;
}

ConfValue mask_value(const ConfValue& value) {
  if (const ConfMap* map = value.as_map(); map != nullptr) return mask_secrets(*map);
  if (const ConfList* list = value.as_list(); list != nullptr) {
    ConfList masked;
    for (const ConfValue& item : *list) masked.push_back(mask_value(item));
    return masked;
  }
  return value;
}

}  // namespace

ConfMap mask_secrets(const ConfMap& conf) {
  ConfMap masked;
  for (const ConfEntry& entry : conf.entries()) {
    const bool hide = names_secret(entry.key) && entry.value.as_string() != nullptr;
    masked.set(entry.key, hide ? ConfValue("*****") : mask_value(entry.value));
  }
  return masked;
}

const char* nimbus_version() {
  return "0.1.0 (storm 2.8.3)";
}

int32_t InfoHandlers::uptime_s() const {
  return static_cast<int32_t>(std::max<int64_t>(0, parts_.clock.wall_ms() - parts_.started_ms) / 1000);
}

storm::NimbusSummary InfoHandlers::leader() const {
  storm::NimbusSummary out;
  out.host = local_host_name(parts_.settings);
  out.port = static_cast<int32_t>(parts_.settings.nimbus_port);
  out.uptime_secs = uptime_s();
  out.isLeader = true;
  out.version = nimbus_version();
  out.__set_tlsPort(0);
  return out;
}

storm::SupervisorSummary InfoHandlers::machine() const {
  storm::SupervisorSummary out;
  out.host = local_host_name(parts_.settings);
  out.supervisor_id = "petrel-" + out.host;
  out.uptime_secs = uptime_s();
  double used_mb = 0, used_cpu = 0;
  for (const TopologyPtr& entry : parts_.book.all()) {
    out.num_used_workers += entry->base.workers();
    if (entry->plan == nullptr) continue;
    for (const ContainerPlan& container : entry->plan->packing.containers) {
      used_mb += static_cast<double>(container.resources.memory_bytes) / (1 << 20);
      used_cpu += container.resources.cpu_percent;
    }
  }
  out.num_workers = std::max(static_cast<int32_t>(parts_.settings.slots_ports.size()), out.num_used_workers);
  out.__set_version(nimbus_version());
  const double memory_mb =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGE_SIZE)) / (1 << 20);
  const double cpu = 100.0 * static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN));
  out.__set_total_resources({{"memory.mb", memory_mb}, {"cpu.pcore.percent", cpu}});
  out.__set_used_mem(used_mb);
  out.__set_used_cpu(used_cpu);
  out.__set_fragmented_mem(0);
  out.__set_fragmented_cpu(0);
  out.__set_blacklisted(false);
  return out;
}

storm::ClusterSummary InfoHandlers::cluster() const {
  storm::ClusterSummary out;
  out.supervisors.push_back(machine());
  out.__set_nimbus_uptime_secs(uptime_s());
  out.topologies = summaries();
  out.nimbuses.push_back(leader());
  return out;
}

std::vector<storm::TopologySummary> InfoHandlers::summaries() const {
  std::vector<storm::TopologySummary> out;
  const int64_t now_ms = parts_.clock.wall_ms();
  for (const TopologyPtr& entry : parts_.book.all()) out.push_back(summary_of(*entry, now_ms));
  return out;
}

TopologyPtr InfoHandlers::by_id(const std::string& id) const {
  TopologyPtr entry = parts_.book.by_id(id);
  if (entry == nullptr) throw_not_alive(id);
  return entry;
}

TopologyPtr InfoHandlers::by_name(const std::string& name) const {
  TopologyPtr entry = parts_.book.by_name(name);
  if (entry == nullptr) throw_not_alive(name);
  return entry;
}

storm::TopologySummary InfoHandlers::summary_by_id(const std::string& id) const {
  return summary_of(*by_id(id), parts_.clock.wall_ms());
}

storm::TopologySummary InfoHandlers::summary_by_name(const std::string& name) const {
  return summary_of(*by_name(name), parts_.clock.wall_ms());
}

storm::TopologyInfo InfoHandlers::info_by_id(const std::string& id, const storm::GetInfoOptions* options) const {
  return info(*by_id(id), options);
}

storm::TopologyInfo InfoHandlers::info_by_name(const std::string& name, const storm::GetInfoOptions* options) const {
  return info(*by_name(name), options);
}

storm::TopologyInfo InfoHandlers::info(const TopologyEntry& entry, const storm::GetInfoOptions* options) const {
  ErrorsWanted wanted = ErrorsWanted::kAll;
  if (options != nullptr && options->__isset.num_err_choice) {
    if (options->num_err_choice == storm::NumErrorsChoice::NONE) wanted = ErrorsWanted::kNone;
    if (options->num_err_choice == storm::NumErrorsChoice::ONE) wanted = ErrorsWanted::kOne;
  }
  const Result<proto::StatsReply> stats = parts_.masters.stats(entry.base);
  std::vector<proto::ErrorEntry> errors;
  if (stats.ok()) {
    errors.assign(stats->errors().begin(), stats->errors().end());
  } else if (wanted != ErrorsWanted::kNone) {
    errors = stored_errors(entry);  // the master is silent: what it wrote down is still there
  }
  return info_of(entry, stats.ok() ? &*stats : nullptr, errors, wanted, parts_.clock.wall_ms());
}

std::vector<proto::ErrorEntry> InfoHandlers::stored_errors(const TopologyEntry& entry) const {
  std::vector<proto::ErrorEntry> out;
  const TopologyState state(parts_.store);
  const TopologyId id(entry.id());
  const Result<std::vector<std::string>> components = state.components_with_errors(id);
  if (!components.ok()) return out;
  for (const std::string& component : *components) {
    const auto errors = state.errors(id, component);
    if (errors.ok()) out.insert(out.end(), errors->value.errors().begin(), errors->value.errors().end());
  }
  return out;
}

std::string InfoHandlers::topology_conf(const std::string& id) const {
  const TopologyPtr entry = by_id(id);
  if (entry->conf == nullptr) throw_internal(entry->problem);
  return print_json(*entry->conf);
}

storm::StormTopology InfoHandlers::user_topology(const std::string& id) const {
  const TopologyPtr entry = by_id(id);
  const proto::Artifact* artifact = entry->artifact("topology.thrift");
  if (artifact == nullptr) throw_internal("the record of " + id + " names no topology.thrift");
  return value_or_throw(parse_topology(value_or_throw(parts_.artifacts.read(artifact->digest(), kMaxTopologyBytes))));
}

storm::StormTopology InfoHandlers::topology(const std::string& id) const {
  const TopologyPtr entry = by_id(id);
  if (entry->plan == nullptr) throw_internal(entry->problem);
  return value_or_throw(system_topology_of(entry->plan->logical, user_topology(id)));
}

std::string InfoHandlers::nimbus_conf() const {
  ConfMap conf = merge(storm_defaults(), parts_.settings.cluster_conf);
  conf.set("nimbus.seeds", ConfList{ConfValue(local_host_name(parts_.settings))});
  conf.set("nimbus.thrift.port", parts_.settings.nimbus_port);
  conf.set("storm.local.dir", parts_.settings.local_dir);
  conf.set("storm.log.dir", parts_.settings.log_dir);
  return print_json(mask_secrets(conf));
}

storm::TopologyHistoryInfo InfoHandlers::history() const {
  storm::TopologyHistoryInfo out;
  std::vector<std::string> ids;
  for (const TopologyPtr& entry : parts_.book.all()) ids.push_back(entry->id());
  out.__set_topo_ids(ids);
  return out;
}

}  // namespace petrel
