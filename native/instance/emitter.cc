#include "native/instance/emitter.h"

#include <algorithm>

#include "native/base/check.h"
#include "native/base/escape.h"
#include "native/base/mutant.h"

namespace petrel {
namespace {

// An edge in the tree of every root of an anchor; roots that several anchors share are merged by XOR.
void add_edge(std::vector<Anchor>& merged, const TupleData& anchor, uint64_t edge) {
  for (const Anchor& from : anchor.anchors) {
    auto same = std::find_if(merged.begin(), merged.end(), [&](const Anchor& a) { return a.root == from.root; });
    if (same == merged.end()) {
      merged.push_back({from.root, edge});
    } else {
      same->edge ^= edge;
    }
  }
}

}  // namespace

uint64_t Emitter::next_edge() {
  for (;;) {
    const uint64_t edge = edges_.next();
    if (edge != 0) return edge;  // an edge of 0 would not show in the XOR
  }
}

uint64_t Emitter::mask_of(int32_t target) const {
  const uint32_t slot = parts_.table->place(target).slot;
  // A tuple that stays here adds nothing: who sent its parent into this host has set our bit, or the ledger dies with
  // us.
  return slot == parts_.slot ? 0 : TaskTable::mask_of(slot);
}

void Emitter::record(AckKind kind, uint64_t root, uint64_t edges, uint64_t mask, uint32_t loss) {
  AckRecord record;
  record.kind = kind;
  record.root = root;
  record.xor_value = edges;
  record.host_mask = mask;
  record.loss_number = loss;
  parts_.acks->add(record);
}

Result<Route*> Emitter::route_of(std::string_view stream) {
  for (Route& route : *parts_.routes) {
    if (route.stream->id == stream) return &route;
  }
  return Status::malformed("Unknown stream ID: {}", escape(stream));
}

Status Emitter::choose(Route& route, std::optional<int32_t> direct, const Values& values,
                       std::vector<int32_t>& targets) {
  if (direct) return choose_direct(route, *direct, targets);
  if (route.direct) return Status::malformed("Cannot do regular emit to direct stream");
  for (Route::Reader& reader : route.readers) {
    Status status = reader.grouper->choose(values, targets);
    if (!status.ok()) {
      return status.with_context("stream '{}' of '{}' to '{}'", escape(route.stream->id),
                                 escape(parts_.component->name), escape(reader.component->name));
    }
  }
  return {};
}

// As Storm: a task that does not subscribe is silently left out.
Status Emitter::choose_direct(Route& route, int32_t target, std::vector<int32_t>& targets) {
  const Component* component = parts_.table->component(target);
  for (Route::Reader& reader : route.readers) {
    if (reader.component != component) continue;
    if (!reader.grouper->direct()) {
      return Status::malformed("Cannot emitDirect to a task expecting a regular grouping");
    }
    targets.push_back(target);
  }
  return {};
}

Status Emitter::emit(std::optional<int32_t> direct, std::string_view stream, std::span<const TuplePtr> anchors,
                     Values values, std::vector<int32_t>& targets) {
  ASSIGN_OR_RETURN(Route * route, route_of(stream));
  RETURN_IF_ERROR(choose(*route, direct, values, targets));
  route->counts.emitted.add(1);
  route->counts.transferred.add(static_cast<int64_t>(targets.size()));
  if (targets.empty()) return {};
  const auto shared = std::make_shared<const Values>(std::move(values));
  for (int32_t target : targets) RETURN_IF_ERROR(send_anchored(*route, target, anchors, shared));
  return {};
}

// The edge goes into the books of its anchors only when the tuple is on its way: a tuple that could not be sent must
// not keep its tree open.
Status Emitter::send_anchored(const Route& route, int32_t target, std::span<const TuplePtr> anchors,
                              const std::shared_ptr<const Values>& values) {
  if (parts_.acks == nullptr || anchors.empty()) return send(route, target, {}, values);
  std::vector<Anchor> merged;
  std::vector<uint64_t> edges;
  edges.reserve(anchors.size());
  for (const TuplePtr& anchor : anchors) {
    edges.push_back(anchor->anchors.empty() ? 0 : next_edge());
    add_edge(merged, *anchor, edges.back());
  }
  const uint32_t loss = loss_number();
  RETURN_IF_ERROR(send(route, target, std::move(merged), values));
  const uint64_t mask = mask_of(target);
  for (size_t i = 0; i < anchors.size(); ++i) remember(*anchors[i], edges[i], mask, loss);
  return {};
}

void Emitter::remember(TupleData& anchor, uint64_t edge, uint64_t mask, uint32_t loss) {
  if (anchor.anchors.empty()) return;
  if (!PETREL_MUTANT("ack before the last leaf")) anchor.emitted_edges ^= edge;
  anchor.loss_number = std::min(anchor.loss_number, loss);
  if ((mask & ~anchor.emitted_hosts) == 0) return;
  anchor.emitted_hosts |= mask;
  // The ledger has to know this host before the anchor is acked: that may be long after the host died.
  for (const Anchor& tree : anchor.anchors) record(AckKind::kAck, tree.root, 0, mask, loss);
}

Status Emitter::emit_root(std::optional<int32_t> direct, std::string_view stream, Values values, uint64_t root,
                          std::vector<int32_t>& targets, Route** used) {
  ASSIGN_OR_RETURN(Route * route, route_of(stream));
  *used = route;
  RETURN_IF_ERROR(choose(*route, direct, values, targets));
  route->counts.emitted.add(1);
  route->counts.transferred.add(static_cast<int64_t>(targets.size()));
  uint64_t edges = 0;
  uint64_t mask = 0;
  const uint32_t loss = loss_number();
  const auto shared = std::make_shared<const Values>(std::move(values));
  for (int32_t target : targets) {
    std::vector<Anchor> anchors;
    if (root != 0) anchors.push_back({root, next_edge()});
    const uint64_t edge = root == 0 ? 0 : anchors.front().edge;
    RETURN_IF_ERROR(send(*route, target, std::move(anchors), shared));
    edges ^= edge;
    mask |= mask_of(target);
  }
  if (root != 0) record(AckKind::kInit, root, edges, mask, loss);
  return {};
}

Status Emitter::send(const Route& route, int32_t target, std::vector<Anchor> anchors,
                     const std::shared_ptr<const Values>& values) {
  const int32_t destination = (*parts_.destinations)[static_cast<size_t>(target)];
  CHECK(destination >= 0);  // groupers choose among the tasks of subscribers only
  const auto index = static_cast<size_t>(destination);
  CycleRoom* room = parts_.outbox->destinations()[index].room;
  if (room != nullptr && room->full()) {
    for (const Anchor& tree : anchors) record(AckKind::kFail, tree.root, 0, 0, loss_number());
    room->refuse(1);
    return {};
  }
  Status status;
  if (parts_.outbox->destinations()[index].queue == nullptr) {
    status = parts_.outbox->add_remote(index, target, task_, route.index, anchors, *values);
  } else {
    auto tuple = std::make_shared<TupleData>();
    tuple->source = parts_.component;
    tuple->stream = route.stream;
    tuple->source_task = task_;
    tuple->values = values;
    tuple->anchors = std::move(anchors);
    status = parts_.outbox->add_local(index, target, std::move(tuple));
  }
  if (status.ok()) return status;
  return status.with_context("stream '{}' of '{}' to task {}", escape(route.stream->id), escape(parts_.component->name),
                             target);
}

bool Emitter::ack(TupleData& tuple) {
  if (parts_.acks == nullptr) return false;
  if (!tuple.anchors.empty()) {
    if (tuple.settled) return false;
    tuple.settled = true;
    const uint32_t loss = std::min(tuple.loss_number, loss_number());
    for (const Anchor& tree : tuple.anchors) {
      record(AckKind::kAck, tree.root, tree.edge ^ tuple.emitted_edges, tuple.emitted_hosts, loss);
    }
  }
  return true;
}

bool Emitter::fail(TupleData& tuple) {
  if (parts_.acks == nullptr) return false;
  if (!tuple.anchors.empty()) {
    if (tuple.settled) return false;
    tuple.settled = true;
    for (const Anchor& tree : tuple.anchors) record(AckKind::kFail, tree.root, 0, 0, loss_number());
  }
  return true;
}

void Emitter::reset_timeout(const TupleData& tuple) {
  if (parts_.acks == nullptr) return;
  for (const Anchor& tree : tuple.anchors) record(AckKind::kResetTimeout, tree.root, 0, 0, loss_number());
}

}  // namespace petrel
