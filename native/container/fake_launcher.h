// FakeLauncher: processes that exist only in a test.
#pragma once

#include <signal.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "native/container/process_launcher.h"

namespace petrel {

/// Thread: one thread only. Writes pid files as the real one does.
class FakeLauncher : public ProcessLauncher {
 public:
  Result<ProcessId> spawn(const ProcessSpec& spec, OnExit on_exit) override {
    if (fail_spawns) return Status(StatusCode::kIo, "no processes today");
    ProcessId process{++last_pid, 1000 + static_cast<uint64_t>(last_pid)};
    spawned.push_back(spec);
    running[process.pid] = {process, std::move(on_exit)};
    if (!spec.pid_file.empty()) RETURN_IF_ERROR(write_pid_file(spec.pid_file, process, spec.pid_note));
    return process;
  }
  Status adopt(const ProcessId& process, OnExit on_exit) override {
    if (!alive(process)) return Status(StatusCode::kNotFound, "gone");
    running[process.pid].second = std::move(on_exit);
    adopted.push_back(process);
    return Status();
  }
  bool alive(const ProcessId& process) const override {
    auto found = running.find(process.pid);
    return found != running.end() && found->second.first == process;
  }
  Status signal(const ProcessId& process, int signal_number) override {
    if (!alive(process)) return Status(StatusCode::kNotFound, "gone");
    signals.emplace_back(process.pid, signal_number);
    return Status();
  }
  void end(pid_t pid, ExitStatus status) {
    auto entry = std::move(running.at(pid));
    running.erase(pid);
    if (entry.second) entry.second(std::move(status));
  }

  bool fail_spawns = false;
  pid_t last_pid = 100;
  std::map<pid_t, std::pair<ProcessId, OnExit>> running;
  std::vector<ProcessSpec> spawned;
  std::vector<ProcessId> adopted;
  std::vector<std::pair<pid_t, int>> signals;
};

}  // namespace petrel
