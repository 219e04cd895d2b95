// The root of a machine: keeps Nimbus and the agents of run/desired running. `petrel up` starts it, `petrel down` ends
// it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "native/base/clock.h"
#include "native/base/status.h"

namespace petrel {

struct RootOptions {
  std::string home;
  std::string executable;                // the petrel binary; "" = this one
  std::vector<std::string> nimbus_args;  // after "nimbus --home <home>"
  bool nimbus = true;                    // false: only agents (tests)
};

/// args: --home DIR [--executable FILE] [--no-nimbus] [-- nimbus args]. The daemon itself, in the foreground: runs
/// until SIGTERM or SIGINT, then ends agents and Nimbus. Logs to fd 2. Exit code 0, 1 (cannot start), 2 (wrong
/// arguments), 3 (another root runs).
int root_main(const std::vector<std::string>& args);

/// Starts `<executable> root ...` as a daemon in a session of its own (stderr to logs/root.log) and returns its pid
/// when it holds root.lock. When a root runs already: its pid, nothing is started.
Result<pid_t> start_root_daemon(const RootOptions& options);

/// The pid of the running root; kNotFound.
Result<pid_t> running_root(const std::string& home);

struct ShutdownReport {
  bool root_was_running = false;
  std::vector<std::string> killed;  // "pid 123 petrel-jvm-host": did not end by itself
  std::vector<std::string> left;    // could not be ended; empty when all is well
};

/// `petrel down`: TERM to the root, waits up to `timeout` for an orderly end, then kills what is left of the sessions
/// that this home's roots recorded, and looks again. Topologies stay desired: the next `up` runs them.
Result<ShutdownReport> shutdown_all(const std::string& home, Nanos timeout = Seconds(30));

}  // namespace petrel
