#include "native/instance/bolt_executor.h"

#include "native/base/check.h"
#include "native/base/escape.h"

namespace petrel {

Result<std::vector<int32_t>> BoltOutput::emit(std::string_view stream, std::span<const TuplePtr> anchors,
                                              Values values) {
  std::vector<int32_t> targets;
  RETURN_IF_ERROR(emitter_.emit(std::nullopt, stream, anchors, std::move(values), targets));
  return targets;
}

Status BoltOutput::emit_direct(int32_t target, std::string_view stream, std::span<const TuplePtr> anchors,
                               Values values) {
  std::vector<int32_t> targets;
  return emitter_.emit(target, stream, anchors, std::move(values), targets);
}

void BoltOutput::ack(const TuplePtr& tuple) {
  if (!emitter_.ack(*tuple)) return;
  InputCounts* counts = executor_.input_of(*tuple);
  if (counts == nullptr) return;
  counts->acked.add(1);
  const int64_t nanos = executor_.process_ns(*tuple);
  if (nanos < 0) return;
  counts->process_ns.add(nanos);
  counts->process_samples.add(1);
}

void BoltOutput::fail(const TuplePtr& tuple) {
  if (!emitter_.fail(*tuple)) return;
  InputCounts* counts = executor_.input_of(*tuple);
  if (counts != nullptr) counts->failed.add(1);
}

void BoltOutput::reset_timeout(const TuplePtr& tuple) {
  emitter_.reset_timeout(*tuple);
}

void BoltOutput::report_error(const std::string& text) {
  if (executor_.services_.events != nullptr) {
    executor_.services_.events->report_error(executor_.spec_.component->name, task_, text);
  }
}

BoltExecutor::BoltExecutor(ExecutorSpec spec, const ExecutorServices& services, Parker& parker,
                           std::vector<std::unique_ptr<BoltTask>> tasks)
    : Executor(std::move(spec), services, parker), tasks_(std::move(tasks)), sampler_(sample_rate(), rng_.next()) {
  CHECK(tasks_.size() == static_cast<size_t>(spec_.tasks.last - spec_.tasks.first + 1));
}

Status BoltExecutor::prepare_tasks() {
  for (size_t i = 0; i < tasks_.size(); ++i) {
    const int32_t task = spec_.tasks.first + static_cast<int32_t>(i);
    outputs_.push_back(std::make_unique<BoltOutput>(*this, task, make_emitter(task)));
    Status status = tasks_[i]->prepare(TaskContext{*services_.table, *spec_.component, task, spec_.conf}, *outputs_[i]);
    if (!status.ok()) return failed(task, status).with_context("prepare");
  }
  return {};
}

void BoltExecutor::close() {
  if (!prepared()) return;
  for (auto& task : tasks_) task->cleanup();
}

bool BoltExecutor::has_work() const {
  return control_waits() || (!outbox_->has_refused() && has_input());
}

Result<bool> BoltExecutor::run_once(MonoTime now) {
  ASSIGN_OR_RETURN(bool worked, run_control(now));
  ASSIGN_OR_RETURN(bool can_emit, outbox_->retry());
  if (!can_emit) {
    RETURN_IF_ERROR(flush());
    return worked;
  }
  if (!current_) {
    std::optional<InItem> item = queue_.poll(closed());
    if (!item) {
      RETURN_IF_ERROR(flush());
      return worked;
    }
    RETURN_IF_ERROR(take(std::move(*item)));
  }
  RETURN_IF_ERROR(process());
  return true;
}

Status BoltExecutor::take(InItem item) {
  current_.emplace();
  current_->item = std::move(item);
  InItem& taken = current_->item;
  switch (taken.kind) {
    case InItem::Kind::kTuples:
      current_->entries = std::move(taken.entries);
      return {};
    case InItem::Kind::kMarker:
      return take_marker(taken.marker);
    case InItem::Kind::kSection:
      break;
  }
  if (taken.section.kind == SectionKind::kMarker) {
    ASSIGN_OR_RETURN(Marker marker, parse_marker(taken.section.bytes));
    return take_marker(marker);
  }
  Result<std::vector<InEntry>> entries = decode(taken.section);
  if (!entries.ok()) {
    return entries.status().with_context("component '{}' task {}: tuples of another host cannot be read",
                                         escape(spec_.component->name), taken.section.destination_task);
  }
  current_->entries = std::move(entries).value();
  return {};
}

Status BoltExecutor::take_marker(const Marker& marker) {
  std::optional<uint64_t> aligned = aligner_.add(marker);
  return aligned ? send_markers(*aligned) : Status();
}

Result<std::vector<InEntry>> BoltExecutor::decode(const InboundSection& section) const {
  const int32_t task = section.destination_task;
  if (task < spec_.tasks.first || task > spec_.tasks.last) {
    return Status::malformed("task {} is not one of [{}, {}]", task, spec_.tasks.first, spec_.tasks.last);
  }
  ASSIGN_OR_RETURN(TupleBatchView batch, TupleBatchView::parse(section.bytes));
  std::vector<InEntry> entries;
  entries.reserve(batch.tuples().size());
  for (const TupleView& view : batch.tuples()) {
    auto tuple = std::make_shared<TupleData>();
    tuple->source_task = view.source_task().get();
    tuple->source = services_.table->component(tuple->source_task);
    if (tuple->source == nullptr || view.stream() >= tuple->source->streams.size()) {
      return Status::malformed("a tuple of task {}, stream {}: the plan has no such task or stream", tuple->source_task,
                               view.stream());
    }
    tuple->stream = &tuple->source->streams[view.stream()];
    for (uint32_t i = 0; i < view.anchors(); ++i) tuple->anchors.push_back(view.anchor(i));
    Values values;
    values.reserve(view.value_count());
    WireReader reader = view.values();
    for (uint32_t i = 0; i < view.value_count(); ++i) values.push_back(materialise(read_value(reader)));
    tuple->values = std::make_shared<const Values>(std::move(values));
    entries.push_back({task, std::move(tuple)});
  }
  return entries;
}

Status BoltExecutor::process() {
  while (current_->at < current_->entries.size()) {
    InEntry entry = std::move(current_->entries[current_->at++]);
    RETURN_IF_ERROR(execute(entry.task, entry.tuple));
    RETURN_IF_ERROR(flush_if_old());
    if (outbox_->has_refused() && current_->at < current_->entries.size()) return {};
  }
  finish();
  return {};
}

void BoltExecutor::finish() {
  queue_.release(current_->item);
  if (current_->item.section.consumed) current_->item.section.consumed();
  current_.reset();
}

Status BoltExecutor::tick(int64_t seconds) {
  for (int32_t task = spec_.tasks.first; task <= spec_.tasks.last; ++task) {
    auto tuple = std::make_shared<TupleData>();
    tuple->values = std::make_shared<const Values>(Values{{static_cast<int32_t>(seconds)}});
    RETURN_IF_ERROR(execute(task, tuple));
  }
  return {};
}

Status BoltExecutor::execute(int32_t task, const TuplePtr& tuple) {
  calling();
  BoltTask& bolt = *tasks_[static_cast<size_t>(task - spec_.tasks.first)];
  InputCounts* counts = input_of(*tuple);
  if (counts != nullptr) counts->executed.add(1);
  if (!sampler_.take()) {
    Status status = bolt.execute(tuple);
    return status.ok() ? status : failed(task, status);
  }
  tuple->sampled = true;
  tuple->execute_since = clock_.now();
  Status status = bolt.execute(tuple);
  if (!status.ok()) return failed(task, status);
  if (counts != nullptr) {
    counts->execute_ns.add((clock_.now() - tuple->execute_since).count());
    counts->execute_samples.add(1);
  }
  return {};
}

int64_t BoltExecutor::process_ns(const TupleData& tuple) const {
  return tuple.sampled ? (clock_.now() - tuple.execute_since).count() : -1;
}

Status BoltExecutor::failed(int32_t task, const Status& why) const {
  return why.with_context("component '{}' task {}", escape(spec_.component->name), task);
}

}  // namespace petrel
