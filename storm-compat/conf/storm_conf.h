// Storm's configuration as Nimbus and workers see it: defaults, normalisation at submit, component confs.
// Thread: pure functions over immutable data.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "native/base/status.h"
#include "native/config/conf_value.h"

namespace petrel {

/// defaults.yaml of storm-client 2.8.3, as data (storm_defaults.json).
const ConfMap& storm_defaults();

/// What Petrel does with a key of org.apache.storm.Config.
enum class ConfTreatment { kMapped, kNoEffect, kRefused };

struct StormConfKey {
  std::string key;
  ConfTreatment treatment;
  std::string note;  // what reads it, or why it has no effect or is refused
  std::string type;  // "", "bool", "int", "number", "string", "strings", "list", "map": what the validation expects
};
/// Every key that Config declares, sorted. From storm_conf_table.tsv.
std::span<const StormConfKey> storm_conf_table();
const StormConfKey* find_storm_key(std::string_view key);

/// The conf JSON of a submission: a JSON map (T3), keys of Config with values of the right type (T4). "null" and "" are
/// refused as Storm's server would stumble over them.
Result<ConfMap> parse_topology_conf(std::string_view json);
/// T4 over a map; `where` names it in errors ("topology conf", "conf of component 'x'").
Status check_conf_types(const ConfMap& conf, std::string_view where);

struct NormaliseInfo {
  std::string topology_id;
  std::string topology_name;
  std::string owner;
};
/// What Nimbus does at submit: defaults <- cluster <- topology, kryo registrations of all components merged into one
/// map, storm.id and names set, keys removed that Nimbus removes. `component_confs`: json_conf of the user's
/// components.
Result<ConfMap> normalise_conf(const ConfMap& cluster, const ConfMap& topology,
                               std::span<const ConfMap> component_confs, const NormaliseInfo& info);

/// The conf that prepare/open of a component gets: topology conf overlaid by its json_conf, of which keys of Config
/// count only when they are on Storm's whitelist.
ConfMap component_conf(const ConfMap& topology_conf, const ConfMap& json_conf);

/// Warnings for keys of the submitted conf that are accepted without effect.
std::vector<std::string> conf_warnings(const ConfMap& topology_conf);

}  // namespace petrel
