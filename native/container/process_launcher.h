// ProcessLauncher: starting, finding again, watching and ending processes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "native/base/status.h"
#include "native/transport/reactor.h"

namespace petrel {

/// A pid alone is reused; with the start time (ticks since boot, /proc/<pid>/stat) it is not.
struct ProcessId {
  pid_t pid = 0;
  uint64_t start_time = 0;
  bool operator==(const ProcessId&) const = default;
};

struct ProcessSpec {
  std::vector<std::string> argv;  // argv[0] is the path of the executable
  std::vector<std::string> env;   // "K=V", complete
  std::string cwd;                // "" = as ours
  std::string stdout_file;        // appended to; "" = /dev/null
  std::string stderr_file;        // "" = as stdout_file
  std::string pid_file;  // "<pid> <start time> <note>\n", written by the child before exec: no instant without it
  std::string pid_note;
  bool new_session = false;
};

/// How a process ended. `code` is known for children, or from an exit file.
struct ExitStatus {
  std::optional<int> code;    // exit code
  std::optional<int> signal;  // that ended it
  std::string to_string() const;
};

/// Thread: loop of the reactor only.
class ProcessLauncher {
 public:
  using OnExit = std::function<void(ExitStatus)>;

  virtual ~ProcessLauncher() = default;
  /// Same session, stdin /dev/null, no other descriptor, default signals. `on_exit` comes once, on the loop.
  virtual Result<ProcessId> spawn(const ProcessSpec& spec, OnExit on_exit) = 0;
  /// Watches a process that somebody else started. kNotFound when it is gone (or is a zombie).
  virtual Status adopt(const ProcessId& process, OnExit on_exit) = 0;
  virtual bool alive(const ProcessId& process) const = 0;
  /// kNotFound when it is gone.
  virtual Status signal(const ProcessId& process, int signal_number) = 0;
};

/// Reads "<pid> <start time> <note>"; kNotFound, kCorrupt.
struct PidFile {
  ProcessId process;
  std::string note;
};
Result<PidFile> read_pid_file(const std::string& file);
Status write_pid_file(const std::string& file, const ProcessId& process, const std::string& note);
/// Our own.
ProcessId current_process();

/// The machine's processes.
class SystemLauncher : public ProcessLauncher {
 public:
  explicit SystemLauncher(Reactor& reactor);
  ~SystemLauncher() override;
  Result<ProcessId> spawn(const ProcessSpec& spec, OnExit on_exit) override;
  Status adopt(const ProcessId& process, OnExit on_exit) override;
  bool alive(const ProcessId& process) const override;
  Status signal(const ProcessId& process, int signal_number) override;

  /// From now on orphans of our descendants become our children.
  Status become_subreaper();
  /// Reaps orphans that ended; sends `signal_number` (0: none) to those that live. Returns how many live.
  size_t tend_orphans(int signal_number);

 private:
  struct Watched;
  void watch(std::shared_ptr<Watched> watched);

  Reactor& reactor_;
  std::map<pid_t, std::shared_ptr<Watched>> watched_;
};

}  // namespace petrel
