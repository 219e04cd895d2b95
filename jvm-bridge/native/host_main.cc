// petrel-jvm-host <spec file> --incarnation N [--java-dir DIR]
//
// Exit codes: those of user code (System.exit, an executor's death); 0 after an orderly stop; 1 when the host could not
// start (the topology master is told first); 2 for wrong arguments; 143 when an orderly stop hung.
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <vector>

#include "jvm-bridge/native/jvm_host.h"
#include "native/base/log.h"
#include "native/container/container_paths.h"
#include "native/state_store/store_registry.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace {

constexpr const char* kUsage = "usage: petrel-jvm-host <spec file> --incarnation N [--java-dir DIR]\n";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::optional<JvmHostOptions> parse(const std::vector<std::string>& args) {
  JvmHostOptions options;
  options.java_dir = variable("PETREL_JAVA_DIR");
  options.java_home = variable("JAVA_HOME");
  for (size_t i = 0; i < args.size(); ++i) {
    bool has_value = i + 1 < args.size();
    if (args[i] == "--incarnation" && has_value) {
      const std::string& text = args[++i];
      auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), options.incarnation);
      if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    } else if (args[i] == "--java-dir" && has_value) {
      options.java_dir = args[++i];
    } else if (!args[i].starts_with("--") && options.spec_file.empty()) {
      options.spec_file = args[i];
    } else {
      return std::nullopt;
    }
  }
  if (options.spec_file.empty() || options.incarnation == 0) return std::nullopt;
  options.spec_file = std::filesystem::absolute(options.spec_file).string();  // the host changes its folder
  return options;
}

int run(const std::vector<std::string>& args) {
  const Logger logger("jvm-host");
  std::optional<JvmHostOptions> options = parse(args);
  if (!options) {
    std::cerr << kUsage;
    return 2;
  }
  Result<proto::ContainerSpec> spec = load_container_spec(options->spec_file);
  if (!spec.ok()) {
    logger.error("{}", spec.status().message());
    return 1;
  }
  // Leaked on purpose: Java threads use them until the process is gone.
  auto* reactor = new AsioReactor();
  Result<std::unique_ptr<StateStore>> store = open_store(spec->state_store(), reactor);
  if (!store.ok()) {
    logger.error("state store: {}", store.status().message());
    return 1;
  }
  auto* links_loop = new AsioReactor();
  auto* host =
      new JvmHost(SystemClock::instance(), *reactor, *links_loop, *store->release(), system_entropy(), *options, *spec);
  host->run();
  return 0;
}

}  // namespace
}  // namespace petrel

int main(int argc, char** argv) {
  _exit(petrel::run(std::vector<std::string>(argv + 1, argv + argc)));
}
