// What Nimbus makes of a submitted conf. Each step names what it is for; the order is Nimbus's.
#include <algorithm>

#include "storm-compat/conf/storm_conf.h"

namespace petrel {
namespace {

constexpr char kKryoRegister[] = "topology.kryo.register";
constexpr char kKryoDecorators[] = "topology.kryo.decorators";
constexpr char kNettyAuth[] = "storm.messaging.netty.authentication";
constexpr char kWorkerTimeout[] = "topology.worker.timeout.secs";

const ConfValue& value_or_null(const ConfMap& conf, std::string_view key) {
  static const ConfValue null;
  const ConfValue* value = conf.find(key);
  return value == nullptr ? null : *value;
}

/// The topology's own value if it sets the key at all, else the cluster's.
const ConfValue& own_or_cluster(const ConfMap& topology, const ConfMap& cluster, std::string_view key) {
  return topology.contains(key) ? value_or_null(topology, key) : value_or_null(cluster, key);
}

void add_serializers(const ConfValue& registered, ConfMap* out) {
  if (const ConfMap* map = registered.as_map()) *out = merge(std::move(*out), *map);
  if (registered.as_list() == nullptr) return;
  for (const ConfValue& element : *registered.as_list()) {
    if (const std::string* name = element.as_string()) out->set(*name, ConfValue());
    if (const ConfMap* map = element.as_map()) *out = merge(std::move(*out), *map);
  }
}

void add_decorators(const ConfValue& decorators, ConfList* out) {
  if (decorators.as_list() == nullptr) return;
  for (const ConfValue& element : *decorators.as_list()) {
    if (std::find(out->begin(), out->end(), element) == out->end()) out->push_back(element);
  }
}

/// Serialisation must be the same in all tasks: what components register holds for the whole topology.
void merge_kryo(const ConfMap& cluster, const ConfMap& topology, std::span<const ConfMap> components, ConfMap* out) {
  ConfMap serializers;
  ConfList decorators;
  for (const ConfMap& component : components) {
    add_serializers(value_or_null(component, kKryoRegister), &serializers);
    add_decorators(value_or_null(component, kKryoDecorators), &decorators);
  }
  add_serializers(own_or_cluster(topology, cluster, kKryoRegister), &serializers);
  add_decorators(own_or_cluster(topology, cluster, kKryoDecorators), &decorators);
  out->set(kKryoRegister, std::move(serializers));
  out->set(kKryoDecorators, std::move(decorators));
}

Status cap_worker_timeout(const ConfMap& merged, ConfMap* out) {
  if (!merged.contains(kWorkerTimeout)) return Status();
  ASSIGN_OR_RETURN(int64_t wanted, merged.get_int(kWorkerTimeout, 0));
  ASSIGN_OR_RETURN(int64_t most, merged.get_int("worker.max.timeout.secs", INT32_MAX));
  if (wanted > most) out->set(kWorkerTimeout, most);
  return Status();
}

/// Keys that only the cluster may set: the topology's value gives way.
void take_from_cluster(const ConfMap& cluster, ConfMap* out) {
  for (const char* key : {"storm.cgroup.hierarchy.dir", "worker.metrics", "storm.zookeeper.superACL"}) {
    out->set(key, value_or_null(cluster, key));
  }
  bool topology_auth = false;
  bool cluster_auth = false;
  if (const bool* b = value_or_null(*out, kNettyAuth).as_bool()) topology_auth = *b;
  if (const bool* b = value_or_null(cluster, kNettyAuth).as_bool()) cluster_auth = *b;
  out->set(kNettyAuth, topology_auth || cluster_auth);
}

Status set_identity(const NormaliseInfo& info, ConfMap* out) {
  out->set("storm.id", info.topology_id);
  out->set("topology.name", info.topology_name);
  out->set("topology.submitter.principal", "");
  out->set("topology.submitter.user", info.owner);
  ASSIGN_OR_RETURN(std::vector<std::string> users, out->get_strings("topology.users"));
  ConfList list;
  for (std::string& user : users) {
    ConfValue value(std::move(user));
    if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(std::move(value));
  }
  out->set("topology.users", std::move(list));
  return Status();
}

Status remove_what_nimbus_removes(const ConfMap& cluster, ConfMap* out) {
  ASSIGN_OR_RETURN(std::string scheme, cluster.get_string("storm.zookeeper.auth.scheme", ""));
  if (scheme.empty()) {
    out->erase("storm.zookeeper.topology.auth.scheme");
    out->erase("storm.zookeeper.topology.auth.payload");
  }
  ASSIGN_OR_RETURN(bool beginning, cluster.get_bool("storm.topology.classpath.beginning.enabled", false));
  if (!beginning) out->erase("topology.classpath.beginning");
  out->erase("storm.workers.artifacts.dir");
  out->erase("storm.local.hostname");
  return Status();
}

}  // namespace

Result<ConfMap> normalise_conf(const ConfMap& cluster_conf, const ConfMap& topology,
                               std::span<const ConfMap> component_confs, const NormaliseInfo& info) {
  ConfMap cluster = merge(storm_defaults(), cluster_conf);
  ConfMap merged = merge(cluster, topology);
  ConfMap out = topology;
  RETURN_IF_ERROR(set_identity(info, &out));
  merge_kryo(cluster, topology, component_confs, &out);
  for (const char* key :
       {"topology.acker.executors", "topology.eventlogger.executors", "topology.max.task.parallelism"}) {
    out.set(key, value_or_null(merged, key));
  }
  take_from_cluster(cluster, &out);
  RETURN_IF_ERROR(cap_worker_timeout(merged, &out));
  RETURN_IF_ERROR(remove_what_nimbus_removes(cluster, &out));
  return merge(std::move(cluster), out);
}

}  // namespace petrel
