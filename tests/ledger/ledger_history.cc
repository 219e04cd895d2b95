#include "tests/ledger/ledger_history.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>

#include "native/base/crc32c.h"
#include "native/state_store/state_file.h"

namespace petrel::ledger_test {
namespace {

static_assert(std::endian::native == std::endian::little, "the records are little-endian and copied as they are");

template <typename T>
T load(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <typename T>
void store(uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

uint32_t check_sum(const uint8_t* record) {
  return crc32c(std::string_view(reinterpret_cast<const char*>(record), kRecordBytes - 4));
}

Record read_record(const uint8_t* at) {
  Record record;
  record.kind = static_cast<Kind>(at[0]);
  record.path = at[1];
  record.task = load<int32_t>(at + 4);
  record.sequence = load<int64_t>(at + 8);
  record.attempt = load<int32_t>(at + 16);
  record.spout_task = load<int32_t>(at + 20);
  record.at_ns = load<int64_t>(at + 24);
  return record;
}

class Merger {
 public:
  void spout(const Record& record) {
    SpoutHistory& spout = history_.spouts[record.spout_task];
    history_.records++;
    if (record.kind == Kind::kOpen) {
      spout.opens.push_back(record);
      return;
    }
    if (record.kind == Kind::kEmit) return emit(record, &spout);
    Attempt* attempt = find(record);
    if (attempt == nullptr || (record.kind != Kind::kAck && record.kind != Kind::kFail)) {
      return odd(record, "ends an attempt that was never emitted");
    }
    attempt->ends++;
    attempt->end_incarnation = static_cast<int32_t>(spout.opens.size());
    (record.kind == Kind::kAck ? attempt->ack_ns : attempt->fail_ns) = record.at_ns;
  }

  void sink(const Record& record) {
    history_.records++;
    if (record.kind == Kind::kOpen) return;
    Attempt* attempt = find(record);
    if (attempt == nullptr || record.kind != Kind::kSink || record.path >= kLeaves) {
      return odd(record, "is a leaf of an attempt that was never emitted");
    }
    history_.sink_ns.push_back(record.at_ns);
    const uint8_t bit = static_cast<uint8_t>(1U << record.path);
    if ((attempt->leaves & bit) != 0) attempt->doubled_leaves |= bit;
    attempt->leaves |= bit;
    attempt->last_leaf_ns = std::max(attempt->last_leaf_ns, record.at_ns);
  }

  History finish() {
    std::sort(history_.sink_ns.begin(), history_.sink_ns.end());
    std::sort(history_.emit_ns.begin(), history_.emit_ns.end());
    return std::move(history_);
  }

 private:
  void emit(const Record& record, SpoutHistory* spout) {
    const auto sequences = static_cast<int64_t>(spout->attempts.size());
    if (record.sequence > sequences || record.sequence < 0) return odd(record, "leaves sequences out");
    if (record.sequence == sequences) spout->attempts.emplace_back();
    auto& attempts = spout->attempts[static_cast<size_t>(record.sequence)];
    if (record.attempt != static_cast<int32_t>(attempts.size()) + 1) return odd(record, "is not the next attempt");
    attempts.push_back({.emit_ns = record.at_ns, .incarnation = static_cast<int32_t>(spout->opens.size())});
    history_.emit_ns.push_back(record.at_ns);
  }

  Attempt* find(const Record& record) {
    auto spout = history_.spouts.find(record.spout_task);
    if (spout == history_.spouts.end() || record.sequence < 0) return nullptr;
    auto& all = spout->second.attempts;
    if (record.sequence >= static_cast<int64_t>(all.size())) return nullptr;
    auto& attempts = all[static_cast<size_t>(record.sequence)];
    if (record.attempt < 1 || record.attempt > static_cast<int32_t>(attempts.size())) return nullptr;
    return &attempts[static_cast<size_t>(record.attempt) - 1];
  }

  void odd(const Record& record, const char* why) {
    if (history_.oddities.size() == History::kMaxOddities) return;
    history_.oddities.push_back(fmt::format("record kind {} of task {}: spout {} sequence {} attempt {} path {} {}",
                                            static_cast<int>(record.kind), record.task, record.spout_task,
                                            record.sequence, record.attempt, record.path, why));
  }

  History history_;
};

Result<std::vector<std::vector<Record>>> read_logs(const std::filesystem::path& folder, const std::string& prefix) {
  std::vector<std::vector<Record>> logs;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    auto records =
        decode(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()), entry.path().string());
    if (!records.ok()) return records.status();
    logs.push_back(std::move(records).value());
  }
  if (error) return Status::error(StatusCode::kIo, "read the folder {}: {}", folder.string(), error.message());
  if (logs.empty()) return Status::error(StatusCode::kNotFound, "no {}*.log in {}", prefix, folder.string());
  return logs;
}

}  // namespace

std::vector<uint8_t> encode(const Record& record) {
  std::vector<uint8_t> bytes(kRecordBytes);
  bytes[0] = static_cast<uint8_t>(record.kind);
  bytes[1] = record.path;
  store(&bytes[4], record.task);
  store(&bytes[8], record.sequence);
  store(&bytes[16], record.attempt);
  store(&bytes[20], record.spout_task);
  store(&bytes[24], record.at_ns);
  store(&bytes[36], check_sum(bytes.data()));
  return bytes;
}

Result<std::vector<Record>> decode(std::span<const uint8_t> bytes, const std::string& name) {
  std::vector<Record> records;
  for (size_t at = 0; at + kRecordBytes <= bytes.size(); at += kRecordBytes) {
    if (bytes[at] == 0) break;
    if (check_sum(&bytes[at]) != load<uint32_t>(&bytes[at + 36])) {
      const bool last = at + 2 * kRecordBytes > bytes.size() || bytes[at + kRecordBytes] == 0;
      if (last) break;
      return Status::error(StatusCode::kCorrupt, "{}: the record at offset {} has a wrong check sum", name, at);
    }
    records.push_back(read_record(&bytes[at]));
  }
  return records;
}

Result<History> read_history(const std::filesystem::path& folder) {
  auto spouts = read_logs(folder, "spout-");
  if (!spouts.ok()) return spouts.status();
  auto sinks = read_logs(folder, "sink-");
  if (!sinks.ok()) return sinks.status();
  return merge(spouts.value(), sinks.value());
}

History merge(const std::vector<std::vector<Record>>& spout_logs, const std::vector<std::vector<Record>>& sink_logs) {
  Merger merger;
  for (const auto& log : spout_logs) {
    for (const Record& record : log) merger.spout(record);
  }
  for (const auto& log : sink_logs) {
    for (const Record& record : log) merger.sink(record);
  }
  return merger.finish();
}

}  // namespace petrel::ledger_test
