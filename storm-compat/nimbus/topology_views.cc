#include "storm-compat/nimbus/topology_views.h"

#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <map>
#include <memory>

#include "native/base/escape.h"

namespace petrel {
namespace {

using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::transport::TMemoryBuffer;

int32_t uptime_s(const TopologyEntry& entry, int64_t now_ms) {
  return static_cast<int32_t>(std::max<int64_t>(0, now_ms - entry.base.submitted_ms()) / 1000);
}

const char* scheduled_text(const TopologyEntry& entry) {
  return entry.problem.empty() ? "Fully Scheduled" : "Stored records are damaged; kill it and submit it again";
}

double heap_mb(const TopologyEntry& entry) {
  int64_t bytes = 0;
  if (entry.plan != nullptr) {
    for (const ContainerPlan& container : entry.plan->packing.containers) bytes += container.resources.memory_bytes;
  }
  return static_cast<double>(bytes) / (1 << 20);
}

double cpu_percent(const TopologyEntry& entry) {
  double percent = 0;
  if (entry.plan != nullptr) {
    for (const ContainerPlan& container : entry.plan->packing.containers) percent += container.resources.cpu_percent;
  }
  return percent;
}

/// TopologySummary and TopologyInfo carry the same optional tail.
template <typename T>
void set_common(T& out, const TopologyEntry& entry) {
  out.__set_sched_status(scheduled_text(entry));
  out.__set_owner(entry.base.owner());
  out.__set_replication_count(1);
  if (!entry.base.storm_version().empty()) out.__set_storm_version(entry.base.storm_version());
  const double heap = heap_mb(entry);
  const double cpu = cpu_percent(entry);
  out.__set_requested_memonheap(heap);
  out.__set_assigned_memonheap(heap);
  out.__set_requested_memoffheap(0);
  out.__set_assigned_memoffheap(0);
  out.__set_requested_cpu(cpu);
  out.__set_assigned_cpu(cpu);
}

template <typename Map>
void put_windows(Map& map) {
  for (const char* window : kWindowKeys) map[window];
}

void fill_spout(storm::SpoutStats& out, const proto::ExecutorStats* stats) {
  put_windows(out.acked);
  put_windows(out.failed);
  put_windows(out.complete_ms_avg);
  if (stats == nullptr) return;
  for (const proto::Window& window : stats->windows()) {
    for (const proto::WindowedStream& stream : window.outputs()) {
      out.acked[window.key()][stream.stream()] = stream.acked();
      out.failed[window.key()][stream.stream()] = stream.failed();
      out.complete_ms_avg[window.key()][stream.stream()] = stream.complete_ms();
    }
  }
}

void fill_bolt(storm::BoltStats& out, const proto::ExecutorStats* stats) {
  put_windows(out.acked);
  put_windows(out.failed);
  put_windows(out.process_ms_avg);
  put_windows(out.executed);
  put_windows(out.execute_ms_avg);
  if (stats == nullptr) return;
  for (const proto::Window& window : stats->windows()) {
    for (const proto::WindowedInput& input : window.inputs()) {
      storm::GlobalStreamId source;
      source.componentId = input.component();
      source.streamId = input.stream();
      out.acked[window.key()][source] = input.acked();
      out.failed[window.key()][source] = input.failed();
      out.process_ms_avg[window.key()][source] = input.process_ms();
      out.executed[window.key()][source] = input.executed();
      out.execute_ms_avg[window.key()][source] = input.execute_ms();
    }
  }
}

using ExecutorKey = std::pair<std::string, int32_t>;  // component, first task

std::map<ExecutorKey, const proto::ExecutorStats*> by_executor(const proto::StatsReply* stats) {
  std::map<ExecutorKey, const proto::ExecutorStats*> out;
  if (stats == nullptr) return out;
  for (const proto::ExecutorStats& executor : stats->executors())
    out[{executor.component(), executor.first_task()}] = &executor;
  return out;
}

storm::ExecutorSummary executor_of(const Component& component, const ExecutorPlacement& placement,
                                   const ContainerPlan& container, const proto::ExecutorStats* stats) {
  storm::ExecutorSummary out;
  out.executor_info.task_start = placement.tasks.first;
  out.executor_info.task_end = placement.tasks.last;
  out.component_id = placement.component;
  out.host = container.host;
  out.port = container.port;
  out.uptime_secs = stats == nullptr ? 0 : stats->uptime_s();
  out.__set_stats(executor_stats_of(component, stats));
  return out;
}

}  // namespace

storm::TopologySummary summary_of(const TopologyEntry& entry, int64_t now_ms) {
  storm::TopologySummary out;
  out.id = entry.id();
  out.name = entry.name();
  out.num_tasks = entry.base.tasks();
  out.num_executors = entry.base.executors();
  out.num_workers = entry.base.workers();
  out.uptime_secs = uptime_s(entry, now_ms);
  out.status = entry.status();
  set_common(out, entry);
  return out;
}

storm::ExecutorStats executor_stats_of(const Component& component, const proto::ExecutorStats* stats) {
  storm::ExecutorStats out;
  put_windows(out.emitted);
  put_windows(out.transferred);
  out.rate = 1.0;  // counts are scaled already
  if (stats != nullptr) {
    for (const proto::Window& window : stats->windows()) {
      for (const proto::WindowedStream& stream : window.outputs()) {
        out.emitted[window.key()][stream.stream()] = stream.emitted();
        out.transferred[window.key()][stream.stream()] = stream.transferred();
      }
    }
  }
  if (component.kind == ComponentKind::kSpout) {
    storm::SpoutStats spout;
    fill_spout(spout, stats);
    out.specific.__set_spout(spout);
  } else {
    storm::BoltStats bolt;
    fill_bolt(bolt, stats);
    out.specific.__set_bolt(bolt);
  }
  return out;
}

storm::TopologyInfo info_of(const TopologyEntry& entry, const proto::StatsReply* stats,
                            const std::vector<proto::ErrorEntry>& errors, ErrorsWanted wanted, int64_t now_ms) {
  storm::TopologyInfo out;
  out.id = entry.id();
  out.name = entry.name();
  out.uptime_secs = uptime_s(entry, now_ms);
  out.status = entry.status();
  out.__set_component_debug({});
  set_common(out, entry);
  if (entry.plan == nullptr) return out;

  const auto known = by_executor(stats);
  for (const ContainerPlan& container : entry.plan->packing.containers) {
    for (const ExecutorPlacement& placement : container.executors) {
      const Component* component = entry.plan->logical.find(placement.component);
      CHECK(component != nullptr);  // check_covers() saw to it
      const auto it = known.find({placement.component, placement.tasks.first});
      out.executors.push_back(executor_of(*component, placement, container, it == known.end() ? nullptr : it->second));
    }
  }
  for (const Component& component : entry.plan->logical.components) {
    if (component.tasks > 0) out.errors[component.name];  // listed even when it has none, as in Storm
  }
  for (const proto::ErrorEntry& error : errors) {
    if (wanted == ErrorsWanted::kNone) break;
    const auto list = out.errors.find(error.component());
    if (list == out.errors.end() || (wanted == ErrorsWanted::kOne && !list->second.empty())) continue;
    storm::ErrorInfo info;
    info.error = error.text();
    info.error_time_secs = error.time_s();
    info.__set_host(error.host());
    info.__set_port(error.port());
    list->second.push_back(std::move(info));
  }
  return out;
}

// --- topology structs ------------------------------------------------------------------------------------------------

Result<storm::StormTopology> parse_topology(const std::string& bytes) {
  try {
    auto buffer = std::make_shared<TMemoryBuffer>(reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data())),
                                                  static_cast<uint32_t>(bytes.size()), TMemoryBuffer::OBSERVE);
    TBinaryProtocol protocol(buffer);
    storm::StormTopology topology;
    topology.read(&protocol);
    return topology;
  } catch (const std::exception& error) {
    return Status::error(StatusCode::kCorrupt, "the stored topology cannot be read: {}", escape(error.what()));
  }
}

