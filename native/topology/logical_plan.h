// LogicalPlan: what a submitted topology is, wherever it runs. Twin of proto/topology.proto.
// Components are those of Storm's system topology, sorted as Java sorts strings, with Storm's task ids.
// Thread: a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "native/base/status.h"
#include "proto/topology.pb.h"

namespace petrel {

enum class GroupingKind {
  kFields = 1,
  kGlobal = 2,
  kShuffle = 3,
  kAll = 4,
  kNone = 5,
  kDirect = 6,
  kCustomObject = 7,
  kCustomSerialized = 8,
  kLocalOrShuffle = 9,
};
const char* to_string(GroupingKind kind);

enum class ComponentKind { kSpout = 1, kBolt = 2 };

struct Stream {
  std::string id;
  std::vector<std::string> fields;
  bool direct = false;
  bool operator==(const Stream&) const = default;
};

struct Input {
  std::string component;  // source
  std::string stream;
  GroupingKind grouping = GroupingKind::kShuffle;
  std::vector<std::string> fields;  // kFields only
  std::string custom;               // kCustomObject: Thrift JavaObject; kCustomSerialized: Java-serialised bytes
  bool operator==(const Input&) const = default;
};

struct Component {
  std::string name;
  ComponentKind kind = ComponentKind::kBolt;
  std::vector<Stream> streams;  // sorted by id
  std::vector<Input> inputs;    // sorted by (component, stream)
  int32_t executors = 1;
  int32_t tasks = 1;
  std::string json_conf = "{}";  // as Nimbus normalised it (with topology.tasks); a JSON map
  bool system = false;           // __acker, __system, __eventlogger, __metrics_*
  int32_t first_task = 0;        // ids are first_task .. first_task + tasks - 1; 0 when tasks == 0

  const Stream* find_stream(std::string_view id) const;
  const Input* find_input(std::string_view component, std::string_view stream) const;
  int32_t last_task() const { return tasks == 0 ? 0 : first_task + tasks - 1; }
  bool operator==(const Component&) const = default;
};

/// An executor: tasks first..last, inclusive, of one component.
struct TaskRange {
  int32_t first = 0;
  int32_t last = 0;
  auto operator<=>(const TaskRange&) const = default;
};

/// Storm's split: at most `executors` parts, none empty, larger parts first. 0 executors or 0 tasks: no part.
std::vector<TaskRange> split_executors(int32_t first_task, int32_t tasks, int32_t executors);

struct LogicalPlan {
  std::string topology_id;
  std::string topology_name;
  std::vector<Component> components;  // in java_less order

  const Component* find(std::string_view name) const;
  /// The component that owns a task; nullptr when no component does.
  const Component* find_task(int32_t task) const;
  int64_t total_tasks() const;
  std::vector<TaskRange> executors_of(const Component& component) const;
  bool operator==(const LogicalPlan&) const = default;

  proto::LogicalPlan to_proto() const;
  /// Checks what every reader relies on: order, task ids, enums, known inputs, sizes.
  static Result<LogicalPlan> from_proto(const proto::LogicalPlan& message);
};

/// Sorts the components and gives each its task ids from 1 on, as StormCommon does.
void assign_task_ids(LogicalPlan& plan);

/// Order of java.lang.String.compareTo over UTF-8 text: by UTF-16 code units. (Bytes differ from it above U+FFFF.)
bool java_less(std::string_view a, std::string_view b);

}  // namespace petrel
