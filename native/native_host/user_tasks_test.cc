#include <gtest/gtest.h>

#include <filesystem>

#include "native/base/log.h"
#include "native/codec/value_notation.h"
#include "native/instance/host_instance.h"
#include "native/native_host/component_library.h"
#include "native/native_host/text.h"
#include "native/native_host/user_values.h"

namespace petrel {
namespace {

namespace fs = std::filesystem;

const std::string kLibraries = std::string(PETREL_BUILD_DIR) + "/topologies";
constexpr const char* kExample = "libpetrel_example.so";
constexpr const char* kTest = "libpetrel_test_components.so";

class NoPark : public Parker {
 public:
  void park(Nanos) override {}
  void unpark() override {}
};

// Records everything; completes what is acked by XOR of one root at a time.
class Ports : public AckPort, public HostEvents {
 public:
  void open(int32_t, int64_t) override {}
  void records(std::span<const AckRecord> batch) override {
    for (const AckRecord& record : batch) {
      if (record.kind == AckKind::kFail) ++fails;
      if (record.kind <= AckKind::kAck) trees[record.root] ^= record.xor_value;
    }
  }
  void report_error(const std::string&, int32_t, const std::string& text) override { errors.push_back(text); }
  void drained(int32_t, uint64_t) override {}
  std::map<uint64_t, uint64_t> trees;
  int fails = 0;
  std::vector<std::string> errors;
};

Component component(const std::string& name, ComponentKind kind, const std::string& from, const std::string& library,
                    const std::string& registered) {
  Component made;
  made.name = name;
  made.kind = kind;
  made.streams = {Stream{"default", {"word", "count"}, false}};
  if (!from.empty()) made.inputs = {Input{from, "default", GroupingKind::kShuffle, {}, ""}};
  made.json_conf =
      R"({"petrel.native.library": ")" + library + R"(", "petrel.native.component": ")" + registered + R"("})";
  return made;
}

// A host with the components of a plan, all in slot 0; fed through the queue of task 1's reader.
struct OneHost {
  explicit OneHost(std::vector<Component> components, ConfMap conf = {}) : libraries(kLibraries) {
    LogicalPlan plan;
    plan.topology_id = "words-1-1";
    plan.components = std::move(components);
    assign_task_ids(plan);
    std::vector<TaskPlace> places(1);
    for (int32_t task = 1; task <= plan.total_tasks(); ++task) places.push_back({task, 0});
    Result<std::shared_ptr<const TaskTable>> table = TaskTable::of(plan, places);
    CHECK(table.ok());
    ExecutorServices services;
    services.clock = &clock;
    services.table = *table;
    services.incarnation = 1;
    services.seed = 5;
    services.acks = &ports;
    services.events = &ports;
    Result<std::unique_ptr<HostInstance>> built =
        HostInstance::build(services, conf, libraries, [] { return std::make_unique<NoPark>(); }, {});
    status = built.status();
    if (!built.ok()) return;
    host = std::move(*built);
    for (const auto& executor : host->executors()) {
      executor->set_active(true);
      if (status.ok()) status = executor->init();
    }
  }
  Executor& executor(size_t index) { return *host->executors().at(index); }
  /// Gives a bolt one tuple.
  Result<bool> feed(size_t index, Values values) {
    auto tuple = std::make_shared<TupleData>();
    tuple->source = executor(index).spec().component;
    tuple->stream = &tuple->source->streams[0];
    tuple->source_task = 1;
    tuple->values = std::make_shared<const Values>(std::move(values));
    tuple->anchors = {{77, 5}};
    InItem item;
    item.entries.push_back({executor(index).first_task(), tuple});
    CHECK(executor(index).queue().try_push(item, true));
    return executor(index).run_once(clock.now());
  }
  std::vector<Values> taken(size_t index) {
    std::vector<Values> all;
    CHECK(executor(index).run_once(clock.now()).ok());
    return all;
  }

