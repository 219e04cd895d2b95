#include "native/instance/outbox.h"

#include <algorithm>

#include "native/base/check.h"

namespace petrel {
namespace {
constexpr size_t kMarkerCharge = 64;
}  // namespace

Outbox::Outbox(int32_t executor, std::vector<OutDestination> destinations, RemotePort* remote, Waker& self,
               const Clock& clock, OutboxLimits limits)
    : executor_(executor),
      destinations_(std::move(destinations)),
      remote_(remote),
      self_(self),
      clock_(clock),
      limits_(limits),
      targets_(destinations_.size()) {
  for (size_t i = 0; i < destinations_.size(); ++i) {
    if (destinations_[i].queue == nullptr) targets_[i].remote.resize(static_cast<size_t>(destinations_[i].tasks));
  }
}

void Outbox::opened(Target& target) {
  if (target.open_tuples++ != 0) return;
  target.opened = ++counter_;
  ++open_targets_;
}

Status Outbox::add_local(size_t destination, int32_t task, TuplePtr tuple) {
  std::unique_lock lock(mutex_);
  Target& target = targets_[destination];
  opened(target);
  const size_t charge = charge_of(*tuple->values);
  target.open.entries.push_back({task, std::move(tuple)});
  target.open.bytes += charge;
  if (target.open.entries.size() >= kMaxTuples || target.open.bytes > kMaxBatchBytes) {
    RETURN_IF_ERROR(close(destination));
  }
  return wait_for_room(lock);
}

Status Outbox::add_remote(size_t destination, int32_t task, int32_t source_task, uint32_t stream,
                          const std::vector<Anchor>& anchors, const Values& values) {
  std::unique_lock lock(mutex_);
  const auto index = static_cast<size_t>(task - destinations_[destination].executor);
  RETURN_IF_ERROR(encode(destination, index, source_task, stream, anchors, values));
  return wait_for_room(lock);
}

Status Outbox::encode(size_t destination, size_t task_index, int32_t source_task, uint32_t stream,
                      const std::vector<Anchor>& anchors, const Values& values) {
  Target& target = targets_[destination];
  OpenRemote& open = target.remote[task_index];
  const size_t before = open.builder.bytes();
  Status status = open.builder.add(TaskId(source_task), stream, anchors, values, limits_.max_tuple_bytes);
  if (!status.ok()) return status;
  if (open.builder.count() == 1) open.source_task = source_task;
  opened(target);
  open.bytes += open.builder.bytes() - before;
  if (open.builder.count() >= kMaxTuples || open.bytes > kMaxBatchBytes) return close_remote(destination, task_index);
  return {};
}

Status Outbox::add_marker(size_t destination, const Marker& marker) {
  std::unique_lock lock(mutex_);
  RETURN_IF_ERROR(close(destination));
  Batch batch;
  batch.bytes = kMarkerCharge;
  const OutDestination& to = destinations_[destination];
  if (to.queue != nullptr) {
    batch.item.kind = InItem::Kind::kMarker;
    batch.item.marker = marker;
    batch.item.bytes = kMarkerCharge;
  } else {
    batch.section = {marker.source_task,   to.executor, static_cast<uint8_t>(to.inner ? 1 : 0),
                     SectionKind::kMarker, 0,           encode_marker(marker)};
  }
  return leave(destination, std::move(batch));
}

Status Outbox::close_remote(size_t destination, size_t task_index) {
  Target& target = targets_[destination];
  OpenRemote& open = target.remote[task_index];
  if (open.builder.count() == 0) return {};
  const OutDestination& to = destinations_[destination];
  Batch batch;
  const uint32_t count = open.builder.count();
  batch.section = {open.source_task,
                   to.executor + static_cast<int32_t>(task_index),
                   static_cast<uint8_t>(to.inner ? 1 : 0),
                   SectionKind::kTuples,
                   count,
                   open.builder.take()};
  batch.bytes = batch.section.bytes.size();
  open.bytes = 0;
  target.open_tuples -= count;
  if (target.open_tuples == 0) --open_targets_;
  return leave(destination, std::move(batch));
}

Status Outbox::close(size_t destination) {
  Target& target = targets_[destination];
  if (target.open_tuples == 0) return {};
  if (destinations_[destination].queue == nullptr) {
    for (size_t i = 0; i < target.remote.size(); ++i) RETURN_IF_ERROR(close_remote(destination, i));
    return {};
  }
  Batch batch;
  batch.item = std::move(target.open);
  target.open = InItem();
  batch.item.tuples = batch.item.entries.size();
  batch.bytes = batch.item.bytes;
  target.open_tuples = 0;
  --open_targets_;
  return leave(destination, std::move(batch));
}

// True: taken. False: no credit, the batch is unchanged.
Result<bool> Outbox::try_send(size_t destination, Batch& batch) {
  const OutDestination& to = destinations_[destination];
  if (to.queue != nullptr) return to.queue->try_push(batch.item, to.inner);
  if (remote_ == nullptr) {
    return Status::malformed("task {} is in another host, and this host has no links", batch.section.destination_task);
  }
  const int32_t task = batch.section.destination_task;
  switch (remote_->offer(executor_, std::move(batch.section))) {
    case Offer::kTaken:
      return true;
    case Offer::kNoCredit:
      return false;
    case Offer::kTooLarge:
      return Status::error(StatusCode::kLimit, "a batch of {} bytes for task {} is above what links carry", batch.bytes,
                           task);
    case Offer::kUnknownTask:
      return Status::malformed("task {} has no route in the plan of this host", task);
  }
  CHECK(false);
}

Status Outbox::leave(size_t destination, Batch batch) {
  Target& target = targets_[destination];
  if (target.refused.empty()) {
    ASSIGN_OR_RETURN(bool taken, try_send(destination, batch));
    if (taken) return {};
    target.refused_since = ++counter_;
  }
  refused_bytes_ += batch.bytes;
  refused_batches_.fetch_add(1, std::memory_order_relaxed);
  target.refused.push_back(std::move(batch));
  return {};
}

bool Outbox::dirty() const {
  std::lock_guard lock(mutex_);
  return open_targets_ != 0;
}

Status Outbox::flush() {
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < targets_.size() && open_targets_ != 0; ++i) RETURN_IF_ERROR(close(i));
  return {};
}

