#include "native/container/stream_manager_main.h"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>

#include "native/base/escape.h"
#include "native/base/file.h"
#include "native/base/log.h"
#include "native/container/container_paths.h"
#include "native/container/lease.h"
#include "native/container/link_sample.h"
#include "native/container/peer_book.h"
#include "native/container/signals.h"
#include "native/links/route_table.h"
#include "native/packing/physical_plan.h"
#include "native/state_store/store_registry.h"
#include "native/state_store/topology_state.h"
#include "native/stream_manager/stream_manager.h"
#include "native/transport/asio_reactor.h"
#include "native/transport/control_client.h"

namespace petrel {
namespace {

const Logger logger("stream_manager");
constexpr const char* kProcess = "stream-manager";
constexpr size_t kMemoryBytesMax = 4 * 1024 * 1024;

/// Thread: loop of the reactor.
class StreamManagerProcess : public ControlClientHandler {
 public:
  StreamManagerProcess(Reactor& reactor, StateStore& store, proto::ContainerSpec spec, const std::string& spec_file,
                       uint32_t incarnation)
      : reactor_(reactor),
        state_(store),
        spec_(std::move(spec)),
        spec_file_(spec_file),
        incarnation_(incarnation),
        paths_(ContainerPaths::of_spec_file(spec_file)),
        lease_(spec_file),
        book_(spec_.container_id()),
        cared_for_at_(reactor.clock().now()) {}

  Status start() {
    const proto::DataEndpoints memory = read_memory();
    RETURN_IF_ERROR(listen(memory));
    // The master's plan counts; until it is there, the stored one is the same.
    if (auto stored = state_.plan(TopologyId(spec_.topology_id())); stored.ok()) take_plan(stored->value);
    take_endpoints(memory);
    write_memory();
    connect();
    tick();
    return Status();
  }

  void on_connected() override {
    logger.info("connected to the topology master");
    proto::Envelope message;
    *message.mutable_data_endpoint() = own_endpoint();
    send(message);
  }
  void on_message(proto::Envelope message) override {
    if (message.has_physical_plan()) take_plan(message.physical_plan());
    if (message.has_data_endpoints()) take_endpoints(message.data_endpoints());
  }
  void on_disconnected(const Status& reason) override {
    logger.warn("lost the topology master ({}); forwarding goes on",
                reason.ok() ? "it closed the connection" : reason.message());
  }
  void on_refused(const std::string& reason) override {
    logger.error("the topology master refused this stream manager: {}", escape(reason));
  }

 private:
  proto::DataEndpoints read_memory() const {
    proto::DataEndpoints memory;
    auto bytes = read_small_file(paths_.stream_manager_memory(), kMemoryBytesMax);
    if (!bytes.ok() || !memory.ParseFromString(*bytes)) memory.Clear();
    return memory;
  }

  void write_memory() const {
    proto::DataEndpoints memory = book_.to_proto();
    *memory.add_endpoints() = own_endpoint();
    Status written = write_small_file(paths_.stream_manager_memory(), memory.SerializeAsString());
    if (!written.ok()) logger.warn("{}", written.message());
  }

  Status listen(const proto::DataEndpoints& memory) {
    for (const proto::DataEndpoint& endpoint : memory.endpoints()) {
      if (endpoint.container_id() != spec_.container_id() || endpoint.port() < 1 || endpoint.port() > 65535) continue;
      // The peers still know this port: they are back before they hear any news.
      if (listen_on({"127.0.0.1", static_cast<uint16_t>(endpoint.port())}).ok()) return Status();
    }
    return listen_on({"127.0.0.1", 0});
  }

  Status listen_on(const Endpoint& endpoint) {
    StreamManagerOptions options;
    options.container = spec_.container_id();
    options.incarnation = incarnation_;
    options.topology_id = spec_.topology_id();
    options.secret = spec_.secret();
    options.unix_endpoint = Endpoint{data_socket_name(spec_file_), 0};
    options.tcp_endpoint = endpoint;
    manager_ = std::make_unique<StreamManager>(reactor_, options);
    Status started = manager_->start();
    if (!started.ok()) {
      manager_.reset();
      return started.with_context("listen on {}:{}", endpoint.host, endpoint.port);
    }
    logger.info("stream manager of topology={} container={} incarnation={} on port {} and {}", spec_.topology_id(),
                spec_.container_id(), incarnation_, manager_->tcp_endpoint().port, options.unix_endpoint.host);
    return Status();
  }

