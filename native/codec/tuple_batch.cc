#include "native/codec/tuple_batch.h"

#include "native/base/check.h"

namespace petrel {
namespace {

// Length, source task, stream, two counts.
constexpr size_t kLeastTupleBytes = 8;

uint32_t task_to_wire(int32_t task) {
  return task == -1 ? 0 : static_cast<uint32_t>(task);
}

int32_t task_from_wire(WireReader& reader) {
  const uint32_t task = reader.varint32();
  if (task > INT32_MAX) reader.fail(Status::malformed("source task {} is above {}", task, INT32_MAX));
  return task == 0 ? -1 : static_cast<int32_t>(task);
}

}  // namespace

Anchor TupleView::anchor(uint32_t index) const {
  CHECK(index < anchors());
  Anchor anchor;
  std::memcpy(&anchor, anchors_.data() + index * sizeof(Anchor), sizeof(Anchor));
  return anchor;
}

Result<TupleBatchView> TupleBatchView::parse(std::string_view bytes, size_t max_bytes) {
  if (bytes.size() > max_bytes) {
    return Status::error(StatusCode::kLimit, "a tuple batch of {} bytes is above the limit of {}", bytes.size(),
                         max_bytes);
  }
  WireReader reader(bytes);
  const uint8_t version = reader.u8();
  if (reader.ok() && version != kTupleBatchVersion) {
    return Status::malformed("tuple batch version {} is not known; this build reads version {}", version,
                             kTupleBatchVersion);
  }
  const uint32_t count = reader.count(kLeastTupleBytes, "tuples");
  TupleBatchView batch;
  batch.tuples_.reserve(count);
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    WireReader body(reader.view(reader.u32(), "a tuple"));
    if (!reader.ok()) break;
    TupleView tuple;
    tuple.source_task_ = task_from_wire(body);
    tuple.stream_ = body.varint32();
    tuple.anchors_ = body.view(body.count(sizeof(Anchor), "anchors") * sizeof(Anchor), "anchors");
    tuple.value_count_ = body.count(1, "values");
    tuple.values_ = body.rest();
    for (uint32_t value = 0; value < tuple.value_count_ && body.ok(); ++value) read_value(body);
    if (!body.ok()) return body.status().with_context("tuple {} of {}", i, count);
    if (body.remaining() != 0) {
      return Status::malformed("tuple {} of {}: {} bytes follow its last value", i, count, body.remaining());
    }
    batch.tuples_.push_back(tuple);
  }
  RETURN_IF_ERROR(reader.status());
  if (reader.remaining() != 0) {
    return Status::malformed("{} bytes follow the last of {} tuples", reader.remaining(), count);
  }
  return batch;
}

Status TupleBatchBuilder::add(TaskId source_task, uint32_t stream, const std::vector<Anchor>& anchors,
                              const std::vector<Value>& values, size_t max_bytes) {
  if (source_task.get() < -1 || source_task.get() == 0) {
    return Status::malformed("source task {} is not a task id", source_task.get());
  }
  const size_t start = tuples_.size();
  WireWriter writer(tuples_);
  writer.u32(0);
  writer.varint(task_to_wire(source_task.get()));
  writer.varint(stream);
  writer.varint(anchors.size());
  for (const Anchor& anchor : anchors) {
    writer.u64(anchor.root);
    writer.u64(anchor.edge);
  }
  writer.varint(values.size());
  Status status;
  for (const Value& value : values) {
    if (status.ok()) status = encode_value(value, tuples_);
  }
  const size_t length = tuples_.size() - start - sizeof(uint32_t);
  if (status.ok() && length > max_bytes) {
    status = Status::error(StatusCode::kLimit,
                           "a tuple of {} bytes is above the limit of {} for tuples to other processes; send it in "
                           "parts, or raise petrel.max.tuple.bytes in the topology's conf (to {} at most)",
                           length, max_bytes, TupleBatchView::kMostTupleBytes);
  }
  if (!status.ok()) {
    tuples_.resize(start);
    return status;
  }
  const auto stored = static_cast<uint32_t>(length);
  std::memcpy(tuples_.data() + start, &stored, sizeof(stored));
  ++count_;
  return Status();
}

std::string TupleBatchBuilder::take() {
  std::string batch;
  batch.reserve(tuples_.size() + 6);
  WireWriter writer(batch);
  writer.u8(kTupleBatchVersion);
  writer.varint(count_);
  writer.bytes(tuples_);
  clear();
  return batch;
}

void TupleBatchBuilder::clear() {
  tuples_.clear();
  count_ = 0;
}

}  // namespace petrel
