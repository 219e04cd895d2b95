#include "tests/ledger/timeline.h"

#include <algorithm>

namespace petrel::ledger_test {
namespace {

constexpr int64_t kMsNs = 1'000'000;
constexpr int64_t kSecondNs = 1'000'000'000;

}  // namespace

void Timeline::add(int64_t at_ns) {
  const int64_t ms = at_ns / kMsNs;
  if (total_ == 0 || newest_->first != ms) newest_ = counts_.try_emplace(ms, 0).first;
  newest_->second++;
  first_ns_ = total_ == 0 ? at_ns : std::min(first_ns_, at_ns);
  last_ns_ = std::max(last_ns_, at_ns);
  total_++;
}

int64_t Timeline::between(int64_t from_ns, int64_t to_ns) const {
  int64_t count = 0;
  const auto end = counts_.lower_bound(to_ns / kMsNs);
  for (auto at = counts_.lower_bound(from_ns / kMsNs); at != end; ++at) count += at->second;
  return count;
}

int64_t Timeline::worst_second(int64_t from_ns, int64_t to_ns) const {
  int64_t worst = -1;
  for (int64_t at = from_ns; at + kSecondNs <= to_ns; at += kSecondNs / 20) {
    const int64_t count = between(at, at + kSecondNs);
    worst = worst < 0 ? count : std::min(worst, count);
  }
  return std::max<int64_t>(worst, 0);
}

}  // namespace petrel::ledger_test
