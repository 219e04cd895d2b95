// ledger_history: what the logs of the ledger topology say, merged; the input of the rules in ledger_rules.h.
//
// A log is a row of 40-byte records, little-endian (RecordLog.java writes them):
//   u8 kind (1 open, 2 emit, 3 ack, 4 fail, 5 sink), u8 path, u16 0, i32 task, i64 sequence, i32 attempt, i32 spout
//   task, i64 monotonic ns, u32 0, u32 CRC-32C of the 36 bytes before
// Kind 0 is the end. An `open` record holds in `sequence` how many un-acked ids the spout found in its own log.
// Thread: one. Limits: a log is read whole; sequences of a task are dense from 0.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "native/base/status.h"

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
struct SpoutHistory {
  std::vector<std::vector<Attempt>> attempts;  // [sequence][attempt - 1]
  std::vector<Record> opens;
};

struct History {
  std::map<int32_t, SpoutHistory> spouts;
  std::vector<int64_t> sink_ns;       // of every sink record, sorted
  std::vector<int64_t> emit_ns;       // of every emit, sorted
  std::vector<std::string> oddities;  // records that fit nothing, at most kMaxOddities
  int64_t records = 0;
  static constexpr size_t kMaxOddities = 20;
};

/// The record's 40 bytes, as RecordLog.java writes them. For tests.
std::vector<uint8_t> encode(const Record& record);

/// Records up to the end mark. kCorrupt with the offset when a check sum is wrong and something stands after it: only
/// the last record of a log may be torn (a kill in the middle of an append).
Result<std::vector<Record>> decode(std::span<const uint8_t> bytes, const std::string& name);

/// Reads spout-*.log and sink-*.log of a folder.
Result<History> read_history(const std::filesystem::path& folder);

/// Merges decoded logs: the spouts' first, then the sinks'.
History merge(const std::vector<std::vector<Record>>& spout_logs, const std::vector<std::vector<Record>>& sink_logs);

}  // namespace petrel::ledger_test
