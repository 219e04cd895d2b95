#include "native/topology_master/topology_master.h"

#include <algorithm>

#include "native/base/escape.h"
#include "native/base/log.h"

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
  server_ = std::make_unique<ControlServer>(reactor_, server, *this);
  RETURN_IF_ERROR(server_->start());
  logger.info("topology={} epoch={} containers={} executors={} listening on port {}", options_.topology, plan_.epoch(),
              containers_.size(), executors_.size(), endpoint().port);
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
  for (const proto::ContainerPlan& container : plan_.packing().containers()) {
    const auto [entry, is_new] = containers_.try_emplace(container.container_id());
    if (!is_new || container.container_id() < 1) {
      return Status::malformed("container {} is twice in it or below 1", container.container_id());
    }
    entry->second.host = container.host();
    entry->second.port = container.port();
    for (const proto::ExecutorPlacement& placement : container.executors()) {
      Executor executor{container.container_id(), placement.component(), placement.last_task(),
                        ExecutorWindows(reactor_.clock().now())};
      if (!executors_.try_emplace(placement.first_task(), std::move(executor)).second) {
        return Status::malformed("task {} is placed twice", placement.first_task());
      }
    }
  }
  return Status();
}

/// The record of a dead predecessor gives way at once; one that still lives keeps us waiting.
void TopologyMaster::register_endpoint() {
  proto::MasterEndpoint record;
  record.set_host(endpoint().host);
  record.set_port(endpoint().port);
  record.set_pid(options_.pid);
  auto registered = state_.register_master(options_.topology, record);
  if (registered.ok()) {
    registration_ = std::move(registered).value();
    logger.info("registered {}:{}", record.host(), record.port());
    return;
  }
  logger.warn("cannot register the endpoint: {}", registered.status().message());
  register_timer_ = reactor_.after(options_.retry, [this] { register_endpoint(); });
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
  proto::Envelope message;
  message.mutable_set_status()->set_status(status);
  broadcast(message);
}

void TopologyMaster::broadcast(const proto::Envelope& message) {
  for (const auto& [id, container] : containers_) {
    if (container.peer == 0) continue;
    Status sent = server_->send(container.peer, message);
    if (!sent.ok()) logger.warn("container={}: {}", id, sent.message());
  }
}

std::vector<int32_t> TopologyMaster::missing() const {
  std::vector<int32_t> ids;
  for (const auto& [id, container] : containers_) {
    if (container.peer == 0) ids.push_back(id);
  }
  return ids;
}

Status TopologyMaster::on_hello(const ControlPeer& peer) {
  if (peer.role != proto::ROLE_HOST) return Status();
  auto found = containers_.find(peer.container_id);
  if (found == containers_.end()) {
    return Status::malformed("container {} is not in the plan of epoch {}", peer.container_id, plan_.epoch());
  }
  if (peer.incarnation < found->second.incarnation) {
    return Status::error(StatusCode::kConflict, "incarnation {} of container {} is stale, {} was here",
                         peer.incarnation, peer.container_id, found->second.incarnation);
  }
  return Status();
}

void TopologyMaster::on_connected(const ControlPeer& peer) {
  if (peer.role != proto::ROLE_HOST) return;
  Container& container = containers_.at(peer.container_id);
  if (container.peer != 0) {  // the newer connection wins: the older one is a zombie or was cut unnoticed
    logger.warn("container={} connected again, the older connection ends", peer.container_id);
    server_->close(container.peer, Status(StatusCode::kConflict, "a newer connection took over"));
  }
  if (container.incarnation != 0 && peer.incarnation > container.incarnation) ++host_restarts_;
  container.peer = peer.id;
  if (container.incarnation != peer.incarnation) container.prepared = false;
  container.incarnation = peer.incarnation;
  logger.info("registered container={} incarnation={} pid={}", peer.container_id, peer.incarnation, peer.pid);
  send_plan(peer);
  if (!started_) return start_if_complete();
  // The others run already; this one came back (or new) and begins at once.
  proto::Envelope start;
  start.mutable_start_executors()->set_epoch(plan_.epoch());
  Status sent = server_->send(peer.id, start);
  if (!sent.ok()) logger.warn("container={}: {}", peer.container_id, sent.message());
}

void TopologyMaster::send_plan(const ControlPeer& peer) {
  proto::Envelope message;
  proto::PhysicalPlan& plan = *message.mutable_physical_plan();
  plan = plan_;
  plan.set_status(status_);
  plan.clear_missing_containers();
  for (int32_t id : missing()) plan.add_missing_containers(id);
  Status sent = server_->send(peer.id, message);
  if (!sent.ok()) logger.warn("container={}: {}", peer.container_id, sent.message());
}

