#include "native/scheduler/scheduler_registry.h"

#include "native/scheduler/local_scheduler.h"

namespace petrel {

const std::vector<SchedulerRow>& scheduler_registry() {
  static const std::vector<SchedulerRow> rows = {
      {"local", "processes of this machine, kept running by `petrel up`",
       [](const std::string& home, std::function<void(const char*)> at_step) -> std::unique_ptr<Scheduler> {
         return std::make_unique<LocalScheduler>(home, std::move(at_step));
       }},
  };
  return rows;
}

}  // namespace petrel
