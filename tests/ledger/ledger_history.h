// ledger_history: what the logs of the ledger topology say, merged; the input of the rules in ledger_rules.h.
//
// A log is a row of 40-byte records, little-endian (RecordLog.java writes them):
//   u8 kind (1 open, 2 emit, 3 ack, 4 fail, 5 sink), u8 path, u16 0, i32 task, i64 sequence, i32 attempt, i32 spout
//   task, i64 monotonic ns, u32 0, u32 CRC-32C of the 36 bytes before
// Kind 0 is the end. An `open` record holds in `sequence` how many un-acked ids the spout found in its own log.
// Thread: one. Memory: some 50 bytes per id, however long the logs are: they are gigabytes, and read a record at a
// time. Limits: sequences of a task are dense from 0.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <istream>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "native/base/status.h"
#include "tests/ledger/timeline.h"

namespace petrel::ledger_test {

inline constexpr size_t kRecordBytes = 40;
inline constexpr int kLeaves = 7;  // FanBolt: 3 * 2 by the fan-out, 1 by the join

enum class Kind : uint8_t { kEnd = 0, kOpen = 1, kEmit = 2, kAck = 3, kFail = 4, kSink = 5 };

struct Record {
  Kind kind = Kind::kEnd;
  uint8_t path = 0;
  int32_t task = 0;
  int64_t sequence = 0;
  int32_t attempt = 0;
  int32_t spout_task = 0;
  int64_t at_ns = 0;
};

/// One emit of one id and what became of it. Times are monotonic ns; 0: never.
struct Attempt {
  int64_t emit_ns = 0;
  int64_t ack_ns = 0;
  int64_t fail_ns = 0;
  int64_t last_leaf_ns = 0;
  int32_t incarnation = 0;      // how many opens of the spout task came before the emit
  int32_t end_incarnation = 0;  // of the ack or fail
  uint8_t leaves = 0;           // bit per path that a sink has logged
  uint8_t ends = 0;             // how many acks and fails
  uint8_t doubled_leaves = 0;   // bit per path that was logged more than once
};

/// Of one spout task.
class SpoutHistory {
 public:
  std::vector<Record> opens;

  /// Sequences from 0 up to this one, not included, were emitted.
  int64_t ids() const { return static_cast<int64_t>(first_.size()); }
  /// The number of the last attempt, from 1; 0 of a sequence that was never emitted.
  int32_t attempts(int64_t sequence) const;
  /// attempt: from 1 to attempts(sequence).
  const Attempt& attempt(int64_t sequence, int32_t attempt) const;
  Attempt& attempt(int64_t sequence, int32_t attempt);
  /// The ids with more than one attempt: [sequence][attempt - 2].
  const std::unordered_map<int64_t, std::vector<Attempt>>& further() const { return further_; }
  /// As the next one of that sequence, which is at most ids().
  void add(int64_t sequence, const Attempt& attempt);

 private:
  std::deque<Attempt> first_;  // [sequence]: most ids have no other
  std::unordered_map<int64_t, std::vector<Attempt>> further_;
};

struct History {
  std::map<int32_t, SpoutHistory> spouts;
  Timeline sinks;                     // every sink record
  Timeline emits;                     // every emit
  std::vector<std::string> oddities;  // records that fit nothing, at most kMaxOddities
  int64_t records = 0;
  static constexpr size_t kMaxOddities = 20;
};

/// A history from its records: those of the spouts first, then those of the sinks.
class Merger {
 public:
  void spout(const Record& record);
  void sink(const Record& record);
  History finish() { return std::move(history_); }

 private:
  void emit(const Record& record, SpoutHistory* spout);
  Attempt* find(const Record& record);
  void odd(const Record& record, const char* why);

  History history_;
};

/// The record's 40 bytes, as RecordLog.java writes them. For tests.
std::vector<uint8_t> encode(const Record& record);

/// Hands over the records up to the end mark. kCorrupt with the offset when a check sum is wrong and something stands
/// after it: only the last record of a log may be torn (a kill in the middle of an append).
Status decode(std::istream* log, const std::string& name, const std::function<void(const Record&)>& each);

/// Reads spout-*.log and sink-*.log of a folder.
Result<History> read_history(const std::filesystem::path& folder);

}  // namespace petrel::ledger_test
