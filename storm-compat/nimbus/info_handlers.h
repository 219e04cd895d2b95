// InfoHandlers: everything that only looks. Thread: thread-safe.
#pragma once

#include <string>
#include <vector>

#include "storm-compat/nimbus/nimbus_parts.h"
#include "storm-compat/nimbus/topology_views.h"

namespace petrel {

class InfoHandlers {
 public:
  explicit InfoHandlers(NimbusParts& parts) : parts_(parts) {}

  storm::NimbusSummary leader() const;
  storm::ClusterSummary cluster() const;
  std::vector<storm::TopologySummary> summaries() const;
  storm::TopologySummary summary_by_id(const std::string& id) const;
  storm::TopologySummary summary_by_name(const std::string& name) const;
  /// `options` may be null: all errors.
  storm::TopologyInfo info_by_id(const std::string& id, const storm::GetInfoOptions* options) const;
  storm::TopologyInfo info_by_name(const std::string& name, const storm::GetInfoOptions* options) const;
  std::string topology_conf(const std::string& id) const;
  storm::StormTopology topology(const std::string& id) const;
  storm::StormTopology user_topology(const std::string& id) const;
  std::string nimbus_conf() const;
  storm::TopologyHistoryInfo history() const;

 private:
  TopologyPtr by_id(const std::string& id) const;      // throws NotAliveException
  TopologyPtr by_name(const std::string& name) const;  // throws NotAliveException
  storm::TopologyInfo info(const TopologyEntry& entry, const storm::GetInfoOptions* options) const;
  std::vector<proto::ErrorEntry> stored_errors(const TopologyEntry& entry) const;
  storm::SupervisorSummary machine() const;
  int32_t uptime_s() const;

  NimbusParts& parts_;
};

/// Values whose key names a secret become "*****"; maps and lists are searched too.
ConfMap mask_secrets(const ConfMap& conf);

/// "0.1.0 (storm 2.8.3)".
const char* nimbus_version();

}  // namespace petrel
