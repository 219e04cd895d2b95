// topology_settings: the keys of ours in the conf of a topology (`storm jar -c key=value`, Config.put, a component's
// addConfiguration). Their readers check the values; docs/config.md comes from this table.
#pragma once

#include <span>
#include <string>

namespace petrel {

struct TopologySetting {
  const char* key;
  const char* where;     // "topology" or "component"
  const char* fallback;  // "" for none
  const char* values;    // what it may be
  const char* doc;
};

std::span<const TopologySetting> topology_settings();

/// Its part of docs/config.md.
std::string topology_settings_markdown();

}  // namespace petrel
