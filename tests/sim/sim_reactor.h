// SimReactor: the loop of one simulated process over the world's event queue.
#pragma once

#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "native/transport/reactor.h"
#include "tests/sim/sim_world.h"

namespace petrel::sim {

class SimNetwork;

/// What outlives a process: whether its callbacks may run. Events hold it by shared_ptr.
class ProcessGate {
 public:
  enum class Kind { kPost, kTimer, kIo };

  bool alive() const { return alive_; }
  bool paused() const { return paused_; }
  /// Runs now, later (paused) or never (dead).
  template <typename F>
  void run(Kind kind, F&& callback) {
    if (!alive_) return;
    if (paused_) {
      waiting_.emplace_back(kind, std::forward<F>(callback));
    } else {
      callback();
    }
  }
  void die() {
    alive_ = false;
    waiting_.clear();
  }
  void pause() { paused_ = true; }
  /// Everything that came meanwhile runs now. `timers_first` and `io_first` say what the loop looks at first; neither:
  /// in the order in which it came.
  void resume(bool timers_first, bool io_first);

 private:
  bool alive_ = true;
  bool paused_ = false;
  std::deque<std::pair<Kind, SimWorld::Callback>> waiting_;
};

class SimReactor : public Reactor {
 public:
  /// `machine`: whose abstract Unix names it sees. `pid`: what its peers' peer_pid() says.
  SimReactor(SimWorld& world, SimNetwork& network, int machine, int pid);
  /// The process is gone: nothing that it put runs any more.
  ~SimReactor() override;

  const Clock& clock() const override { return world_.clock(); }
  void post(Callback callback) override;
  TimerId after(Nanos delay, Callback callback) override;
  void cancel(TimerId timer) override;
  void run() override;
  void stop() override {}
  Result<std::unique_ptr<Acceptor>> listen(const Endpoint& endpoint,
                                           std::function<void(std::unique_ptr<ByteStream>)> on_accept) override;
  void connect(const Endpoint& endpoint, Nanos timeout,
               std::function<void(Result<std::unique_ptr<ByteStream>>)> on_done) override;
  void when_readable(int fd, Callback callback) override;
  void when_process_ends(int pid, Callback callback) override;
  int own_pid() const override { return pid_; }

  SimWorld& world() { return world_; }
  const std::shared_ptr<ProcessGate>& gate() const { return gate_; }
  int machine() const { return machine_; }
  int pid() const { return pid_; }

 private:
  /// What waits in the world and in the gate of a paused process names the timer: cancelled, it is not found.
  struct Timer {
    uint32_t generation = 0;
    bool armed = false;
    SimWorld::EventId event = 0;
    Callback callback;
  };
  Timer* find(TimerId timer);
  Callback disarm(TimerId timer);

  SimWorld& world_;
  SimNetwork& network_;
  const int machine_;
  const int pid_;
  std::shared_ptr<ProcessGate> gate_;
  std::vector<Timer> timers_;
  std::vector<uint32_t> free_timers_;
};

}  // namespace petrel::sim
