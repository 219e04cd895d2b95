// SpoutExecutor: runs the tasks of a spout: next_tuple while active and below max pending, acks and fails by the
// completions of the ledger.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "native/instance/executor.h"

namespace petrel {

class SpoutExecutor;

/// The collector of a spout task. Thread: the executor's.
class SpoutOutput {
 public:
  SpoutOutput(SpoutExecutor& executor, int32_t task, Emitter emitter)
      : executor_(executor), task_(task), emitter_(std::move(emitter)) {}

  /// The targets. With a message id the tuple's tree is tracked, and ack or fail of the task is called once with the
  /// id; when nothing is tracked (no ackers), ack is called at once. Errors: see Emitter::emit.
  Result<std::vector<int32_t>> emit(std::string_view stream, Values values, std::optional<Value> message_id);
  Status emit_direct(int32_t target, std::string_view stream, Values values, std::optional<Value> message_id);
  /// Trees that the executor waits for.
  size_t pending() const;
  void report_error(const std::string& text);

 private:
  Status emit_to(std::optional<int32_t> direct, std::string_view stream, Values values, std::optional<Value> message_id,
                 std::vector<int32_t>& targets);

  SpoutExecutor& executor_;
  int32_t task_;
  Emitter emitter_;
  uint64_t sequence_ = 0;
};

/// A spout task. An error of any of these ends the host, as an exception does in Storm.
class SpoutTask {
 public:
  virtual ~SpoutTask() = default;
  virtual Status open(const TaskContext& context, SpoutOutput& output) = 0;
  virtual Status next_tuple() = 0;
  virtual Status ack(const Value& message_id) = 0;
  virtual Status fail(const Value& message_id) = 0;
  virtual Status activate() { return {}; }
  virtual Status deactivate() { return {}; }
  virtual void close() {}
};

/// Thread: as Executor; completions(): the ledger's.
class SpoutExecutor : public Executor {
 public:
  SpoutExecutor(ExecutorSpec spec, const ExecutorServices& services, Parker& parker,
                std::vector<std::unique_ptr<SpoutTask>> tasks);

  Result<bool> run_once(MonoTime now) override;
  void close() override;
  /// Ends of trees of this executor's tasks. Limits: bounded by the pending trees.
  void completions(std::span<const Completion> done);

 protected:
  Status prepare_tasks() override;
  Status tick(int64_t) override { return {}; }  // spouts get no tick tuples
  Nanos idle_time() override;
  bool has_work() const override;
  bool has_input() const override { return active_ && !at_max_pending() && !held_back(); }
  bool is_pressed() const override { return active_ && !at_max_pending() && held_back(); }
  bool may_start_markers() const override { return !active_ && !last_active_; }
  int64_t pending_roots() const override { return pending_now_.get(); }

 private:
  friend class SpoutOutput;
  struct Pending {
    size_t task = 0;  // index
    Value message_id;
    OutputCounts* counts = nullptr;
    MonoTime since{};
    bool sampled = false;
  };

  bool held_back() const { return pressed_by(Pressure::kSpouts); }
  bool at_max_pending() const { return max_pending_ > 0 && pending_.size() >= max_pending_; }
  Result<bool> complete();
  Status complete_one(const Completion& done);
  Status switch_activity();
  Status next_tuples();
  Status failed(size_t index, const Status& why) const;
  void track(uint64_t root, int32_t task, Value message_id, OutputCounts& counts);
  /// Of a message that nobody tracks.
  void ack_untracked(int32_t task, const Value& message_id);

  std::vector<std::unique_ptr<SpoutTask>> tasks_;
  std::vector<std::unique_ptr<SpoutOutput>> outputs_;
  Sampler sampler_;
  size_t max_pending_ = 0;
  std::unordered_map<uint64_t, Pending> pending_;  // by root; looked up only
  Count pending_now_;
  bool last_active_ = false;
  bool was_held_back_ = false;
  uint64_t emits_ = 0;
  int empty_ = 0;
  Status untracked_error_;

  mutable std::mutex completions_mutex_;
  std::vector<Completion> completions_;
};

}  // namespace petrel
