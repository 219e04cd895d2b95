// The model test: small trees, every multiset of lost, single and doubled records, in every order, against a reference
// that knows the tree's structure and no XOR; and long random histories against a naive table (seeded).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>

#include "native/base/rng.h"
#include "native/ledger/ack_ledger.h"

namespace petrel {
namespace {

constexpr int32_t kSpout = 1;
constexpr Millis kTimeout = Millis(1000);

// A tree as lists of edges: consumers[i] is the set of edges that bolt execution i took in (one, or several for a join)
// and emitters[i] the edges that it gave out. roots are the edges that the spout emitted.
struct Tree {
  const char* name;
  std::vector<int> roots;
  struct Execution {
    std::vector<int> in;
    std::vector<int> out;
    bool fails = false;
  };
  std::vector<Execution> executions;
};

std::vector<Tree> small_trees() {
  return {
      {"no bolt", {}, {}},
      {"one bolt", {0}, {{{0}, {}}}},
      {"chain of four", {0}, {{{0}, {1}}, {{1}, {2}}, {{2}, {3}}, {{3}, {}}}},
      {"fan-out at the spout", {0, 1, 2, 3}, {{{0}, {}}, {{1}, {}}, {{2}, {}}, {{3}, {}}}},
      {"fan-out in a bolt", {0}, {{{0}, {1, 2, 3}}, {{1}, {}}, {{2}, {}}, {{3}, {}}}},
      {"two levels", {0, 1}, {{{0}, {2}}, {{1}, {3}}, {{2}, {}}, {{3}, {}}}},
      // A join's output is anchored to both inputs: it carries one edge per anchor, both taken in by one execution.
      {"diamond with join", {0, 1}, {{{0}, {2}}, {{1}, {3}}, {{2, 3}, {}}}},
      {"one execution fails", {0}, {{{0}, {1, 2}}, {{1}, {}, true}, {{2}, {}}}},
      {"the join fails", {0, 1}, {{{0}, {2}}, {{1}, {3}}, {{2, 3}, {}, true}}},
  };
}

// Records of a tree; record 0 is the INIT, record i + 1 comes from execution i.
std::vector<AckRecord> records_of(const Tree& tree, uint64_t root, const std::vector<uint64_t>& edge_ids) {
  const auto xor_of = [&](const std::vector<int>& edges) {
    uint64_t result = 0;
    for (const int edge : edges) result ^= edge_ids[static_cast<size_t>(edge)];
    return result;
  };
  std::vector<AckRecord> records = {{.root = root, .xor_value = xor_of(tree.roots), .kind = AckKind::kInit}};
  for (const Tree::Execution& execution : tree.executions) {
    AckRecord record{.root = root, .xor_value = xor_of(execution.in) ^ xor_of(execution.out)};
    if (execution.fails) record = {.root = root, .kind = AckKind::kFail};
    records.push_back(record);
  }
  return records;
}

// The reference: complete when INIT came and every other record came an odd number of times since the last completion.
class StructuralReference {
 public:
  explicit StructuralReference(const Tree& tree) : tree_(tree), counts_(tree.executions.size() + 1, 0) {}

  std::optional<CompletionKind> apply(size_t record) {
    ++counts_[record];
    if (counts_[0] == 0) return std::nullopt;
    bool failed = false;
    bool complete = true;
    for (size_t i = 0; i < tree_.executions.size(); ++i) {
      failed |= tree_.executions[i].fails && counts_[i + 1] > 0;
      complete &= counts_[i + 1] % 2 == 1;
    }
    if (!failed && !complete) return std::nullopt;
    std::fill(counts_.begin(), counts_.end(), 0);
    return failed ? CompletionKind::kFail : CompletionKind::kAck;
  }
  bool waits_for_timeout() const { return counts_[0] > 0; }

 private:
  const Tree& tree_;
  std::vector<int> counts_;
};

class ModelTest : public ::testing::TestWithParam<Tree> {
 protected:
  ModelTest() : ledger_(clock_, AckLedgerOptions{}) { EXPECT_TRUE(ledger_.open(TaskId(kSpout), kTimeout).ok()); }

  // Runs one order of one multiset; `order` holds record numbers.
  void run(const std::vector<size_t>& order, const std::vector<int>& times) {
    const uint64_t root = RootId::make(kSpout, 0, ++sequence_);
    const std::vector<AckRecord> records = records_of(GetParam(), root, edge_ids_);
    StructuralReference reference(GetParam());
    std::vector<bool> seen(records.size(), false);
    int acks = 0;
    int ends = 0;
    for (const size_t number : order) {
      seen[number] = true;
      out_.clear();
      ledger_.apply({&records[number], 1}, out_);
      const std::optional<CompletionKind> expected = reference.apply(number);
      ASSERT_EQ(out_.size(), expected ? 1u : 0u);
      if (!expected) continue;
      ++ends;
      ASSERT_EQ(out_[0], (Completion{root, kSpout, *expected}));
      if (*expected != CompletionKind::kAck) continue;
      ++acks;
      // The promise to users: never an ack of which a record is missing, whatever was doubled.
      ASSERT_TRUE(std::all_of(seen.begin(), seen.end(), [](bool one) { return one; }));
    }
    const bool has_fail = std::any_of(records.begin(), records.end(), [](auto& r) { return r.kind == AckKind::kFail; });
    if (!has_fail && std::all_of(times.begin(), times.end(), [](int n) { return n == 1; })) {
      ASSERT_EQ(acks, 1);  // all records exactly once, in any order: acked, and nothing left behind
      ASSERT_EQ(ledger_.entries(), 0u);
    }
    expect_timeout(root, reference.waits_for_timeout());
    if (times[0] > 0) {
      ASSERT_GE(ends + (reference.waits_for_timeout() ? 1 : 0), 1);  // a tree with INIT always ends
    }
  }

