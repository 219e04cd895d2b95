// ErrorOutbox: error reports on their way to the topology master. They wait here while the master is away.
#pragma once

#include <deque>
#include <functional>
#include <mutex>

#include "native/base/status.h"
#include "proto/metrics.pb.h"

namespace petrel {

/// Thread: any.  Limits: kMost reports of at most 64 KiB text; when full the oldest goes (the newest says most about
/// now).
class ErrorOutbox {
 public:
  static constexpr size_t kMost = 100;
  static constexpr size_t kMaxText = 64 * 1024;

  void push(proto::ErrorEntry entry);
  /// Sends from the oldest on until `send` refuses; what was sent is forgotten. When all has gone, the log tells how
  /// many were dropped before. Thread: one sender at a time.
  void send_all(const std::function<Status(const proto::ErrorEntry&)>& send);
  size_t size() const;
  uint64_t dropped() const;

 private:
  mutable std::mutex mutex_;
  std::deque<proto::ErrorEntry> entries_;
  uint64_t first_number_ = 0;  // number of the front entry since the start, to notice drops while one is being sent
  uint64_t dropped_ = 0;
  uint64_t dropped_told_ = 0;  // of these the log has told
};

}  // namespace petrel
