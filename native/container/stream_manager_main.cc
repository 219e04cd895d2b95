#include "native/container/stream_manager_main.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "native/base/file.h"
#include "native/base/log.h"
#include "native/container/container_files.h"
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

/// The loops behind the first, each with its thread from run() on.
class MoreLoops {
 public:
  explicit MoreLoops(size_t count) {
    for (size_t i = 0; i < count; ++i) loops_.push_back(std::make_unique<AsioReactor>());
  }
  void run() {
    for (const auto& loop : loops_) threads_.emplace_back([&loop = *loop] { loop.run(); });
  }
  void stop() {
    for (const auto& loop : loops_) loop->stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  std::vector<Reactor*> with(Reactor& first) const {
    std::vector<Reactor*> all{&first};
    for (const auto& loop : loops_) all.push_back(loop.get());
    return all;
  }

 private:
  std::vector<std::unique_ptr<AsioReactor>> loops_;
  std::vector<std::thread> threads_;
};

/// A thread for each four cores: below that, one loop does all the work without anybody having to be woken.
size_t loops_for(size_t asked) {
  if (asked == 0) asked = std::clamp<size_t>(std::thread::hardware_concurrency() / 4, 1, 8);
  return std::min<size_t>(asked, kStreamManagerLoopsMax);
}

Status run(const std::string& spec_file, uint32_t incarnation) {
  ASSIGN_OR_RETURN(proto::ContainerSpec spec, load_container_spec(spec_file));
  AsioReactor reactor;
  ASSIGN_OR_RETURN(std::unique_ptr<StateStore> store, open_store(spec.state_store(), &reactor));
  const ContainerPaths paths = ContainerPaths::of_spec_file(spec_file);
  const Lease lease(spec_file);
  MoreLoops more(loops_for(read_container_conf(SpecDirs(spec).code).stream_manager_loops) - 1);
  StreamManagerProcessOptions options;
  options.topology_id = spec.topology_id();
  options.secret = spec.secret();
  options.container = spec.container_id();
  options.incarnation = incarnation;
  options.unix_endpoint = Endpoint{data_socket_name(spec_file), 0};
  options.listen_address = listen_address(spec);
  options.loops = more.with(reactor);
  StreamManagerProcess process(reactor, *store, std::move(options), links_of(paths, lease, reactor));
  RETURN_IF_ERROR(end_on_signals(reactor, [&](int number) {
    logger.info("ending on signal {}", number);
    reactor.stop();
  }));
  RETURN_IF_ERROR(process.start());
  more.run();
  reactor.run();
  more.stop();
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
