// AckBatch: ack records of one executor on their way to the ledgers, merged when they leave.
#pragma once

#include <mutex>
#include <unordered_map>
#include <vector>

#include "native/instance/ports.h"

namespace petrel {

/// Thread: add, flush, empty: the executor's; sweep: the host's timer.  Limits: kMost records wait.
class AckBatch {
 public:
  static constexpr size_t kMost = 512;

  explicit AckBatch(AckPort& port) : port_(port) {}

  void add(const AckRecord& record);
  bool empty() const;
  void flush();
  /// Sends what has been here since the last sweep: the executor sits in user code. True when records were waiting.
  bool sweep();

 private:
  void flush_locked();

  AckPort& port_;
  mutable std::mutex mutex_;
  std::vector<AckRecord> records_;
  std::vector<AckRecord> merged_;
  std::unordered_map<uint64_t, size_t> index_;  // looked up only, never walked
  uint64_t flushes_ = 0;
  uint64_t seen_flushes_ = UINT64_MAX;
};

}  // namespace petrel
