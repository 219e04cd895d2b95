#include "storm-compat/submit/topology_reader.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "native/base/escape.h"
#include "native/topology/cycles.h"
#include "native/topology/system_topology.h"
#include "storm-compat/conf/storm_conf.h"
#include "storm-compat/submit/component_reader.h"

namespace petrel {
namespace {

constexpr size_t kMaxNameBytes = 200;
constexpr char kHostedVersion[] = "2.8.3";

bool is_system_id(std::string_view id) {
  return id.substr(0, 2) == "__";
}

/// As java.util.List prints itself.
std::string java_list(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return "[" + escape(out) + "]";
}

Status over_limit(std::string_view what, int64_t value, int64_t limit) {
  return Status::error(StatusCode::kLimit, "the topology has {} {}; at most {} are allowed", value, what, limit);
}

/// Before anything is copied.
Status check_sizes(const storm::StormTopology& topology, const ReadLimits& limits) {
  int64_t components = static_cast<int64_t>(topology.spouts.size() + topology.bolts.size());
  if (components > limits.components) return over_limit("components", components, limits.components);
  int64_t streams = 0;
  int64_t inputs = 0;
  int64_t fields = 0;
  auto add = [&](const storm::ComponentCommon& common) {
    streams += static_cast<int64_t>(common.streams.size());
    inputs += static_cast<int64_t>(common.inputs.size());
    for (const auto& [id, stream] : common.streams) fields += static_cast<int64_t>(stream.output_fields.size());
  };
  for (const auto& [name, spout] : topology.spouts) add(spout.common);
  for (const auto& [name, bolt] : topology.bolts) add(bolt.common);
  if (streams > limits.streams) return over_limit("streams", streams, limits.streams);
  if (inputs > limits.streams) return over_limit("inputs", inputs, limits.streams);
  if (fields > limits.streams) return over_limit("output fields", fields, limits.streams);
  return Status();
}

/// Storm picks a worker class path by the version that submitted; here there is one.
Status check_version(const storm::StormTopology& topology) {
  if (!topology.__isset.storm_version || topology.storm_version.empty()) return Status();
  const std::string& version = topology.storm_version;
  int major = 0;
  auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), major);
  bool ends = end == version.data() + version.size() || *end == '.';
  if (error == std::errc() && ends && major == 2) return Status();
  return Status::malformed(
      "Topology submitted with storm version {} but could not find a configured compatible version "
      "to use [{}]; build it against storm-client 2.x",
      escape(version), kHostedVersion);
}

Status check_ids(const storm::StormTopology& topology) {
  auto check = [](const std::string& name, const storm::ComponentCommon& common) -> Status {
    if (is_system_id(name)) return Status::malformed("{} is not a valid component id.", escape(name));
    for (const auto& [id, stream] : common.streams) {
      if (is_system_id(id)) return Status::malformed("{} is not a valid stream id.", escape(id));
    }
    return Status();
  };
  for (const auto& [name, bolt] : topology.bolts) RETURN_IF_ERROR(check(name, bolt.common));
  for (const auto& [name, spout] : topology.spouts) RETURN_IF_ERROR(check(name, spout.common));
  std::vector<std::string> twice;
  for (const auto& [name, spout] : topology.spouts) {
    if (topology.bolts.contains(name)) twice.push_back(name);
  }
  if (!twice.empty()) return Status::malformed("Duplicate component ids: {}", java_list(twice));
  return Status();
}

Result<std::vector<Component>> read_components(const storm::StormTopology& topology) {
  std::vector<Component> components;
  for (const auto& [name, spout] : topology.spouts) {
    ASSIGN_OR_RETURN(Component component,
                     read_component(name, ComponentKind::kSpout, spout.spout_object, spout.common));
    if (!component.inputs.empty()) {
      return Status::malformed("May not declare inputs for a spout: [{}] reads [{}]", escape(name),
                               escape(component.inputs[0].component));
    }
    components.push_back(std::move(component));
  }
  for (const auto& [name, bolt] : topology.bolts) {
    ASSIGN_OR_RETURN(Component component, read_component(name, ComponentKind::kBolt, bolt.bolt_object, bolt.common));
    components.push_back(std::move(component));
  }
  return components;
}

Result<std::vector<ConfMap>> component_confs(const std::vector<Component>& components) {
  std::vector<ConfMap> confs;
  for (const Component& component : components) {
    // Absent, empty and "null" are all "nothing of its own" for Storm.
    if (component.json_conf.empty() || component.json_conf == "null") {
      confs.emplace_back();
      continue;
    }
    ASSIGN_OR_RETURN(ConfMap conf,
                     parse_json_map(component.json_conf, "json_conf of component [" + escape(component.name) + "]"));
    confs.push_back(std::move(conf));
  }
  return confs;
}