  proto::DataEndpoint own_endpoint() const {
    proto::DataEndpoint endpoint;
    endpoint.set_container_id(spec_.container_id());
    endpoint.set_incarnation(incarnation_);
    endpoint.set_host(manager_->tcp_endpoint().host);
    endpoint.set_port(manager_->tcp_endpoint().port);
    return endpoint;
  }

  void connect() {
    ControlClientOptions options;
    options.identity = {spec_.topology_id(), spec_.secret(), proto::ROLE_STREAM_MANAGER, spec_.container_id(),
                        incarnation_};
    auto find_master = [this]() -> Result<Endpoint> {
      ASSIGN_OR_RETURN(proto::MasterEndpoint master, state_.master(TopologyId(spec_.topology_id())));
      return Endpoint{master.host(), static_cast<uint16_t>(master.port())};
    };
    client_ = std::make_unique<ControlClient>(reactor_, options, find_master, *this);
    client_->start();
  }

  void take_plan(const proto::PhysicalPlan& message) {
    if (message.epoch() == epoch_) return;
    auto plan = PhysicalPlan::from_proto(message);
    auto routes = plan.ok() ? RouteTable::of(*plan) : plan.status();
    if (!routes.ok()) return logger.error("plan epoch {}: {}", message.epoch(), routes.status().message());
    epoch_ = message.epoch();
    logger.info("plan epoch {}: {} containers, {} hosts", epoch_, plan->packing.containers.size(),
                plan->packing.hosts());
    book_.set_plan(plan->packing);
    manager_->set_routes(std::make_shared<const RouteTable>(std::move(routes).value()));
  }

  void take_endpoints(const proto::DataEndpoints& news) {
    if (!book_.take(news)) return;
    manager_->set_peers(book_.peers());
    write_memory();
  }

  void tick() {
    reactor_.after(Seconds(1), [this] { tick(); });
    const MonoTime now = reactor_.clock().now();
    if (lease_.agent_alive() || lease_.root_alive()) {
      cared_for_at_ = now;
    } else if (now - cared_for_at_ >= Seconds(kLeaseSeconds)) {
      logger.warn("agent and root have both been gone for {} s: ending", kLeaseSeconds);
      return reactor_.stop();
    }
    proto::Envelope message;
    *message.mutable_link_sample() = sample();
    if (message.link_sample().pairs_size() > 0) send(message);
  }

  proto::LinkSample sample() const {
    proto::LinkSample sample;
    add_sent(manager_->counters(), sample);
    return sample;
  }

  /// While the master is away it is told nothing: on_connected() and the next sample say it all.
  void send(const proto::Envelope& message) {
    if (client_ && client_->connected()) (void)client_->send(message).ok();
  }

  Reactor& reactor_;
  TopologyState state_;
  const proto::ContainerSpec spec_;
  const std::string spec_file_;
  const uint32_t incarnation_;
  const ContainerPaths paths_;
  const Lease lease_;
  PeerBook book_;
  MonoTime cared_for_at_;
  uint64_t epoch_ = 0;
  std::unique_ptr<StreamManager> manager_;
  std::unique_ptr<ControlClient> client_;
};

Status run(const std::string& spec_file, uint32_t incarnation) {
  ASSIGN_OR_RETURN(proto::ContainerSpec spec, load_container_spec(spec_file));
  AsioReactor reactor;
  ASSIGN_OR_RETURN(std::unique_ptr<StateStore> store, open_store(spec.state_store(), &reactor));
  StreamManagerProcess process(reactor, *store, spec, spec_file, incarnation);
  RETURN_IF_ERROR(end_on_signals(reactor, [&](int number) {
    logger.info("ending on signal {}", number);
    reactor.stop();
  }));
  RETURN_IF_ERROR(process.start());
  reactor.run();
  return write_exit_file(ContainerPaths::of_spec_file(spec_file).process_stem(kProcess), 0);
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
