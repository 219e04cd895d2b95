// Cluster: the processes of one topology: topology master, hosts and stream managers, their agents' restarts, and what
// Nimbus writes into the state store.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/sim_control.h"

namespace petrel::sim {

/// Thread: the world's.
class Cluster {
 public:
  enum class Kind { kMaster, kManager, kHost };

  Cluster(const SimSurroundings& around, SimNetwork& network);
  ~Cluster();

  void start();
  /// Executors of all hosts have been told to start.
  bool started() const;
  /// Every process runs, every host has its links, and nobody holds anything.
  bool quiet() const;
  /// All hosts have finished the same drain, a later one than at the last call that said so.
  bool drained();

  size_t processes() const { return processes_.size(); }
  bool is_alive(size_t process) const { return processes_[process].alive(); }
  bool is_paused(size_t process) const { return processes_[process].paused; }
  Kind kind(size_t process) const { return processes_[process].kind; }
  std::string name(size_t process) const;

  /// SIGKILL; the agent starts it again after `away`.
  void kill(size_t process, Nanos away);
  /// SIGSTOP, and SIGCONT after `time`.
  void pause(size_t process, Nanos time, bool timers_first, bool io_first);
  void slow(size_t process, uint32_t factor, Nanos time);
  void send_stale_plan(size_t process);
  /// A second topology master for `time`, beside the one that lives or comes back.
  void start_second_master(Nanos time);
  /// A record of the store and what a stream manager wrote down are cut, until somebody puts the record back.
  void tear(Rng& rng, Nanos time);
  /// As Nimbus, on a user's behalf.
  void set_status(TopologyStatus status);
  /// The same: from its host into a process of its own, or back. The container has one host.
  void move_manager(int32_t container);
  std::string describe() const;
  /// Adds what the living processes have counted.
  void report();

 private:
  class Question;
  static constexpr int kMasterMachine = 0;
  static constexpr size_t kFirstMaster = 0;
  static constexpr size_t kSecondMaster = 1;

  struct Process {
    Kind kind = Kind::kHost;
    uint32_t slot = 0;
    int32_t container = 0;
    uint32_t incarnation = 0;
    bool paused = false;
    bool wanted = true;  // its agent starts it again
    std::string memory;  // a stream manager's file
    std::unique_ptr<SimReactor> reactor;
    std::unique_ptr<SimMaster> master;
    std::unique_ptr<SimManager> manager;
    std::unique_ptr<SimHost> host;
    bool alive() const { return reactor != nullptr; }
  };

  void write_topology();
  void start_process(size_t index);
  void start_master(size_t index);
  void end_process(Process& process);
  void ask_next();
  void agents_see(const proto::PhysicalPlan& plan);
  void place_manager(size_t index);
  void trace(const char* what, const Process& process);

  const SimSurroundings around_;
  SimNetwork& network_;
  Rng rng_;
  SimReactor nimbus_loop_;
  SimStore nimbus_store_;
  TopologyState nimbus_;
  std::vector<Process> processes_;
  TopologyStatus status_ = TopologyStatus::kActive;
  // Moves of stream managers, which topology masters are asked for one after the other.
  std::deque<proto::PlaceStreamManager> moves_;
  std::map<int32_t, bool> moved_in_host_;  // by container, after all of them
  std::unique_ptr<Question> question_;
  std::unique_ptr<StateWatch> agents_watch_;
  int next_pid_ = 100;
  uint64_t drained_ = 0;
};

}  // namespace petrel::sim
