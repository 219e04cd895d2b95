#include "native/stream_manager/credit_merger.h"

#include <algorithm>
#include <string>

namespace petrel {
namespace {

/// `newer` came later on the same way; a receiver never goes back.
void merge(CreditEntry& held, const CreditEntry& newer) {
  const uint8_t answered = (held.flags | newer.flags) & CreditEntry::kProbeAnswer;
  uint8_t resume = newer.flags & CreditEntry::kResume;
  // A resume from before what has arrived since asks for nothing any more.
  if (newer.received <= held.received) resume |= held.flags & CreditEntry::kResume;
  held.received = std::max(held.received, newer.received);
  held.limit = std::max(held.limit, newer.limit);
  held.load = newer.load;
  held.flags = static_cast<uint8_t>(answered | resume);
}

}  // namespace

Status CreditMerger::add(const Frame& frame) {
  ASSIGN_OR_RETURN(const std::vector<CreditEntry> entries, parse_credit(frame.bytes()));
  if (flows_ + entries.size() > kFlowsMax) {
    return Status::error(StatusCode::kLimit, "credit of {} flows waits, the limit is {}", flows_, kFlowsMax);
  }
  const FrameHeader& header = frame.header;
  Waiting& waiting = waiting_[{header.source_host, header.source_incarnation, header.destination_host,
                               header.destination_incarnation}];
  waiting.header = header;
  for (const CreditEntry& entry : entries) {
    const auto [held, is_new] = waiting.flows.try_emplace({entry.executor, entry.lane}, entry);
    if (is_new) {
      ++flows_;
    } else {
      ++merged_;
      merge(held->second, entry);
    }
  }
  return Status();
}

std::vector<Frame> CreditMerger::take() {
  std::vector<Frame> frames;
  for (const auto& [hosts, waiting] : waiting_) {
    std::string body;
    size_t entries = 0;
    for (const auto& [flow, entry] : waiting.flows) {
      append_entry(body, entry);
      if (++entries % kMaxEntries == 0) frames.push_back(make_frame(waiting.header, std::exchange(body, {})));
    }
    if (!body.empty()) frames.push_back(make_frame(waiting.header, std::move(body)));
  }
  waiting_.clear();
  flows_ = 0;
  return frames;
}

}  // namespace petrel
