#include "storm-compat/conf/storm_conf.h"

#include <algorithm>
#include <set>

#include "native/base/escape.h"
#include "storm-compat/conf/storm_conf_data.h"

namespace petrel {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<StormConfKey> load_table() {
  std::vector<StormConfKey> table;
  for (std::string_view line : split(kStormConfTable, '\n')) {
    std::vector<std::string_view> cells = split(line, '\t');
    if (cells.size() != 4 || cells[0] == "key") continue;
    ConfTreatment treatment = ConfTreatment::kMapped;
    if (cells[2] == "no effect") treatment = ConfTreatment::kNoEffect;
    if (cells[2] == "refused") treatment = ConfTreatment::kRefused;
    table.push_back({std::string(cells[0]), treatment, std::string(cells[3]), std::string(cells[1])});
  }
  CHECK(std::is_sorted(table.begin(), table.end(), [](auto& a, auto& b) { return a.key < b.key; }));
  return table;
}

/// Keys of Config that a component may set for itself (Storm's Executor keeps exactly these).
const std::set<std::string_view>& component_keys() {
  static const std::set<std::string_view> keys{
      "topology.debug",
      "topology.max.spout.pending",
      "topology.max.task.parallelism",
      "topology.transactional.id",
      "topology.tick.tuple.freq.secs",
      "topology.sleep.spout.wait.strategy.time.ms",
      "topology.spout.wait.strategy",
      "topology.bolts.window.length.count",
      "topology.bolts.window.length.duration.ms",
      "topology.bolts.window.sliding.interval.count",
      "topology.bolts.window.sliding.interval.duration.ms",
      "topology.bolts.tuple.timestamp.max.lag.ms",
      "topology.bolts.message.id.field.name",
      "topology.state.provider",
      "topology.state.provider.config",
      "topology.bolts.late.tuple.stream",
  };
  return keys;
}

}  // namespace

const ConfMap& storm_defaults() {
  static const ConfMap defaults = [] {
    Result<ConfMap> parsed = parse_json_map(kStormDefaultsJson, "storm_defaults.json");
    CHECK(parsed.ok());
    return *parsed;
  }();
  return defaults;
}

std::span<const StormConfKey> storm_conf_table() {
  static const std::vector<StormConfKey> table = load_table();
  return table;
}

const StormConfKey* find_storm_key(std::string_view key) {
  std::span<const StormConfKey> table = storm_conf_table();
  auto it = std::lower_bound(table.begin(), table.end(), key,
                             [](const StormConfKey& row, std::string_view k) { return row.key < k; });
  return it != table.end() && it->key == key ? &*it : nullptr;
}

Result<ConfMap> parse_topology_conf(std::string_view json) {
  ASSIGN_OR_RETURN(ConfMap conf, parse_json_map(json, "topology conf"));
  RETURN_IF_ERROR(check_conf_types(conf, "topology conf"));
  return conf;
}

ConfMap component_conf(const ConfMap& topology_conf, const ConfMap& json_conf) {
  ConfMap out = topology_conf;
  for (const ConfEntry& entry : json_conf.entries()) {
    if (find_storm_key(entry.key) == nullptr || component_keys().contains(entry.key)) out.set(entry.key, entry.value);
  }
  return out;
}

std::vector<std::string> conf_warnings(const ConfMap& topology_conf) {
  std::vector<std::string> warnings;
  for (const ConfEntry& entry : topology_conf.entries()) {
    const StormConfKey* row = find_storm_key(entry.key);
    if (row == nullptr || row->treatment != ConfTreatment::kNoEffect || entry.value.is_null()) continue;
    const ConfValue* fallback = storm_defaults().find(entry.key);
    if (fallback != nullptr && *fallback == entry.value) continue;
    warnings.push_back(fmt::format("conf {} has no effect here: {}", entry.key, row->note));
  }
  return warnings;
}

}  // namespace petrel
