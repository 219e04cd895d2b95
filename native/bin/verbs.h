// verbs: what the binary can be asked to do. A verb is a row: its words, flags and help, and one function that does it.
// Exit codes: 0 done, 1 it failed (one sentence on fd 2), 2 the command line is wrong.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "native/base/status.h"
#include "native/bin/cli_args.h"
#include "native/config/settings.h"

namespace petrel::cli {

inline constexpr const char* kPetrelVersion = "0.1.0";
inline constexpr const char* kStormVersion = "2.8.3";

/// A parsed command line and what every verb needs of it.
struct Call {
  std::string program;  // "petrel" or "storm": Storm's words where they differ
  Parsed args;
  Settings settings;
  std::vector<std::string> passed_on;  // -c and --config of this call, for processes that it starts

  bool as_storm() const { return program == "storm"; }
};

struct Verb {
  const char* name;
  const char* words;    // "NAME", "[NAME]", "" in the usage line
  const char* summary;  // one line for the list of verbs
  const char* details;  // more, for --help of the verb; "" for none
  std::span<const Flag> flags;
  size_t min_words = 0;
  size_t max_words = 0;
  size_t free_after_words = SIZE_MAX;  // see parse_args
  bool in_storm = false;               // also under the name `storm`
  int (*run)(const Call& call) = nullptr;
  /// Instead of `run`: gets the arguments as they are (processes that the root starts). Not listed.
  int (*run_raw)(const std::vector<std::string>& args) = nullptr;
};

// One table per group of verbs.
std::span<const Verb> cluster_verbs();   // up, down, status
std::span<const Verb> topology_verbs();  // jar, list, kill, activate, deactivate
std::span<const Verb> log_verbs();       // logs
std::span<const Verb> daemon_verbs();    // nimbus, root, container, stream-manager, ...
std::span<const Verb> about_verbs();     // version, compat, config, install-storm-name

/// Runs the command line; `program` is how the binary was called. Returns the exit code.
int run_command_line(const std::string& program, const std::vector<std::string>& args);

/// Prints "petrel: <message>" on fd 2. Returns 1.
int fail(const Call& call, const Status& status);

/// The folder of this executable, and its path.
std::string this_executable();

/// Waits without work. For polling loops of the command line only.
void pause_ms(int ms);

}  // namespace petrel::cli
