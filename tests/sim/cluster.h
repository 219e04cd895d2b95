// Cluster: the processes of one topology: hosts and stream managers, their agents' restarts, and the little of the
// control plane that links need (endpoints of stream managers, start of the executors).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/sim_host.h"

namespace petrel::sim {

/// Thread: the world's.
class Cluster {
 public:
  Cluster(const SimSurroundings& around, SimNetwork& network);
  ~Cluster();

  void start();
  /// Every process runs, every host has its links, and nobody holds anything.
  bool quiet() const;
  /// Executors of all hosts have been told to start.
  bool started() const { return executors_started_; }

  size_t processes() const { return processes_.size(); }
  bool is_alive(size_t process) const { return processes_[process].alive(); }
  bool is_paused(size_t process) const { return processes_[process].paused; }
  bool is_host(size_t process) const { return processes_[process].is_host; }
  std::string name(size_t process) const;
  int machine(size_t process) const { return processes_[process].container; }

  /// SIGKILL; the agent starts it again after `away`.
  void kill(size_t process, Nanos away);
  /// SIGSTOP, and SIGCONT after `time`.
  void pause(size_t process, Nanos time, bool timers_first, bool io_first);
  void slow(size_t process, uint32_t factor, Nanos time);
  void send_stale_plan(size_t process);
  std::string describe() const;
  /// Adds what the living processes have counted.
  void report();

 private:
  struct Process {
    bool is_host = false;
    uint32_t slot = 0;
    int32_t container = 0;
    uint32_t incarnation = 0;
    bool paused = false;
    std::unique_ptr<SimReactor> reactor;
    std::unique_ptr<SimHost> host;
    std::unique_ptr<SimManager> manager;
    bool alive() const { return reactor != nullptr; }
  };

  void start_process(size_t index);
  void end_process(Process& process);
  bool has_manager(const Process& process) const;
  void put_news();
  void tell_peers();
  proto::DataEndpoints endpoints() const;
  void watch_start();

  const SimSurroundings around_;
  SimNetwork& network_;
  Rng rng_;
  std::vector<Process> processes_;
  int next_pid_ = 100;
  bool executors_started_ = false;
  bool ending_ = false;
};

}  // namespace petrel::sim
