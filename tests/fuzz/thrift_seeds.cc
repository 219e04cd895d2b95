// Writes the seeds of the Thrift fuzz targets below the folder given: calls as the generated client writes them, and
// topologies with every kind of component, grouping and component object.
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <utility>
#include <vector>

#include "Nimbus.h"

namespace {

using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::transport::TMemoryBuffer;

const std::string kJavaBytes("\xac\xed\0\x05spout", 9);

std::string written(const std::function<void(std::shared_ptr<TBinaryProtocol>)>& write) {
  auto buffer = std::make_shared<TMemoryBuffer>();
  write(std::make_shared<TBinaryProtocol>(buffer));
  return buffer->getBufferAsString();
}

std::string framed(const std::string& message) {
  std::string frame;
  for (int shift : {24, 16, 8, 0}) frame += static_cast<char>(message.size() >> shift);
  return frame + message;
}

std::string called(const std::function<void(storm::NimbusClient&)>& send) {
  return written([&](auto protocol) {
    storm::NimbusClient client(protocol);
    send(client);
  });
}

storm::ComponentCommon common(int parallelism, const std::string& from) {
  storm::ComponentCommon common;
  storm::StreamInfo stream;
  stream.output_fields = {"word", "count"};
  common.streams["default"] = stream;
  stream.direct = true;
  common.streams["side"] = stream;
  common.__set_parallelism_hint(parallelism);
  common.__set_json_conf("{\"topology.tasks\":4}");
  if (from.empty()) return common;
  storm::Grouping fields;
  fields.__set_fields({"word"});
  storm::Grouping custom;
  custom.__set_custom_serialized(kJavaBytes);
  storm::Grouping shuffle;
  shuffle.__set_shuffle(storm::NullStruct());
  storm::GlobalStreamId id;
  id.componentId = from;
  int number = 0;
  for (const storm::Grouping& grouping : {fields, custom, shuffle}) {
    id.streamId = "s" + std::to_string(number++);
    common.inputs[id] = grouping;
  }
  return common;
}

storm::StormTopology topology() {
  storm::StormTopology topology;
  storm::SpoutSpec spout;
  spout.spout_object.__set_serialized_java(kJavaBytes);
  spout.common = common(2, "");
  topology.spouts["spout"] = spout;
  storm::Bolt bolt;
  bolt.common = common(3, "spout");
  storm::ShellComponent shell;
  shell.execution_command = "python3";
  shell.script = "split.py";
  bolt.bolt_object.__set_shell(shell);
  topology.bolts["split"] = bolt;
  storm::JavaObject java;
  java.full_class_name = "example.Count";
  storm::JavaObjectArg argument;
  argument.__set_int_arg(5);
  java.args_list = {argument};
  bolt.bolt_object = storm::ComponentObject();
  bolt.bolt_object.__set_java_object(java);
  topology.bolts["count"] = bolt;
  topology.__set_dependency_jars({"dep-a.jar"});
  topology.__set_worker_hooks({"hook"});
  topology.__set_storm_version("2.8.3");
  storm::SharedMemory memory;
  memory.name = "shared";
  memory.on_heap = 64;
  topology.__set_shared_memory({{"shared", memory}});
  topology.__set_component_to_shared_memory({{"split", {"shared"}}});
  return topology;
}

storm::Grouping fields_of(const std::vector<std::string>& fields) {
  storm::Grouping grouping;
  grouping.__set_fields(fields);
  return grouping;
}

storm::StreamInfo stream(const std::vector<std::string>& fields, bool direct = false) {
  storm::StreamInfo info;
  info.output_fields = fields;
  info.direct = direct;
  return info;
}

void subscribe(storm::Bolt& bolt, const std::string& component, const std::string& id,
               const storm::Grouping& grouping) {
  storm::GlobalStreamId from;
  from.componentId = component;
  from.streamId = id;
  bolt.common.inputs[from] = grouping;
}

/// "lines" -> "split" -> "count", valid.
storm::StormTopology line() {
  storm::StormTopology topology;
  storm::SpoutSpec spout;
  spout.spout_object.__set_serialized_java(kJavaBytes);
  spout.common.streams["default"] = stream({"line"});
  topology.spouts["lines"] = spout;
  storm::Bolt bolt;
  bolt.bolt_object.__set_serialized_java(kJavaBytes);
  bolt.common.streams["default"] = stream({"word"});
  topology.bolts["split"] = bolt;
  topology.bolts["count"] = bolt;
  subscribe(topology.bolts["split"], "lines", "default", fields_of({"line"}));
  subscribe(topology.bolts["count"], "split", "default", fields_of({"word"}));
  return topology;
}

using Change = std::function<void(storm::StormTopology&)>;

/// What the topology reader says something about, one seed each.
std::vector<std::pair<std::string, Change>> spoilt() {
  storm::Grouping direct;
  direct.__set_direct(storm::NullStruct());
  const auto conf = [](const std::string& own) {
    return Change([own](auto& t) { t.bolts["split"].common.__set_json_conf(own); });
  };
  const auto hooks = [](std::vector<std::string> texts) {
    return Change([texts](auto& t) { t.__set_worker_hooks(texts); });
  };
  return {{"line", [](auto&) {}},
          {"no_spout", [](auto& t) { t.spouts.clear(); }},
          {"state_spout", [](auto& t) { t.state_spouts["s"] = storm::StateSpoutSpec(); }},
          {"version_1", [](auto& t) { t.__set_storm_version("1.2.4"); }},
          {"system_id", [](auto& t) { t.bolts["__x"] = t.bolts["split"]; }},
          {"system_stream", [](auto& t) { t.bolts["split"].common.streams["__x"] = stream({}); }},
          {"twice", [](auto& t) { t.bolts["lines"] = t.bolts["split"]; }},
          {"spout_with_input", [](auto& t) { t.spouts["lines"].common.inputs = t.bolts["split"].common.inputs; }},
          {"unknown_component", [](auto& t) { subscribe(t.bolts["split"], "x", "default", fields_of({})); }},
          {"unknown_stream", [](auto& t) { subscribe(t.bolts["split"], "lines", "x", fields_of({})); }},
          {"unknown_field", [](auto& t) { subscribe(t.bolts["split"], "lines", "default", fields_of({"x", "y"})); }},
          {"direct", [direct](auto& t) { subscribe(t.bolts["split"], "lines", "default", direct); }},
          {"cycle", [](auto& t) { subscribe(t.bolts["split"], "count", "default", fields_of({"word"})); }},
          {"tasks", conf(R"({"topology.tasks": 3, "topology.max.task.parallelism": 2})")},
          {"tasks_negative", conf(R"({"topology.tasks": -1})")},
          {"tasks_text", conf(R"({"topology.tasks": "three"})")},
          {"no_executor",
           [](auto& t) {
             t.bolts["split"].common.__set_parallelism_hint(0);
             t.bolts["split"].common.__set_json_conf(R"({"topology.tasks": 1})");
           }},
          {"own_conf_null", conf("null")},
          {"own_conf_broken", conf("{")},
          {"many_tasks", conf(R"({"topology.tasks": 2000000})")},
          {"many_executors", [](auto& t) { t.bolts["split"].common.__set_parallelism_hint(200000); }},
          {"many_workers", hooks({R"({"topology.workers": 20000})"})},
          {"many_consumers", hooks({R"({"topology.metrics.consumer.register": [{"class": "a"}, {"class": "b"}]})"})},
          {"cluster_slots", hooks({R"({"topology.workers": 3})", R"({"nimbus.slots.perTopology": 2})"})},
          {"cluster_executors", hooks({"{}", R"({"nimbus.executors.perTopology": 2})"})},
          {"name_empty", hooks({"{}", "{}", ""})},
          {"name_slash", hooks({"{}", "{}", "a/b"})},
          {"name_control", hooks({"{}", "{}", "a\nb"})},
          {"name_no_utf8", hooks({"{}", "{}", "a\xff"})},
          {"name_long", hooks({"{}", "{}", std::string(5000, 'n')})}};
}

void put(const std::filesystem::path& folder, const std::string& name, const std::string& bytes) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder / name, std::ios::binary) << bytes;
}

