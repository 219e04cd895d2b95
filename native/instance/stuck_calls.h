// StuckCalls: calls of user code that do not return are said once each, since nothing else of that executor runs
// meanwhile, and nobody would see why. Twin of io.petrel.host.StuckCalls.
#pragma once

#include <memory>
#include <vector>

#include "native/instance/executor.h"

namespace petrel {

/// Thread: one, the host's timer.
class StuckCalls {
 public:
  static constexpr const char* kSetting = "petrel.stuck.call.secs";
  /// `limit` 0: nothing is said.
  StuckCalls(const std::vector<std::unique_ptr<Executor>>& executors, Nanos limit, HostEvents& events)
      : executors_(executors), limit_(limit), events_(events), seen_(executors.size()) {}
  /// Every second or so.
  void look(MonoTime now);

 private:
  struct Seen {
    uint64_t calls = 0;
    MonoTime since{};
    bool begun = false;
    bool told = false;
  };
  void tell(const Executor& executor, Nanos time);

  const std::vector<std::unique_ptr<Executor>>& executors_;
  const Nanos limit_;
  HostEvents& events_;
  std::vector<Seen> seen_;
};

}  // namespace petrel
