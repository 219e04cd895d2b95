// HostInstance: the executors of one native host, built from the plan and wired to each other. Holds no thread: the
// process runs each executor on one of its own, a simulator steps them.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "native/instance/bolt_executor.h"
#include "native/instance/spout_executor.h"

namespace petrel {

/// Makes the user's side of tasks. Errors: no such component in the library.
class TaskFactory {
 public:
  virtual ~TaskFactory() = default;
  virtual Result<std::unique_ptr<BoltTask>> bolt(const Component& component, const ConfMap& conf) = 0;
  virtual Result<std::unique_ptr<SpoutTask>> spout(const Component& component, const ConfMap& conf) = 0;
};

struct HostInstanceOptions {
  size_t queue_limit_bytes = 4U << 20;
  size_t cycle_max_bytes = 32U << 20;  // when the topology says nothing else
  OutboxLimits outbox;
};

/// The conf of a component: the topology's, with the keys of `component.json_conf` that Storm lets a component set (all
/// that are not Storm's own, and a few of those).
Result<ConfMap> component_conf(const ConfMap& topology, const Component& component);

/// Thread: construction one; after it deliver, credit, completions, set_active, drain, sweep, stop, sample any.
class HostInstance {
 public:
  /// The executors of the table whose slot is services.slot; __acker is left idle (the ledger does its work).
  /// `parkers`: one per executor, made on demand. Errors: kMalformed with what the plan asks for that native code
  /// cannot do.
  static Result<std::unique_ptr<HostInstance>> build(const ExecutorServices& services, const ConfMap& conf,
                                                     TaskFactory& factory,
                                                     std::function<std::unique_ptr<Parker>()> parkers,
                                                     const HostInstanceOptions& options);

  const std::vector<std::unique_ptr<Executor>>& executors() const { return executors_; }
  /// From another host. False: no such executor here (the section is dropped).
  bool deliver(InboundSection section);
  /// Refused source executors, by first task.
  void credit(std::span<const int32_t> executors);
  void completions(std::span<const Completion> done);
  /// What all other hosts ask to be held back.
  void pressure(uint16_t bits) { pressure_.others(bits); }
  void set_active(bool active);
  void drain(uint64_t epoch);
  void stop();
  /// Every millisecond or so. True when something was open.
  bool sweep();
  void sample(proto::HostSample& out) const;
  /// Fill of the queue of a task of this host, 0 to 1; nothing when it is not here.
  std::optional<double> load_of(int32_t task) const;

 private:
  explicit HostInstance(const ExecutorServices& services) : services_(services) {}
  Status add(const Component& component, TaskRange range, const ConfMap& conf, TaskFactory& factory,
             const HostInstanceOptions& options);
  /// Water marks and room of a bolt's queue.
  Status control(BoltExecutor& bolt, const Component& component, const HostInstanceOptions& options);
  /// A section that finds no room in its cycle: its trees fail, its credit returns.
  void refuse(Executor& executor, const InboundSection& section);
  Executor* find(int32_t first_task) const;

  ExecutorServices services_;
  Pressure pressure_;
  std::function<std::unique_ptr<Parker>()> make_parker_;
  std::vector<std::unique_ptr<Parker>> parkers_;
  std::vector<std::unique_ptr<Executor>> executors_;
  std::vector<std::pair<const Component*, TaskRange>> idle_;
  std::vector<Executor*> by_task_;
  std::vector<SpoutExecutor*> spout_of_;  // by task
};

}  // namespace petrel