std::string print_topology(const storm::StormTopology& topology) {
  auto buffer = std::make_shared<TMemoryBuffer>();
  TBinaryProtocol protocol(buffer);
  topology.write(&protocol);
  return buffer->getBufferAsString();
}

namespace {

Result<storm::Grouping> grouping_of(const Input& input) {
  storm::Grouping out;
  const storm::NullStruct null;
  switch (input.grouping) {
    case GroupingKind::kFields:
    case GroupingKind::kGlobal:
      out.__set_fields(input.fields);
      break;
    case GroupingKind::kShuffle:
      out.__set_shuffle(null);
      break;
    case GroupingKind::kAll:
      out.__set_all(null);
      break;
    case GroupingKind::kNone:
      out.__set_none(null);
      break;
    case GroupingKind::kDirect:
      out.__set_direct(null);
      break;
    case GroupingKind::kLocalOrShuffle:
      out.__set_local_or_shuffle(null);
      break;
    case GroupingKind::kCustomSerialized:
      out.__set_custom_serialized(input.custom);
      break;
    case GroupingKind::kCustomObject: {
      try {
        std::string bytes = input.custom;
        auto buffer = std::make_shared<TMemoryBuffer>(reinterpret_cast<uint8_t*>(bytes.data()),
                                                      static_cast<uint32_t>(bytes.size()), TMemoryBuffer::OBSERVE);
        TBinaryProtocol protocol(buffer);
        storm::JavaObject object;
        object.read(&protocol);
        out.__set_custom_object(object);
      } catch (const std::exception& error) {
        return Status::error(StatusCode::kCorrupt, "a custom grouping cannot be read: {}", escape(error.what()));
      }
      break;
    }
  }
  return out;
}

Status set_component(storm::ComponentCommon& common, const Component& component) {
  common.streams.clear();
  for (const Stream& stream : component.streams) {
    storm::StreamInfo& info = common.streams[stream.id];
    info.output_fields = stream.fields;
    info.direct = stream.direct;
  }
  common.inputs.clear();
  for (const Input& input : component.inputs) {
    storm::GlobalStreamId source;
    source.componentId = input.component;
    source.streamId = input.stream;
    ASSIGN_OR_RETURN(common.inputs[source], grouping_of(input));
  }
  common.__set_parallelism_hint(component.executors);
  common.__set_json_conf(component.json_conf);
  return Status();
}

}  // namespace

Result<storm::StormTopology> system_topology_of(const LogicalPlan& plan, storm::StormTopology user) {
  for (const Component& component : plan.components) {
    if (const auto spout = user.spouts.find(component.name); spout != user.spouts.end()) {
      RETURN_IF_ERROR(set_component(spout->second.common, component));
      continue;
    }
    storm::Bolt& bolt = user.bolts[component.name];  // the user's, or a new one for a component of the system
    if (component.system) bolt.bolt_object.__set_serialized_java("");
    RETURN_IF_ERROR(set_component(bolt.common, component));
  }
  return user;
}

}  // namespace petrel
