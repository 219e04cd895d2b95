#include "storm-compat/nimbus/nimbus_service.h"

#include "storm-compat/nimbus/authorise.h"
#include "storm-compat/nimbus/rpc_table.h"
#include "storm-compat/nimbus/thrift_errors.h"

namespace petrel {

void NimbusService::allow(const char* method, const std::string& topology) const {
  const RpcRow* row = find_rpc(method);
  CHECK(row != nullptr);
  throw_unless_ok(authorise(parts_.access, current_caller(), *row, topology));
}

void NimbusService::refuse(const char* method, const std::string& topology) const {
  allow(method, topology);
  throw_internal(refusal(method));
}

// --- submit and status ---
void NimbusService::beginFileUpload(std::string& out) {
  allow("beginFileUpload");
  out = submit_.begin_upload(owner_of(current_caller()));
}

void NimbusService::uploadChunk(const std::string& location, const std::string& chunk) {
  allow("uploadChunk");
  submit_.upload_chunk(location, owner_of(current_caller()), chunk);
}

void NimbusService::finishFileUpload(const std::string& location) {
  allow("finishFileUpload");
  submit_.finish_upload(location, owner_of(current_caller()));
}

bool NimbusService::isTopologyNameAllowed(const std::string& name) {
  allow("isTopologyNameAllowed", name);
  return submit_.is_name_allowed(name);
}

void NimbusService::submitTopology(const std::string& name, const std::string& location, const std::string& json_conf,
                                   const storm::StormTopology& topology) {
  allow("submitTopology", name);
  submit_.submit(name, location, json_conf, topology, nullptr, current_caller());
}

void NimbusService::submitTopologyWithOpts(const std::string& name, const std::string& location,
                                           const std::string& json_conf, const storm::StormTopology& topology,
                                           const storm::SubmitOptions& options) {
  allow("submitTopologyWithOpts", name);
  submit_.submit(name, location, json_conf, topology, &options, current_caller());
}

void NimbusService::killTopology(const std::string& name) {
  allow("killTopology", name);
  submit_.kill(name, nullptr);
}

void NimbusService::killTopologyWithOpts(const std::string& name, const storm::KillOptions& options) {
  allow("killTopologyWithOpts", name);
  submit_.kill(name, &options);
}

void NimbusService::activate(const std::string& name) {
  allow("activate", name);
  submit_.activate(name);
}

void NimbusService::deactivate(const std::string& name) {
  allow("deactivate", name);
  submit_.deactivate(name);
}

// --- looking ---

void NimbusService::getLeader(storm::NimbusSummary& out) {
  allow("getLeader");
  out = info_.leader();
}

void NimbusService::getClusterInfo(storm::ClusterSummary& out) {
  allow("getClusterInfo");
  out = info_.cluster();
}

void NimbusService::getTopologySummaries(std::vector<storm::TopologySummary>& out) {
  allow("getTopologySummaries");
  out = info_.summaries();
}

void NimbusService::getTopologySummary(storm::TopologySummary& out, const std::string& id) {
  allow("getTopologySummary", id);
  out = info_.summary_by_id(id);
}

void NimbusService::getTopologySummaryByName(storm::TopologySummary& out, const std::string& name) {
  allow("getTopologySummaryByName", name);
  out = info_.summary_by_name(name);
}

void NimbusService::getTopologyInfo(storm::TopologyInfo& out, const std::string& id) {
  allow("getTopologyInfo", id);
  out = info_.info_by_id(id, nullptr);
}

void NimbusService::getTopologyInfoByName(storm::TopologyInfo& out, const std::string& name) {
  allow("getTopologyInfoByName", name);
  out = info_.info_by_name(name, nullptr);
}

void NimbusService::getTopologyInfoWithOpts(storm::TopologyInfo& out, const std::string& id,
                                            const storm::GetInfoOptions& options) {
  allow("getTopologyInfoWithOpts", id);
  out = info_.info_by_id(id, &options);
}

void NimbusService::getTopologyInfoByNameWithOpts(storm::TopologyInfo& out, const std::string& name,
                                                  const storm::GetInfoOptions& options) {
  allow("getTopologyInfoByNameWithOpts", name);
  out = info_.info_by_name(name, &options);
}

void NimbusService::getTopologyConf(std::string& out, const std::string& id) {
  allow("getTopologyConf", id);
  out = info_.topology_conf(id);
}

void NimbusService::getTopology(storm::StormTopology& out, const std::string& id) {
  allow("getTopology", id);
  out = info_.topology(id);
}

void NimbusService::getUserTopology(storm::StormTopology& out, const std::string& id) {
  allow("getUserTopology", id);
  out = info_.user_topology(id);
}

void NimbusService::getNimbusConf(std::string& out) {
  allow("getNimbusConf");
  out = info_.nimbus_conf();
}

void NimbusService::getTopologyHistory(storm::TopologyHistoryInfo& out, const std::string& /*user*/) {
  allow("getTopologyHistory");
  out = info_.history();
}

void NimbusService::getLogConfig(storm::LogConfig& out, const std::string& id) {
  allow("getLogConfig", id);
  (void)info_.summary_by_id(id);  // throws when there is no such topology
  out = {};
}

void NimbusService::getComponentPendingProfileActions(std::vector<storm::ProfileRequest>& out, const std::string& id,
                                                      const std::string& /*component*/,
                                                      storm::ProfileAction::type /*action*/) {
  allow("getComponentPendingProfileActions", id);
  out.clear();
}

// --- blobs ---

void NimbusService::listBlobs(storm::ListBlobsResult& out, const std::string& session) {
  allow("listBlobs");
  out = blobs_.list(session);
}

void NimbusService::getBlobMeta(storm::ReadableBlobMeta& out, const std::string& key) {
  allow("getBlobMeta");
  out = blobs_.meta(key);
}

void NimbusService::setBlobMeta(const std::string& key, const storm::SettableBlobMeta& meta) {
  allow("setBlobMeta");
  blobs_.set_meta(key, meta);
}

void NimbusService::beginCreateBlob(std::string& out, const std::string& key, const storm::SettableBlobMeta& meta) {
  allow("beginCreateBlob");
  out = blobs_.begin_create(key, meta, owner_of(current_caller()));
}

void NimbusService::uploadBlobChunk(const std::string& session, const std::string& chunk) {
  allow("uploadBlobChunk");
  blobs_.upload_chunk(session, owner_of(current_caller()), chunk);
}

void NimbusService::finishBlobUpload(const std::string& session) {
  allow("finishBlobUpload");
  blobs_.finish(session, owner_of(current_caller()));
}

void NimbusService::cancelBlobUpload(const std::string& session) {
  allow("cancelBlobUpload");
  blobs_.cancel(session, owner_of(current_caller()));
}

void NimbusService::deleteBlob(const std::string& key) {
  allow("deleteBlob");
  blobs_.remove(key);
}

void NimbusService::beginBlobDownload(storm::BeginDownloadResult& out, const std::string& key) {
  allow("beginBlobDownload");
  out = blobs_.begin_download(key, owner_of(current_caller()));
}

void NimbusService::downloadBlobChunk(std::string& out, const std::string& session) {
  allow("downloadBlobChunk");
  out = blobs_.next_chunk(session, owner_of(current_caller()));
}

int32_t NimbusService::getBlobReplication(const std::string& key) {
  allow("getBlobReplication");
  return blobs_.replication(key);
}

int32_t NimbusService::updateBlobReplication(const std::string& key, int32_t /*replication*/) {
  allow("updateBlobReplication");
  return blobs_.replication(key);
}

bool NimbusService::isRemoteBlobExists(const std::string& key) {
  allow("isRemoteBlobExists");
  return blobs_.exists(key);
}

void NimbusService::createStateInZookeeper(const std::string& /*key*/) {
  allow("createStateInZookeeper");
}

// --- refused ---

void NimbusService::beginFileDownload(std::string&, const std::string&) {
  refuse("beginFileDownload");
}

void NimbusService::beginUpdateBlob(std::string&, const std::string&) {
  refuse("beginUpdateBlob");
}

void NimbusService::debug(const std::string& name, const std::string&, bool, double) {
  refuse("debug", name);
}

void NimbusService::downloadChunk(std::string&, const std::string&) {
  refuse("downloadChunk");
}

void NimbusService::getComponentPageInfo(storm::ComponentPageInfo&, const std::string& id, const std::string&,
                                         const std::string&, bool) {
  refuse("getComponentPageInfo", id);
}

void NimbusService::getOwnerResourceSummaries(std::vector<storm::OwnerResourceSummary>&, const std::string&) {
  refuse("getOwnerResourceSummaries");
}

void NimbusService::getSupervisorAssignments(storm::SupervisorAssignments&, const std::string&) {
  refuse("getSupervisorAssignments");
}

void NimbusService::getSupervisorPageInfo(storm::SupervisorPageInfo&, const std::string&, const std::string&, bool) {
  refuse("getSupervisorPageInfo");
}

void NimbusService::getTopologyPageInfo(storm::TopologyPageInfo&, const std::string& id, const std::string&, bool) {
  refuse("getTopologyPageInfo", id);
}

void NimbusService::processWorkerMetrics(const storm::WorkerMetrics&) {
  refuse("processWorkerMetrics");
}

void NimbusService::rebalance(const std::string& name, const storm::RebalanceOptions&) {
  refuse("rebalance", name);
}

void NimbusService::sendSupervisorWorkerHeartbeat(const storm::SupervisorWorkerHeartbeat&) {
  refuse("sendSupervisorWorkerHeartbeat");
}

void NimbusService::sendSupervisorWorkerHeartbeats(const storm::SupervisorWorkerHeartbeats&) {
  refuse("sendSupervisorWorkerHeartbeats");
}

void NimbusService::setLogConfig(const std::string& id, const storm::LogConfig&) {
  refuse("setLogConfig", id);
}

void NimbusService::setWorkerProfiler(const std::string& id, const storm::ProfileRequest&) {
  refuse("setWorkerProfiler", id);
}

void NimbusService::uploadNewCredentials(const std::string& name, const storm::Credentials&) {
  refuse("uploadNewCredentials", name);
}

}  // namespace petrel
