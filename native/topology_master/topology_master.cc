#include "native/topology_master/topology_master.h"

#include <algorithm>
#include <set>

#include "native/base/escape.h"
#include "native/base/log.h"
#include "native/base/mutant.h"
#include "native/container/peer_book.h"
#include "native/packing/packing_plan.h"
#include "native/stream_manager/placement.h"

namespace petrel {
namespace {

const Logger logger("topology_master");

bool known_status(proto::TopologyStatus status) {
  return status == proto::STATUS_ACTIVE || status == proto::STATUS_INACTIVE || status == proto::STATUS_KILLED;
}

}  // namespace

TopologyMaster::TopologyMaster(Reactor& reactor, StateStore& store, TopologyMasterOptions options)
    : reactor_(reactor), options_(std::move(options)), state_(store) {}

TopologyMaster::~TopologyMaster() {
  if (persist_timer_ != 0) persist_errors();
  for (Reactor::TimerId timer : {register_timer_, persist_timer_}) reactor_.cancel(timer);
}

Status TopologyMaster::start() {
  RETURN_IF_ERROR(load());
  ControlServerOptions server;
  server.listen = options_.listen;
  server.topology_id = options_.topology.get();
  server.secret = options_.secret;
  server.connections_max = std::max(server.connections_max, 64 + 2 * hosts_.size() + 2 * containers_.size());
  server_ = std::make_unique<ControlServer>(reactor_, server, *this);
  RETURN_IF_ERROR(server_->start());
  logger.info("topology={} epoch={} containers={} hosts={} executors={} listening on port {}", options_.topology,
              plan_.epoch(), containers_.size(), hosts_.size(), executors_.size(), endpoint().port);
  register_endpoint();
  watch_base();
  start_if_complete();
  return Status();
}

Status TopologyMaster::load() {
  ASSIGN_OR_RETURN(auto base, state_.base(options_.topology));
  ASSIGN_OR_RETURN(auto plan, state_.plan(options_.topology));
  status_ = base.value.status();
  if (!known_status(status_)) return Status::malformed("the stored status {} is unknown", static_cast<int>(status_));
  begin_drain();  // an earlier life may have ended before it told anybody
  plan_ = std::move(plan.value);
  Status indexed = index_plan();
  if (!indexed.ok()) return indexed.with_context("plan of {}", options_.topology);
  for (const proto::Component& component : plan_.logical().components()) {
    errors_.allow(component.name());
    auto stored = state_.errors(options_.topology, component.name());
    if (stored.ok()) errors_.restore(stored->value);
  }
  return Status();
}

Status TopologyMaster::index_plan() {
  if (plan_.epoch() == 0) return Status::malformed("it has no epoch");
  if (plan_.packing().containers().empty()) return Status::malformed("it has no containers");
  complete_hosts(*plan_.mutable_packing());
  for (const proto::ContainerPlan& container : plan_.packing().containers()) {
    RETURN_IF_ERROR(index_container(container));
  }
  return Status();
}

Status TopologyMaster::index_container(const proto::ContainerPlan& container) {
  const auto [entry, is_new] = containers_.try_emplace(container.container_id());
  if (!is_new || container.container_id() < 1) {
    return Status::malformed("container {} is twice in it or below 1", container.container_id());
  }
  links_.allow(container.container_id());
  entry->second.host = container.host();
  entry->second.port = container.port();
  entry->second.in_host = container.stream_manager() != proto::STREAM_MANAGER_PROCESS;
  entry->second.moves = container.stream_manager_moves();
  entry->second.hosts = static_cast<size_t>(container.hosts_size());
  if (container.hosts().empty()) return Status::malformed("container {} has no host", container.container_id());
  for (const proto::HostPlan& host : container.hosts()) RETURN_IF_ERROR(index_host(container, host));
  for (const proto::ExecutorPlacement& placement : container.executors()) {
    if (!executors_.contains(placement.first_task())) {
      return Status::malformed("task {} is in no host", placement.first_task());
    }
  }
  return Status();
}

Status TopologyMaster::index_host(const proto::ContainerPlan& container, const proto::HostPlan& host) {
  const auto [entry, is_new] = hosts_.try_emplace(host.slot());
  if (!is_new) return Status::malformed("host slot {} is twice in it", host.slot());
  entry->second.container_id = container.container_id();
  entry->second.name = fmt::format("container={} slot={}", container.container_id(), host.slot());
  for (int32_t first_task : host.executors()) {
    const auto placement =
        std::find_if(container.executors().begin(), container.executors().end(),
                     [&](const proto::ExecutorPlacement& candidate) { return candidate.first_task() == first_task; });
    if (placement == container.executors().end()) {
      return Status::malformed("task {} of host slot {} is not in container {}", first_task, host.slot(),
                               container.container_id());
    }
    Executor executor{host.slot(), placement->component(), placement->last_task(),
                      ExecutorWindows(reactor_.clock().now())};
    if (!executors_.try_emplace(first_task, std::move(executor)).second) {
      return Status::malformed("task {} is placed twice", first_task);
    }
  }
  return Status();
}

/// The record of a dead predecessor gives way at once; one that still lives keeps us waiting.
void TopologyMaster::register_endpoint() {
  const Status registered = register_now();
  if (registered.ok()) return;
  logger.warn("cannot register the endpoint: {}", registered.message());
  register_timer_ = reactor_.after(options_.retry, [this] { register_endpoint(); });
}

Status TopologyMaster::register_now() {
  proto::MasterEndpoint record;
  record.set_host(endpoint().host);
  record.set_port(endpoint().port);
  record.set_pid(options_.pid);
  ASSIGN_OR_RETURN(auto registration, state_.register_master(options_.topology, record));
  RETURN_IF_ERROR(load_placements());  // an error gives the registration back
  registration_ = std::move(registration);
  logger.info("registered {}:{}", record.host(), record.port());
  return Status();
}

/// A predecessor that lived on while we waited may have moved stream managers. From now on nobody else does.
Status TopologyMaster::load_placements() {
  ASSIGN_OR_RETURN(const auto stored, state_.plan(options_.topology));
  std::map<int32_t, const proto::ContainerPlan*> by_id;
  for (const proto::ContainerPlan& container : stored.value.packing().containers()) {
    by_id[container.container_id()] = &container;
  }
  for (proto::ContainerPlan& ours : *plan_.mutable_packing()->mutable_containers()) {
    const auto found = by_id.find(ours.container_id());
    if (found == by_id.end()) return Status::malformed("container {} has left the stored plan", ours.container_id());
    const proto::ContainerPlan& now = *found->second;
    if (now.stream_manager_moves() == ours.stream_manager_moves()) continue;
    ours.set_stream_manager(now.stream_manager());
    ours.set_stream_manager_moves(now.stream_manager_moves());
    Container& container = containers_.at(ours.container_id());
    container.in_host = now.stream_manager() != proto::STREAM_MANAGER_PROCESS;
    container.moves = now.stream_manager_moves();
    container.listens.reset();
  }
  return Status();
}

/// Nimbus also tells us by SetStatus; the store is what counts, and what is left when Nimbus could not reach us.
void TopologyMaster::watch_base() {
  auto watch = state_.watch_base(options_.topology, [this](const Result<proto::TopologyBase>& base) {
    if (base.ok()) return set_status(base->status());
    // Gone: the topology was removed and the agent is about to end us. Damaged: what runs goes on as it is.
    logger.warn("base record: {}", base.status().message());
  });
  if (!watch.ok()) return logger.warn("cannot watch the base record: {}", watch.status().message());
  base_watch_ = std::move(watch).value();
}

void TopologyMaster::set_status(proto::TopologyStatus status) {
  if (!known_status(status) || status == status_) return;
  if (status_ == proto::STATUS_KILLED) return;  // final
  logger.info("status {} -> {}", proto::TopologyStatus_Name(status_), proto::TopologyStatus_Name(status));
  status_ = status;
  begin_drain();
  broadcast(status_message());
}

void TopologyMaster::begin_drain() {
  if (status_ == proto::STATUS_ACTIVE) return;
  // Larger than all before, also than those of an earlier life of this process.
  const auto wall_ms = static_cast<uint64_t>(std::max<int64_t>(1, reactor_.clock().wall_ms()));
  drain_epoch_ = std::max(drain_epoch_ + 1, wall_ms);
}

proto::Envelope TopologyMaster::status_message() const {
  proto::Envelope message;
  message.mutable_set_status()->set_status(status_);
  if (status_ != proto::STATUS_ACTIVE) message.mutable_set_status()->set_drain_epoch(drain_epoch_);
  return message;
}

void TopologyMaster::broadcast(const proto::Envelope& message) {
  for (const auto& [slot, host] : hosts_) {
    if (host.registration.peer == 0) continue;
    Status sent = server_->send(host.registration.peer, message);
    if (!sent.ok()) logger.warn("{}: {}", host.name, sent.message());
  }
}

void TopologyMaster::send(const ControlPeer& peer, const proto::Envelope& message) {
  Status sent = server_->send(peer.id, message);
  if (!sent.ok()) logger.warn("container={} slot={}: {}", peer.container_id, peer.slot, sent.message());
}

std::vector<uint32_t> TopologyMaster::missing_slots() const {
  std::vector<uint32_t> slots;
  for (const auto& [slot, host] : hosts_) {
    if (host.registration.peer == 0) slots.push_back(slot);
  }
  return slots;
}

std::vector<int32_t> TopologyMaster::missing_containers() const {
  std::set<int32_t> ids;
  for (uint32_t slot : missing_slots()) ids.insert(hosts_.at(slot).container_id);
  return {ids.begin(), ids.end()};
}

// --- registration ----------------------------------------------------------------------------------------------------

TopologyMaster::Host* TopologyMaster::host_of(const ControlPeer& peer) {
  if (peer.role != proto::ROLE_HOST) return nullptr;
  auto found = hosts_.find(peer.slot);
  return found == hosts_.end() || found->second.container_id != peer.container_id ? nullptr : &found->second;
}

/// Of a host or a stream manager process that the plan knows; null for others.
TopologyMaster::Registration* TopologyMaster::registration_of(const ControlPeer& peer) {
  if (Host* host = host_of(peer); host != nullptr) return &host->registration;
  if (peer.role != proto::ROLE_STREAM_MANAGER) return nullptr;
  auto found = containers_.find(peer.container_id);
  return found == containers_.end() ? nullptr : &found->second.stream_manager;
}

Status TopologyMaster::on_hello(const ControlPeer& peer) {
  if (peer.role != proto::ROLE_HOST && peer.role != proto::ROLE_STREAM_MANAGER) return Status();
  if (!containers_.contains(peer.container_id)) {
    return Status::malformed("container {} is not in the plan of epoch {}", peer.container_id, plan_.epoch());
  }
  const Registration* registration = registration_of(peer);
  const bool moved = peer.role == proto::ROLE_STREAM_MANAGER && containers_.at(peer.container_id).in_host;
  if (registration == nullptr || moved) {
    return Status::malformed("the plan of epoch {} gives container {} no {}", plan_.epoch(), peer.container_id,
                             peer.role == proto::ROLE_HOST ? fmt::format("host with slot {}", peer.slot)
                                                           : std::string("stream manager of its own"));
  }
  if (peer.incarnation < registration->incarnation) {
    return Status::error(StatusCode::kConflict, "incarnation {} of container {} is stale, {} was here",
                         peer.incarnation, peer.container_id, registration->incarnation);
  }
  return Status();
}

void TopologyMaster::take_over(const ControlPeer& peer, Registration& registration) {
  if (registration.peer != 0) {  // the newer connection wins: the older one is a zombie or was cut unnoticed
    logger.warn("container={} slot={} connected again, the older connection ends", peer.container_id, peer.slot);
    server_->close(registration.peer, Status(StatusCode::kConflict, "a newer connection took over"));
  }
  registration.peer = peer.id;
  registration.incarnation = peer.incarnation;
  registration.pid = peer.pid;
}

void TopologyMaster::on_connected(const ControlPeer& peer) {
  if (Host* host = host_of(peer); host != nullptr) return on_host_connected(peer, *host);
  if (peer.role != proto::ROLE_STREAM_MANAGER) return;
  take_over(peer, containers_.at(peer.container_id).stream_manager);
  logger.info("registered stream manager container={} incarnation={} pid={}", peer.container_id, peer.incarnation,
              peer.pid);
  send_plan(peer);
  send(peer, endpoints_message());
}

void TopologyMaster::on_host_connected(const ControlPeer& peer, Host& host) {
  if (host.registration.incarnation != peer.incarnation) {
    if (host.registration.incarnation != 0) ++host_restarts_;
    host.prepared = false;
    host.links_up = false;
    host.drained_epoch = 0;
  }
  take_over(peer, host.registration);
  logger.info("registered {} incarnation={} pid={}", host.name, peer.incarnation, peer.pid);
  send_plan(peer);
  if (containers_.at(peer.container_id).in_host && hosts_.size() > 1) send(peer, endpoints_message());
  if (!started_) return start_if_complete();
  // The others run already; this one came back (or new) and begins at once.
  send(peer, start_message());
  if (drain_epoch_ != 0) send(peer, status_message());
}

void TopologyMaster::send_plan(const ControlPeer& peer) {
  send(peer, plan_message());
}

proto::Envelope TopologyMaster::plan_message() const {
  proto::Envelope message;
  proto::PhysicalPlan& plan = *message.mutable_physical_plan();
  plan = plan_;
  plan.set_status(status_);
  plan.clear_missing_containers();
  for (int32_t id : missing_containers()) plan.add_missing_containers(id);
  return message;
}

void TopologyMaster::on_disconnected(const ControlPeer& peer, const Status& reason) {
  Registration* registration = registration_of(peer);
  if (registration == nullptr || registration->peer != peer.id) return;
  registration->peer = 0;
  logger.warn("lost {} container={} slot={} incarnation={}: {}",
              peer.role == proto::ROLE_HOST ? "host" : "stream manager", peer.container_id, peer.slot, peer.incarnation,
              reason.ok() ? "the connection ended" : reason.message());
}

// --- start -----------------------------------------------------------------------------------------------------------

proto::Envelope TopologyMaster::start_message() const {
  proto::Envelope message;
  message.mutable_start_executors()->set_epoch(plan_.epoch());
  return message;
}

void TopologyMaster::start_if_complete() {
  if (started_ || !missing_slots().empty()) return;
  // A lone host has nobody to reach.
  const bool linked = hosts_.size() == 1 || std::all_of(hosts_.begin(), hosts_.end(),
                                                        [](const auto& entry) { return entry.second.links_up; });
  if (linked) start_executors(fmt::format("all {} containers are there", containers_.size()));
}

void TopologyMaster::start_executors(const std::string& why) {
  started_ = true;
  logger.info("{}: starting executors epoch={}", why, plan_.epoch());
  broadcast(start_message());
  if (drain_epoch_ != 0) broadcast(status_message());  // they may have come after it was told
}

void TopologyMaster::on_links_up(Host& host, uint64_t epoch) {
  if (epoch != plan_.epoch() || host.links_up) return;
  host.links_up = true;
  logger.info("links are up {} incarnation={}", host.name, host.registration.incarnation);
  start_if_complete();
}

void TopologyMaster::on_prepared(Host& host, uint64_t epoch) {
  if (epoch != plan_.epoch() || host.prepared) return;
  host.prepared = true;
  logger.info("prepared {} incarnation={}", host.name, host.registration.incarnation);
  // Nobody prepares before the start: an earlier life of this process has sent it, so nobody waits for others now.
  if (PETREL_MUTANT("start forgotten by a topology master that comes back")) return;
  if (!started_) start_executors(host.name + " runs already");
}

void TopologyMaster::on_drained(Host& host, uint64_t epoch) {
  if (epoch != drain_epoch_ || host.drained_epoch == epoch) return;
  host.drained_epoch = epoch;
  logger.info("drained {} epoch={}", host.name, epoch);
  const bool all =
      std::all_of(hosts_.begin(), hosts_.end(), [&](const auto& entry) { return entry.second.drained_epoch == epoch; });
  if (all) logger.info("the topology is drained epoch={}", epoch);
}

// --- stream managers -------------------------------------------------------------------------------------------------

void TopologyMaster::on_endpoint(const ControlPeer& peer, const proto::DataEndpoint& endpoint) {
  Container& container = containers_.at(peer.container_id);
  if (container.in_host != (peer.role == proto::ROLE_HOST)) return;
  if (!endpoint_is_sound(endpoint)) {
    return logger.warn("container={}: '{}':{} is no endpoint of a stream manager", peer.container_id,
                       escape(endpoint.host()), endpoint.port());
  }
  proto::DataEndpoint known = endpoint;
  known.set_container_id(peer.container_id);
  known.set_incarnation(manager_incarnation(container.moves, peer.incarnation));
  known.set_in_host(container.in_host);
  const bool same = container.listens && container.listens->SerializeAsString() == known.SerializeAsString();
  if (same) return;
  logger.info("stream manager container={} incarnation={} at {}:{}", peer.container_id, peer.incarnation,
              escape(known.host()), known.port());
  container.listens = std::move(known);
  broadcast_endpoints();
}

Status TopologyMaster::check_placement(const proto::PlaceStreamManager& request) const {
  if (request.placement() != proto::STREAM_MANAGER_IN_HOST && request.placement() != proto::STREAM_MANAGER_PROCESS) {
    return Status::malformed("placement {} is unknown; it is in_host or process",
                             static_cast<int>(request.placement()));
  }
  if (hosts_.size() < 2) return Status::malformed("the topology has one host, which has nobody to talk to");
  if (request.container_id() != 0 && !containers_.contains(request.container_id())) {
    return Status::malformed("container {} is not in the plan; it has {} containers", request.container_id(),
                             containers_.size());
  }
  for (const auto& [id, container] : containers_) {
    if (request.container_id() != 0 && request.container_id() != id) continue;
    if (request.placement() == proto::STREAM_MANAGER_IN_HOST && container.hosts != 1) {
      return Status::malformed("container {} has {} hosts: its stream manager needs a process of its own", id,
                               container.hosts);
    }
    if (container.moves >= kMovesMax) {
      return Status::error(StatusCode::kLimit, "the stream manager of container {} has moved {} times, the limit", id,
                           container.moves);
    }
  }
  return Status();
}

Result<std::vector<int32_t>> TopologyMaster::place_stream_managers(const proto::PlaceStreamManager& request) {
  RETURN_IF_ERROR(check_placement(request));
  proto::PhysicalPlan plan = plan_;
  std::vector<int32_t> moved;
  for (proto::ContainerPlan& container : *plan.mutable_packing()->mutable_containers()) {
    if (request.container_id() != 0 && request.container_id() != container.container_id()) continue;
    if (containers_.at(container.container_id()).in_host == (request.placement() == proto::STREAM_MANAGER_IN_HOST)) {
      continue;
    }
    container.set_stream_manager(request.placement());
    container.set_stream_manager_moves(container.stream_manager_moves() + 1);
    moved.push_back(container.container_id());
  }
  if (moved.empty()) return moved;
  // The epoch stays: no task has another place. On disk first: agents start and end stream managers by it.
  ASSIGN_OR_RETURN(auto stored, state_.plan(options_.topology));
  RETURN_IF_ERROR(state_.put_plan(options_.topology, plan, stored.version).status());
  plan_ = std::move(plan);
  for (const int32_t id : moved) {
    Container& container = containers_.at(id);
    container.in_host = request.placement() == proto::STREAM_MANAGER_IN_HOST;
    ++container.moves;
    logger.info("the stream manager of container={} moves: {}", id, container.in_host ? "in_host" : "process");
  }
  const proto::Envelope message = plan_message();
  broadcast(message);
  // Also one that rests now: it may be asked to go on before its agent has ended it.
  for (const auto& [id, container] : containers_) {
    if (container.stream_manager.peer == 0) continue;
    if (Status sent = server_->send(container.stream_manager.peer, message); !sent.ok()) {
      logger.warn("stream manager container={}: {}", id, sent.message());
    }
  }
  broadcast_endpoints();  // whoever serves again has missed some
  return moved;
}

proto::StreamManagerPlace TopologyMaster::place_of(int32_t container_id, const Container& container) const {
  proto::StreamManagerPlace place;
  place.set_container_id(container_id);
  place.set_placement(container.in_host ? proto::STREAM_MANAGER_IN_HOST : proto::STREAM_MANAGER_PROCESS);
  if (container.listens) {
    place.set_host(container.listens->host());
    place.set_port(container.listens->port());
  }
  const auto pid_of = [](const Registration& registration) { return registration.peer == 0 ? 0 : registration.pid; };
  if (!container.in_host) place.set_pid(pid_of(container.stream_manager));
  for (const auto& [slot, host] : hosts_) {
    if (container.in_host && host.container_id == container_id) place.set_pid(pid_of(host.registration));
  }
  return place;
}

proto::Envelope TopologyMaster::endpoints_message() const {
  proto::Envelope message;
  proto::DataEndpoints& endpoints = *message.mutable_data_endpoints();
  for (const auto& [id, container] : containers_) {
    if (container.listens) *endpoints.add_endpoints() = *container.listens;
  }
  return message;
}

void TopologyMaster::broadcast_endpoints() {
  const proto::Envelope message = endpoints_message();
  const auto tell = [&](uint64_t peer, int32_t container_id) {
    if (peer == 0) return;
    Status sent = server_->send(peer, message);
    if (!sent.ok()) logger.warn("stream manager container={}: {}", container_id, sent.message());
  };
  for (const auto& [id, container] : containers_) {
    if (!container.in_host) tell(container.stream_manager.peer, id);
  }
  for (const auto& [slot, host] : hosts_) {
    if (containers_.at(host.container_id).in_host) tell(host.registration.peer, host.container_id);
  }
}

// --- messages --------------------------------------------------------------------------------------------------------

void TopologyMaster::on_nimbus(const ControlPeer& peer, const proto::Envelope& message) {
  proto::Envelope reply;
  reply.set_request_id(message.request_id());
  if (message.has_stats_request()) {
    *reply.mutable_stats_reply() = stats();
  } else if (message.has_place_stream_manager()) {
    auto moved = place_stream_managers(message.place_stream_manager());
    proto::PlaceStreamManagerReply& answer = *reply.mutable_place_stream_manager_reply();
    if (!moved.ok()) answer.set_refused(moved.status().message());
    if (moved.ok()) answer.mutable_moved()->Assign(moved->begin(), moved->end());
  } else if (message.has_set_status()) {
    set_status(message.set_status().status());
    reply.mutable_set_status()->set_status(status_);
  } else {
    return;
  }
  Status sent = server_->send(peer.id, reply);
  if (!sent.ok()) logger.warn("nimbus: {}", sent.message());
}

void TopologyMaster::on_message(const ControlPeer& peer, proto::Envelope message) {
  if (peer.role == proto::ROLE_NIMBUS) return on_nimbus(peer, message);
  const Registration* registration = registration_of(peer);
  if (registration == nullptr || registration->peer != peer.id) return;  // somebody newer took its place
  if (message.has_data_endpoint()) return on_endpoint(peer, message.data_endpoint());
  if (message.has_link_sample()) {
    return links_.take({peer.role, peer.container_id, peer.slot}, peer.incarnation, message.link_sample());
  }
  Host* host = host_of(peer);
  if (host == nullptr) return;
  if (message.has_host_sample()) return on_sample(peer, *host, message.host_sample());
  if (message.has_error_report()) return on_error(*host, message.error_report().error());
  if (message.has_prepared()) return on_prepared(*host, message.prepared().epoch());
  if (message.has_links_up()) return on_links_up(*host, message.links_up().epoch());
  if (message.has_drained()) return on_drained(*host, message.drained().epoch());
}

void TopologyMaster::on_sample(const ControlPeer& peer, Host& host, const proto::HostSample& sample) {
  const MonoTime now = reactor_.clock().now();
  host.uptime_ms = std::clamp<int64_t>(sample.uptime_ms(), 0, int64_t{1} << 50);
  host.uptime_seen = now;
  for (const proto::ExecutorSample& executor : sample.executors()) {
    auto found = executors_.find(executor.first_task());
    // Only what the plan gave to this host is counted.
    if (found == executors_.end() || found->second.slot != peer.slot ||
        found->second.component != executor.component()) {
      continue;
    }
    found->second.windows.add(executor, peer.incarnation, now, Millis(host.uptime_ms));
  }
}

void TopologyMaster::on_error(const Host& host, const proto::ErrorEntry& error) {
  proto::ErrorEntry entry = error;
  const Container& container = containers_.at(host.container_id);
  entry.set_host(container.host);
  entry.set_port(container.port);
  if (!errors_.add(entry)) {
    return logger.warn("dropped an error of component '{}', which is not in the plan", escape(error.component()));
  }
  logger.info("error of component={} {}: {}", escape(error.component()), host.name,
              escape(error.text().substr(0, error.text().find('\n'))));
  // Errors come in bursts; one write for those of a moment.
  if (persist_timer_ == 0) persist_timer_ = reactor_.after(Millis(200), [this] { persist_errors(); });
}

void TopologyMaster::persist_errors() {
  persist_timer_ = 0;
  for (const std::string& component : errors_.take_changed()) {
    auto stored = state_.errors(options_.topology, component);
    const uint64_t version = stored.ok() ? stored->version : 0;
    auto written = state_.put_errors(options_.topology, errors_.of(component), version);
    if (!written.ok())
      logger.warn("cannot store the errors of '{}': {}", escape(component), written.status().message());
  }
}

int64_t TopologyMaster::uptime_s(const Host& host) const {
  if (host.registration.peer == 0 || host.uptime_ms == 0) return 0;
  const auto since = std::chrono::duration_cast<Millis>(reactor_.clock().now() - host.uptime_seen).count();
  return (host.uptime_ms + since) / 1000;
}

proto::StatsReply TopologyMaster::stats() const {
  proto::StatsReply reply;
  const MonoTime now = reactor_.clock().now();
  reply.set_epoch(plan_.epoch());
  reply.set_status(status_);
  reply.set_host_restarts(host_restarts_);
  for (int32_t id : missing_containers()) reply.add_missing_containers(id);
  for (uint32_t slot : missing_slots()) reply.add_missing_slots(slot);
  for (const auto& [first_task, executor] : executors_) {
    const Host& host = hosts_.at(executor.slot);
    const Container& container = containers_.at(host.container_id);
    proto::ExecutorStats& stats = *reply.add_executors();
    stats.set_component(executor.component);
    stats.set_first_task(first_task);
    stats.set_last_task(executor.last_task);
    stats.set_host(container.host);
    stats.set_port(container.port);
    stats.set_uptime_s(static_cast<int32_t>(std::min<int64_t>(uptime_s(host), INT32_MAX)));
    executor.windows.fill(stats, stats.uptime_s(), now);
  }
  for (auto& [pair, count] : links_.totals()) *reply.add_links() = std::move(count);
  for (const auto& [id, container] : containers_) *reply.add_stream_managers() = place_of(id, container);
  for (proto::ErrorEntry& error : errors_.all()) *reply.add_errors() = std::move(error);
  return reply;
}

}  // namespace petrel
