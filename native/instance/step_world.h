// For tests: a topology spread over simulated hosts, stepped by a seeded scheduler: executors, ledgers, and links that
// refuse without credit and deliver late. No thread, no wall clock.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "native/base/rng.h"
#include "native/instance/host_instance.h"
#include "native/ledger/ack_ledger.h"

namespace petrel::testing {

/// What a test's components do; one for all tasks of the world.
class Script {
 public:
  virtual ~Script() = default;
  virtual Status next_tuple(int32_t, SpoutOutput&) { return {}; }
  virtual void acked(int32_t, const Value&) {}
  virtual void failed(int32_t, const Value&) {}
  virtual Status execute(const TaskContext&, const TuplePtr&, BoltOutput&) { return {}; }
  virtual void drained(int32_t, uint64_t) {}
};

struct WorldOptions {
  uint64_t seed = 1;
  uint32_t hosts = 2;
  size_t queue_limit_bytes = 4096;  // also the credit of an executor for other hosts
  ConfMap conf;
  std::vector<uint32_t> slots;  // by task; empty: executors are dealt in turn
};

class StepWorld {
 public:
  StepWorld(LogicalPlan plan, WorldOptions options, Script& script);
  ~StepWorld();

  ManualClock clock;

  /// One random step of anything.
  void step();
  /// Until `done`, at most so many steps; false when it did not come.
  bool run_until(const std::function<bool()>& done, int steps = 200'000);
  /// Steps one executor as its thread would: false when it has nothing to do.
  Result<bool> run(int32_t first_task);
  Executor& executor(int32_t first_task);
  HostInstance& host(uint32_t slot);
  void set_active(bool active);
  void drain(uint64_t epoch);
  /// Executors that are never stepped: a slow consumer.
  void freeze(int32_t first_task) { frozen_.insert(first_task); }
  void thaw(int32_t first_task) { frozen_.erase(first_task); }

  AckLedger& ledger(uint32_t slot);
  const std::vector<AckRecord>& all_records() const { return all_records_; }
  size_t bytes_on_links() const;
  bool quiet() const;
  uint32_t losses = 0;
  /// How long a park takes.
  Nanos slow_parks{0};
  /// The first error of a step, if any.
  Status error;

 private:
  struct Host;
  struct Flow {
    std::deque<OutboundSection> sections;
    size_t credit_used = 0;
    std::set<int32_t> refused;
    uint32_t refused_host = 0;
  };
  void step_executor();
  void step_link();
  void step_ledger();
  Offer offer(uint32_t slot, int32_t source, OutboundSection&& section);

  std::shared_ptr<const TaskTable> table_;
  WorldOptions options_;
  Script& script_;
  Rng rng_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::map<std::pair<uint32_t, std::pair<int32_t, int>>, Flow> flows_;  // (source host, (executor, lane))
  std::vector<AckRecord> all_records_;
  std::set<int32_t> frozen_;
};

/// A plan for tests: components in order, each with one stream "default" of the field "v" unless it says otherwise.
struct PlanComponent {
  std::string name;
  std::vector<Input> inputs;
  int32_t tasks = 1;
  int32_t executors = 1;
  std::string conf = "{}";
};
LogicalPlan make_plan(const std::vector<PlanComponent>& components);
Input reads(const std::string& component, GroupingKind grouping, std::vector<std::string> fields = {});

}  // namespace petrel::testing
