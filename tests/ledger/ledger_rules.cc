#include "tests/ledger/ledger_rules.h"

#include <algorithm>

namespace petrel::ledger_test {
namespace {

constexpr uint8_t kAllLeaves = (1U << kLeaves) - 1;

// Counts violations of one rule and keeps the first example.
class Rule {
 public:
  explicit Rule(const char* what) : what_(what) {}
  void broken(const std::string& example) {
    if (count_++ == 0) example_ = example;
  }
  void report(std::vector<std::string>* findings) const {
    if (count_ > 0) findings->push_back(fmt::format("{}: {} times, first: {}", what_, count_, example_));
  }

 private:
  const char* what_;
  int64_t count_ = 0;
  std::string example_;
};

std::string name_of(int32_t task, int64_t sequence, int32_t attempt, const Attempt& a) {
  return fmt::format(
      "spout {} sequence {} attempt {} (emit {} ms, ack {} ms, fail {} ms, last leaf {} ms, leaves {:07b})", task,
      sequence, attempt, a.emit_ns / 1'000'000, a.ack_ns / 1'000'000, a.fail_ns / 1'000'000, a.last_leaf_ns / 1'000'000,
      a.leaves);
}

class Checker {
 public:
  Checker(const History& history, const RuleOptions& options) : history_(history), options_(options) {}

  std::vector<std::string> run() {
    for (const std::string& text : history_.oddities) phantom_.broken(text);
    for (const auto& [task, spout] : history_.spouts) {
      for (int64_t sequence = 0; sequence < spout.ids(); ++sequence) check_id(task, spout, sequence);
      for (size_t open = 0; open < spout.opens.size(); ++open) check_replay(task, spout, open);
    }
    std::vector<std::string> findings;
    for (const Rule* rule :
         {&phantom_, &ends_, &early_ack_, &lost_, &cause_, &late_, &doubled_, &stale_, &replay_, &waited_, &unasked_}) {
      rule->report(&findings);
    }
    return findings;
  }

 private:
  void check_id(int32_t task, const SpoutHistory& spout, int64_t sequence) {
    const int32_t last = spout.attempts(sequence);
    bool acked = false;
    for (int32_t number = 1; number <= last; ++number) {
      const Attempt& attempt = spout.attempt(sequence, number);
      check_attempt(attempt, spout, [&] { return name_of(task, sequence, number, attempt); });
      acked = acked || attempt.ack_ns != 0;
    }
    if (options_.drained && !acked) lost_.broken(name_of(task, sequence, last, spout.attempt(sequence, last)));
  }

  template <typename Name>
  void check_attempt(const Attempt& a, const SpoutHistory& spout, Name name) {
    const bool spout_lived_on = a.incarnation == static_cast<int32_t>(spout.opens.size());
    if (a.ends > 1 || (a.ends == 0 && spout_lived_on && options_.drained)) ends_.broken(name());
    if (a.ack_ns != 0 && (a.leaves != kAllLeaves || a.last_leaf_ns > a.ack_ns)) early_ack_.broken(name());
    if (a.ends > 0 && a.end_incarnation != a.incarnation) stale_.broken(name());
    if (a.doubled_leaves != 0) doubled_.broken(name());
    if (a.fail_ns == 0) return;
    if (options_.no_fail) unasked_.broken(name());
    if (fails_by_fault(a)) return;
    const int64_t after = a.fail_ns - a.emit_ns;
    const auto in_flight = [&](int64_t fault) { return a.emit_ns <= fault && fault <= a.fail_ns; };
    if (std::any_of(options_.faults_ns.begin(), options_.faults_ns.end(), in_flight)) waited_.broken(name());
    if (after < options_.timeout_ns) cause_.broken(name());
    if (after > options_.timeout_ns + options_.fail_slack_ns + options_.clock_slack_ns) late_.broken(name());
  }

  bool fails_by_fault(const Attempt& a) const {
    return std::any_of(options_.faults_ns.begin(), options_.faults_ns.end(), [&](int64_t fault) {
      return fault <= a.fail_ns && a.fail_ns <= fault + options_.fault_limit_ns + options_.clock_slack_ns;
    });
  }

  // What the spout found un-acked at its n-th open is emitted again, all of it, within the limit after that open.
  void check_replay(int32_t task, const SpoutHistory& spout, size_t open) {
    const Record& record = spout.opens[open];
    const auto incarnation = static_cast<int32_t>(open) + 1;
    int64_t again = 0;
    int64_t last_ns = 0;
    for (const auto& [sequence, attempts] : spout.further()) {
      int32_t before = spout.attempt(sequence, 1).incarnation;
      for (const Attempt& attempt : attempts) {
        if (attempt.incarnation == incarnation && before < incarnation) {
          again++;
          last_ns = std::max(last_ns, attempt.emit_ns);
        }
        before = attempt.incarnation;
      }
    }
    const bool killed_again = open + 1 < spout.opens.size();
    if (again < record.sequence && !killed_again && options_.drained) {
      replay_.broken(
          fmt::format("spout {} open {}: {} un-acked, {} emitted again", task, incarnation, record.sequence, again));
    } else if (again > 0 && last_ns - record.at_ns > options_.replay_limit_ns) {
      replay_.broken(fmt::format("spout {} open {}: the last of {} replays came {} ms after it", task, incarnation,
                                 again, (last_ns - record.at_ns) / 1'000'000));
    }
  }

  const History& history_;
  const RuleOptions& options_;
  Rule phantom_{"phantom"}, ends_{"not exactly one ack or fail"}, early_ack_{"acked before all leaves were logged"},
      lost_{"lost"}, cause_{"failed before the time-out"}, late_{"failed too late"},
      doubled_{"leaf twice in one attempt"}, stale_{"ended in another incarnation"}, replay_{"replay"},
      waited_{"in flight at a fault, failed only by its time-out"}, unasked_{"failed, and nothing was lost"};
};

}  // namespace

std::vector<std::string> check(const History& history, const RuleOptions& options) {
  return Checker(history, options).run();
}

}  // namespace petrel::ledger_test
