// The topology reader against Storm: Oracle.java (a ctest fixture) has written topologies as clients submit them and
// what StormCommon, Utils.partitionFixed and Executor make of each. Every file is one case.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "storm-compat/conf/storm_conf.h"
#include "storm-compat/submit/topology_reader.h"
#include "storm-compat/thrift/thrift_scan.h"

namespace petrel {
namespace {

namespace fs = std::filesystem;
const fs::path kFolder = fs::path(PETREL_BUILD_DIR) / "stormcommon";

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path << " is not there; the fixture stormcommon_oracle writes it";
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> cases(const std::string& extension) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(kFolder, error)) {
    if (entry.path().extension() == extension) names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

storm::StormTopology read_topology(const std::string& bytes) {
  Status scanned = scan_struct(bytes, "StormTopology");
  EXPECT_TRUE(scanned.ok()) << "the server would refuse what Storm's client wrote: " << scanned.to_string();
  auto data = reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data()));
  auto buffer = std::make_shared<apache::thrift::transport::TMemoryBuffer>(data, static_cast<uint32_t>(bytes.size()));
  apache::thrift::protocol::TBinaryProtocol protocol(buffer);
  storm::StormTopology topology;
  topology.read(&protocol);
  return topology;
}

ConfValue strings(const std::vector<std::string>& items) {
  ConfList list;
  for (const std::string& item : items) list.emplace_back(item);
  return list;
}

ConfValue tasks_of(const Component& component) {
  ConfList list;
  for (int32_t i = 0; i < component.tasks; ++i) list.emplace_back(component.first_task + i);
  return list;
}

ConfValue executors_of(const LogicalPlan& plan, const Component& component) {
  ConfList list;
  for (const TaskRange& range : plan.executors_of(component)) list.push_back(ConfList{range.first, range.last});
  return list;
}

ConfValue streams_of(const Component& component) {
  ConfMap map;
  for (const Stream& stream : component.streams) {
    map.set(stream.id, ConfMap{{"fields", strings(stream.fields)}, {"direct", stream.direct}});
  }
  return map;
}

/// Lists of inputs have no order in Storm: sorted by their text.
ConfValue sorted(ConfList inputs) {
  std::sort(inputs.begin(), inputs.end(),
            [](const ConfValue& a, const ConfValue& b) { return print_json(a) < print_json(b); });
  return inputs;
}

ConfValue inputs_of(const Component& component) {
  ConfList list;
  for (const Input& input : component.inputs) {
    list.push_back(ConfMap{{"component", input.component},
                           {"fields", strings(input.fields)},
                           {"grouping", to_string(input.grouping)},
                           {"stream", input.stream}});
  }
  return sorted(std::move(list));
}

ConfMap conf_changes(const ConfMap& conf, const ConfMap& own) {
  ConfMap changes;
  const ConfMap component = component_conf(conf, own);
  for (const ConfEntry& entry : component.entries()) {
    const ConfValue* before = conf.find(entry.key);
    if (before == nullptr || !(*before == entry.value)) changes.set(entry.key, entry.value);
  }
  return changes;
}

void compare(const LogicalPlan& plan, const ConfMap& conf, const Component& component, const ConfMap& expected) {
  auto expect = [&](const char* what, const ConfValue& ours) {
    const ConfValue* theirs = expected.find(what);
    ASSERT_NE(theirs, nullptr) << what;
    EXPECT_TRUE(ours == *theirs) << component.name << " " << what << "\n ours  " << print_json(ours) << "\n Storm "
                                 << print_json(*theirs);
  };
  expect("kind", component.kind == ComponentKind::kSpout ? "spout" : "bolt");
  expect("tasks", tasks_of(component));
  expect("executors", executors_of(plan, component));
  expect("streams", streams_of(component));
  EXPECT_EQ(print_json(inputs_of(component)), print_json(sorted(*expected.find("inputs")->as_list())))
      << component.name;
  ConfMap own = parse_json_map(component.json_conf, component.name).value();
  expect("json_conf", own);
  expect("conf_changes", conf_changes(conf, own));
}

TEST(StormCommonOracle, TheOracleWroteEnough) {
  EXPECT_EQ(std::to_string(cases(".thrift").size()), read_file(kFolder / "count"));
  EXPECT_GE(cases(".thrift").size(), 20u);
  EXPECT_EQ(cases(".refused").size(), 8u);
}

class StormCommonCase : public ::testing::TestWithParam<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StormCommonCase);

TEST_P(StormCommonCase, IsReadAsStormReadsIt) {
  storm::StormTopology topology = read_topology(read_file(kFolder / (GetParam() + ".thrift")));
  Result<Submission> read = read_submission(topology, {}, read_file(kFolder / (GetParam() + ".conf.json")),
                                            {"name-1-1700000000", "name", "me"});
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  const LogicalPlan& plan = read->plan;
  ConfMap expected = parse_json_map(read_file(kFolder / (GetParam() + ".expected.json")), GetParam()).value();
  EXPECT_EQ(plan.components.size(), expected.size());
  for (const Component& component : plan.components) {
    const ConfValue* theirs = expected.find(component.name);
    ASSERT_NE(theirs, nullptr) << component.name << " is not in Storm's system topology";
    compare(plan, read->conf, component, *theirs->as_map());
  }
  EXPECT_EQ(LogicalPlan::from_proto(plan.to_proto()).value(), plan);
}

INSTANTIATE_TEST_SUITE_P(Oracle, StormCommonCase, ::testing::ValuesIn(cases(".thrift")),
                         [](const auto& row) { return row.param; });

class StormCommonRefusal : public ::testing::TestWithParam<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StormCommonRefusal);

TEST_P(StormCommonRefusal, HasStormsSentence) {
  storm::StormTopology topology = read_topology(read_file(kFolder / (GetParam() + ".refused")));
  Status status = read_submission(topology, {}, "{}", {"name-1-1700000000", "name", "me"}).status();
  EXPECT_EQ(status.code(), StatusCode::kMalformed);
  EXPECT_THAT(status.message(), ::testing::HasSubstr(read_file(kFolder / (GetParam() + ".message"))));
}

INSTANTIATE_TEST_SUITE_P(Oracle, StormCommonRefusal, ::testing::ValuesIn(cases(".refused")),
                         [](const auto& row) { return row.param; });

}  // namespace
}  // namespace petrel