  ManualClock clock;
  Ports ports;
  ComponentLibraries libraries;
  std::unique_ptr<HostInstance> host;
  Status status;
};

std::string text(const Value& value) {
  return to_utf8(std::get<std::u16string>(value.data));
}

TEST(Text, ComesBackWhateverJavaHasInAString) {
  for (const std::u16string& text :
       {std::u16string(u""), std::u16string(u"a\u00e9\u6f22\U0001F600"), std::u16string{u'x', 0xD800, u'y'},
        std::u16string{0xDC00, 0xD800}, std::u16string{u'a', 0, u'b'}}) {
    Result<std::u16string> back = to_utf16(to_utf8(text));
    ASSERT_TRUE(back.ok()) << back.status().message();
    EXPECT_EQ(*back, text);
  }
  EXPECT_EQ(to_utf8(u"\U0001F600"), "\xF0\x9F\x98\x80");
  for (const char* bad : {"\xff", "a\xc3", "\xc0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"}) {
    EXPECT_EQ(to_utf16(bad).status().code(), StatusCode::kMalformed) << bad;
  }
}

TEST(UserValues, EveryVectorComesBack) {
  for (const char* file : {"values/scalars.txt", "values/containers.txt", "values/text.txt"}) {
    for (const auto& [notation, bytes] : testing::read_vectors(file)) {
      const Value value = testing::parse_notation(notation);
      Result<Value> back = from_user(to_user(value));
      ASSERT_TRUE(back.ok()) << notation << ": " << back.status().message();
      std::string encoded;
      std::string expected;
      ASSERT_TRUE(encode_value(*back, encoded).ok());
      ASSERT_TRUE(encode_value(value, expected).ok());
      EXPECT_EQ(encoded, expected) << notation;
    }
  }
}

TEST(UserTasks, TheExampleCountsInCapitalsAndAcks) {
  OneHost host({component("a", ComponentKind::kBolt, "a", kExample, "upper-count"),
                component("b", ComponentKind::kBolt, "a", kExample, "identity")});
  ASSERT_TRUE(host.status.ok()) << host.status.to_string();
  // "a" reads itself here, so its output comes back to it; "b" passes on what it gets to nobody.
  ASSERT_TRUE(host.feed(0, {{std::u16string(u"petrel")}}).ok());
  proto::HostSample sample;
  host.host->sample(sample);
  EXPECT_EQ(sample.executors(0).outputs(0).emitted(), 1);
  EXPECT_EQ(sample.executors(0).outputs(0).transferred(), 2);
  ASSERT_TRUE(host.executor(0).run_once(host.clock.now()).ok());
  std::optional<InItem> out = host.executor(1).queue().poll();
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(text(out->entries[0].tuple->values->at(0)), "PETREL");
  EXPECT_EQ(std::get<int64_t>(out->entries[0].tuple->values->at(1).data), 1);
  EXPECT_EQ(out->entries[0].tuple->anchors[0].root, 77u);
}

TEST(UserTasks, WhatUserCodeThrowsIsOneSentence) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"throw", "component 'a' task 1: execute threw: the user's bolt says no"},
      {"int", "component 'a' task 1: execute threw something that is no std::exception"},
      {"stream", "component 'a' task 1: execute threw: Unknown stream ID: nowhere"},
      {"text",
       "component 'a' task 1: execute threw: value 0: text is not UTF-8 at byte 0; send other bytes as "
       "Value::Bytes"},
      {"missing", "component 'a' task 1: execute threw: nothing does not exist"},
      {"thread",
       "component 'a' task 1: execute threw: a collector was called from another thread than its task's; hand "
       "the work over to execute"},
  };
  for (const auto& [what, sentence] : cases) {
    OneHost host({component("a", ComponentKind::kBolt, "b", kTest, "misbehaving"),
                  component("b", ComponentKind::kBolt, "a", kExample, "identity")});
    ASSERT_TRUE(host.status.ok()) << host.status.to_string();
    EXPECT_TRUE(host.feed(0, {{std::u16string(u"well")}}).ok());
    Result<bool> bad = host.feed(0, {{std::u16string(what.begin(), what.end())}});
    EXPECT_EQ(bad.status().message(), sentence);
  }
}

