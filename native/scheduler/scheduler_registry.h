// One row per kind of scheduler; the contract test runs over all rows.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "native/scheduler/scheduler.h"

namespace petrel {

struct SchedulerRow {
  const char* name;
  const char* doc;
  std::function<std::unique_ptr<Scheduler>(const std::string& home, std::function<void(const char*)> at_step)> make;
};

const std::vector<SchedulerRow>& scheduler_registry();

}  // namespace petrel
