// The user code of simulated topologies: spouts with a source that survives them and replay, bolts that fan out, joins,
// sinks. They run in the product's executors and tell the Oracle what they see.
#pragma once

#include <map>
#include <memory>

#include "native/instance/host_instance.h"
#include "tests/sim/oracle.h"

namespace petrel::sim {

/// What the tasks of one host have of their surroundings.
struct SimUser {
  SimWorld* world = nullptr;
  const SimPlan* plan = nullptr;
  Oracle* oracle = nullptr;
  uint32_t incarnation = 0;
  Rng rng{0};  // split by task
  /// The running executor's thread is busy for so long.
  std::function<void(Nanos)> spend;
  /// How the ledger of this host said that a root has ended; once.
  std::function<CompletionKind(uint64_t root)> end_of;
  /// When a spout task has something to emit next; Nanos::max(): when a root ends, if ever.
  std::function<void(int32_t task, MonoTime due)> due;
};

/// Thread: the world's. `user` outlives the tasks.
class SimTaskFactory : public TaskFactory {
 public:
  explicit SimTaskFactory(const SimUser& user) : user_(user) {}
  Result<std::unique_ptr<BoltTask>> bolt(const Component& component, const ConfMap& conf) override;
  Result<std::unique_ptr<SpoutTask>> spout(const Component& component, const ConfMap& conf) override;

 private:
  const SimUser& user_;
};

}  // namespace petrel::sim
