// A batch of tuples for one destination task, as it travels in one section of a frame.
//
//   batch   = version (1 byte, 1), varint count, count x tuple
//   tuple   = u32 length of the body, body
//   body    = varint source task, varint stream, anchors, values
//   anchors = varint n, n x (u64 root, u64 edge)
//   values  = varint n, n x value                                   (value_codec.h)
//
// The source task is at least 1, except that __system's -1 is written as 0. The stream is the index of the stream in
// the sorted streams of the source component. Twins: io.petrel.host.codec.BatchWriter and BatchReader;
// docs/tuple-encoding.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "native/base/ids.h"
#include "native/base/status.h"
#include "native/codec/value_codec.h"

namespace petrel {

constexpr uint8_t kTupleBatchVersion = 1;

struct Anchor {
  uint64_t root = 0;
  uint64_t edge = 0;
  bool operator==(const Anchor&) const = default;
};

/// One tuple in place; lives as long as the batch's bytes.
class TupleView {
 public:
  TaskId source_task() const { return TaskId(source_task_); }
  uint32_t stream() const { return stream_; }
  uint32_t anchors() const { return static_cast<uint32_t>(anchors_.size() / sizeof(Anchor)); }
  Anchor anchor(uint32_t index) const;
  uint32_t value_count() const { return value_count_; }
  /// Reads the values one after the other with read_value().
  WireReader values() const { return WireReader(values_); }

 private:
  friend class TupleBatchView;
  int32_t source_task_ = 0;
  uint32_t stream_ = 0;
  uint32_t value_count_ = 0;
  std::string_view anchors_;
  std::string_view values_;
};

/// The tuples of a batch whose bytes somebody else owns.
/// Limits: a tuple count that cannot be in the bytes is refused before anything is allocated; `max_bytes` likewise.
class TupleBatchView {
 public:
  static constexpr size_t kMaxTupleBytes = 64U << 20;  // when the topology says nothing else
  static constexpr size_t kMostTupleBytes = 1U << 30;  // that it may say
  static constexpr size_t kExtraBytes = 64;            // what a batch of one tuple has beside it, at most
  static constexpr size_t kMaxBytes = kMostTupleBytes + kExtraBytes;
  /// Checks everything, to the last value. Errors: kMalformed with offset and rule, kLimit above max_bytes.
  static Result<TupleBatchView> parse(std::string_view bytes, size_t max_bytes = kMaxBytes);

  const std::vector<TupleView>& tuples() const { return tuples_; }

 private:
  std::vector<TupleView> tuples_;
};

/// Builds a batch. Thread: one owner.
class TupleBatchBuilder {
 public:
  TupleBatchBuilder() { clear(); }

  /// Errors: kMalformed for a value that nests too deep, or a task or count out of range; kLimit for a tuple above
  /// `max_bytes`;
  /// the batch is then unchanged.
  Status add(TaskId source_task, uint32_t stream, const std::vector<Anchor>& anchors, const std::vector<Value>& values,
             size_t max_bytes = TupleBatchView::kMaxTupleBytes);
  uint32_t count() const { return count_; }
  /// Of the tuples so far.
  size_t bytes() const { return tuples_.size(); }
  /// The finished batch; the builder is empty afterwards.
  std::string take();
  void clear();

 private:
  std::string tuples_;
  uint32_t count_ = 0;
};

}  // namespace petrel
