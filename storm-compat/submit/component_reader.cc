#include "storm-compat/submit/component_reader.h"

#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <initializer_list>
#include <memory>

#include "native/base/escape.h"

namespace petrel {
namespace {

int count(std::initializer_list<bool> members) {
  int set = 0;
  for (bool member : members) set += member ? 1 : 0;
  return set;
}

/// Storm: a struct of all arms with flags, as the generator writes unions.
Status check_union(int set, std::string_view what, std::string_view arms) {
  if (set == 1) return Status();
  return Status::malformed("{} has {} members set; exactly one of {} must be", what, set, arms);
}

Status check_text(std::string_view text, std::string_view what) {
  if (is_utf8(text)) return Status();
  return Status::malformed("{} \"{}\" is not UTF-8; send it as UTF-8", what, escape(text));
}

Status check_java_bytes(std::string_view bytes, std::string_view what) {
  if (bytes.substr(0, 4) == std::string_view("\xAC\xED\x00\x05", 4)) return Status();
  return Status::malformed(
      "{} ({} bytes) does not start with the Java serialisation header AC ED 00 05, but with \"{}\"; "
      "submit the topology with Storm's TopologyBuilder",
      what, bytes.size(), escape(bytes.substr(0, 8)));
}

Status check_java_object(const storm::JavaObject& object, const std::string& what) {
  RETURN_IF_ERROR(check_text(object.full_class_name, what + ": class name"));
  for (const storm::JavaObjectArg& arg : object.args_list) {
    const auto& is = arg.__isset;
    RETURN_IF_ERROR(
        check_union(count({is.int_arg, is.long_arg, is.string_arg, is.bool_arg, is.binary_arg, is.double_arg}),
                    what + ": an argument", "int, long, string, bool, binary, double"));
  }
  return Status();
}

Status check_object(const storm::ComponentObject& object, const std::string& who) {
  const auto& is = object.__isset;
  RETURN_IF_ERROR(check_union(count({is.serialized_java, is.shell, is.java_object}), who + ": its object",
                              "serialized_java, shell, java_object"));
  if (is.serialized_java) return check_java_bytes(object.serialized_java, who + ": serialized_java");
  if (is.java_object) return check_java_object(object.java_object, who + ": java_object");
  RETURN_IF_ERROR(check_text(object.shell.execution_command, who + ": shell command"));
  return check_text(object.shell.script, who + ": shell script");
}

std::string thrift_bytes(const storm::JavaObject& object) {
  auto buffer = std::make_shared<apache::thrift::transport::TMemoryBuffer>();
  apache::thrift::protocol::TBinaryProtocol protocol(buffer);
  object.write(&protocol);
  return buffer->getBufferAsString();
}

Status read_grouping(const storm::Grouping& grouping, const std::string& what, Input* input) {
  const auto& is = grouping.__isset;
  RETURN_IF_ERROR(check_union(
      count({is.fields, is.shuffle, is.all, is.none, is.direct, is.custom_object, is.custom_serialized,
             is.local_or_shuffle}),
      what + ": grouping", "fields, shuffle, all, none, direct, custom_object, custom_serialized, local_or_shuffle"));
  if (is.shuffle) input->grouping = GroupingKind::kShuffle;
  if (is.all) input->grouping = GroupingKind::kAll;
  if (is.none) input->grouping = GroupingKind::kNone;
  if (is.direct) input->grouping = GroupingKind::kDirect;
  if (is.local_or_shuffle) input->grouping = GroupingKind::kLocalOrShuffle;
  if (is.fields) {
    // Storm writes the global grouping as a fields grouping on no fields.
    input->grouping = grouping.fields.empty() ? GroupingKind::kGlobal : GroupingKind::kFields;
    for (const std::string& field : grouping.fields) RETURN_IF_ERROR(check_text(field, what + ": field"));
    input->fields = grouping.fields;
  }
  if (is.custom_object) {
    RETURN_IF_ERROR(check_java_object(grouping.custom_object, what + ": custom_object"));
    input->grouping = GroupingKind::kCustomObject;
    input->custom = thrift_bytes(grouping.custom_object);
  }
  if (is.custom_serialized) {
    RETURN_IF_ERROR(check_java_bytes(grouping.custom_serialized, what + ": custom_serialized grouping"));
    input->grouping = GroupingKind::kCustomSerialized;
    input->custom = grouping.custom_serialized;
  }
  return Status();
}

}  // namespace

Result<Component> read_component(const std::string& name, ComponentKind kind, const storm::ComponentObject& object,
                                 const storm::ComponentCommon& common) {
  RETURN_IF_ERROR(check_text(name, "component id"));
  std::string who = "component [" + escape(name) + "]";
  RETURN_IF_ERROR(check_object(object, who));
  Component component;
  component.name = name;
  component.kind = kind;
  for (const auto& [id, stream] : common.streams) {
    RETURN_IF_ERROR(check_text(id, who + ": stream id"));
    for (const std::string& field : stream.output_fields) RETURN_IF_ERROR(check_text(field, who + ": output field"));
    component.streams.push_back(Stream{id, stream.output_fields, stream.direct});
  }
  for (const auto& [source, grouping] : common.inputs) {
    RETURN_IF_ERROR(check_text(source.componentId, who + ": source component"));
    RETURN_IF_ERROR(check_text(source.streamId, who + ": source stream"));
    Input input;
    input.component = source.componentId;
    input.stream = source.streamId;
    std::string what = who + ": input [" + escape(source.streamId) + "] of [" + escape(source.componentId) + "]";
    RETURN_IF_ERROR(read_grouping(grouping, what, &input));
    component.inputs.push_back(std::move(input));
  }
  component.executors = common.__isset.parallelism_hint ? common.parallelism_hint : 1;
  if (component.executors < 0) {
    return Status::malformed("{}: parallelism_hint {} is negative; use 1 or more", who, component.executors);
  }
  if (common.__isset.json_conf) {
    RETURN_IF_ERROR(check_text(common.json_conf, who + ": json_conf"));
    component.json_conf = common.json_conf;
  }
  return component;
}

}  // namespace petrel
