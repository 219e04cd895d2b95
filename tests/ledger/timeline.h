// timeline: how many things happened when, to the millisecond.
// Thread: one. Memory: some 50 bytes for each millisecond in which something happened, however much it was.
#pragma once

#include <cstdint>
#include <map>

namespace petrel::ledger_test {

class Timeline {
 public:
  Timeline() = default;
  Timeline(Timeline&&) = default;
  Timeline& operator=(Timeline&&) = default;

  /// Quick for times near the one before.
  void add(int64_t at_ns);

  int64_t total() const { return total_; }
  /// The times of the first and the last, in any order of add(); 0 when there is none.
  int64_t first_ns() const { return first_ns_; }
  int64_t last_ns() const { return last_ns_; }

  /// How many lie in [from, to); both are cut to their millisecond.
  int64_t between(int64_t from_ns, int64_t to_ns) const;

  /// The smallest number in any window of 1 s within [from, to], stepping 50 ms. 0 when there is no window.
  int64_t worst_second(int64_t from_ns, int64_t to_ns) const;

 private:
  std::map<int64_t, int64_t> counts_;  // by millisecond
  std::map<int64_t, int64_t>::iterator newest_ = counts_.end();
  int64_t total_ = 0;
  int64_t first_ns_ = 0;
  int64_t last_ns_ = 0;
};

}  // namespace petrel::ledger_test
