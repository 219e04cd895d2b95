#include "native/topology/system_topology.h"

#include <algorithm>
#include <map>

#include "native/base/escape.h"

namespace petrel {
namespace {

constexpr char kAcker[] = "__acker";
constexpr char kSystem[] = "__system";
constexpr char kEventLogger[] = "__eventlogger";
constexpr char kAckInit[] = "__ack_init";
constexpr char kAckAck[] = "__ack_ack";
constexpr char kAckFail[] = "__ack_fail";
constexpr char kAckReset[] = "__ack_reset_timeout";
constexpr char kEventLog[] = "__eventlog";
constexpr char kMetrics[] = "__metrics";
constexpr char kTasks[] = "topology.tasks";
constexpr char kTickSecs[] = "topology.tick.tuple.freq.secs";

/// The value of __acker's and __eventlogger's executors: its own key, else topology.workers. Never negative.
Result<int32_t> executors_of(const ConfMap& conf, const char* key) {
  ASSIGN_OR_RETURN(int64_t workers, conf.get_int("topology.workers", 1));
  ASSIGN_OR_RETURN(int64_t executors, conf.get_int(key, workers));
  return static_cast<int32_t>(std::max<int64_t>(executors, 0));
}

Component make_system_bolt(std::string name, int32_t executors) {
  Component component;
  component.name = std::move(name);
  component.kind = ComponentKind::kBolt;
  component.executors = executors;
  component.tasks = executors;
  component.system = true;
  return component;
}

void add_stream(Component& component, const char* id, std::vector<std::string> fields, bool direct = false) {
  component.streams.push_back(Stream{id, std::move(fields), direct});
}

ConfValue message_timeout(const ConfMap& conf) {
  const ConfValue* value = conf.find("topology.message.timeout.secs");
  return value == nullptr ? ConfValue() : *value;
}

Status add_acker(LogicalPlan& plan, const ConfMap& conf) {
  ASSIGN_OR_RETURN(int32_t executors, executors_of(conf, "topology.acker.executors"));
  Component acker = make_system_bolt(kAcker, executors);
  for (const char* stream : {kAckAck, kAckFail, kAckReset}) add_stream(acker, stream, {"id", "time-delta-ms"}, true);
  acker.json_conf = print_json(ConfMap{{kTasks, executors}, {kTickSecs, message_timeout(conf)}});
  for (Component& component : plan.components) {
    if (component.kind == ComponentKind::kBolt) {
      for (const char* stream : {kAckAck, kAckFail, kAckReset}) {
        acker.inputs.push_back(Input{component.name, stream, GroupingKind::kFields, {"id"}, ""});
      }
      add_stream(component, kAckAck, {"id", "ack-val"});
      add_stream(component, kAckFail, {"id"});
      add_stream(component, kAckReset, {"id"});
      continue;
    }
    acker.inputs.push_back(Input{component.name, kAckInit, GroupingKind::kFields, {"id"}, ""});
    add_stream(component, kAckInit, {"id", "init-val", "spout-task"});
    for (const char* stream : {kAckAck, kAckFail, kAckReset}) {
      component.inputs.push_back(Input{kAcker, stream, GroupingKind::kDirect, {}, ""});
    }
    ASSIGN_OR_RETURN(ConfMap own, parse_json_map(component.json_conf, "json_conf of " + escape(component.name)));
    own.set(kTickSecs, message_timeout(conf));
    component.json_conf = print_json(own);
  }
  plan.components.push_back(std::move(acker));
  return Status();
}

/// Comes after the acker: it logs __acker's events, too, but __acker does not ack its tuples.
Status add_event_logger(LogicalPlan& plan, const ConfMap& conf) {
  ASSIGN_OR_RETURN(int32_t executors, executors_of(conf, "topology.eventlogger.executors"));
  if (executors == 0) return Status();
  Component logger = make_system_bolt(kEventLogger, executors);
  logger.json_conf = print_json(ConfMap{{kTasks, executors}, {kTickSecs, message_timeout(conf)}});
  for (Component& component : plan.components) {
    logger.inputs.push_back(Input{component.name, kEventLog, GroupingKind::kFields, {"component-id"}, ""});
    add_stream(component, kEventLog, {"component-id", "message-id", "ts", "values"});
  }
  plan.components.push_back(std::move(logger));
  return Status();
}

Status add_metrics_consumers(LogicalPlan& plan, const ConfMap& conf) {
  const ConfValue* registered = conf.find("topology.metrics.consumer.register");
  if (registered == nullptr || registered->is_null()) return Status();
  auto wrong = [&](const char* what) {
    return Status::malformed("conf topology.metrics.consumer.register = {}: {}; expected a list of maps with \"class\"",
                             escape(print_json(*registered)), what);
  };
  if (registered->as_list() == nullptr) return wrong("not a list");
  std::vector<std::string> sources;
  for (const Component& component : plan.components) sources.push_back(component.name);
  sources.push_back(kSystem);
  std::map<std::string, int> seen;
  for (const ConfValue& entry : *registered->as_list()) {
    const ConfMap* info = entry.as_map();
    const ConfValue* class_name = info == nullptr ? nullptr : info->find("class");
    if (class_name == nullptr || class_name->as_string() == nullptr) return wrong("an entry has no class");
    ASSIGN_OR_RETURN(int64_t executors, info->get_int("parallelism.hint", 1, 0));
    int count = ++seen[*class_name->as_string()];
    std::string name = "__metrics_" + *class_name->as_string();
    if (count > 1) name += fmt::format("#{}", count);
    Component consumer = make_system_bolt(std::move(name), static_cast<int32_t>(executors));
    for (const std::string& source : sources) {
      consumer.inputs.push_back(Input{source, kMetrics, GroupingKind::kShuffle, {}, ""});
    }
    consumer.json_conf = print_json(ConfMap{{kTasks, executors}});
    plan.components.push_back(std::move(consumer));
  }
  return Status();
}

void add_system_bolt(LogicalPlan& plan) {
  Component system = make_system_bolt(kSystem, 0);
  add_stream(system, "__tick", {"rate_secs"});
  add_stream(system, "__flush", {});
  add_stream(system, "__metrics_tick", {"interval"});
  system.json_conf = print_json(ConfMap{{kTasks, 0}});
  plan.components.push_back(std::move(system));
}

void sort_streams_and_inputs(Component& component) {
  std::sort(component.streams.begin(), component.streams.end(),
            [](const Stream& a, const Stream& b) { return java_less(a.id, b.id); });
  std::sort(component.inputs.begin(), component.inputs.end(), [](const Input& a, const Input& b) {
    return a.component == b.component ? java_less(a.stream, b.stream) : java_less(a.component, b.component);
  });
}

}  // namespace

Status add_system_components(LogicalPlan& plan, const ConfMap& conf) {
  RETURN_IF_ERROR(add_acker(plan, conf));
  RETURN_IF_ERROR(add_event_logger(plan, conf));
  RETURN_IF_ERROR(add_metrics_consumers(plan, conf));
  add_system_bolt(plan);
  for (Component& component : plan.components) {
    add_stream(component, kMetrics, {"task-info", "data-points"});
    add_stream(component, kSystem, {"event"});
    sort_streams_and_inputs(component);
  }
  return Status();
}

}  // namespace petrel
