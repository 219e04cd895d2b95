// The daemons of this folder and small processes to supervise, as one executable for the system test.
#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <string>
#include <vector>

#include "native/container/agent.h"
#include "native/container/root.h"

namespace {

/// Runs until TERM, like a host.
int host() {
  for (;;) pause();
}

/// Ends at once with the code.
int dies(const std::string& code) {
  int number = 2;  // a word that is no number
  std::from_chars(code.data(), code.data() + code.size(), number);
  return number;
}

/// Does not end on TERM.
int stubborn() {
  signal(SIGTERM, SIG_IGN);
  for (;;) pause();
}

/// Leaves a child of its own behind when it is killed.
int forks() {
  if (fork() == 0) {
    for (;;) pause();
  }
  for (;;) pause();
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> args(argv + 1, argv + argc);
  if (args.empty()) return 2;
  const std::string verb = args[0];
  args.erase(args.begin());
  if (verb == "root") return petrel::root_main(args);
  if (verb == "container") return petrel::container_main(args);
  if (verb == "nimbus" || verb == "host") return host();
  if (verb == "dies") return dies(args.empty() ? "1" : args[0]);
  if (verb == "stubborn") return stubborn();
  if (verb == "forks") return forks();
  return 2;
}
