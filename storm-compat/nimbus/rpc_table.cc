#include "storm-compat/nimbus/rpc_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "native/base/check.h"

namespace petrel {
namespace {

using enum RpcSupport;
using enum RpcAccess;

// Sorted by method; find_rpc() relies on it and the test checks it.
constexpr RpcRow kRows[] = {
    {"activate", kServed, kAdminTopology, "Starts the spouts of an INACTIVE topology; a KILLED one gives an error."},
    {"beginBlobDownload", kServed, kCluster,
     "Opens a download session for a stored blob; sessions expire after 10 minutes."},
    {"beginCreateBlob", kPartial, kSubmit,
     "Stores a new blob for its owner; the ACL is kept and shown, not enforced, because the plain transport has no "
     "users."},
    {"beginFileDownload", kRefused, kCluster,
     "files are fetched as blobs (beginBlobDownload); only Storm before 1.0 called this."},
    {"beginFileUpload", kServed, kSubmit, "Opens an upload and returns its token, which is not a path."},
    {"beginUpdateBlob", kRefused, kSubmit,
     "a blob does not change while topologies may use it; delete it and create it anew."},
    {"cancelBlobUpload", kServed, kSubmit, "Drops an unfinished blob."},
    {"createStateInZookeeper", kServed, kSubmit, "Accepted without effect: blobs have no ZooKeeper state here."},
    {"deactivate", kServed, kAdminTopology, "Stops the spouts of an ACTIVE topology; a KILLED one gives an error."},
    {"debug", kRefused, kAdminTopology,
     "event sampling is not available yet; set topology.debug when submitting to log every tuple."},
    {"deleteBlob", kServed, kSubmit, "Removes a blob; running topologies keep the copy they were submitted with."},
    {"downloadBlobChunk", kServed, kCluster, "The next part of a download, empty at the end."},
    {"downloadChunk", kRefused, kCluster, "files are fetched as blobs (downloadBlobChunk)."},
    {"finishBlobUpload", kServed, kSubmit, "Publishes a blob under its key."},
    {"finishFileUpload", kServed, kSubmit, "Closes an upload; only a finished one can be submitted."},
    {"getBlobMeta", kServed, kCluster, "Version and ACL of a blob, or KeyNotFoundException."},
    {"getBlobReplication", kPartial, kCluster, "Always 1: there is one artifact store."},
    {"getClusterInfo", kServed, kCluster, "This machine as one supervisor, all topologies, this Nimbus as leader."},
    {"getComponentPageInfo", kRefused, kReadTopology,
     "the pages of Storm's UI are not served yet; getTopologyInfo has the same statistics."},
    {"getComponentPendingProfileActions", kPartial, kReadTopology, "Always empty: there are no profiler actions."},
    {"getLeader", kServed, kCluster, "The configured Nimbus host and port, so that clients keep their connection."},
    {"getLogConfig", kPartial, kReadTopology, "Always empty: log levels are set in log4j2 configuration for now."},
    {"getNimbusConf", kServed, kCluster,
     "The cluster's configuration as JSON; values whose key names a secret are masked."},
    {"getOwnerResourceSummaries", kRefused, kCluster,
     "there are no owners to sum by while the transport has no users."},
    {"getSupervisorAssignments", kRefused, kCluster,
     "it is spoken between Storm's daemons; Petrel's containers get their work from the topology master."},
    {"getSupervisorPageInfo", kRefused, kCluster,
     "the pages of Storm's UI are not served yet; getClusterInfo lists the machine."},
    {"getTopology", kServed, kReadTopology, "The topology with Storm's system components and streams."},
    {"getTopologyConf", kServed, kReadTopology, "The merged configuration as JSON."},
    {"getTopologyHistory", kPartial, kCluster,
     "The ids of the topologies that exist; finished ones are not remembered."},
    {"getTopologyInfo", kServed, kReadTopology, "Executors with statistics in Storm's four windows, errors, status."},
    {"getTopologyInfoByName", kServed, kReadTopology, "As getTopologyInfo, by name."},
    {"getTopologyInfoByNameWithOpts", kServed, kReadTopology,
     "As getTopologyInfo, by name, with all, one or no errors per component."},
    {"getTopologyInfoWithOpts", kServed, kReadTopology,
     "As getTopologyInfo, with all, one or no errors per component."},
    {"getTopologyPageInfo", kRefused, kReadTopology,
     "the pages of Storm's UI are not served yet; getTopologyInfo has the same statistics."},
    {"getTopologySummaries", kServed, kCluster, "One line per topology: status, tasks, executors, workers, uptime."},
    {"getTopologySummary", kServed, kReadTopology, "The line of one topology, by id."},
    {"getTopologySummaryByName", kServed, kReadTopology, "The line of one topology, by name."},
    {"getUserTopology", kServed, kReadTopology, "The topology as it was submitted."},
    {"isRemoteBlobExists", kServed, kCluster, "Whether a blob of this key is stored."},
    {"isTopologyNameAllowed", kServed, kSubmit,
     "Whether the name is valid and free; a taken or invalid one gives false."},
    {"killTopology", kServed, kAdminTopology, "KILLED at once, removed after topology.message.timeout.secs."},
    {"killTopologyWithOpts", kServed, kAdminTopology,
     "KILLED at once, removed after wait_secs; a second kill replaces the wait."},
    {"listBlobs", kServed, kCluster, "Keys in name order, in parts."},
    {"processWorkerMetrics", kRefused, kCluster,
     "it is spoken between Storm's daemons; Petrel's hosts report to the topology master."},
    {"rebalance", kRefused, kAdminTopology,
     "a running topology is not repacked yet; kill it and submit it with other settings."},
    {"sendSupervisorWorkerHeartbeat", kRefused, kCluster,
     "it is spoken between Storm's daemons; Petrel's hosts report to the topology master."},
    {"sendSupervisorWorkerHeartbeats", kRefused, kCluster,
     "it is spoken between Storm's daemons; Petrel's hosts report to the topology master."},
    {"setBlobMeta", kPartial, kSubmit,
     "The ACL is kept and shown, not enforced, because the plain transport has no users."},
    {"setLogConfig", kRefused, kAdminTopology,
     "log levels of running workers cannot be changed yet; set topology.logging.config or a log4j2 file."},
    {"setWorkerProfiler", kRefused, kAdminTopology,
     "profiler actions are not available; use jcmd on the host process, whose pid `petrel status` shows."},
    {"submitTopology", kServed, kSubmit, "Validates, stores and launches; everything is on disk before the answer."},
    {"submitTopologyWithOpts", kPartial, kSubmit,
     "As submitTopology, with the initial status; credentials are refused."},
    {"updateBlobReplication", kPartial, kSubmit, "Answers 1: there is one artifact store."},
    {"uploadBlobChunk", kServed, kSubmit, "Appends to an unfinished blob."},
    {"uploadChunk", kServed, kSubmit, "Appends to an unfinished upload."},
    {"uploadNewCredentials", kRefused, kAdminTopology, "credentials are not handed to workers yet."},
};

}  // namespace

std::span<const RpcRow> rpc_table() {
  return kRows;
}

const RpcRow* find_rpc(std::string_view method) {
  const auto* row =
      std::lower_bound(std::begin(kRows), std::end(kRows), method,
                       [](const RpcRow& a, std::string_view b) { return std::string_view(a.method) < b; });
  return row != std::end(kRows) && row->method == method ? row : nullptr;
}

std::string refusal(std::string_view method) {
  const RpcRow* row = find_rpc(method);
  CHECK(row != nullptr && row->support == kRefused);
  return fmt::format("{} is not served: {}", row->method, row->sentence);
}

const char* to_string(RpcSupport support) {
  switch (support) {
    case kServed:
      return "served";
    case kPartial:
      return "partial";
    case kRefused:
      return "refused";
  }
  return "?";
}

std::string storm_compat_markdown() {
  std::string out =
      "# What a Storm client can call\n\n"
      "Printed by `petrel compat --markdown` from `storm-compat/nimbus/rpc_table.cc`; do not edit.\n\n"
      "Petrel's Nimbus speaks Storm's Thrift service: framed TBinaryProtocol, default port 6627, no SASL. Clients from "
      "Storm\n"
      "1.0 on encode the same fields; storm-client 2.8.3 is what the tests run. A refused method answers with\n"
      "`TApplicationException(INTERNAL_ERROR)` and the sentence; a method that is not listed with `UNKNOWN_METHOD`.\n\n"
      "| method | | what it does, or why not |\n|---|---|---|\n";
  for (const RpcRow& row : kRows)
    out += fmt::format("| `{}` | {} | {} |\n", row.method, to_string(row.support), row.sentence);
  size_t served = 0, partial = 0, refused = 0;
  for (const RpcRow& row : kRows) {
    served += row.support == kServed;
    partial += row.support == kPartial;
    refused += row.support == kRefused;
  }
  out += fmt::format("\n{} methods: {} served, {} partial, {} refused.\n", served + partial + refused, served, partial,
                     refused);
  return out;
}

}  // namespace petrel
