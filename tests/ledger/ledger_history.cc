#include "tests/ledger/ledger_history.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <utility>

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

Status read_logs(const std::filesystem::path& folder, const std::string& prefix,
                 const std::function<void(const Record&)>& each) {
  bool found = false;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (!entry.path().filename().string().starts_with(prefix)) continue;
    found = true;
    std::ifstream log(entry.path(), std::ios::binary);
    if (!log) return Status::error(StatusCode::kIo, "open the log {}", entry.path().string());
    if (const Status read = decode(&log, entry.path().string(), each); !read.ok()) return read;
  }
  if (error) return Status::error(StatusCode::kIo, "read the folder {}: {}", folder.string(), error.message());
  if (!found) return Status::error(StatusCode::kNotFound, "no {}*.log in {}", prefix, folder.string());
  return {};
}

}  // namespace

int32_t SpoutHistory::attempts(int64_t sequence) const {
  if (sequence < 0 || sequence >= ids()) return 0;
  const auto more = further_.find(sequence);
  return 1 + (more == further_.end() ? 0 : static_cast<int32_t>(more->second.size()));
}

const Attempt& SpoutHistory::attempt(int64_t sequence, int32_t attempt) const {
  if (attempt == 1) return first_[static_cast<size_t>(sequence)];
  return further_.at(sequence)[static_cast<size_t>(attempt) - 2];
}

Attempt& SpoutHistory::attempt(int64_t sequence, int32_t attempt) {
  return const_cast<Attempt&>(std::as_const(*this).attempt(sequence, attempt));
}

void SpoutHistory::add(int64_t sequence, const Attempt& attempt) {
  if (sequence == ids()) {
    first_.push_back(attempt);
  } else {
    further_[sequence].push_back(attempt);
  }
}

void Merger::spout(const Record& record) {
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

void Merger::sink(const Record& record) {
  history_.records++;
  if (record.kind == Kind::kOpen) return;
  Attempt* attempt = find(record);
  if (attempt == nullptr || record.kind != Kind::kSink || record.path >= kLeaves) {
    return odd(record, "is a leaf of an attempt that was never emitted");
  }
  history_.sinks.add(record.at_ns);
  const uint8_t bit = static_cast<uint8_t>(1U << record.path);
  if ((attempt->leaves & bit) != 0) attempt->doubled_leaves |= bit;
  attempt->leaves |= bit;
  attempt->last_leaf_ns = std::max(attempt->last_leaf_ns, record.at_ns);
}

void Merger::emit(const Record& record, SpoutHistory* spout) {
  if (record.sequence > spout->ids() || record.sequence < 0) return odd(record, "leaves sequences out");
  if (record.attempt != spout->attempts(record.sequence) + 1) return odd(record, "is not the next attempt");
  spout->add(record.sequence, {.emit_ns = record.at_ns, .incarnation = static_cast<int32_t>(spout->opens.size())});
  history_.emits.add(record.at_ns);
}

Attempt* Merger::find(const Record& record) {
  const auto spout = history_.spouts.find(record.spout_task);
  if (spout == history_.spouts.end()) return nullptr;
  if (record.attempt < 1 || record.attempt > spout->second.attempts(record.sequence)) return nullptr;
  return &spout->second.attempt(record.sequence, record.attempt);
}

void Merger::odd(const Record& record, const char* why) {
  if (history_.oddities.size() == History::kMaxOddities) return;
  history_.oddities.push_back(fmt::format("record kind {} of task {}: spout {} sequence {} attempt {} path {} {}",
                                          static_cast<int>(record.kind), record.task, record.spout_task,
                                          record.sequence, record.attempt, record.path, why));
}

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

Status decode(std::istream* log, const std::string& name, const std::function<void(const Record&)>& each) {
  std::array<uint8_t, kRecordBytes> bytes;
  const auto next = [&] {
    return log->read(reinterpret_cast<char*>(bytes.data()), bytes.size()).good() && bytes[0] != 0;
  };
  for (size_t at = 0; next(); at += kRecordBytes) {
    if (check_sum(bytes.data()) == load<uint32_t>(&bytes[kRecordBytes - 4])) {
      each(read_record(bytes.data()));
    } else if (next()) {
      return Status::error(StatusCode::kCorrupt, "{}: the record at offset {} has a wrong check sum", name, at);
    } else {
      break;
    }
  }
  if (log->bad()) return Status::error(StatusCode::kIo, "{}: cannot be read", name);
  return {};
}

Result<History> read_history(const std::filesystem::path& folder) {
  Merger merger;
  const Status spouts = read_logs(folder, "spout-", [&](const Record& record) { merger.spout(record); });
  if (!spouts.ok()) return spouts;
  const Status sinks = read_logs(folder, "sink-", [&](const Record& record) { merger.sink(record); });
  if (!sinks.ok()) return sinks;
  return merger.finish();
}

}  // namespace petrel::ledger_test