void put_call(const std::filesystem::path& folder, const std::string& name, const std::string& message) {
  put(folder, name, std::string(1, '\0') + message);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: thrift_seeds CORPUS_FOLDER\n");
    return 2;
  }
  std::filesystem::path frames = std::filesystem::path(argv[1]) / "thrift_frame_fuzz";
  storm::StormTopology full = topology();
  storm::KillOptions kill;
  kill.__set_wait_secs(30);
  storm::RebalanceOptions rebalance;
  rebalance.__set_num_workers(2);
  rebalance.__set_num_executors({{"count", 4}});
  storm::SubmitOptions submit;
  submit.initial_status = storm::TopologyInitialStatus::INACTIVE;
  std::string leader = called([](auto& n) { n.send_getLeader(); });
  std::string chunk = called([](auto& n) { n.send_uploadChunk("token", std::string("\x50\x4b\3\4\0", 5)); });
  put_call(frames, "get_leader", leader);
  put_call(frames, "upload_chunk", chunk);
  put_call(frames, "kill", called([&](auto& n) { n.send_killTopologyWithOpts("wc", kill); }));
  put_call(frames, "rebalance", called([&](auto& n) { n.send_rebalance("wc", rebalance); }));
  put_call(frames, "submit", called([&](auto& n) { n.send_submitTopologyWithOpts("wc", "t", "{}", full, submit); }));
  put_call(frames, "unknown_method", leader.substr(0, 8) + "getLeadex" + leader.substr(17));
  put_call(frames, "old_header", leader.substr(4, 13) + "\1" + leader.substr(17));
  put(frames, "stream_of_two", "\1" + framed(leader) + framed(chunk));
  put(frames, "stream_in_place", "\3" + framed(leader) + framed(chunk));
  put(frames, "stream_tls", std::string("\1\x16\x03\x01\x02\0\x01\0\x01", 9));
  put(frames, "stream_sasl", std::string("\1\x01\0\0\0\x06GSSAPI", 12));
  put_call(frames, "activate", called([](auto& n) { n.send_activate("wc"); }));
  put_call(frames, "nimbus_conf", called([](auto& n) { n.send_getNimbusConf(); }));
  put(frames, "stream_http", "\1GET / HTTP/1.1\r\n\r\n");

  std::filesystem::path topologies = std::filesystem::path(argv[1]) / "storm_topology_fuzz";
  put(topologies, "full", written([&](auto protocol) { full.write(protocol.get()); }));
  put(topologies, "empty", written([&](auto protocol) { storm::StormTopology().write(protocol.get()); }));
  for (const auto& [name, change] : spoilt()) {
    storm::StormTopology made = line();
    change(made);
    put(topologies, name, written([&](auto protocol) { made.write(protocol.get()); }));
  }
  full.bolts.clear();
  put(topologies, "spout_only", written([&](auto protocol) { full.write(protocol.get()); }));
  return 0;
}
