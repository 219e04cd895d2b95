// BoltExecutor: runs the tasks of a bolt. BoltTask is the user's side, at the level of values; BoltOutput its
// collector.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "native/instance/executor.h"

namespace petrel {

class BoltExecutor;

/// The collector of a bolt task. Thread: the executor's.
class BoltOutput {
 public:
  BoltOutput(BoltExecutor& executor, int32_t task, Emitter emitter)
      : executor_(executor), task_(task), emitter_(std::move(emitter)) {}

  /// The targets. Errors: see Emitter::emit; the tuple is then not sent, or not to all.
  Result<std::vector<int32_t>> emit(std::string_view stream, std::span<const TuplePtr> anchors, Values values);
  Status emit_direct(int32_t target, std::string_view stream, std::span<const TuplePtr> anchors, Values values);
  void ack(const TuplePtr& tuple);
  void fail(const TuplePtr& tuple);
  void reset_timeout(const TuplePtr& tuple);
  void report_error(const std::string& text);

 private:
  BoltExecutor& executor_;
  int32_t task_;
  Emitter emitter_;
};

/// A bolt task. An error of any of these ends the host, as an exception does in Storm.
class BoltTask {
 public:
  virtual ~BoltTask() = default;
  virtual Status prepare(const TaskContext& context, BoltOutput& output) = 0;
  virtual Status execute(const TuplePtr& tuple) = 0;
  virtual void cleanup() {}
};

class BoltExecutor : public Executor {
 public:
  /// `tasks`: one per task of the spec, in order.
  BoltExecutor(ExecutorSpec spec, const ExecutorServices& services, Parker& parker,
               std::vector<std::unique_ptr<BoltTask>> tasks);

  Result<bool> run_once(MonoTime now) override;
  void close() override;
  /// The bit of the cycle that it is in. Before the first step.
  void in_cycle(uint16_t bit) { cycle_bit_ = bit; }

 protected:
  Status prepare_tasks() override;
  Status tick(int64_t seconds) override;
  Nanos idle_time() override { return Seconds(10); }
  bool has_work() const override;
  bool has_input() const override { return current_.has_value() || !queue_.empty(closed()); }
  bool is_pressed() const override { return !has_input() && !queue_.empty(); }

 private:
  friend class BoltOutput;
  /// What is being processed.
  struct Current {
    std::vector<InEntry> entries;
    size_t at = 0;
    InItem item;  // for what it is charged
  };

  /// The cycle is full: only what came from inside of it is taken.
  bool closed() const { return cycle_bit_ != 0 && pressed_by(cycle_bit_); }
  Status take(InItem item);
  Status take_marker(const Marker& marker);
  Result<std::vector<InEntry>> decode(const InboundSection& section) const;
  Status process();
  void finish();
  Status execute(int32_t task, const TuplePtr& tuple);
  Status failed(int32_t task, const Status& why) const;
  /// -1: not sampled.
  int64_t process_ns(const TupleData& tuple) const;

  std::vector<std::unique_ptr<BoltTask>> tasks_;
  std::vector<std::unique_ptr<BoltOutput>> outputs_;
  Sampler sampler_;
  std::optional<Current> current_;
  uint16_t cycle_bit_ = 0;
};

}  // namespace petrel