void TopologyMaster::start_if_complete() {
  if (started_ || !missing().empty()) return;
  started_ = true;
  logger.info("all {} containers are there: starting executors epoch={}", containers_.size(), plan_.epoch());
  proto::Envelope message;
  message.mutable_start_executors()->set_epoch(plan_.epoch());
  broadcast(message);
}

void TopologyMaster::on_message(const ControlPeer& peer, proto::Envelope message) {
  if (peer.role == proto::ROLE_NIMBUS) {
    proto::Envelope reply;
    reply.set_request_id(message.request_id());
    if (message.has_stats_request()) {
      *reply.mutable_stats_reply() = stats();
    } else if (message.has_set_status()) {
      set_status(message.set_status().status());
      reply.mutable_set_status()->set_status(status_);
    } else {
      return;
    }
    Status sent = server_->send(peer.id, reply);
    if (!sent.ok()) logger.warn("nimbus: {}", sent.message());
    return;
  }
  auto found = containers_.find(peer.container_id);
  if (peer.role != proto::ROLE_HOST || found == containers_.end() || found->second.peer != peer.id) return;
  if (message.has_host_sample()) return on_sample(peer, message.host_sample());
  if (message.has_error_report()) return on_error(peer, message.error_report().error());
  if (message.has_prepared() && message.prepared().epoch() == plan_.epoch() && !found->second.prepared) {
    found->second.prepared = true;
    logger.info("prepared container={} incarnation={}", peer.container_id, peer.incarnation);
  }
}

void TopologyMaster::on_disconnected(const ControlPeer& peer, const Status& reason) {
  if (peer.role != proto::ROLE_HOST) return;
  auto found = containers_.find(peer.container_id);
  if (found == containers_.end() || found->second.peer != peer.id) return;
  found->second.peer = 0;
  logger.warn("lost container={} incarnation={}: {}", peer.container_id, peer.incarnation,
              reason.ok() ? "the connection ended" : reason.message());
}

void TopologyMaster::on_sample(const ControlPeer& peer, const proto::HostSample& sample) {
  const MonoTime now = reactor_.clock().now();
  Container& container = containers_.at(peer.container_id);
  container.uptime_ms = std::clamp<int64_t>(sample.uptime_ms(), 0, int64_t{1} << 50);
  container.uptime_seen = now;
  for (const proto::ExecutorSample& executor : sample.executors()) {
    auto found = executors_.find(executor.first_task());
    // Only what the plan gave to this container is counted.
    if (found == executors_.end() || found->second.container_id != peer.container_id ||
        found->second.component != executor.component()) {
      continue;
    }
    found->second.windows.add(executor, peer.incarnation, now, Millis(container.uptime_ms));
  }
}

void TopologyMaster::on_error(const ControlPeer& peer, const proto::ErrorEntry& error) {
  proto::ErrorEntry entry = error;
  const Container& container = containers_.at(peer.container_id);
  entry.set_host(container.host);
  entry.set_port(container.port);
  if (!errors_.add(entry)) {
    return logger.warn("dropped an error of component '{}', which is not in the plan", escape(error.component()));
  }
  logger.info("error of component={} container={}: {}", escape(error.component()), peer.container_id,
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

int64_t TopologyMaster::uptime_s(const Container& container) const {
  if (container.peer == 0 || container.uptime_ms == 0) return 0;
  const auto since = std::chrono::duration_cast<Millis>(reactor_.clock().now() - container.uptime_seen).count();
  return (container.uptime_ms + since) / 1000;
}

proto::StatsReply TopologyMaster::stats() const {
  proto::StatsReply reply;
  const MonoTime now = reactor_.clock().now();
  reply.set_epoch(plan_.epoch());
  reply.set_status(status_);
  reply.set_host_restarts(host_restarts_);
  for (int32_t id : missing()) reply.add_missing_containers(id);
  for (const auto& [first_task, executor] : executors_) {
    const Container& container = containers_.at(executor.container_id);
    proto::ExecutorStats& stats = *reply.add_executors();
    stats.set_component(executor.component);
    stats.set_first_task(first_task);
    stats.set_last_task(executor.last_task);
    stats.set_host(container.host);
    stats.set_port(container.port);
    stats.set_uptime_s(static_cast<int32_t>(std::min<int64_t>(uptime_s(container), INT32_MAX)));
    executor.windows.fill(stats, stats.uptime_s(), now);
  }
  for (proto::ErrorEntry& error : errors_.all()) *reply.add_errors() = std::move(error);
  return reply;
}

}  // namespace petrel
