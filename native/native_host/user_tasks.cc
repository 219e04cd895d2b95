#include "native/native_host/user_tasks.h"

#include <cxxabi.h>

#include <algorithm>
#include <stdexcept>

#include "native/base/escape.h"
#include "native/base/log.h"
#include "native/native_host/user_values.h"

namespace petrel {
namespace {

const Logger logger("native-host");

// Runs user code. Whatever it throws becomes one sentence.
template <typename Function>
Status guarded(const char* what, Function function) {
  try {
    function();
    return {};
  } catch (const std::exception& e) {
    return Status::error(StatusCode::kInternal, "{} threw: {}", what, escape(e.what()));
  } catch (const abi::__forced_unwind&) {
    throw;  // the end of a thread, not an error
  } catch (...) {
    return Status::error(StatusCode::kInternal, "{} threw something that is no std::exception", what);
  }
}

void raise(const Status& status) {
  if (!status.ok()) throw std::invalid_argument(status.message());
}
template <typename T>
T value_or_raise(Result<T> result) {
  raise(result.status());
  return std::move(*result);
}

class UserContext : public user::Context {
 public:
  UserContext(const TaskContext& task, std::string resources_dir)
      : plan_(task.table.plan()),
        component_(task.component),
        task_(task.task),
        conf_(print_json(ConfValue(task.conf))),
        resources_(std::move(resources_dir)) {}
  int task_id() const override { return task_; }
  int task_index() const override { return task_ - component_.first_task; }
  const std::string& component() const override { return component_.name; }
  const std::string& topology_id() const override { return plan_.topology_id; }
  const std::string& topology_name() const override { return plan_.topology_name; }
  std::vector<int> tasks_of(const std::string& name) const override {
    const Component* component = plan_.find(name);
    return component == nullptr ? std::vector<int>() : TaskTable::tasks_of(*component);
  }
  const std::string& conf_json() const override { return conf_; }
  const std::string& resources_dir() const override { return resources_; }

 private:
  const LogicalPlan& plan_;
  const Component& component_;
  int32_t task_;
  std::string conf_;
  std::string resources_;
};

class Body : public user::TupleBody {
 public:
  explicit Body(TuplePtr tuple) : tuple_(std::move(tuple)) {}
  size_t size() const override { return tuple_->values->size(); }
  user::Value value(size_t index) const override { return to_user(tuple_->values->at(index)); }
  int field(const std::string& name) const override {
    if (tuple_->stream == nullptr) return -1;
    const auto& fields = tuple_->stream->fields;
    const auto at = std::find(fields.begin(), fields.end(), name);
    return at == fields.end() ? -1 : static_cast<int>(at - fields.begin());
  }
  const std::string& source_component() const override {
    static const std::string system = "__system";
    return tuple_->source == nullptr ? system : tuple_->source->name;
  }
  const std::string& source_stream() const override {
    static const std::string tick = "__tick";
    return tuple_->stream == nullptr ? tick : tuple_->stream->id;
  }
  int source_task() const override { return tuple_->source_task; }
  const TuplePtr& tuple() const { return tuple_; }

 private:
  TuplePtr tuple_;
};

// Collectors belong to the thread of their task: the tables behind them have no lock.
class Owner {
 public:
  void adopt() { thread_ = std::this_thread::get_id(); }
  void check() const {
    if (std::this_thread::get_id() != thread_) {
      throw std::logic_error(
          "a collector was called from another thread than its task's; hand the work over to execute");
    }
  }

 private:
  std::thread::id thread_;
};

const TuplePtr& data_of(const user::Tuple& tuple) {
  const auto* body = dynamic_cast<const Body*>(tuple.body().get());
  if (body == nullptr) throw std::invalid_argument("the tuple is empty; only tuples that execute got can be used here");
  return body->tuple();
}

class UserCollector : public user::Collector {
 public:
  explicit UserCollector(BoltOutput& output) : output_(output) { owner_.adopt(); }

  std::vector<int> emit(const std::string& stream, const std::vector<user::Tuple>& anchors,
                        user::Values values) override {
    owner_.check();
    return value_or_raise(output_.emit(stream, tuples(anchors), value_or_raise(from_user(values))));
  }
  void emit_direct(int task, const std::string& stream, const std::vector<user::Tuple>& anchors,
                   user::Values values) override {
    owner_.check();
    raise(output_.emit_direct(task, stream, tuples(anchors), value_or_raise(from_user(values))));
  }
  void ack(const user::Tuple& tuple) override {
    owner_.check();
    output_.ack(data_of(tuple));
  }
  void fail(const user::Tuple& tuple) override {
    owner_.check();
    output_.fail(data_of(tuple));
  }
  void reset_timeout(const user::Tuple& tuple) override {
    owner_.check();
    output_.reset_timeout(data_of(tuple));
  }
  void report_error(const std::string& text) override { output_.report_error(text); }

