// NimbusService: Storm's Nimbus interface. Each method is one line: authorise, then the handler of its group. What it
// does with each method, and why some are refused, is in rpc_table.cc. Thread: called on the server's worker threads,
// several at a time; the parts are thread-safe.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "Nimbus.h"  // generated
#include "storm-compat/nimbus/blob_handlers.h"
#include "storm-compat/nimbus/info_handlers.h"
#include "storm-compat/nimbus/nimbus_parts.h"
#include "storm-compat/nimbus/submit_handlers.h"

namespace petrel {

class NimbusService : public storm::NimbusIf {
 public:
  explicit NimbusService(NimbusParts& parts) : parts_(parts), submit_(parts), info_(parts), blobs_(parts) {}

  // Submit and status.
  void beginFileUpload(std::string& out) override;
  void uploadChunk(const std::string& location, const std::string& chunk) override;
  void finishFileUpload(const std::string& location) override;
  bool isTopologyNameAllowed(const std::string& name) override;
  void submitTopology(const std::string& name, const std::string& location, const std::string& json_conf,
                      const storm::StormTopology& topology) override;
  void submitTopologyWithOpts(const std::string& name, const std::string& location, const std::string& json_conf,
                              const storm::StormTopology& topology, const storm::SubmitOptions& options) override;
  void killTopology(const std::string& name) override;
  void killTopologyWithOpts(const std::string& name, const storm::KillOptions& options) override;
  void activate(const std::string& name) override;
  void deactivate(const std::string& name) override;

  // Looking.
  void getLeader(storm::NimbusSummary& out) override;
  void getClusterInfo(storm::ClusterSummary& out) override;
  void getTopologySummaries(std::vector<storm::TopologySummary>& out) override;
  void getTopologySummary(storm::TopologySummary& out, const std::string& id) override;
  void getTopologySummaryByName(storm::TopologySummary& out, const std::string& name) override;
  void getTopologyInfo(storm::TopologyInfo& out, const std::string& id) override;
  void getTopologyInfoByName(storm::TopologyInfo& out, const std::string& name) override;
  void getTopologyInfoWithOpts(storm::TopologyInfo& out, const std::string& id,
                               const storm::GetInfoOptions& options) override;
  void getTopologyInfoByNameWithOpts(storm::TopologyInfo& out, const std::string& name,
                                     const storm::GetInfoOptions& options) override;
  void getTopologyConf(std::string& out, const std::string& id) override;
  void getTopology(storm::StormTopology& out, const std::string& id) override;
  void getUserTopology(storm::StormTopology& out, const std::string& id) override;
  void getNimbusConf(std::string& out) override;
  void getTopologyHistory(storm::TopologyHistoryInfo& out, const std::string& user) override;
  void getLogConfig(storm::LogConfig& out, const std::string& id) override;
  void getComponentPendingProfileActions(std::vector<storm::ProfileRequest>& out, const std::string& id,
                                         const std::string& component, storm::ProfileAction::type action) override;

  // Blobs.
  void listBlobs(storm::ListBlobsResult& out, const std::string& session) override;
  void getBlobMeta(storm::ReadableBlobMeta& out, const std::string& key) override;
  void setBlobMeta(const std::string& key, const storm::SettableBlobMeta& meta) override;
  void beginCreateBlob(std::string& out, const std::string& key, const storm::SettableBlobMeta& meta) override;
  void uploadBlobChunk(const std::string& session, const std::string& chunk) override;
  void finishBlobUpload(const std::string& session) override;
  void cancelBlobUpload(const std::string& session) override;
  void deleteBlob(const std::string& key) override;
  void beginBlobDownload(storm::BeginDownloadResult& out, const std::string& key) override;
  void downloadBlobChunk(std::string& out, const std::string& session) override;
  int32_t getBlobReplication(const std::string& key) override;
  int32_t updateBlobReplication(const std::string& key, int32_t replication) override;
  bool isRemoteBlobExists(const std::string& key) override;
  void createStateInZookeeper(const std::string& key) override;

  // Refused.
  void beginFileDownload(std::string& out, const std::string& file) override;
  void beginUpdateBlob(std::string& out, const std::string& key) override;
  void debug(const std::string& name, const std::string& component, bool enable, double percentage) override;
  void downloadChunk(std::string& out, const std::string& id) override;
  void getComponentPageInfo(storm::ComponentPageInfo& out, const std::string& id, const std::string& component,
                            const std::string& window, bool system) override;
  void getOwnerResourceSummaries(std::vector<storm::OwnerResourceSummary>& out, const std::string& owner) override;
  void getSupervisorAssignments(storm::SupervisorAssignments& out, const std::string& node) override;
  void getSupervisorPageInfo(storm::SupervisorPageInfo& out, const std::string& id, const std::string& host,
                             bool system) override;
  void getTopologyPageInfo(storm::TopologyPageInfo& out, const std::string& id, const std::string& window,
                           bool system) override;
  void processWorkerMetrics(const storm::WorkerMetrics& metrics) override;
  void rebalance(const std::string& name, const storm::RebalanceOptions& options) override;
  void sendSupervisorWorkerHeartbeat(const storm::SupervisorWorkerHeartbeat& heartbeat) override;
  void sendSupervisorWorkerHeartbeats(const storm::SupervisorWorkerHeartbeats& heartbeats) override;
  void setLogConfig(const std::string& id, const storm::LogConfig& config) override;
  void setWorkerProfiler(const std::string& id, const storm::ProfileRequest& request) override;
  void uploadNewCredentials(const std::string& name, const storm::Credentials& credentials) override;

 private:
  /// Throws AuthorizationException unless the caller of this thread may make the call.
  void allow(const char* method, const std::string& topology = "") const;
  /// Authorises, then throws the sentence of the table.
  [[noreturn]] void refuse(const char* method, const std::string& topology = "") const;

  NimbusParts& parts_;
  SubmitHandlers submit_;
  InfoHandlers info_;
  BlobHandlers blobs_;
};

}  // namespace petrel
