#include "storm-compat/nimbus/submission.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <span>

#include "native/base/escape.h"
#include "storm-compat/nimbus/jar_check.h"
#include "storm-compat/submit/topology_reader.h"

namespace petrel {
namespace {

proto::Artifact artifact_of(const std::string& name, const StoredArtifact& stored) {
  proto::Artifact artifact;
  artifact.set_name(name);
  artifact.set_digest(stored.digest);
  artifact.set_bytes(stored.bytes);
  return artifact;
}

/// By the algorithm that `petrel.packing` of the topology conf names.
Result<PackingPlan> pack(const Submission& submission, std::span<const Slot> slots) {
  ASSIGN_OR_RETURN(const std::string name, submission.conf.get_string("petrel.packing", "round_robin"));
  if (const PackingRow* row = find_packing(name); row != nullptr) {
    return row->pack(submission.plan, submission.conf, slots);
  }
  std::string known;
  for (const PackingRow& row : packing_registry()) known += fmt::format("{}{}", known.empty() ? "" : ", ", row.name);
  return Status::malformed("conf petrel.packing = '{}'; there are: {}", escape(name), known);
}

}  // namespace

std::string local_host_name(const Settings& settings) {
  const Result<std::string> named = settings.cluster_conf.get_string("storm.local.hostname", "");
  if (named.ok() && !named->empty()) return *named;
  const std::string& host = settings.nimbus_host;
  if (!host.empty() && host != "0.0.0.0" && host != "::") return host;
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

std::vector<Slot> free_slots(const Settings& settings, const std::vector<proto::ContainerSpec>& used, size_t at_least) {
  std::set<int64_t> taken;
  for (const proto::ContainerSpec& spec : used) taken.insert(spec.port());
  const std::string host = local_host_name(settings);
  std::vector<Slot> slots;
  int64_t next = 6700;
  for (const int64_t port : settings.slots_ports) {
    if (!taken.contains(port)) slots.push_back({host, static_cast<int32_t>(port)});
    next = std::max(next, port + 1);
  }
  for (; slots.size() < at_least && next <= 65535; ++next) {
    if (!taken.contains(next)) slots.push_back({host, static_cast<int32_t>(next)});
  }
  return slots;
}

std::string uuid_of(std::string bytes) {
  CHECK(bytes.size() == 16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  const std::string hex = to_hex(bytes);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}

Result<PreparedTopology> SubmissionBuilder::prepare(const SubmitRequest& request) const {
  RETURN_IF_ERROR(check_jar(request.jar).status());
  const SubmitInfo info{request.topology_id, request.name, request.owner};
  ASSIGN_OR_RETURN(Submission read,
                   read_submission(*request.topology, settings_.cluster_conf, request.json_conf, info));
  PhysicalPlan plan;
  ASSIGN_OR_RETURN(plan.packing, pack(read, request.slots));
  plan.logical = std::move(read.plan);
  plan.status = request.active ? TopologyStatus::kActive : TopologyStatus::kInactive;
  ASSIGN_OR_RETURN(const std::vector<proto::Artifact> artifacts, store_artifacts(request, read.conf));

  PreparedTopology prepared;
  proto::TopologyBase& base = prepared.base;
  base.set_topology_id(request.topology_id);
  base.set_name(request.name);
  base.set_owner(request.owner);
  base.set_status(request.active ? proto::STATUS_ACTIVE : proto::STATUS_INACTIVE);
  base.set_submitted_ms(clock_.wall_ms());
  base.set_secret(random_bytes_(32));
  base.mutable_artifacts()->Assign(artifacts.begin(), artifacts.end());
  base.mutable_warnings()->Assign(read.warnings.begin(), read.warnings.end());
  for (proto::ContainerSpec& spec : make_specs(request, plan, artifacts, base.secret()))
    *base.add_specs() = std::move(spec);
  base.set_workers(static_cast<int32_t>(plan.packing.containers.size()));
  ASSIGN_OR_RETURN(const int64_t workers_asked, read.conf.get_int("topology.workers", 1));
  if (workers_asked > base.workers() && static_cast<size_t>(base.workers()) == request.slots.size()) {
    base.add_warnings(
        fmt::format("topology.workers = {}: only {} slot(s) were free, so it runs in {} worker(s); add ports to "
                    "supervisor.slots.ports",
                    workers_asked, request.slots.size(), base.workers()));
  }
  int32_t executors = 0;
  for (const ContainerPlan& container : plan.packing.containers)
    executors += static_cast<int32_t>(container.executors.size());
  base.set_executors(executors);
  base.set_tasks(static_cast<int32_t>(plan.logical.total_tasks()));
  base.set_storm_version(request.topology->storm_version);
  prepared.plan = std::make_shared<const PhysicalPlan>(std::move(plan));
  prepared.conf = std::make_shared<const ConfMap>(std::move(read.conf));
  return prepared;
}

Result<std::vector<proto::Artifact>> SubmissionBuilder::store_artifacts(const SubmitRequest& request,
                                                                        const ConfMap& conf) const {
  std::vector<proto::Artifact> artifacts;
  // Names first: a submission that names a missing blob must not cost a copy of the jar.
  for (const std::string& key : request.topology->dependency_jars) {
    RETURN_IF_ERROR(add_blob(key, "dependency jar", artifacts));
  }
  for (const std::string& key : request.topology->dependency_artifacts) {
    RETURN_IF_ERROR(add_blob(key, "dependency artifact", artifacts));
  }
  ASSIGN_OR_RETURN(const StoredArtifact jar, artifacts_.put_file(request.jar));
  ASSIGN_OR_RETURN(const StoredArtifact topology, artifacts_.put_bytes(request.raw_topology));
  ASSIGN_OR_RETURN(const StoredArtifact conf_json, artifacts_.put_bytes(print_json(conf)));
  artifacts.insert(artifacts.begin(), {artifact_of("stormjar.jar", jar), artifact_of("topology.thrift", topology),
                                       artifact_of("stormconf.json", conf_json)});
  return artifacts;
}

Status SubmissionBuilder::add_blob(const std::string& key, const std::string& why,
                                   std::vector<proto::Artifact>& artifacts) const {
  RETURN_IF_ERROR(check_blob_key(key).with_context("{}", why));
  const Result<BlobStore::Blob> blob = blobs_.find(key);
  if (blob.status().code() == StatusCode::kNotFound) {
    return Status::malformed("{} '{}' is not in the blob store; upload it before submitting", why, escape(key));
  }
  RETURN_IF_ERROR(blob.status());
  static const std::set<std::string> reserved = {"stormjar.jar", "topology.thrift", "stormconf.json", "resources"};
  if (reserved.contains(key)) {
    return Status::malformed("{} '{}' has the name of a file of the topology itself; store it under another key", why,
                             key);
  }
  const bool twice = std::any_of(artifacts.begin(), artifacts.end(),
                                 [&](const proto::Artifact& artifact) { return artifact.name() == key; });
  if (!twice) artifacts.push_back(artifact_of(key, {blob->entry.digest(), blob->entry.bytes()}));
  return Status();
}

std::vector<proto::ContainerSpec> SubmissionBuilder::make_specs(const SubmitRequest& request, const PhysicalPlan& plan,
                                                                const std::vector<proto::Artifact>& artifacts,
                                                                const std::string& secret) const {
  proto::ContainerSpec common;
  common.set_topology_id(request.topology_id);
  common.set_topology_name(request.name);
  common.set_host(local_host_name(settings_));
  common.set_artifact_source("file:" + artifacts_.root().string());
  common.set_state_store("file:" + settings_.home + "/state");
  common.set_secret(secret);
  common.set_local_dir(settings_.local_dir);
  common.set_log_dir(settings_.log_dir);
  common.set_java_home(settings_.java_home);
  common.set_owner(request.owner);
  common.set_bind_address(settings_.bind_address);

  std::vector<proto::ContainerSpec> specs;
  proto::ContainerSpec master = common;
  master.set_container_id(0);
  master.add_processes(proto::PROCESS_TOPOLOGY_MASTER);
  master.set_worker_id(uuid_of(random_bytes_(16)));
  specs.push_back(std::move(master));
  for (const ContainerPlan& container : plan.packing.containers) {
    proto::ContainerSpec spec = common;
    spec.set_container_id(container.container_id);
    spec.set_host(container.host);
    spec.set_port(container.port);
    if (container.stream_manager == StreamManagerPlacement::kProcess) {
      spec.add_processes(proto::PROCESS_STREAM_MANAGER);
    }
    for (const HostPlan& host : container.hosts) {
      spec.add_processes(host.kind == HostKind::kNative ? proto::PROCESS_NATIVE_HOST : proto::PROCESS_JVM_HOST);
    }
    spec.mutable_artifacts()->Assign(artifacts.begin(), artifacts.end());
    spec.set_worker_id(uuid_of(random_bytes_(16)));
    *spec.mutable_plan() = to_proto(container);
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace petrel
