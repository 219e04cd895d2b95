// petrel: one binary for users and for the processes of a cluster. Under the name `storm` it takes Storm's commands.
#include <filesystem>
#include <string>
#include <vector>

#include "native/bin/verbs.h"

int main(int argc, char** argv) {
  const std::string called = argc > 0 ? std::filesystem::path(argv[0]).filename().string() : "";
  const std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
  return petrel::cli::run_command_line(called == "storm" ? "storm" : "petrel", args);
}
