#include "native/instance/executor.h"

#include <algorithm>

#include "native/base/escape.h"
#include "native/base/mutant.h"

namespace petrel {
namespace {

constexpr Nanos kLoadInterval = Seconds(1);
constexpr const char* kSystem = "__system";

}  // namespace

Executor::Executor(ExecutorSpec spec, const ExecutorServices& services, Parker& parker)
    : spec_(std::move(spec)),
      services_(services),
      clock_(*services.clock),
      waker_(parker),
      queue_(waker_, spec_.queue_limit_bytes),
      aligner_(*services.table, *spec_.component),
      rng_(Rng(services.seed).split(static_cast<uint64_t>(spec_.tasks.first))) {
  for (const Input& input : spec_.component->inputs) {
    inputs_.emplace_back();
    inputs_.back().component = input.component;
    inputs_.back().stream = input.stream;
  }
  inputs_.emplace_back();
  inputs_.back().component = kSystem;
  inputs_.back().stream = "__tick";
}

void Executor::set_room(size_t max_bytes) {
  room_ = std::make_unique<CycleRoom>(queue_, max_bytes, spec_.component->name, first_task(), services_.events, clock_);
}

Status Executor::connect(const std::vector<Executor*>& local) {
  make_destinations(local);
  if (services_.acks != nullptr) acks_ = std::make_unique<AckBatch>(*services_.acks);
  return make_routes();
}

void Executor::make_destinations(const std::vector<Executor*>& local) {
  const TaskTable& table = *services_.table;
  std::vector<OutDestination> destinations;
  for (const Component& component : table.plan().components) {
    if (component.tasks > 0) {
      destination_of_.resize(std::max(destination_of_.size(), static_cast<size_t>(component.last_task()) + 1), -1);
    }
  }
  for (const Component* reader : table.readers_of(*spec_.component)) {
    for (int32_t executor : table.executors_of(*reader)) {
      OutDestination destination;
      destination.executor = executor;
      destination.inner = table.inner(*spec_.component, *reader);
      destination.tasks = 0;
      for (int32_t task : TaskTable::tasks_of(*reader)) {
        if (table.place(task).executor != executor) continue;
        ++destination.tasks;
        destination_of_[static_cast<size_t>(task)] = static_cast<int32_t>(destinations.size());
      }
      for (Executor* here : local) {
        if (here->first_task() != executor) continue;
        destination.queue = &here->queue();
        if (destination.inner) destination.room = here->room();
      }
      destinations.push_back(destination);
    }
  }
  outbox_ =
      std::make_unique<Outbox>(first_task(), std::move(destinations), services_.remote, waker_, clock_, spec_.outbox);
}

Status Executor::make_routes() {
  const TaskTable& table = *services_.table;
  ASSIGN_OR_RETURN(bool off, spec_.conf.get_bool("topology.disable.loadaware.messaging", false));
  ASSIGN_OR_RETURN(double higher, spec_.conf.get_double("topology.localityaware.higher.bound", 0.8));
  ASSIGN_OR_RETURN(double lower, spec_.conf.get_double("topology.localityaware.lower.bound", 0.2));
  for (size_t i = 0; i < spec_.component->streams.size(); ++i) {
    const Stream& stream = spec_.component->streams[i];
    Route& route = routes_.emplace_back();
    route.stream = &stream;
    route.index = static_cast<uint32_t>(i);
    route.counts.stream = stream.id;
    for (const Component* reader : table.readers_of(*spec_.component)) {
      const Input* input = reader->find_input(spec_.component->name, stream.id);
      if (input == nullptr) continue;
      const std::vector<int32_t> targets = TaskTable::tasks_of(*reader);
      const uint64_t seed = grouper_seed(services_.seed, first_task(), stream.id, reader->name);
      Result<GrouperSpec> spec =
          grouper_spec(*input, stream, targets, table.nearest(targets, first_task()), !off, seed);
      if (spec.ok()) {
        spec->higher_bound = higher;
        spec->lower_bound = lower;
      }
      Result<std::unique_ptr<Grouper>> grouper = spec.ok() ? make_grouper(*spec) : spec.status();
      if (!grouper.ok()) {
        return grouper.status().with_context("subscription of '{}' to stream '{}' of '{}'", escape(reader->name),
                                             escape(stream.id), escape(spec_.component->name));
      }
      route.direct |= (*grouper)->direct();
      uses_load_ |= (*grouper)->uses_load();
      route.readers.push_back({reader, std::move(*grouper)});
    }
  }
  return {};
}

Emitter Executor::make_emitter(int32_t task) {
  EmitterParts parts{services_.table.get(), spec_.component,  services_.slot, outbox_.get(),
                     acks_.get(),           services_.remote, &routes_,       &destination_of_};
  Rng edges = Rng(services_.seed).split((uint64_t{1} << 32) + static_cast<uint64_t>(task));
  if (PETREL_MUTANT("same random seed in two tasks")) edges = Rng(42);
  return Emitter(parts, task, edges);
}

Status Executor::init() {
  RETURN_IF_ERROR(prepare_tasks());
  ASSIGN_OR_RETURN(tick_seconds_, spec_.conf.get_int("topology.tick.tuple.freq.secs", 0, 0));
  const MonoTime now = clock_.now();
  next_tick_ = now + Seconds(tick_seconds_);
  next_load_ = now + kLoadInterval;
  prepared_ = true;
  return {};
}

Result<bool> Executor::run_control(MonoTime now) {
  bool worked = false;
  if (tick_seconds_ > 0 && now >= next_tick_) {
    // After a long pause the missed ones are left out.
    next_tick_ += Seconds(tick_seconds_);
    if (next_tick_ <= now) next_tick_ = now + Seconds(tick_seconds_);
    RETURN_IF_ERROR(tick(tick_seconds_));
    worked = true;
  }
  if (uses_load_ && now >= next_load_) {
    next_load_ = now + kLoadInterval;
    refresh_load();
  }
  const uint64_t asked = drain_asked_.load();
  if (asked != drain_seen_ && may_start_markers()) {
    drain_seen_ = asked;
    if (aligner_.is_source()) RETURN_IF_ERROR(send_markers(asked));
    worked = true;
  }
  return worked;
}

void Executor::refresh_load() {
  for (Route& route : routes_) {
    for (Route::Reader& reader : route.readers) {
      if (reader.grouper->uses_load()) reader.grouper->refresh_load(services_.load);
    }
  }
}

Status Executor::send_markers(uint64_t epoch) {
  for (size_t i = 0; i < outbox_->destinations().size(); ++i) {
    if (outbox_->destinations()[i].inner) continue;
    for (int32_t task = spec_.tasks.first; task <= spec_.tasks.last; ++task) {
      RETURN_IF_ERROR(outbox_->add_marker(i, Marker{kDrainMarker, epoch, task}));
    }
  }
  RETURN_IF_ERROR(flush());
  if (services_.events != nullptr) services_.events->drained(first_task(), epoch);
  return {};
}

Status Executor::flush_if_old() {
  if (++since_check_ < check_every_) return {};
  since_check_ = 0;
  const bool waiting = outbox_->dirty() || (acks_ && !acks_->empty());
  if (!waiting) {
    dirty_ = false;
    check_every_ = 1;
    return {};
  }
  const MonoTime now = clock_.now();
  if (!dirty_) {
    dirty_ = true;
    dirty_since_ = now;
    return {};
  }
  const Nanos age = now - dirty_since_;
  if (age >= kFlushAfter) return flush();
  // Calls are quick: the clock costs more than they do.
  if (age < kFlushAfter / 8 && check_every_ < 16) check_every_ *= 2;
  return {};
}

Status Executor::flush() {
  RETURN_IF_ERROR(outbox_->flush());
  if (acks_) acks_->flush();
  dirty_ = false;
  check_every_ = 1;
  return {};
}

bool Executor::can_send() {
  Result<bool> all = outbox_->retry();
  return !all.ok() || *all;  // the next step meets the error again and reports it
}

void Executor::idle() {
  const Nanos wait = begin_idle();
  if (wait > Nanos(0)) waker_.sleep(wait);
  end_idle();
}

Nanos Executor::begin_idle() {
  const bool blocked = outbox_->has_refused();
  starved_ = blocked && has_input();
  pressed_ = !starved_ && is_pressed();
  idle_since_ = clock_.now();
  Nanos wait = blocked ? Outbox::kBlockedPark : idle_time();
  if (tick_seconds_ > 0) wait = std::min(wait, Nanos(next_tick_ - idle_since_));
  waker_.prepare();
  if (blocked) outbox_->await_credit();
  if (!has_work() && !(blocked && can_send()) && wait > Nanos(0)) return wait;
  starved_ = pressed_ = false;
  return Nanos(0);
}

void Executor::end_idle() {
  waker_.cancel();
  if (starved_) outbox_->add_blocked(clock_.now() - idle_since_);
  if (pressed_) pressed_ns_ += (clock_.now() - idle_since_).count();
}

void Executor::set_active(bool active) {
  active_ = active;
  waker_.wake();
}

void Executor::drain(uint64_t epoch) {
  drain_asked_ = epoch;
  waker_.wake();
}

void Executor::stop() {
  if (outbox_) outbox_->stop();
  waker_.wake();
}

bool Executor::sweep() {
  if (!prepared_) return false;
  const bool open = outbox_->sweep();
  return (acks_ && acks_->sweep()) || open;
}

InputCounts* Executor::input_of(const TupleData& tuple) {
  if (tuple.source == nullptr) return &inputs_.back();
  for (InputCounts& input : inputs_) {
    if (input.component == tuple.source->name && input.stream == tuple.stream->id) return &input;
  }
  return nullptr;
}

double Executor::sample_rate() const {
  Result<double> rate = spec_.conf.get_double("topology.stats.sample.rate", 0.05);
  return rate.ok() ? *rate : 0.05;
}

void Executor::sample(proto::ExecutorSample& out) const {
  out.set_component(spec_.component->name);
  out.set_first_task(spec_.tasks.first);
  out.set_last_task(spec_.tasks.last);
  out.set_spout(spec_.component->kind == ComponentKind::kSpout);
  for (const Route& route : routes_) {
    const OutputCounts& counts = route.counts;
    if (counts.emitted.get() + counts.acked.get() + counts.failed.get() == 0) continue;
    proto::StreamCounts& to = *out.add_outputs();
    to.set_stream(counts.stream);
    to.set_emitted(counts.emitted.get());
    to.set_transferred(counts.transferred.get());
    to.set_acked(counts.acked.get());
    to.set_failed(counts.failed.get());
    to.set_complete_ns_sum(counts.complete_ns.get());
    to.set_complete_samples(counts.complete_samples.get());
  }
  for (const InputCounts& counts : inputs_) {
    if (counts.executed.get() + counts.acked.get() + counts.failed.get() == 0) continue;
    proto::InputCounts& to = *out.add_inputs();
    to.set_component(counts.component);
    to.set_stream(counts.stream);
    to.set_acked(counts.acked.get());
    to.set_failed(counts.failed.get());
    to.set_executed(counts.executed.get());
    to.set_execute_ns_sum(counts.execute_ns.get());
    to.set_execute_samples(counts.execute_samples.get());
    to.set_process_ns_sum(counts.process_ns.get());
    to.set_process_samples(counts.process_samples.get());
  }
  out.set_queue_depth(static_cast<int64_t>(queue_.tuples()));
  out.set_queue_bytes(static_cast<int64_t>(queue_.bytes()));
  int64_t blocked = 0;
  for (const Outbox::Blocked& cause : outbox_->blocked()) {
    blocked += cause.nanos;
    proto::BlockedCause& to = *out.add_blocked_by();
    to.set_first_task(cause.executor);
    to.set_ns(cause.nanos);
  }
  if (const int64_t pressed = pressed_ns_; pressed != 0) {
    blocked += pressed;
    out.add_blocked_by()->set_ns(pressed);  // by nobody's credit: task 0
  }
  out.set_blocked_ns(blocked);
  out.set_pending(pending_roots());
}

}  // namespace petrel