Status Outbox::retry_one(size_t destination) {
  Target& target = targets_[destination];
  while (!target.refused.empty()) {
    Batch& batch = target.refused.front();
    const size_t bytes = batch.bytes;
    ASSIGN_OR_RETURN(bool taken, try_send(destination, batch));
    if (!taken) return {};
    target.refused.pop_front();
    refused_bytes_ -= bytes;
    refused_batches_.fetch_sub(1, std::memory_order_relaxed);
  }
  return {};
}

Result<bool> Outbox::retry_locked() {
  for (size_t i = 0; i < targets_.size() && has_refused(); ++i) RETURN_IF_ERROR(retry_one(i));
  return !has_refused();
}

Result<bool> Outbox::retry() {
  if (!has_refused()) return true;
  std::lock_guard lock(mutex_);
  return retry_locked();
}

void Outbox::await_credit() {
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < targets_.size(); ++i) {
    // Links remember whom they refused and name them in credit().
    if (!targets_[i].refused.empty() && destinations_[i].queue != nullptr) destinations_[i].queue->await(self_);
  }
}

bool Outbox::sweep() {
  std::lock_guard lock(mutex_);
  if (open_targets_ == 0) return false;
  for (size_t i = 0; i < targets_.size(); ++i) {
    Target& target = targets_[i];
    if (target.open_tuples == 0) continue;
    if (target.seen != target.opened) {
      target.seen = target.opened;
    } else if (target.refused.empty()) {
      // What goes wrong here shows again in the writer's next step, which tries the same.
      if (!close(i).ok()) break;
    }
  }
  return true;
}

// Waits inside emit. Downstream never waits for upstream, and edges inside a cycle are never refused.
Status Outbox::wait_for_room(std::unique_lock<std::mutex>& lock) {
  if (refused_bytes_ <= limits_.hard_cap_bytes) return {};
  const MonoTime since = clock_.now();
  for (;;) {
    ASSIGN_OR_RETURN(bool all, retry_locked());
    if (all || refused_bytes_ <= limits_.hard_cap_bytes / 2) break;
    if (stopping_) return Status::error(StatusCode::kUnavailable, "the host stops while emit waited for credit");
    lock.unlock();
    self_.prepare();
    await_credit();
    lock.lock();
    ASSIGN_OR_RETURN(all, retry_locked());
    if (all || refused_bytes_ <= limits_.hard_cap_bytes / 2 || stopping_) {
      self_.cancel();
      continue;
    }
    lock.unlock();
    self_.sleep(kBlockedPark);
    lock.lock();
  }
  lock.unlock();
  add_blocked(clock_.now() - since);
  return {};
}

void Outbox::add_blocked(Nanos time) {
  std::lock_guard lock(mutex_);
  Target* cause = nullptr;
  for (Target& target : targets_) {
    if (target.refused_since == 0) continue;
    const bool older =
        cause == nullptr || (!target.refused.empty() && cause->refused.empty()) ||
        (target.refused.empty() == cause->refused.empty() && target.refused_since < cause->refused_since);
    if (older) cause = &target;
  }
  if (cause != nullptr) cause->blocked_ns += time.count();
}

std::vector<Outbox::Blocked> Outbox::blocked() const {
  std::lock_guard lock(mutex_);
  std::vector<Blocked> result;
  for (size_t i = 0; i < targets_.size(); ++i) {
    if (targets_[i].blocked_ns != 0) result.push_back({destinations_[i].executor, targets_[i].blocked_ns});
  }
  return result;
}

}  // namespace petrel
