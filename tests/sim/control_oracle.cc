#include "tests/sim/control_oracle.h"

#include <fmt/format.h>

namespace petrel::sim {

uint64_t ControlOracle::found(int32_t port) {
  const auto [at, is_new] = numbers_.try_emplace(port, last_ + 1);
  if (is_new) ++last_;
  if (at->second < last_) {
    world_.fail("CP3",
                fmt::format("topology master {} is registered again after topology master {}", at->second, last_));
  }
  return at->second;
}

void ControlOracle::heard(uint32_t slot, uint32_t incarnation, uint64_t number, uint64_t epoch) {
  Host& host = hosts_[slot];
  if (host.incarnation != incarnation) host = {incarnation, number, 0};
  if (number < host.master) {
    world_.fail("CP3", fmt::format("host {} hears topology master {} after {}", slot, number, host.master));
  }
  host.master = number;
  if (epoch == 0) return;
  if (epoch < host.epoch) {
    world_.fail("CP3", fmt::format("host {} gets the plan of epoch {} after {}", slot, epoch, host.epoch));
  }
  host.epoch = epoch;
}

void ControlOracle::works_by(int32_t container, uint32_t incarnation, uint64_t epoch) {
  Host& manager = managers_[container];
  if (manager.incarnation != incarnation) manager = {incarnation, 0, 0};
  if (epoch < manager.epoch) {
    world_.fail("CP3", fmt::format("the stream manager of container {} works by the plan of epoch {} after {}",
                                   container, epoch, manager.epoch));
  }
  manager.epoch = epoch;
}

}  // namespace petrel::sim
