#include "tests/sim/sim_reactor.h"

#include <algorithm>

#include "native/base/check.h"
#include "tests/sim/sim_network.h"

namespace petrel::sim {

void ProcessGate::run(Kind kind, SimWorld::Callback callback) {
  if (!alive_) return;
  if (paused_) {
    waiting_.emplace_back(kind, std::move(callback));
  } else {
    callback();
  }
}

void ProcessGate::resume(bool timers_first, bool io_first) {
  paused_ = false;
  auto waiting = std::move(waiting_);
  waiting_.clear();
  if (timers_first || io_first) {
    const Kind first = timers_first ? Kind::kTimer : Kind::kIo;
    std::stable_partition(waiting.begin(), waiting.end(), [first](const auto& entry) { return entry.first == first; });
  }
  for (auto& [kind, callback] : waiting) callback();
}

SimReactor::SimReactor(SimWorld& world, SimNetwork& network, int machine, int pid)
    : world_(world), network_(network), machine_(machine), pid_(pid), gate_(std::make_shared<ProcessGate>(world)) {
  world_.process_started(pid);
}

SimReactor::~SimReactor() {
  gate_->die();
}

void SimReactor::post(Callback callback) {
  world_.at(world_.now(), [gate = gate_, callback = std::move(callback)]() mutable {
    gate->run(ProcessGate::Kind::kPost, std::move(callback));
  });
}

Reactor::TimerId SimReactor::after(Nanos delay, Callback callback) {
  const TimerId id = ++last_timer_;
  // Cancelled also while it waits in the gate of a paused process: the entry in timers_ decides.
  auto fire = [this, id, callback = std::move(callback)]() {
    if (timers_.erase(id) != 0) callback();
  };
  timers_[id] = world_.after(std::max(delay, Nanos(0)), [gate = gate_, fire = std::move(fire)]() mutable {
    gate->run(ProcessGate::Kind::kTimer, std::move(fire));
  });
  return id;
}

void SimReactor::cancel(TimerId timer) {
  auto found = timers_.find(timer);
  if (found == timers_.end()) return;
  world_.cancel(found->second);
  timers_.erase(found);
}

void SimReactor::run() {
  CHECK(false && "the world runs the loops of simulated processes");
}

Result<std::unique_ptr<Acceptor>> SimReactor::listen(const Endpoint& endpoint,
                                                     std::function<void(std::unique_ptr<ByteStream>)> on_accept) {
  return network_.listen(*this, endpoint, std::move(on_accept));
}

void SimReactor::connect(const Endpoint& endpoint, Nanos timeout,
                         std::function<void(Result<std::unique_ptr<ByteStream>>)> on_done) {
  network_.connect(*this, endpoint, timeout, std::move(on_done));
}

void SimReactor::when_readable(int, Callback) {
  CHECK(false && "simulated processes have no descriptors");
}

void SimReactor::when_process_ends(int pid, Callback callback) {
  world_.when_process_ends(pid, [gate = gate_, callback = std::move(callback)]() mutable {
    gate->run(ProcessGate::Kind::kIo, std::move(callback));
  });
}

}  // namespace petrel::sim
