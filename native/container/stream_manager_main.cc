#include "native/container/stream_manager_main.h"

#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>

#include "native/base/file.h"
#include "native/base/log.h"
#include "native/container/container_paths.h"
#include "native/container/lease.h"
#include "native/container/signals.h"
#include "native/container/stream_manager_process.h"
#include "native/state_store/store_registry.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace {

const Logger logger("stream_manager");
constexpr const char* kProcess = "stream-manager";
constexpr size_t kMemoryBytesMax = 4 * 1024 * 1024;

StreamManagerProcessLinks links_of(const ContainerPaths& paths, const Lease& lease, Reactor& reactor) {
  StreamManagerProcessLinks links;
  const std::string file = paths.stream_manager_memory();
  links.read_memory = [file] {
    proto::DataEndpoints memory;
    auto bytes = read_small_file(file, kMemoryBytesMax);
    if (!bytes.ok() || !memory.ParseFromString(*bytes)) memory.Clear();
    return memory;
  };
  links.write_memory = [file](const proto::DataEndpoints& memory) {
    Status written = write_small_file(file, memory.SerializeAsString());
    if (!written.ok()) logger.warn("{}", written.message());
  };
  links.somebody_cares = [&lease] { return lease.agent_alive() || lease.root_alive(); };
  links.end = [&reactor] { reactor.stop(); };
  return links;
}

Status run(const std::string& spec_file, uint32_t incarnation) {
  ASSIGN_OR_RETURN(proto::ContainerSpec spec, load_container_spec(spec_file));
  AsioReactor reactor;
  ASSIGN_OR_RETURN(std::unique_ptr<StateStore> store, open_store(spec.state_store(), &reactor));
  const ContainerPaths paths = ContainerPaths::of_spec_file(spec_file);
  const Lease lease(spec_file);
  StreamManagerProcess process(
      reactor, *store,
      {spec.topology_id(), spec.secret(), spec.container_id(), incarnation, Endpoint{data_socket_name(spec_file), 0}},
      links_of(paths, lease, reactor));
  RETURN_IF_ERROR(end_on_signals(reactor, [&](int number) {
    logger.info("ending on signal {}", number);
    reactor.stop();
  }));
  RETURN_IF_ERROR(process.start());
  reactor.run();
  return write_exit_file(paths.process_stem(kProcess), 0);
}

std::optional<uint32_t> parse_incarnation(const std::string& text) {
  uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0) return std::nullopt;
  return value;
}

}  // namespace

int stream_manager_main(const std::vector<std::string>& args) {
  const bool plain = args.size() == 3 && args[1] == "--incarnation" && !args[0].empty() && args[0][0] != '-';
  const std::optional<uint32_t> incarnation = plain ? parse_incarnation(args[2]) : std::nullopt;
  if (!incarnation) {
    fmt::print(stderr, "usage: petrel stream-manager <spec file> --incarnation N   (started by petrel up)\n");
    return 2;
  }
  std::error_code error;
  Status ended = run(std::filesystem::absolute(args[0], error).string(), *incarnation);
  if (ended.ok()) return 0;
  logger.error("{}", ended.message());
  return 1;
}

}  // namespace petrel
