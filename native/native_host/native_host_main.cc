// petrel-native-host <spec file> --incarnation N
//
// Exit codes: 0 after an orderly stop; 1 when the host could not start or user code failed (the topology master is told
// first); 2 for wrong arguments.
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <iostream>
#include <optional>
#include <vector>

#include "native/base/log.h"
#include "native/base/rng.h"
#include "native/container/container_paths.h"
#include "native/native_host/native_host.h"
#include "native/state_store/store_registry.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace {

constexpr const char* kUsage = "usage: petrel-native-host <spec file> --incarnation N\n";

std::optional<NativeHostOptions> parse(const std::vector<std::string>& args) {
  NativeHostOptions options;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--incarnation" && i + 1 < args.size()) {
      const std::string& text = args[++i];
      auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), options.incarnation);
      if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    } else if (!args[i].starts_with("--") && options.spec_file.empty()) {
      options.spec_file = args[i];
    } else {
      return std::nullopt;
    }
  }
  if (options.spec_file.empty() || options.incarnation == 0) return std::nullopt;
  options.spec_file = std::filesystem::absolute(options.spec_file).string();
  return options;
}

int run(const std::vector<std::string>& args) {
  const Logger logger("native-host");
  std::optional<NativeHostOptions> options = parse(args);
  if (!options) {
    std::cerr << kUsage;
    return 2;
  }
  Result<proto::ContainerSpec> spec = load_container_spec(options->spec_file);
  if (!spec.ok()) {
    logger.error("{}", spec.status().message());
    return 1;
  }
  // Leaked on purpose: user code's threads may use them until the process is gone.
  auto* reactor = new AsioReactor();
  Result<std::unique_ptr<StateStore>> store = open_store(spec->state_store(), reactor);
  if (!store.ok()) {
    logger.error("state store: {}", store.status().message());
    return 1;
  }
  auto* host = new NativeHost(SystemClock::instance(), *reactor, *store->release(), system_entropy(), *options, *spec);
  host->run();
  return 0;
}

}  // namespace
}  // namespace petrel

int main(int argc, char** argv) {
  _exit(petrel::run(std::vector<std::string>(argv + 1, argv + argc)));
}