 private:
  static std::vector<TuplePtr> tuples(const std::vector<user::Tuple>& anchors) {
    std::vector<TuplePtr> out;
    out.reserve(anchors.size());
    for (const user::Tuple& anchor : anchors) out.push_back(data_of(anchor));
    return out;
  }

  BoltOutput& output_;
  Owner owner_;
};

class UserSpoutCollector : public user::SpoutCollector {
 public:
  explicit UserSpoutCollector(SpoutOutput& output) : output_(output) { owner_.adopt(); }

  std::vector<int> emit(const std::string& stream, user::Values values, const user::Value* message_id) override {
    owner_.check();
    return value_or_raise(output_.emit(stream, value_or_raise(from_user(values)), id(message_id)));
  }
  void emit_direct(int task, const std::string& stream, user::Values values, const user::Value* message_id) override {
    owner_.check();
    raise(output_.emit_direct(task, stream, value_or_raise(from_user(values)), id(message_id)));
  }
  size_t pending() const override {
    owner_.check();
    return output_.pending();
  }
  void report_error(const std::string& text) override { output_.report_error(text); }

 private:
  static std::optional<Value> id(const user::Value* message_id) {
    if (message_id == nullptr) return std::nullopt;
    return value_or_raise(from_user(*message_id));
  }

  SpoutOutput& output_;
  Owner owner_;
};

class UserBolt : public BoltTask {
 public:
  UserBolt(std::unique_ptr<user::Bolt> bolt, std::string resources_dir)
      : bolt_(std::move(bolt)), resources_(std::move(resources_dir)) {}
  Status prepare(const TaskContext& task, BoltOutput& output) override {
    context_ = std::make_unique<UserContext>(task, resources_);
    collector_ = std::make_unique<UserCollector>(output);
    return guarded("prepare", [&] { bolt_->prepare(*context_, *collector_); });
  }
  Status execute(const TuplePtr& tuple) override {
    return guarded("execute", [&] { bolt_->execute(user::Tuple(std::make_shared<Body>(tuple))); });
  }
  void cleanup() override {
    Status status = guarded("cleanup", [&] { bolt_->cleanup(); });
    if (!status.ok()) logger.error("{}", status.message());
  }

 private:
  std::unique_ptr<UserContext> context_;
  std::unique_ptr<UserCollector> collector_;
  std::unique_ptr<user::Bolt> bolt_;
  std::string resources_;
};

class UserSpout : public SpoutTask {
 public:
  UserSpout(std::unique_ptr<user::Spout> spout, std::string resources_dir)
      : spout_(std::move(spout)), resources_(std::move(resources_dir)) {}
  Status open(const TaskContext& task, SpoutOutput& output) override {
    context_ = std::make_unique<UserContext>(task, resources_);
    collector_ = std::make_unique<UserSpoutCollector>(output);
    return guarded("open", [&] { spout_->open(*context_, *collector_); });
  }
  Status next_tuple() override {
    return guarded("next_tuple", [&] { spout_->next_tuple(); });
  }
  Status ack(const Value& id) override {
    return guarded("ack", [&] { spout_->ack(to_user(id)); });
  }
  Status fail(const Value& id) override {
    return guarded("fail", [&] { spout_->fail(to_user(id)); });
  }
  Status activate() override {
    return guarded("activate", [&] { spout_->activate(); });
  }
  Status deactivate() override {
    return guarded("deactivate", [&] { spout_->deactivate(); });
  }
  void close() override {
    Status status = guarded("close", [&] { spout_->close(); });
    if (!status.ok()) logger.error("{}", status.message());
  }

 private:
  std::unique_ptr<UserContext> context_;
  std::unique_ptr<UserSpoutCollector> collector_;
  std::unique_ptr<user::Spout> spout_;
  std::string resources_;
};

}  // namespace

std::unique_ptr<BoltTask> user_bolt(std::unique_ptr<user::Bolt> bolt, std::string resources_dir) {
  return std::make_unique<UserBolt>(std::move(bolt), std::move(resources_dir));
}

std::unique_ptr<SpoutTask> user_spout(std::unique_ptr<user::Spout> spout, std::string resources_dir) {
  return std::make_unique<UserSpout>(std::move(spout), std::move(resources_dir));
}

}  // namespace petrel
