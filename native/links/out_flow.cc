#include "native/links/out_flow.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "native/base/check.h"
#include "native/base/mutant.h"

namespace petrel {
namespace {

/// The bytes [from, to) of `whole` are read no more, nor is what is before them: their pages go now. To free 100 MB at
/// once takes tens of milliseconds, and they would stay until the last fragment is covered.
void give_back(const std::string& whole, uint64_t from, uint64_t to) {
  static const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto memory = reinterpret_cast<uintptr_t>(whole.data());
  // Pages of ours alone, with the one in which the fragment before this one ended.
  const uintptr_t first = std::max((memory + page - 1) / page, (memory + from) / page) * page;
  const uintptr_t end = (memory + to) / page * page;
  // Only advice: where it is not taken, the pages go with the string.
  if (first < end) madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
}

}  // namespace

OutFlow::OutFlow(const FlowOptions& options, uint8_t lane)
    : options_(options), lane_(lane), limit_(lane == kCycleLane ? options.cycle_window : options.first_window) {}

bool OutFlow::fits(const Asker& asker, uint64_t bytes) const {
  uint64_t held = 0;
  if (hold_ && *hold_ != asker) held = refusals_.at(*hold_).bytes;
  return next_ + bytes + held <= limit_;
}

Admit OutFlow::offer(int32_t source_executor, OutSection&& section, MonoTime now) {
  CHECK(!section.bytes.empty() && section.kind != SectionKind::kFragment);
  const uint64_t bytes = section.bytes.size();
  if (bytes > options_.max_tuple_bytes) return Admit::kTooLarge;
  const Asker asker{source_executor, section.source_task, section.destination_task};
  if (!fits(asker, bytes)) {
    ++counters_.refused;
    refuse(asker, bytes, now);
    return Admit::kNoCredit;
  }
  ++counters_.taken;
  if (!refusals_.empty()) forgive(asker, now);
  if (bytes > options_.frame_bytes) {
    cut(std::move(section));
  } else {
    take(std::move(section));
  }
  return Admit::kTaken;
}

void OutFlow::take(OutSection&& section) {
  const uint64_t size = section.bytes.size();
  kept_.push_back(Piece{section.source_task, section.destination_task, section.kind, section.count, next_, size,
                        std::move(section.bytes)});
  next_ += size;
}

void OutFlow::cut(OutSection&& section) {
  const auto whole = std::make_shared<const std::string>(std::move(section.bytes));
  Fragment fragment;
  fragment.id = ++last_fragment_id_ == 0 ? ++last_fragment_id_ : last_fragment_id_;
  fragment.total_bytes = whole->size();
  while (fragment.offset_in_tuple < whole->size()) {
    fragment.bytes =
        std::string_view(*whole).substr(fragment.offset_in_tuple, options_.frame_bytes - kFragmentHeaderBytes);
    kept_.push_back(Piece{section.source_task, section.destination_task, SectionKind::kFragment, section.count, next_,
                          fragment.bytes.size(), std::string(), whole, fragment});
    next_ += fragment.bytes.size();
    fragment.offset_in_tuple += fragment.bytes.size();
    ++fragment.index;
  }
}

void OutFlow::refuse(const Asker& asker, uint64_t bytes, MonoTime now) {
  auto [found, inserted] = refusals_.try_emplace(asker);
  Refusal& refusal = found->second;
  if (inserted || refusal.told) {
    refusal.told = false;
    refusal.since = now;
    if (waiting_++ == 0) blocked_since_ = now;
  }
  refusal.bytes = bytes;
  if (!hold_ && bytes > options_.first_window / 4) hold_ = asker;
}

void OutFlow::forgive(const Asker& asker, MonoTime now) {
  const auto found = refusals_.find(asker);
  if (found == refusals_.end()) return;
  if (!found->second.told) {
    blocked_ns_[asker.executor] += static_cast<uint64_t>((now - found->second.since).count());
    --waiting_;
  }
  if (hold_ == asker) hold_.reset();
  refusals_.erase(found);
}

const OutFlow::Piece* OutFlow::unsent() const {
  if (cursor_ == kept_.size()) return nullptr;
  const Piece& next = kept_[cursor_];
  const bool wait = cursor_ > 0 && next.kind == SectionKind::kFragment && next.end() - received_ > options_.part_window;
  return wait ? nullptr : &next;
}

void OutFlow::advance(MonoTime now) {
  CHECK(cursor_ < kept_.size());
  if (cursor_ == 0) progress_ = now;
  const uint64_t end = kept_[cursor_].end();
  if (end <= sent_ever_) ++counters_.pieces_sent_again;
  sent_ever_ = std::max(sent_ever_, end);
  if (PETREL_MUTANT("frame not kept until covered")) {
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(cursor_));
    return;
  }
  ++cursor_;
}