/// tasks = min(max.task.parallelism, topology.tasks or the hint), from the topology conf overlaid by the component's.
Status set_tasks(const ConfMap& conf, ConfMap own, Component* component) {
  Status status = [&]() -> Status {
    ASSIGN_OR_RETURN(int64_t tasks, conf.get_int("topology.tasks", component->executors));
    if (own.contains("topology.tasks")) {
      ASSIGN_OR_RETURN(tasks, own.get_int("topology.tasks", component->executors));
    }
    ASSIGN_OR_RETURN(int64_t most, conf.get_int("topology.max.task.parallelism", INT32_MAX));
    if (own.contains("topology.max.task.parallelism")) {
      ASSIGN_OR_RETURN(most, own.get_int("topology.max.task.parallelism", INT32_MAX));
    }
    tasks = std::min(tasks, most);
    if (tasks < 0) return Status::malformed("topology.tasks {} is negative; use 0 or more", tasks);
    if (tasks > 0 && component->executors <= 0) {
      return Status::malformed("Number of executors must be greater than 0 when number of tasks is greater than 0");
    }
    component->tasks = static_cast<int32_t>(tasks);
    return Status();
  }();
  own.set("topology.tasks", int64_t{component->tasks});
  component->json_conf = print_json(own);
  return status.with_context("component [{}]", escape(component->name));
}

Status check_parallelism(const LogicalPlan& plan, const ReadLimits& limits) {
  int64_t executors = 0;
  int64_t tasks = 0;
  for (const Component& component : plan.components) {
    executors += std::min(component.executors, component.tasks);
    tasks += component.tasks;
  }
  if (tasks > limits.tasks) return over_limit("tasks", tasks, limits.tasks);
  if (executors > limits.executors) return over_limit("executors", executors, limits.executors);
  return Status();
}

/// Keys with which a few bytes ask for very much.
Status check_conf_sizes(const ConfMap& conf, const ReadLimits& limits) {
  ASSIGN_OR_RETURN(int64_t workers, conf.get_int("topology.workers", 1));
  if (workers > limits.workers) {
    return Status::error(StatusCode::kLimit, "topology.workers = {}; at most {} are allowed", workers, limits.workers);
  }
  const ConfValue* consumers = conf.find("topology.metrics.consumer.register");
  if (consumers != nullptr && consumers->as_list() != nullptr &&
      static_cast<int64_t>(consumers->as_list()->size()) > limits.metrics_consumers) {
    return over_limit("metrics consumers", static_cast<int64_t>(consumers->as_list()->size()),
                      limits.metrics_consumers);
  }
  return Status();
}

/// nimbus.slots.perTopology and nimbus.executors.perTopology, when the cluster's owner set them. As in Storm only the
/// user's executors count.
Status check_cluster_limits(const LogicalPlan& plan, const ConfMap& conf, const ConfMap& cluster) {
  ASSIGN_OR_RETURN(int64_t workers, conf.get_int("topology.workers", 1));
  ASSIGN_OR_RETURN(int64_t slots, cluster.get_int("nimbus.slots.perTopology", INT64_MAX, 0));
  if (workers > slots) {
    return Status::malformed("Failed to submit topology. Topology requests more than {} workers.", slots);
  }
  ASSIGN_OR_RETURN(int64_t most, cluster.get_int("nimbus.executors.perTopology", INT64_MAX, 0));
  int64_t executors = 0;
  for (const Component& component : plan.components) executors += component.executors;
  if (executors > most) {
    return Status::malformed("Failed to submit topology. Topology requests more than {} executors.", most);
  }
  return Status();
}

/// Storm looks the fields of a grouping up in all streams of the source, not only in the one that is read.
std::vector<std::string> unknown_fields(const Input& input, const Component& source) {
  std::set<std::string_view> known;
  for (const Stream& stream : source.streams) known.insert(stream.fields.begin(), stream.fields.end());
  std::vector<std::string> unknown;
  for (const std::string& field : input.fields) {
    if (!known.contains(field)) unknown.push_back(field);
  }
  return unknown;
}

