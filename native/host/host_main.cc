#include "native/host/host_main.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iostream>

#include "native/base/log.h"
#include "native/container/container_paths.h"
#include "native/state_store/store_registry.h"
#include "native/transport/asio_reactor.h"

namespace petrel {

std::optional<HostArguments> parse_host_arguments(const std::vector<std::string>& args,
                                                  const std::vector<std::string>& own) {
  HostArguments found;
  for (size_t i = 0; i < args.size(); ++i) {
    if (!args[i].starts_with("--") && found.spec_file.empty()) {
      found.spec_file = args[i];
      continue;
    }
    if (i + 1 == args.size()) return std::nullopt;
    const std::string& name = args[i];
    const std::string& value = args[++i];
    if (name == "--incarnation") {
      auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), found.incarnation);
      if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
    } else if (std::find(own.begin(), own.end(), name) != own.end()) {
      found.options[name] = value;
    } else {
      return std::nullopt;
    }
  }
  if (found.spec_file.empty() || found.incarnation == 0) return std::nullopt;
  found.spec_file = std::filesystem::absolute(found.spec_file).string();
  return found;
}

int host_main(const HostBinary& binary, const std::vector<std::string>& args) {
  const Logger logger(binary.name);
  const std::optional<HostArguments> arguments = parse_host_arguments(args, binary.options);
  if (!arguments) {
    std::cerr << "usage: petrel-" << binary.name << " <spec file> --incarnation N";
    for (const std::string& option : binary.options) std::cerr << " [" << option << " VALUE]";
    std::cerr << "   (started by petrel up)\n";
    return 2;
  }
  Result<proto::ContainerSpec> spec = load_container_spec(arguments->spec_file);
  if (!spec.ok()) {
    logger.error("{}", spec.status().message());
    return 1;
  }
  // Leaked on purpose: threads of user code use them until the process is gone.
  auto* reactor = new AsioReactor();
  Result<std::unique_ptr<StateStore>> store = open_store(spec->state_store(), reactor);
  if (!store.ok()) {
    logger.error("state store: {}", store.status().message());
    return 1;
  }
  binary.run(*arguments, std::move(*spec), *reactor, *store->release());
  return 0;
}

}  // namespace petrel