bool OutFlow::on_credit(const CreditEntry& entry, MonoTime now) {
  if (entry.received > sent_ever_) {
    ++counters_.bad_credit;
    return false;
  }
  const bool stale = entry.received < received_;  // overtaken by a newer one
  if (entry.received > received_) {
    // A receiver knows only the ends of pieces.
    const auto covers = [&](const Piece& piece) {
      return piece.offset < entry.received && piece.end() > entry.received;
    };
    if (std::any_of(kept_.begin(), kept_.end(), covers)) {
      ++counters_.bad_credit;
      return false;
    }
    forget_covered(entry.received, now);
  }
  limit_ = std::max(limit_, entry.limit);
  if (entry.flags & CreditEntry::kProbeAnswer) {
    probe_open_ = false;
    doublings_ = 0;
  }
  if ((entry.flags & CreditEntry::kResume) && !stale && cursor_ > 0) rewind();
  return true;
}

void OutFlow::forget_covered(uint64_t received, MonoTime now) {
  while (!kept_.empty() && kept_.front().end() <= received) {
    if (const Piece& piece = kept_.front(); piece.whole) {
      const uint64_t at = piece.fragment.offset_in_tuple;
      give_back(*piece.whole, at, at + piece.size);
    }
    kept_.pop_front();
    if (cursor_ > 0) --cursor_;
  }
  received_ = received;
  progress_ = now;
  doublings_ = 0;
}

void OutFlow::rewind() {
  ++counters_.resumes;
  cursor_ = 0;
  if (PETREL_MUTANT("order swapped on reconnect") && kept_.size() > 1 && kept_[0].kind == SectionKind::kTuples &&
      kept_[1].kind == SectionKind::kTuples) {
    std::swap(kept_[0], kept_[1]);
    kept_[0].offset = received_;
    kept_[1].offset = kept_[0].end();
  }
}

void OutFlow::reset() {
  counters_.dropped_bytes += kept_bytes();
  kept_.clear();
  cursor_ = 0;
  next_ = received_ = sent_ever_ = asked_ = 0;
  limit_ = lane_ == kCycleLane ? options_.cycle_window : options_.first_window;
  probe_open_ = path_is_new_ = false;
  doublings_ = 0;
}

void OutFlow::take_ready(MonoTime now, std::vector<int32_t>& executors) {
  if (waiting_ == 0) return;
  for (auto& [asker, refusal] : refusals_) {
    if (refusal.told || !fits(asker, refusal.bytes)) continue;
    blocked_ns_[asker.executor] += static_cast<uint64_t>((now - refusal.since).count());
    refusal.told = true;
    refusal.since = now;
    --waiting_;
    executors.push_back(asker.executor);
  }
  if (hold_ || waiting_ == 0) return;
  for (const auto& [asker, refusal] : refusals_) {
    if (refusal.told || refusal.bytes <= options_.first_window / 4) continue;
    hold_ = asker;
    return;
  }
}

std::optional<uint64_t> OutFlow::take_reserve() {
  if (waiting_ == 0) return std::nullopt;
  uint64_t largest = 0;
  for (const auto& [asker, refusal] : refusals_) {
    if (!refusal.told) largest = std::max(largest, refusal.bytes);
  }
  // Room for the holder comes first; the others ask again when it has gone.
  if (hold_) largest = refusals_.at(*hold_).bytes;
  const uint64_t end = next_ + largest;
  if (end <= limit_ || end <= asked_) return std::nullopt;
  asked_ = end;
  return end;
}

bool OutFlow::take_probe(MonoTime now) {
  const bool uncovered = cursor_ > 0;
  const bool path_is_new = std::exchange(path_is_new_, false);
  if (!uncovered && waiting_ == 0) return false;
  const auto due = [&](Nanos interval, MonoTime since) {
    return now - std::max(since, last_probe_) >= interval * (int64_t{1} << doublings_);
  };
  if (!path_is_new && !(waiting_ > 0 && due(options_.probe_blocked, blocked_since_)) &&
      !(uncovered && due(options_.probe_kept, progress_))) {
    return false;
  }
  if (probe_open_ && !path_is_new) doublings_ = std::min(doublings_ + 1, options_.probe_doublings);
  if (path_is_new) doublings_ = 0;
  probe_open_ = true;
  last_probe_ = now;
  asked_ = 0;  // what was asked for may be lost as well
  ++counters_.probes;
  return true;
}

void OutFlow::expire_hold(MonoTime now) {
  if (!hold_) return;
  const auto holder = refusals_.find(*hold_);
  if (!holder->second.told || now - holder->second.since < options_.hold) return;
  refusals_.erase(holder);
  hold_.reset();
}

std::map<int32_t, uint64_t> OutFlow::blocked_ns(MonoTime now) const {
  std::map<int32_t, uint64_t> all = blocked_ns_;
  for (const auto& [asker, refusal] : refusals_) {
    if (!refusal.told) all[asker.executor] += static_cast<uint64_t>((now - refusal.since).count());
  }
  return all;
}

}  // namespace petrel
