// Submission: from the arguments of submitTopology to everything that a launch needs: checked plans, stored artifacts
// and one ContainerSpec per container. Nothing is recorded in the state store here (topology_book.h does that). Errors:
// kMalformed is the user's (InvalidTopologyException); others are ours. Thread: thread-safe; reads settings, writes
// artifacts only.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "native/artifacts/artifact_store.h"
#include "native/base/clock.h"
#include "native/config/settings.h"
#include "native/packing/packing.h"
#include "native/packing/physical_plan.h"
#include "proto/state.pb.h"
#include "storm-compat/nimbus/blob_store.h"
#include "storm_types.h"  // generated

namespace petrel {

struct SubmitRequest {
  std::string topology_id;
  std::string name;
  std::string owner;
  std::filesystem::path jar;  // a finished upload
  std::string_view json_conf;
  const storm::StormTopology* topology = nullptr;
  std::string_view raw_topology;  // the bytes it was read from
  bool active = true;             // the initial status
  std::vector<Slot> slots;        // free ones
};

struct PreparedTopology {
  proto::TopologyBase base;  // complete, with specs
  std::shared_ptr<const PhysicalPlan> plan;
  std::shared_ptr<const ConfMap> conf;
};

class SubmissionBuilder {
 public:
  SubmissionBuilder(const Settings& settings, const ArtifactStore& artifacts, const BlobStore& blobs, Clock& clock,
                    std::function<std::string(size_t)> random_bytes)
      : settings_(settings),
        artifacts_(artifacts),
        blobs_(blobs),
        clock_(clock),
        random_bytes_(std::move(random_bytes)) {}

  Result<PreparedTopology> prepare(const SubmitRequest& request) const;

 private:
  Result<std::vector<proto::Artifact>> store_artifacts(const SubmitRequest& request, const ConfMap& conf) const;
  Status add_blob(const std::string& key, const std::string& why, std::vector<proto::Artifact>& artifacts) const;
  std::vector<proto::ContainerSpec> make_specs(const SubmitRequest& request, const PhysicalPlan& plan,
                                               const std::vector<proto::Artifact>& artifacts,
                                               const std::string& secret) const;

  const Settings& settings_;
  const ArtifactStore& artifacts_;
  const BlobStore& blobs_;
  Clock& clock_;
  const std::function<std::string(size_t)> random_bytes_;
};

/// The name under which this machine is known to clients and in plans: storm.local.hostname, else the Nimbus host, else
/// (when that is a wildcard) the machine's own name.
std::string local_host_name(const Settings& settings);

/// Slots of this machine that no topology has. Ports are labels (log folders, pages): when supervisor.slots.ports are
/// used up, the next numbers follow, because a machine with one container per topology has no reason to refuse the
/// fifth topology.
std::vector<Slot> free_slots(const Settings& settings, const std::vector<proto::ContainerSpec>& used, size_t at_least);

/// A random UUID, version 4, from 16 random bytes.
std::string uuid_of(std::string bytes);

}  // namespace petrel
