#include "native/topology/logical_plan.h"

#include <algorithm>
#include <set>

#include "native/base/escape.h"

namespace petrel {
namespace {

constexpr int kMaxComponents = 100'000;
constexpr int64_t kMaxTasks = 10'000'000;

/// Next UTF-16 code unit of UTF-8 text; `pending` holds the low half of a surrogate pair. -1 at the end.
/// Broken UTF-8 counts byte by byte, so that the order stays total.
int next_unit(std::string_view text, size_t* at, int* pending) {
  if (*pending >= 0) return std::exchange(*pending, -1);
  if (*at >= text.size()) return -1;
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto tail = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  unsigned first = byte(*at);
  if (first >= 0xC2 && first < 0xE0 && tail(*at + 1)) {
    int unit = static_cast<int>(((first & 0x1F) << 6) | (byte(*at + 1) & 0x3F));
    *at += 2;
    return unit;
  }
  if (first >= 0xE0 && first < 0xF0 && tail(*at + 1) && tail(*at + 2)) {
    int unit = static_cast<int>(((first & 0x0F) << 12) | ((byte(*at + 1) & 0x3F) << 6) | (byte(*at + 2) & 0x3F));
    *at += 3;
    return unit;
  }
  if (first >= 0xF0 && first < 0xF5 && tail(*at + 1) && tail(*at + 2) && tail(*at + 3)) {
    unsigned code = ((first & 0x07) << 18) | ((byte(*at + 1) & 0x3F) << 12) | ((byte(*at + 2) & 0x3F) << 6) |
                    (byte(*at + 3) & 0x3F);
    *at += 4;
    if (code >= 0x10000) {
      *pending = static_cast<int>(0xDC00 + ((code - 0x10000) & 0x3FF));
      return static_cast<int>(0xD800 + ((code - 0x10000) >> 10));
    }
    return static_cast<int>(code);
  }
  *at += 1;
  return static_cast<int>(first);
}

proto::Component to_proto(const Component& component) {
  proto::Component out;
  out.set_name(component.name);
  out.set_kind(component.kind == ComponentKind::kSpout ? proto::COMPONENT_SPOUT : proto::COMPONENT_BOLT);
  for (const Stream& stream : component.streams) {
    proto::Stream* s = out.add_streams();
    s->set_id(stream.id);
    for (const std::string& field : stream.fields) s->add_fields(field);
    s->set_direct(stream.direct);
  }
  for (const Input& input : component.inputs) {
    proto::Input* i = out.add_inputs();
    i->set_component(input.component);
    i->set_stream(input.stream);
    i->set_grouping(static_cast<proto::GroupingKind>(input.grouping));
    for (const std::string& field : input.fields) i->add_fields(field);
    i->set_custom(input.custom);
  }
  out.set_executors(component.executors);
  out.set_tasks(component.tasks);
  out.set_json_conf(component.json_conf);
  out.set_system(component.system);
  out.set_first_task(component.first_task);
  return out;
}

Result<Component> from_proto(const proto::Component& message) {
  Component out;
  out.name = message.name();
  std::string shown = escape(out.name);
  if (message.kind() != proto::COMPONENT_SPOUT && message.kind() != proto::COMPONENT_BOLT) {
    return Status::malformed("component {}: kind {} is unknown", shown, static_cast<int>(message.kind()));
  }
  out.kind = static_cast<ComponentKind>(message.kind());
  for (const proto::Stream& s : message.streams()) {
    out.streams.push_back(Stream{s.id(), {s.fields().begin(), s.fields().end()}, s.direct()});
  }
  for (const proto::Input& i : message.inputs()) {
    if (i.grouping() < proto::GROUPING_FIELDS || i.grouping() > proto::GROUPING_LOCAL_OR_SHUFFLE) {
      return Status::malformed("component {}: grouping {} is unknown", shown, static_cast<int>(i.grouping()));
    }
    out.inputs.push_back(Input{i.component(),
                               i.stream(),
                               static_cast<GroupingKind>(i.grouping()),
                               {i.fields().begin(), i.fields().end()},
                               i.custom()});
  }
  out.executors = message.executors();
  out.tasks = message.tasks();
  if (out.executors < 0 || out.tasks < 0) {
    return Status::malformed("component {}: {} executors and {} tasks; neither may be negative", shown, out.executors,
                             out.tasks);
  }
  out.json_conf = message.json_conf();
  out.system = message.system();
  out.first_task = message.first_task();
  return out;
}

Status check_order_and_ids(const LogicalPlan& plan) {
  int64_t next = 1;
  const Component* previous = nullptr;
  for (const Component& component : plan.components) {
    std::string shown = escape(component.name);
    if (previous != nullptr && !java_less(previous->name, component.name)) {
      return Status::malformed("component {} is out of order or there twice", shown);
    }
    previous = &component;
    if (component.first_task != (component.tasks == 0 ? 0 : next)) {
      return Status::malformed("component {}: first task {} should be {}", shown, component.first_task,
                               component.tasks == 0 ? 0 : next);
    }
    next += component.tasks;
    if (next > kMaxTasks) return Status::error(StatusCode::kLimit, "more than {} tasks", kMaxTasks);
  }
  return Status();
}

}  // namespace

const char* to_string(GroupingKind kind) {
  switch (kind) {
    case GroupingKind::kFields:
      return "fields";
    case GroupingKind::kGlobal:
      return "global";
    case GroupingKind::kShuffle:
      return "shuffle";
    case GroupingKind::kAll:
      return "all";
    case GroupingKind::kNone:
      return "none";
    case GroupingKind::kDirect:
      return "direct";
    case GroupingKind::kCustomObject:
      return "custom_object";
    case GroupingKind::kCustomSerialized:
      return "custom_serialized";
    case GroupingKind::kLocalOrShuffle:
      return "local_or_shuffle";
  }
  return "unknown";
}

bool java_less(std::string_view a, std::string_view b) {
  size_t at_a = 0;
  size_t at_b = 0;
  int pending_a = -1;
  int pending_b = -1;
  while (true) {
    int unit_a = next_unit(a, &at_a, &pending_a);
    int unit_b = next_unit(b, &at_b, &pending_b);
    if (unit_a != unit_b) return unit_a < unit_b;
    if (unit_a < 0) return false;
  }
}

const Stream* Component::find_stream(std::string_view id) const {
  for (const Stream& stream : streams) {
    if (stream.id == id) return &stream;
  }
  return nullptr;
}

const Input* Component::find_input(std::string_view component, std::string_view stream) const {
  for (const Input& input : inputs) {
    if (input.component == component && input.stream == stream) return &input;
  }
  return nullptr;
}

std::vector<TaskRange> split_executors(int32_t first_task, int32_t tasks, int32_t executors) {
  std::vector<TaskRange> ranges;
  if (executors <= 0 || tasks <= 0) return ranges;
  int32_t parts = std::min(executors, tasks);
  int32_t small = tasks / parts;
  int32_t larger = tasks % parts;  // so many parts hold one task more, and come first
  int32_t next = first_task;
  for (int32_t i = 0; i < parts; ++i) {
    int32_t size = small + (i < larger ? 1 : 0);
    ranges.push_back(TaskRange{next, next + size - 1});
    next += size;
  }
  return ranges;
}

const Component* LogicalPlan::find(std::string_view name) const {
  auto it = std::lower_bound(components.begin(), components.end(), name,
                             [](const Component& c, std::string_view n) { return java_less(c.name, n); });
  return it != components.end() && it->name == name ? &*it : nullptr;
}

const Component* LogicalPlan::find_task(int32_t task) const {
  for (const Component& component : components) {
    if (component.tasks > 0 && task >= component.first_task && task <= component.last_task()) return &component;
  }
  return nullptr;
}

int64_t LogicalPlan::total_tasks() const {
  int64_t total = 0;
  for (const Component& component : components) total += component.tasks;
  return total;
}

std::vector<TaskRange> LogicalPlan::executors_of(const Component& component) const {
  return split_executors(component.first_task, component.tasks, component.executors);
}

proto::LogicalPlan LogicalPlan::to_proto() const {
  proto::LogicalPlan message;
  message.set_topology_id(topology_id);
  message.set_topology_name(topology_name);
  for (const Component& component : components) *message.add_components() = petrel::to_proto(component);
  return message;
}

Result<LogicalPlan> LogicalPlan::from_proto(const proto::LogicalPlan& message) {
  LogicalPlan plan;
  plan.topology_id = message.topology_id();
  plan.topology_name = message.topology_name();
  if (message.components_size() > kMaxComponents) {
    return Status::error(StatusCode::kLimit, "{} components are more than {}", message.components_size(),
                         kMaxComponents);
  }
  for (const proto::Component& component : message.components()) {
    ASSIGN_OR_RETURN(Component read, petrel::from_proto(component));
    plan.components.push_back(std::move(read));
  }
  RETURN_IF_ERROR(check_order_and_ids(plan));
  for (const Component& component : plan.components) {
    for (const Input& input : component.inputs) {
      const Component* source = plan.find(input.component);
      if (source == nullptr || source->find_stream(input.stream) == nullptr) {
        return Status::malformed("component {} reads stream {} of {}, which does not exist", escape(component.name),
                                 escape(input.stream), escape(input.component));
      }
    }
  }
  return plan;
}

void assign_task_ids(LogicalPlan& plan) {
  std::sort(plan.components.begin(), plan.components.end(),
            [](const Component& a, const Component& b) { return java_less(a.name, b.name); });
  int32_t next = 1;
  for (Component& component : plan.components) {
    component.first_task = component.tasks > 0 ? next : 0;
    next += component.tasks;
  }
}

}  // namespace petrel
