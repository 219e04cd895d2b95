// Executor: some tasks of one component and the loop that serves them, as a step function: run_once() does what there
// is to do and does not wait, idle() waits. A thread calls them in turn; a simulator may call them as it likes. Twin of
// io.petrel.host.Executor.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "native/config/conf_value.h"
#include "native/instance/emitter.h"
#include "native/instance/in_queue.h"
#include "native/instance/markers.h"
#include "native/instance/parker.h"
#include "native/instance/ports.h"
#include "proto/metrics.pb.h"

namespace petrel {

struct ExecutorSpec {
  const Component* component = nullptr;
  TaskRange tasks;
  ConfMap conf;  // of the topology, with what the component may set for itself
  size_t queue_limit_bytes = 4U << 20;
  OutboxLimits outbox;
};

/// Of the host; everything outlives the executors.
struct ExecutorServices {
  const Clock* clock = nullptr;
  std::shared_ptr<const TaskTable> table;
  uint32_t slot = 0;
  uint32_t incarnation = 0;
  uint64_t seed = 0;             // different for every host and incarnation
  RemotePort* remote = nullptr;  // nullptr: the topology has one host
  AckPort* acks = nullptr;       // nullptr: nothing is tracked (no ackers)
  HostEvents* events = nullptr;
  LoadView load;                 // of any task, for groupers that look at it
  Pressure* pressure = nullptr;  // HostInstance's
};

/// What user code may know about its task.
struct TaskContext {
  const TaskTable& table;
  const Component& component;
  int32_t task = 0;
  const ConfMap& conf;
};

/// Thread: one, the first that calls init(); set_active, drain, stop, sweep, queue(), sample and the waker: any.
class Executor {
 public:
  /// A batch that has been open this long leaves, looked at between tuples.
  static constexpr Nanos kFlushAfter = std::chrono::microseconds(250);

  Executor(ExecutorSpec spec, const ExecutorServices& services, Parker& parker);
  virtual ~Executor() = default;

  /// Once, before init: the executors of this host by first task, for in-host edges. Errors: kMalformed for a grouping
  /// that native code cannot do.
  Status connect(const std::vector<Executor*>& local);
  /// Prepares or opens the tasks. Errors: what user code says.
  Status init();
  /// Does what there is to do; the time may be a few steps old. False: nothing was done, all output that could leave
  /// has left, and idle() may wait. Errors end the host: user code failed, or what another host sent cannot be read.
  virtual Result<bool> run_once(MonoTime now) = 0;
  /// Waits until there may be something to do.
  void idle();
  /// The two halves of idle(), for one who does not wait in a thread: announces the sleep and says how long it may be
  /// (0: there is something to do); and what follows it, whether it was slept through or ended by Parker::unpark.
  Nanos begin_idle();
  void end_idle();
  /// Ends the tasks; after the last run_once.
  virtual void close() = 0;

  /// Spouts are called only while active.
  void set_active(bool active);
  /// Starts the markers of `epoch` here when this executor waits for nobody's.
  void drain(uint64_t epoch);
  /// Waits end soon, emit does not wait for credit any more.
  void stop();
  /// Batches and acks whose executor sits in user code. True when something was open.
  bool sweep();
  /// There is credit again for what was refused.
  void credit() { waker_.wake(); }

  const ExecutorSpec& spec() const { return spec_; }
  int32_t first_task() const { return spec_.tasks.first; }
  InQueue& queue() { return queue_; }
  /// How much may wait inside of its cycle, nullptr outside of cycles. Before connect.
  void set_room(size_t max_bytes);
  CycleRoom* room() { return room_.get(); }
  const Outbox& outbox() const { return *outbox_; }
  bool active() const { return active_; }
  bool prepared() const { return prepared_; }
  Waker& waker() { return waker_; }
  /// Calls of user code so far. Thread: any.
  uint64_t calls() const { return calls_.load(std::memory_order_relaxed); }
  void sample(proto::ExecutorSample& out) const;

 protected:
  virtual Status prepare_tasks() = 0;
  virtual Status tick(int64_t seconds) = 0;
  virtual Nanos idle_time() = 0;
  /// True when run_once would do something. Looked at after the sleep has been announced.
  virtual bool has_work() const = 0;
  /// There would be something to process if there were credit.
  virtual bool has_input() const = 0;
  /// There would be something to process, and others ask to wait with it.
  virtual bool is_pressed() const { return false; }
  virtual int64_t pending_roots() const { return 0; }
  bool pressed_by(uint16_t bit) const { return services_.pressure != nullptr && services_.pressure->holds(bit); }

  /// Before each call of user code that could take its time.
  void calling() { calls_.store(calls_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  /// Ticks, loads, drain requests that are due. True when there was one.
  Result<bool> run_control(MonoTime now);
  bool control_waits() const { return drain_asked_.load() != drain_seen_ && may_start_markers(); }
  /// Sends the markers of all tasks behind everything that they emitted, and says so.
  Status send_markers(uint64_t epoch);
  /// May markers start here now?
  virtual bool may_start_markers() const { return true; }
  /// Looks at the clock every few calls and lets old batches leave.
  Status flush_if_old();
  Status flush();
  Emitter make_emitter(int32_t task);
  InputCounts* input_of(const TupleData& tuple);
  double sample_rate() const;

  const ExecutorSpec spec_;
  const ExecutorServices services_;
  const Clock& clock_;
  Waker waker_;
  InQueue queue_;
  std::unique_ptr<CycleRoom> room_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<AckBatch> acks_;
  std::deque<Route> routes_;
  std::deque<InputCounts> inputs_;
  MarkerAligner aligner_;
  Rng rng_;
  std::atomic<bool> active_{false};

 private:
  Status make_routes();
  void make_destinations(const std::vector<Executor*>& local);
  void refresh_load();
  bool can_send();

  std::vector<int32_t> destination_of_;  // by task
  std::atomic<uint64_t> calls_{0};
  std::atomic<int64_t> pressed_ns_{0};
  std::atomic<uint64_t> drain_asked_{0};
  uint64_t drain_seen_ = 0;
  std::atomic<bool> prepared_{false};
  int64_t tick_seconds_ = 0;
  MonoTime next_tick_{};
  bool uses_load_ = false;
  MonoTime next_load_{};
  MonoTime idle_since_{};
  bool starved_ = false;
  bool pressed_ = false;  // there is input, and others ask to wait with it
  bool dirty_ = false;
  MonoTime dirty_since_{};
  int check_every_ = 1;
  int since_check_ = 0;
};

}  // namespace petrel
