#include "tests/sim/sim_reactor.h"

#include <algorithm>

#include "native/base/check.h"
#include "tests/sim/sim_network.h"

namespace petrel::sim {

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
    : world_(world), network_(network), machine_(machine), pid_(pid), gate_(std::make_shared<ProcessGate>()) {
  world_.process_started(pid);
}

SimReactor::~SimReactor() {
  gate_->die();
  // What they hold may cancel timers when it goes.
  const auto timers = std::exchange(timers_, {});
}

void SimReactor::post(Callback callback) {
  world_.at(world_.now(), [gate = gate_, callback = std::move(callback)]() mutable {
    gate->run(ProcessGate::Kind::kPost, std::move(callback));
  });
}

Reactor::TimerId SimReactor::after(Nanos delay, Callback callback) {
  uint32_t index;
  if (free_timers_.empty()) {
    index = static_cast<uint32_t>(timers_.size());
    timers_.emplace_back();
  } else {
    index = free_timers_.back();
    free_timers_.pop_back();
  }
  Timer& timer = timers_[index];
  timer.armed = true;
  timer.callback = std::move(callback);
  const TimerId id = (static_cast<uint64_t>(++timer.generation) << 32) | (index + 1);
  timer.event = world_.after(std::max(delay, Nanos(0)), [gate = gate_, this, id] {
    gate->run(ProcessGate::Kind::kTimer, [this, id] {
      if (const Callback due = disarm(id)) due();
    });
  });
  return id;
}

SimReactor::Timer* SimReactor::find(TimerId timer) {
  const uint32_t index = static_cast<uint32_t>(timer) - 1;
  if (timer == 0 || index >= timers_.size()) return nullptr;
  Timer& found = timers_[index];
  return found.armed && found.generation == static_cast<uint32_t>(timer >> 32) ? &found : nullptr;
}

Reactor::Callback SimReactor::disarm(TimerId timer) {
  Timer* found = find(timer);
  if (found == nullptr) return nullptr;
  found->armed = false;
  free_timers_.push_back(static_cast<uint32_t>(found - timers_.data()));
  return std::exchange(found->callback, nullptr);
}

void SimReactor::cancel(TimerId timer) {
  const Timer* found = find(timer);
  if (found == nullptr) return;
  world_.cancel(found->event);
  disarm(timer);
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
