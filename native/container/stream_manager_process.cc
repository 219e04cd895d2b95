#include "native/container/stream_manager_process.h"

#include <algorithm>

#include "native/base/escape.h"
#include "native/base/log.h"
#include "native/base/mutant.h"
#include "native/container/lease.h"
#include "native/container/link_sample.h"
#include "native/links/route_table.h"
#include "native/stream_manager/placement.h"

namespace petrel {
namespace {

const Logger logger("stream_manager");

}  // namespace

StreamManagerProcess::StreamManagerProcess(Reactor& reactor, StateStore& store, StreamManagerProcessOptions options,
                                           StreamManagerProcessLinks links)
    : reactor_(reactor),
      state_(store),
      options_(std::move(options)),
      links_(std::move(links)),
      book_(options_.container),
      cared_for_at_(reactor.clock().now()) {}

StreamManagerProcess::~StreamManagerProcess() {
  reactor_.cancel(timer_);
}

Status StreamManagerProcess::start() {
  const proto::DataEndpoints memory = links_.read_memory();
  // The master's plan counts; until it is there, the stored one is the same.
  auto stored = state_.plan(TopologyId(options_.topology_id));
  moves_ = stored.ok() ? moves_in(stored->value) : moves_remembered(memory);
  RETURN_IF_ERROR(listen(memory));
  if (stored.ok()) take_plan(stored->value);
  take_endpoints(memory);
  write_memory();
  connect();
  tick();
  return Status();
}

void StreamManagerProcess::on_connected() {
  logger.info("connected to the topology master");
  announce();
}

void StreamManagerProcess::announce() {
  proto::Envelope message;
  *message.mutable_data_endpoint() = own_endpoint();
  send(message);
}

void StreamManagerProcess::on_message(proto::Envelope message) {
  if (message.has_physical_plan()) take_plan(message.physical_plan());
  if (message.has_data_endpoints()) take_endpoints(message.data_endpoints());
}

void StreamManagerProcess::on_disconnected(const Status& reason) {
  logger.warn("lost the topology master ({}); forwarding goes on",
              reason.ok() ? "it closed the connection" : reason.message());
}

void StreamManagerProcess::on_refused(const std::string& reason) {
  logger.error("the topology master refused this stream manager: {}", escape(reason));
}

void StreamManagerProcess::write_memory() const {
  proto::DataEndpoints memory = book_.to_proto();
  *memory.add_endpoints() = own_endpoint();
  links_.write_memory(memory);
}

const proto::ContainerPlan* StreamManagerProcess::own_container(const proto::PhysicalPlan& plan) const {
  for (const proto::ContainerPlan& container : plan.packing().containers()) {
    if (container.container_id() == options_.container) return &container;
  }
  return nullptr;
}

uint32_t StreamManagerProcess::moves_in(const proto::PhysicalPlan& plan) const {
  const proto::ContainerPlan* own = own_container(plan);
  return own == nullptr ? 0 : own->stream_manager_moves();
}

uint32_t StreamManagerProcess::moves_remembered(const proto::DataEndpoints& memory) const {
  for (const proto::DataEndpoint& endpoint : memory.endpoints()) {
    if (endpoint.container_id() == options_.container) return moves_of(endpoint.incarnation());
  }
  return 0;
}

Status StreamManagerProcess::listen(const proto::DataEndpoints& memory) {
  const std::string& address = options_.listen_address;
  for (const proto::DataEndpoint& endpoint : memory.endpoints()) {
    if (endpoint.container_id() != options_.container || !endpoint_is_sound(endpoint)) continue;
    // The peers still know these ports: they are back before they hear any news.
    const std::vector<uint16_t> more(endpoint.more_ports().begin(), endpoint.more_ports().end());
    if (listen_on({address, static_cast<uint16_t>(endpoint.port())}, more).ok()) return Status();
  }
  return listen_on({address, 0}, {});
}

Status StreamManagerProcess::listen_on(const Endpoint& endpoint, const std::vector<uint16_t>& more_ports) {
  StreamManagerOptions options;
  options.container = options_.container;
  options.incarnation = manager_incarnation(moves_, options_.incarnation);
  options.peer_loops = options_.loops;
  options.more_ports = more_ports;
  options.topology_id = options_.topology_id;
  options.secret = options_.secret;
  options.unix_endpoint = options_.unix_endpoint;
  options.tcp_endpoint = endpoint;
  manager_ = std::make_unique<StreamManager>(reactor_, options);
  Status started = manager_->start();
  if (!started.ok()) {
    manager_.reset();
    return started.with_context("listen on {}:{}", endpoint.host, endpoint.port);
  }
  logger.info("stream manager of topology={} container={} incarnation={} on port {} and {}, loops={}",
              options_.topology_id, options_.container, options_.incarnation, manager_->tcp_endpoint().port,
              options.unix_endpoint.host, std::max<size_t>(1, options_.loops.size()));
  return Status();
}

proto::DataEndpoint StreamManagerProcess::own_endpoint() const {
  proto::DataEndpoint endpoint;
  endpoint.set_container_id(options_.container);
  endpoint.set_incarnation(manager_incarnation(moves_, options_.incarnation));
  endpoint.set_host(manager_->tcp_endpoint().host);
  endpoint.set_port(manager_->tcp_endpoint().port);
  for (const uint16_t port : manager_->more_ports()) endpoint.add_more_ports(port);
  return endpoint;
}

void StreamManagerProcess::connect() {
  ControlClientOptions options;
  options.identity = {options_.topology_id, options_.secret, proto::ROLE_STREAM_MANAGER, options_.container,
                      options_.incarnation};
  auto find_master = [this]() -> Result<Endpoint> {
    ASSIGN_OR_RETURN(proto::MasterEndpoint master, state_.master(TopologyId(options_.topology_id)));
    return Endpoint{master.host(), static_cast<uint16_t>(master.port())};
  };
  ControlClientHandler& handler = *this;
  client_ = std::make_unique<ControlClient>(reactor_, options, find_master, handler);
  client_->start();
}

/// We may be asked to rest, and to go on, before our agent has ended us.
void StreamManagerProcess::take_placement(const proto::PhysicalPlan& message) {
  const proto::ContainerPlan* own = own_container(message);
  if (own == nullptr || message.epoch() < epoch_) return;
  if (own->stream_manager() == proto::STREAM_MANAGER_IN_HOST) return manager_->retire();
  if (own->stream_manager_moves() <= moves_) return;
  moves_ = own->stream_manager_moves();
  manager_->serve(manager_incarnation(moves_, options_.incarnation));
  write_memory();
  announce();
}

void StreamManagerProcess::take_plan(const proto::PhysicalPlan& message) {
  take_placement(message);
  if (message.epoch() == epoch_) return;
  if (message.epoch() < epoch_ && !PETREL_MUTANT("stale plan epoch accepted")) {
    return logger.warn("plan epoch {} is older than {}; ignored", message.epoch(), epoch_);
  }
  auto plan = PhysicalPlan::from_proto(message);
  auto routes = plan.ok() ? RouteTable::of(*plan) : plan.status();
  if (!routes.ok()) return logger.error("plan epoch {}: {}", message.epoch(), routes.status().message());
  epoch_ = message.epoch();
  logger.info("plan epoch {}: {} containers, {} hosts", epoch_, plan->packing.containers.size(), plan->packing.hosts());
  book_.set_plan(plan->packing);
  manager_->set_routes(std::make_shared<const RouteTable>(std::move(routes).value()));
}

void StreamManagerProcess::take_endpoints(const proto::DataEndpoints& news) {
  if (!book_.take(news)) return;
  manager_->set_peers(book_.peers());
  write_memory();
}

void StreamManagerProcess::tick() {
  timer_ = reactor_.after(Seconds(1), [this] { tick(); });
  const MonoTime now = reactor_.clock().now();
  if (links_.somebody_cares()) {
    cared_for_at_ = now;
  } else if (now - cared_for_at_ >= Seconds(kLeaseSeconds)) {
    logger.warn("agent and root have both been gone for {} s: ending", kLeaseSeconds);
    return links_.end();
  }
  proto::Envelope message;
  *message.mutable_link_sample() = sample();
  if (message.link_sample().pairs_size() > 0) send(message);
}

proto::LinkSample StreamManagerProcess::sample() const {
  proto::LinkSample sample;
  add_sent(manager_->counters(), options_.container, sample);
  return sample;
}

/// While the master is away it is told nothing: on_connected() and the next sample say it all.
void StreamManagerProcess::send(const proto::Envelope& message) {
  if (client_ && client_->connected()) (void)client_->send(message).ok();
}

}  // namespace petrel
