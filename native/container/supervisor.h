// Supervisor: keeps a set of processes running: adopts those that live, starts those that do not, restarts those that
// end.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "native/base/ids.h"
#include "native/container/process_launcher.h"

namespace petrel {

struct SupervisorOptions {
  Nanos backoff_min = Millis(100);  // doubles with each short life
  Nanos backoff_max = Seconds(30);
  Nanos reset_after = Seconds(60);  // a life this long counts as healthy
  Nanos grace = Seconds(3);         // between TERM and KILL
};

struct SupervisedProcess {
  std::string name;  // for log lines, unique in the supervisor
  std::string stem;  // files: <stem>.pid, <stem>.exit, <stem>.incarnation
  /// Called before each start, after the incarnation is on disk. An error counts as a failed start.
  std::function<Result<ProcessSpec>(Incarnation)> make_spec;
  std::function<void(const ProcessId&)> on_started = nullptr;  // also when adopted
  std::function<void(const ExitStatus&)> on_ended = nullptr;
};

struct ProcessState {
  std::string name;
  bool running = false;
  ProcessId process;
  Incarnation incarnation;
  uint64_t starts = 0;  // by this supervisor, adoptions not counted
  std::string last_exit;
};

/// Thread: loop of the reactor only.  Owns: timers; never the processes: destroying it leaves them running.
class Supervisor {
 public:
  Supervisor(Reactor& reactor, ProcessLauncher& launcher, SupervisorOptions options = {});
  ~Supervisor();
  /// Adopts or starts, and keeps it running. The name must be new.
  void add(SupervisedProcess process);
  /// TERM, after the grace KILL, then forgets the process and calls `done`.
  void remove(const std::string& name, std::function<void()> done);
  /// remove() of all.
  void remove_all(std::function<void()> done);
  bool has(const std::string& name) const;
  std::vector<ProcessState> list() const;

 private:
  struct Entry;
  void start(Entry& entry);
  Result<ProcessId> spawn(Entry& entry);
  bool adopt(Entry& entry);
  void started(Entry& entry, const ProcessId& process);
  void ended(const std::string& name, uint64_t life, ExitStatus status);
  void schedule_restart(Entry& entry);
  void finish_removal(Entry& entry);

  Reactor& reactor_;
  ProcessLauncher& launcher_;
  SupervisorOptions options_;
  std::map<std::string, std::unique_ptr<Entry>> entries_;
  std::shared_ptr<bool> living_ = std::make_shared<bool>(true);  // false once destroyed: callbacks in flight do nothing
};

/// The number of the next start, stored (fsync) before it is returned. 1, 2, 3 ...
Result<Incarnation> next_incarnation(const std::string& file);

}  // namespace petrel
