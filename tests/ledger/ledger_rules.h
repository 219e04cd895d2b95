// ledger_rules: the invariants of delivery, over a History. Each violated one is a finding with its shortest example.
// Thread: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/ledger/ledger_history.h"

namespace petrel::ledger_test {

struct RuleOptions {
  int64_t timeout_ns = 30'000'000'000;      // topology.message.timeout.secs
  int64_t fail_slack_ns = 1'000'000'000;    // a fail comes between T and T + 1 s ...
  int64_t clock_slack_ns = 500'000'000;     // ... and the machine is shared
  int64_t replay_limit_ns = 2'000'000'000;  // after open(): all that the spout found un-acked is emitted again
  std::vector<int64_t> faults_ns;           // hosts were killed: then roots may fail, and must within
  int64_t fault_limit_ns = 2'000'000'000;   // this time
  bool no_fail = false;                     // nothing was lost, so nothing may fail
  bool drained = true;                      // the run was deactivated and everything was waited for
};

/// One sentence per violated rule, with the number of violations:
///   phantom   a record that fits nothing
///   ends      an attempt with more than one ack or fail, or with none though its spout lived on
///   early ack an ack before all leaves of that attempt were in a sink's log
///   lost      an id that was never acked (drained runs)
///   cause     a fail before the time-out and not within 2 s after a fault; late: after time-out + 1 s
///   waited    a root in flight at a fault that failed only by its time-out
///   doubled   a leaf of one attempt logged twice
///   stale     an attempt of a former incarnation that ends in a later one
///   replay    un-acked ids of a log not all emitted again within the limit after open()
std::vector<std::string> check(const History& history, const RuleOptions& options);

}  // namespace petrel::ledger_test
