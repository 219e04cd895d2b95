#include "native/instance/spout_executor.h"

#include "native/base/check.h"
#include "native/base/escape.h"
#include "native/ledger/ack_record.h"

namespace petrel {
namespace {

// How long a spout that had nothing to emit waits: 500 microseconds, 1 ms when it has been idle for half a second.
constexpr Nanos kShortWait = std::chrono::microseconds(500);
constexpr Nanos kLongWait = Millis(1);
constexpr int kLongIdle = 1000;

}  // namespace

Status SpoutOutput::emit_to(std::optional<int32_t> direct, std::string_view stream, Values values,
                            std::optional<Value> message_id, std::vector<int32_t>& targets) {
  ++executor_.emits_;
  const bool tracked = message_id && emitter_.tracks();
  const uint64_t root = tracked ? RootId::make(task_, executor_.services_.incarnation, ++sequence_) : 0;
  Route* route = nullptr;
  RETURN_IF_ERROR(emitter_.emit_root(direct, stream, std::move(values), root, targets, &route));
  if (tracked) {
    executor_.track(root, task_, std::move(*message_id), route->counts);
  } else if (message_id) {
    executor_.ack_untracked(task_, *message_id);
  }
  return {};
}

Result<std::vector<int32_t>> SpoutOutput::emit(std::string_view stream, Values values,
                                               std::optional<Value> message_id) {
  std::vector<int32_t> targets;
  RETURN_IF_ERROR(emit_to(std::nullopt, stream, std::move(values), std::move(message_id), targets));
  return targets;
}

Status SpoutOutput::emit_direct(int32_t target, std::string_view stream, Values values,
                                std::optional<Value> message_id) {
  std::vector<int32_t> targets;
  return emit_to(target, stream, std::move(values), std::move(message_id), targets);
}

size_t SpoutOutput::pending() const {
  return executor_.pending_.size();
}

void SpoutOutput::report_error(const std::string& text) {
  if (executor_.services_.events != nullptr) {
    executor_.services_.events->report_error(executor_.spec_.component->name, task_, text);
  }
}

SpoutExecutor::SpoutExecutor(ExecutorSpec spec, const ExecutorServices& services, Parker& parker,
                             std::vector<std::unique_ptr<SpoutTask>> tasks)
    : Executor(std::move(spec), services, parker), tasks_(std::move(tasks)), sampler_(sample_rate(), rng_.next()) {
  CHECK(tasks_.size() == static_cast<size_t>(spec_.tasks.last - spec_.tasks.first + 1));
}

Status SpoutExecutor::prepare_tasks() {
  ASSIGN_OR_RETURN(int64_t each, spec_.conf.get_int("topology.max.spout.pending", 0));
  max_pending_ = each <= 0 ? 0 : static_cast<size_t>(each) * tasks_.size();
  ASSIGN_OR_RETURN(bool timeouts, spec_.conf.get_bool("topology.enable.message.timeouts", true));
  ASSIGN_OR_RETURN(int64_t seconds, spec_.conf.get_int("topology.message.timeout.secs", 30, 0));
  for (size_t i = 0; i < tasks_.size(); ++i) {
    const int32_t task = spec_.tasks.first + static_cast<int32_t>(i);
    outputs_.push_back(std::make_unique<SpoutOutput>(*this, task, make_emitter(task)));
    if (services_.acks != nullptr) services_.acks->open(task, timeouts ? seconds * 1000 : 0);
    Status status = tasks_[i]->open(TaskContext{*services_.table, *spec_.component, task, spec_.conf}, *outputs_[i]);
    if (!status.ok()) return failed(i, status).with_context("open");
  }
  return {};
}

void SpoutExecutor::close() {
  if (!prepared()) return;
  for (auto& task : tasks_) task->close();
}

Nanos SpoutExecutor::idle_time() {
  if (!active_ || at_max_pending() || held_back()) return Seconds(1);
  return ++empty_ > kLongIdle ? kLongWait : kShortWait;
}

bool SpoutExecutor::has_work() const {
  if (control_waits() || active_ != last_active_ || (was_held_back_ && !held_back())) return true;
  std::lock_guard lock(completions_mutex_);
  return !completions_.empty();
}

void SpoutExecutor::completions(std::span<const Completion> done) {
  {
    std::lock_guard lock(completions_mutex_);
    completions_.insert(completions_.end(), done.begin(), done.end());
  }
  waker_.wake();
}

Result<bool> SpoutExecutor::run_once(MonoTime now) {
  ASSIGN_OR_RETURN(bool completed, complete());
  RETURN_IF_ERROR(switch_activity());
  ASSIGN_OR_RETURN(bool controlled, run_control(now));
  const bool worked = completed || controlled;
  // Bolts never send to spouts: what is in the queue can only be markers that were not for us.
  while (std::optional<InItem> item = queue_.poll()) queue_.release(*item);
  if (last_active_) {
    ASSIGN_OR_RETURN(bool can_emit, outbox_->retry());
    was_held_back_ = held_back();
    if (can_emit && !at_max_pending() && !was_held_back_) {
      const uint64_t before = emits_;
      RETURN_IF_ERROR(next_tuples());
      if (emits_ != before) {
        empty_ = 0;
        RETURN_IF_ERROR(flush_if_old());
        return true;
      }
    }
  } else {
    ASSIGN_OR_RETURN(bool all, outbox_->retry());
    (void)all;
  }
  RETURN_IF_ERROR(flush());
  return worked;
}

Status SpoutExecutor::next_tuples() {
  for (size_t i = 0; i < tasks_.size(); ++i) {
    calling();
    Status status = tasks_[i]->next_tuple();
    if (!status.ok()) return failed(i, status);
    RETURN_IF_ERROR(untracked_error_);
  }
  return {};
}

Status SpoutExecutor::switch_activity() {
  const bool active = active_;
  if (active == last_active_) return {};
  last_active_ = active;
  for (size_t i = 0; i < tasks_.size(); ++i) {
    Status status = active ? tasks_[i]->activate() : tasks_[i]->deactivate();
    if (!status.ok()) return failed(i, status);
  }
  return {};
}

Result<bool> SpoutExecutor::complete() {
  std::vector<Completion> done;
  {
    std::lock_guard lock(completions_mutex_);
    done.swap(completions_);
  }
  for (const Completion& one : done) {
    RETURN_IF_ERROR(complete_one(one));
    RETURN_IF_ERROR(flush_if_old());
  }
  return !done.empty();
}

// A root that is not pending has been completed before: nothing is told twice.
Status SpoutExecutor::complete_one(const Completion& done) {
  auto at = pending_.find(done.root);
  if (at == pending_.end()) return {};
  Pending pending = std::move(at->second);
  pending_.erase(at);
  pending_now_.set(static_cast<int64_t>(pending_.size()));
  calling();
  Status status;
  if (done.kind == CompletionKind::kAck) {
    pending.counts->acked.add(1);
    if (pending.sampled) {
      pending.counts->complete_ns.add((clock_.now() - pending.since).count());
      pending.counts->complete_samples.add(1);
    }
    status = tasks_[pending.task]->ack(pending.message_id);
  } else {
    pending.counts->failed.add(1);
    status = tasks_[pending.task]->fail(pending.message_id);
  }
  return status.ok() ? status : failed(pending.task, status);
}

void SpoutExecutor::track(uint64_t root, int32_t task, Value message_id, OutputCounts& counts) {
  Pending pending;
  pending.task = static_cast<size_t>(task - spec_.tasks.first);
  pending.message_id = std::move(message_id);
  pending.counts = &counts;
  pending.sampled = sampler_.take();
  if (pending.sampled) pending.since = clock_.now();
  pending_.insert_or_assign(root, std::move(pending));
  pending_now_.set(static_cast<int64_t>(pending_.size()));
}

void SpoutExecutor::ack_untracked(int32_t task, const Value& message_id) {
  const auto index = static_cast<size_t>(task - spec_.tasks.first);
  Status status = tasks_[index]->ack(message_id);
  if (!status.ok()) untracked_error_ = failed(index, status);
}

Status SpoutExecutor::failed(size_t index, const Status& why) const {
  return why.with_context("component '{}' task {}", escape(spec_.component->name),
                          spec_.tasks.first + static_cast<int32_t>(index));
}

}  // namespace petrel