  void expect_timeout(uint64_t root, bool expected) {
    clock_.advance(kTimeout - Nanos(1));
    out_.clear();
    ledger_.expire(clock_.now(), out_);
    ASSERT_TRUE(out_.empty());
    clock_.advance(Seconds(1));
    ledger_.expire(clock_.now(), out_);
    ASSERT_EQ(out_.size(), expected ? 1u : 0u);
    if (expected) {
      ASSERT_EQ(out_[0], (Completion{root, kSpout, CompletionKind::kTimeout}));
    }
    ASSERT_EQ(ledger_.entries(), 0u);  // bounded: nothing outlives T + 1 s
    ASSERT_EQ(ledger_.pending(), 0u);
  }

  ManualClock clock_;
  AckLedger ledger_;
  std::vector<Completion> out_;
  std::vector<uint64_t> edge_ids_ = {0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93};
  uint64_t sequence_ = 0;
};

TEST_P(ModelTest, EveryMultisetInEveryOrder) {
  const size_t records = GetParam().executions.size() + 1;
  size_t multisets = 1;
  for (size_t i = 0; i < records; ++i) multisets *= 3;
  uint64_t orders = 0;
  for (size_t code = 0; code < multisets; ++code) {
    std::vector<int> times;
    std::vector<size_t> order;
    for (size_t i = 0, rest = code; i < records; ++i, rest /= 3) {
      times.push_back(static_cast<int>(rest % 3));
      order.insert(order.end(), rest % 3, i);
    }
    do {
      run(order, times);
      if (HasFatalFailure()) return;
      ++orders;
    } while (std::next_permutation(order.begin(), order.end()));
  }
  RecordProperty("orders", std::to_string(orders));
  EXPECT_GE(orders, 3u);
}

INSTANTIATE_TEST_SUITE_P(SmallTrees, ModelTest, ::testing::ValuesIn(small_trees()), [](const auto& tree) {
  std::string name = tree.param.name;
  std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

// --- long random histories -------------------------------------------------------------------------------------------

struct NaiveEntry {
  uint64_t xor_value = 0;
  bool init = false;
  bool failed = false;
  bool lost = false;
  std::vector<std::pair<uint64_t, uint32_t>> emits;  // mask, loss number
  MonoTime deadline;
};

// The same rules, written down as plainly as possible.
class NaiveLedger {
 public:
  explicit NaiveLedger(std::map<int32_t, Millis> timeouts) : timeouts_(std::move(timeouts)) {}

  void apply(const AckRecord& record, MonoTime now, std::vector<Completion>& out) {
    if (RootId::incarnation(record.root) != 0 || !timeouts_.contains(RootId::spout_task(record.root))) return;
    const bool known = entries_.contains(record.root);
    if (!known && record.kind == AckKind::kResetTimeout) return;
    if (!known && record.kind == AckKind::kAck && record.xor_value == 0 && record.host_mask == 0) return;
    NaiveEntry& entry = entries_[record.root];
    if (record.kind == AckKind::kInit && entry.init) return;
    if (!known || record.kind == AckKind::kInit || record.kind == AckKind::kResetTimeout) {
      entry.deadline = now + timeouts_.at(RootId::spout_task(record.root));
    }
    if (record.kind == AckKind::kResetTimeout) return;
    entry.init |= record.kind == AckKind::kInit;
    entry.failed |= record.kind == AckKind::kFail;
    if (record.kind != AckKind::kFail) entry.xor_value ^= record.xor_value;
    if (record.host_mask != 0) {
      entry.emits.emplace_back(record.host_mask, record.loss_number);
      for (const auto& [slot, number] : losses_) {
        entry.lost |= (record.host_mask >> slot & 1) != 0 && number > record.loss_number;
      }
    }
    settle(record.root, out);
  }
  void host_lost(uint32_t slot, uint32_t number, std::vector<Completion>& out) {
    losses_[slot] = number;
    std::vector<uint64_t> roots;
    for (auto& [root, entry] : entries_) {
      entry.lost |= touched(entry, slot, number);
      roots.push_back(root);
    }
    for (const uint64_t root : roots) settle(root, out);
  }
  void expire(MonoTime now, std::vector<Completion>& out) {
    std::erase_if(entries_, [&](const auto& item) {
      const int64_t tick = TimingWheel::kTick.count();
      const int64_t due = (item.second.deadline.time_since_epoch().count() + tick - 1) / tick * tick;
      if (due > now.time_since_epoch().count()) return false;
      if (item.second.init) end(item.first, CompletionKind::kTimeout, out);
      return true;
    });
  }
  size_t size() const { return entries_.size(); }

 private:
  void settle(uint64_t root, std::vector<Completion>& out) {
    const NaiveEntry& entry = entries_.at(root);
    if (!entry.init) return;
    if (entry.failed) {
      end(root, CompletionKind::kFail, out);
    } else if (entry.xor_value == 0) {
      end(root, CompletionKind::kAck, out);
    } else if (entry.lost) {
      end(root, CompletionKind::kHostLost, out);
    } else {
      return;
    }
    entries_.erase(root);
  }
  // Errs on the failing side as the ledger does: the oldest knowledge counts for all slots of the tree.
  static bool touched(const NaiveEntry& entry, uint32_t slot, uint32_t number) {
    uint64_t mask = 0;
    uint32_t oldest = UINT32_MAX;
    for (const auto& [emitted, loss] : entry.emits) {
      mask |= emitted;
      oldest = std::min(oldest, loss);
    }
    return (mask >> slot & 1) != 0 && number > oldest;
  }
  static void end(uint64_t root, CompletionKind kind, std::vector<Completion>& out) {
    out.push_back({root, RootId::spout_task(root), kind});
  }

  std::map<int32_t, Millis> timeouts_;
  std::map<uint64_t, NaiveEntry> entries_;
  std::map<uint32_t, uint32_t> losses_;
};

AckRecord random_record(Rng& rng, uint64_t roots, uint32_t losses) {
  AckRecord record;
  const auto spout = static_cast<int32_t>(1 + rng.below(4));  // 4 is not open
  record.root = RootId::make(spout, rng.below(50) == 0 ? 1 : 0, rng.below(roots));
  // Few distinct values, so that XORs reach 0 often.
  record.xor_value = rng.below(4);
  if (rng.below(3) == 0) record.host_mask = uint64_t{1} << rng.below(8);
  record.loss_number = static_cast<uint32_t>(rng.below(losses + 1));
  const uint64_t kind = rng.below(20);
  record.kind = kind < 8    ? AckKind::kInit
                : kind < 17 ? AckKind::kAck
                : kind < 18 ? AckKind::kFail
                            : AckKind::kResetTimeout;
  return record;
}

void sort_completions(std::vector<Completion>& completions) {
  std::sort(completions.begin(), completions.end(), [](const Completion& a, const Completion& b) {
    return std::tie(a.root, a.kind) < std::tie(b.root, b.kind);
  });
}

class RandomHistory : public ::testing::TestWithParam<uint64_t> {};

TEST_P(RandomHistory, EqualsTheNaiveLedger) {
  Rng rng(GetParam());
  ManualClock clock;
  AckLedgerOptions options;
  options.hash_seed = GetParam();
  options.max_losses_per_minute = UINT32_MAX;
  AckLedger ledger(clock, options);
  const std::map<int32_t, Millis> timeouts = {{1, Millis(300)}, {2, Seconds(5)}, {3, Seconds(200)}};
  for (const auto& [task, timeout] : timeouts) ASSERT_TRUE(ledger.open(TaskId(task), timeout).ok());
  NaiveLedger naive(timeouts);
  const uint64_t roots = 1 + rng.below(GetParam() % 4 == 0 ? 20'000 : 200);
  uint32_t losses = 0;
  std::vector<Completion> got;
  std::vector<Completion> want;
  uint64_t ends = 0;
  for (int step = 0; step < 4000; ++step) {
    got.clear();
    want.clear();
    const uint64_t action = rng.below(10);
    if (action < 8) {
      std::vector<AckRecord> batch(1 + rng.below(20));
      for (AckRecord& record : batch) record = random_record(rng, roots, losses);
      ledger.apply(batch, got);
      for (const AckRecord& record : batch) naive.apply(record, clock.now(), want);
    } else if (action < 9 || rng.below(20) != 0) {
      clock.advance(rng.below(30) == 0 ? Nanos(Seconds(rng.below(300))) : Nanos(rng.below(400'000'000)));
      ledger.expire(clock.now(), got);
      naive.expire(clock.now(), want);
    } else {
      const auto slot = static_cast<uint32_t>(rng.below(8));
      ledger.host_lost(slot, ++losses, got);
      naive.host_lost(slot, losses, want);
    }
    sort_completions(got);
    sort_completions(want);
    ASSERT_EQ(got, want) << "seed " << GetParam() << " step " << step;
    ASSERT_EQ(ledger.entries(), naive.size()) << "seed " << GetParam() << " step " << step;
    ends += got.size();
  }
  EXPECT_GT(ends, 500u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomHistory, ::testing::Range<uint64_t>(1, 41));

}  // namespace
}  // namespace petrel