Status check_inputs(const LogicalPlan& plan, std::vector<std::string>* warnings) {
  for (const Component& component : plan.components) {
    for (const Input& input : component.inputs) {
      const Component* source = plan.find(input.component);
      if (source == nullptr) {
        return Status::malformed("Component: [{}] subscribes from non-existent component [{}]", escape(component.name),
                                 escape(input.component));
      }
      const Stream* stream = source->find_stream(input.stream);
      if (stream == nullptr) {
        return Status::malformed("Component: [{}] subscribes from non-existent stream: [{}] of component [{}]",
                                 escape(component.name), escape(input.stream), escape(input.component));
      }
      if (input.grouping == GroupingKind::kFields) {
        std::vector<std::string> unknown = unknown_fields(input, *source);
        if (!unknown.empty()) {
          return Status::malformed(
              "Component: [{}] subscribes from stream: [{}] of component [{}] + with non-existent fields: {}",
              escape(component.name), escape(input.stream), escape(input.component), java_list(unknown));
        }
      }
      if (input.grouping == GroupingKind::kDirect && !stream->direct && !component.system && !source->system) {
        warnings->push_back(
            fmt::format("component [{}] reads stream [{}] of [{}] by direct grouping, but the stream is not "
                        "declared direct: emitDirect will throw",
                        escape(component.name), escape(input.stream), escape(input.component)));
      }
    }
  }
  return Status();
}

void warn_of_cycles(const LogicalPlan& plan, std::vector<std::string>* warnings) {
  for (const std::vector<std::string>& cycle : find_cycles(plan)) {
    warnings->push_back(fmt::format("components {} form a cycle: tuples may go round for ever", java_list(cycle)));
  }
}

}  // namespace

Status check_topology_name(std::string_view name) {
  auto refuse = [&](std::string_view why) {
    return Status::malformed("Topology name '{}' is not valid. It can't be null and it must match ^[^/.:\\\\]+$ ({})",
                             escape(name), why);
  };
  if (name.empty()) return refuse("it is empty");
  if (name.size() > kMaxNameBytes) return refuse(fmt::format("{} bytes are more than {}", name.size(), kMaxNameBytes));
  if (name.find_first_of("/.:\\") != std::string_view::npos) return refuse("it has one of / . : \\");
  if (!is_utf8(name)) return refuse("it is not UTF-8");
  for (char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return refuse("it has a control character");
  }
  return Status();
}

Result<Submission> read_submission(const storm::StormTopology& topology, const ConfMap& cluster_conf,
                                   std::string_view json_conf, const SubmitInfo& info, const ReadLimits& limits) {
  RETURN_IF_ERROR(check_topology_name(info.topology_name));
  ASSIGN_OR_RETURN(ConfMap topology_conf, parse_topology_conf(json_conf));
  RETURN_IF_ERROR(check_sizes(topology, limits));
  RETURN_IF_ERROR(check_version(topology));
  if (topology.spouts.empty()) {
    return Status::malformed("Topology {} does not have any spout; add one with setSpout", escape(info.topology_name));
  }
  if (!topology.state_spouts.empty()) {
    return Status::malformed("state spout [{}]: Storm never implemented state spouts; use a spout",
                             escape(topology.state_spouts.begin()->first));
  }
  RETURN_IF_ERROR(check_ids(topology));

  Submission submission;
  LogicalPlan& plan = submission.plan;
  plan.topology_id = info.topology_id;
  plan.topology_name = info.topology_name;
  ASSIGN_OR_RETURN(plan.components, read_components(topology));
  ASSIGN_OR_RETURN(std::vector<ConfMap> confs, component_confs(plan.components));
  ASSIGN_OR_RETURN(submission.conf, normalise_conf(cluster_conf, topology_conf, confs,
                                                   {info.topology_id, info.topology_name, info.owner}));
  RETURN_IF_ERROR(check_conf_sizes(submission.conf, limits));
  for (size_t i = 0; i < confs.size(); ++i) {
    RETURN_IF_ERROR(set_tasks(submission.conf, std::move(confs[i]), &plan.components[i]));
  }
  RETURN_IF_ERROR(check_cluster_limits(plan, submission.conf, cluster_conf));
  RETURN_IF_ERROR(add_system_components(plan, submission.conf));
  RETURN_IF_ERROR(check_parallelism(plan, limits));
  assign_task_ids(plan);
  RETURN_IF_ERROR(check_inputs(plan, &submission.warnings));
  warn_of_cycles(plan, &submission.warnings);
  for (std::string& warning : conf_warnings(topology_conf)) submission.warnings.push_back(std::move(warning));
  return submission;
}

}  // namespace petrel
