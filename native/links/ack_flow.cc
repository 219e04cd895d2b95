#include "native/links/ack_flow.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <utility>
#include <vector>

#include "native/base/mutant.h"

namespace petrel {
namespace {

/// Says nothing: the ledger would not remember it.
bool empty_record(const AckRecord& record) {
  return record.kind == AckKind::kAck && record.xor_value == 0 && record.host_mask == 0;
}

void merge(AckRecord& into, const AckRecord& record) {
  into.xor_value ^= record.xor_value;
  if (record.host_mask != 0) {
    into.loss_number = into.host_mask == 0 ? record.loss_number : std::min(into.loss_number, record.loss_number);
  }
  if (!PETREL_MUTANT("loss mask lost in a merge")) into.host_mask |= record.host_mask;
}

}  // namespace

void AckOut::add(const AckRecord& record) {
  if (record.kind == AckKind::kAck) {
    if (seen_.empty()) seen_.resize(kSeen);
    Seen& seen = seen_[record.root % kSeen];
    if (seen.root == record.root && seen.end > numbered_) {
      merge(waiting_[seen.end - 1 - numbered_], record);
      ++merged_;
      return;
    }
    seen = {record.root, numbered_ + waiting_.size() + 1};
  }
  waiting_.push_back(record);
  if (waiting_.size() >= compact_at_) compact();
}

void AckOut::compact() {
  std::unordered_map<uint64_t, size_t> place;  // of a root's ACK in `left`; not iterated
  std::deque<AckRecord> left;
  for (const AckRecord& record : waiting_) {
    if (record.kind == AckKind::kAck) {
      const auto [found, inserted] = place.try_emplace(record.root, left.size());
      if (!inserted) {
        merge(left[found->second], record);
        ++merged_;
        continue;
      }
    }
    left.push_back(record);
  }
  waiting_.swap(left);
  seen_.assign(kSeen, Seen{});
  compact_at_ = std::max(kCompactAt, 2 * waiting_.size());
}

void AckOut::number(size_t most) {
  // Not a look at all that waits: behind a long outage that may be a million records, and this comes with each credit.
  for (; most > 0 && !waiting_.empty(); --most) {
    const AckRecord& record = waiting_.front();
    if (!empty_record(record)) kept_.append(reinterpret_cast<const char*>(&record), sizeof(AckRecord));
    waiting_.pop_front();
    ++numbered_;
  }
  if (waiting_.empty()) compact_at_ = kCompactAt;
}

std::optional<AckOut::Chunk> AckOut::take(MonoTime now) {
  const uint64_t next = received_ + kept_.size();
  if (limit_ > next && !waiting_.empty()) number(static_cast<size_t>((limit_ - next) / sizeof(AckRecord)));
  if (cursor_ >= kept_.size()) return std::nullopt;
  if (cursor_ == 0) progress_ = now;
  Chunk chunk{sent(), kept_.substr(cursor_, kMaxEntries * sizeof(AckRecord))};
  cursor_ += chunk.records.size();
  sent_ever_ = std::max(sent_ever_, sent());
  return chunk;
}

bool AckOut::on_credit(const AckCreditBody& credit, MonoTime now) {
  if (credit.received > sent_ever_ || credit.received % sizeof(AckRecord) != 0) return false;
  const bool stale = credit.received < received_;
  if (credit.received > received_) {
    const auto covered = static_cast<size_t>(credit.received - received_);
    kept_.erase(0, covered);
    cursor_ -= std::min(cursor_, covered);
    received_ = credit.received;
    progress_ = now;
  }
  doublings_ = 0;
  limit_ = std::max(limit_, credit.limit);
  if ((credit.flags & AckCreditBody::kResume) && !stale && cursor_ > 0) {
    cursor_ = 0;
    ++resumes_;
  }
  return true;
}

void AckOut::reset() {
  dropped_records_ += waiting_.size() + kept_.size() / sizeof(AckRecord);
  waiting_.clear();
  seen_.clear();
  compact_at_ = kCompactAt;
  kept_.clear();
  cursor_ = 0;
  received_ = sent_ever_ = 0;
  limit_ = options_.ack_window;
  doublings_ = 0;
  path_is_new_ = false;
}

void AckOut::reset(uint32_t least) {
  std::vector<AckRecord> all(kept_.size() / sizeof(AckRecord));
  if (!all.empty()) std::memcpy(all.data(), kept_.data(), kept_.size());
  all.insert(all.end(), waiting_.begin(), waiting_.end());
  reset();
  for (const AckRecord& record : all) {
    if (RootId::is_older(RootId::incarnation(record.root), least)) continue;
    --dropped_records_;
    add(record);
  }
}

bool AckOut::take_probe(MonoTime now) {
  const bool path_is_new = std::exchange(path_is_new_, false);
  if (cursor_ == 0) return false;
  const Nanos interval = options_.probe_kept * (int64_t{1} << doublings_);
  if (!path_is_new && now - std::max(progress_, last_probe_) < interval) return false;
  doublings_ = path_is_new ? 0 : std::min(doublings_ + 1, options_.probe_doublings);
  last_probe_ = now;
  return true;
}

std::string_view AckIn::on_acks(const AcksBody& acks) {
  if (acks.offset % sizeof(AckRecord) != 0) return {};
  const uint64_t end = acks.offset + acks.records.size();
  if (acks.offset > expected_) {
    if (!gap_) resume_ = true;
    gap_ = true;
    dropped_gap_ += acks.count();
    return {};
  }
  if (PETREL_MUTANT("re-sent ack applied twice") && acks.offset < expected_) {
    expected_ = std::max(expected_, end);
    return acks.records;
  }
  const auto seen = static_cast<size_t>(std::min<uint64_t>(expected_ - acks.offset, acks.records.size()));
  dropped_seen_ += seen / sizeof(AckRecord);
  if (end > expected_) {
    expected_ = end;
    gap_ = false;
  }
  return acks.records.substr(seen);
}

void AckIn::on_probe(uint64_t sent) {
  forced_ = true;
  if (expected_ < sent) resume_ = true;
}

AckCreditBody AckIn::take_credit() {
  AckCreditBody body;
  body.received = expected_;
  body.limit = expected_ + options_.ack_window;
  if (resume_) body.flags |= AckCreditBody::kResume;
  resume_ = forced_ = false;
  told_ = expected_;
  return body;
}

}  // namespace petrel