TEST(UserTasks, PrepareMayFailAndSeesTheConf) {
  ConfMap conf;
  conf.set("test.fail.prepare", true);
  OneHost host({component("a", ComponentKind::kBolt, "b", kTest, "misbehaving"),
                component("b", ComponentKind::kBolt, "a", kExample, "identity")},
               conf);
  EXPECT_EQ(host.status.message(), "prepare: component 'a' task 1: prepare threw: prepare says no");
}

TEST(UserTasks, ASpoutEmitsAgainWhatFailed) {
  OneHost host({component("a", ComponentKind::kSpout, "", kTest, "counter"),
                component("b", ComponentKind::kBolt, "a", kExample, "identity")});
  ASSERT_TRUE(host.status.ok()) << host.status.to_string();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(host.executor(0).run_once(host.clock.now()).ok());
  host.clock.advance(Millis(1));
  host.executor(0).sweep();
  host.executor(0).sweep();
  ASSERT_EQ(host.ports.trees.size(), 3u);
  const uint64_t second = std::next(host.ports.trees.begin())->first;
  const std::vector<Completion> failed = {{second, 1, CompletionKind::kFail}};
  host.host->completions(failed);
  ASSERT_TRUE(host.executor(0).run_once(host.clock.now()).ok());
  host.executor(0).sweep();
  host.executor(0).sweep();
  std::vector<int64_t> numbers;
  while (std::optional<InItem> item = host.executor(1).queue().poll()) {
    for (const InEntry& entry : item->entries) numbers.push_back(std::get<int64_t>(entry.tuple->values->at(0).data));
  }
  EXPECT_EQ(numbers, (std::vector<int64_t>{1, 2, 3, 2}));
}

TEST(ComponentLibrary, SaysWhatIsWrong) {
  const auto error = [](const std::string& library, const std::string& registered, ComponentKind kind) {
    OneHost host({component("a", kind, kind == ComponentKind::kBolt ? "b" : "", library, registered),
                  component("b", ComponentKind::kBolt, "a", kExample, "identity")});
    return host.status.message();
  };
  EXPECT_EQ(error(kExample, "nobody", ComponentKind::kBolt),
            "component 'a': library 'libpetrel_example.so' has no 'nobody'; it has: upper-count, identity");
  EXPECT_NE(error("libnothing.so", "x", ComponentKind::kBolt).find("libnothing.so: cannot open shared object file"),
            std::string::npos);
  EXPECT_EQ(error("../x.so", "x", ComponentKind::kBolt),
            "petrel.native.library of component 'a' is '../x.so'; it must be a path below the jar's resources/");
  EXPECT_EQ(error("/lib/x.so", "x", ComponentKind::kBolt),
            "petrel.native.library of component 'a' is '/lib/x.so'; it must be a path below the jar's resources/");
  EXPECT_EQ(error("", "x", ComponentKind::kBolt),
            "component 'a' runs in a native host and needs petrel.native.library and petrel.native.component in its "
            "configuration");
  EXPECT_EQ(error(kExample, "identity", ComponentKind::kSpout),
            "component 'a' is a spout, but 'identity' is registered as a bolt");
  EXPECT_EQ(error(kTest, "counter", ComponentKind::kBolt),
            "component 'a' is a bolt, but 'counter' is registered as a spout");
}

TEST(ComponentLibrary, TwoLibrariesInOneHostKeepTheirOwnNames) {
  OneHost host({component("a", ComponentKind::kBolt, "b", kExample, "upper-count"),
                component("b", ComponentKind::kBolt, "a", kTest, "misbehaving"),
                component("c", ComponentKind::kBolt, "b", kExample, "identity")});
  EXPECT_TRUE(host.status.ok()) << host.status.to_string();
}

}  // namespace
}  // namespace petrel
