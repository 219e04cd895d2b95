// SimThread: the thread of one executor, on simulated time: steps it, is busy for as long as its user code is, sleeps
// when the executor does and wakes when it is woken.
#pragma once

#include <optional>

#include "native/instance/executor.h"
#include "tests/sim/sim_reactor.h"

namespace petrel::sim {

class SimThread;

/// How an executor's wake-up reaches its thread. A step cannot wait in the middle: nobody parks.
class SimParker : public Parker {
 public:
  void park(Nanos timeout) override;
  void unpark() override;
  void attach(SimThread& thread) { thread_ = &thread; }

 private:
  SimThread* thread_ = nullptr;
};

/// Thread: the host's loop.
class SimThread {
 public:
  struct Events {
    std::function<void(const Status&)> failed;  // the executor has ended with an error
    std::function<void()> prepared;             // the tasks are open
    std::function<void(SimThread*)> runs;       // user code of this thread runs now
    std::function<void()> stepped;              // batches may have been left open
  };
  SimThread(SimReactor& reactor, Executor& executor, Rng rng, Events events);

  /// Prepares the tasks and begins.
  void start();
  void wake();
  /// User code of the running step takes so long.
  void spend(Nanos time) { busy_ += time * slow_; }
  /// A task of a spout has nothing to emit before.
  void due(MonoTime when) { due_ = std::min(due_, when); }
  void set_slow(uint32_t factor) { slow_ = factor; }
  Executor& executor() { return executor_; }
  /// Nothing waits in it or for it.
  bool idle() const;

 private:
  void schedule(Nanos delay);
  void step();

  SimReactor& reactor_;
  Executor& executor_;
  Rng rng_;
  const Events events_;
  const bool spout_;
  bool sleeping_ = false;
  Reactor::TimerId timer_ = 0;
  MonoTime at_{};  // when the timer is due
  MonoTime busy_until_{};
  MonoTime due_{};
  Nanos busy_{0};
  uint32_t slow_ = 1;
  int fruitless_ = 0;  // steps in a row that did nothing and did not let it sleep
};

}  // namespace petrel::sim
