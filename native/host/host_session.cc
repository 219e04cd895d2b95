#include "native/host/host_session.h"

#include "native/base/escape.h"
#include "native/base/log.h"

namespace petrel {
namespace {

const Logger logger("host");

}  // namespace

HostSession::HostSession(Reactor& reactor, HostSessionOptions options, HostSessionLinks links, HostRuntime& runtime,
                         ErrorOutbox& errors)
    : reactor_(reactor),
      options_(std::move(options)),
      links_(std::move(links)),
      runtime_(runtime),
      errors_(errors),
      started_at_(reactor.clock().now()),
      cared_for_at_(started_at_) {}

HostSession::~HostSession() {
  *alive_ = false;
  reactor_.cancel(timer_);
}

void HostSession::start() {
  timer_ = reactor_.after(options_.sample_interval, [this] { tick(); });
}

void HostSession::tick() {
  timer_ = reactor_.after(options_.sample_interval, [this] { tick(); });
  check_lease();
  take_sample();
  send_link_sample();
  send_errors();
}

void HostSession::check_lease() {
  MonoTime now = reactor_.clock().now();
  if (links_.somebody_cares()) {
    cared_for_at_ = now;
  } else if (now - cared_for_at_ >= options_.lease) {
    stop("agent and root have both been gone for the lease", 0);
  }
}

void HostSession::take_sample() {
  if (!booted_ || sampling_ || stopping_ || failed_) return;
  sampling_ = true;
  runtime_.sample([this, alive = alive_](Result<std::string> bytes) {
    if (!*alive) return;
    sampling_ = false;
    if (!bytes.ok()) {
      logger.error("sample: {}", bytes.status().message());
    } else {
      send_sample(*bytes);
    }
  });
}

void HostSession::send_sample(const std::string& bytes) {
  Result<proto::HostSample> sample = runtime_.decode(bytes);
  if (!sample.ok()) {
    logger.error("{}", sample.status().message());
    return;
  }
  proto::Envelope envelope;
  proto::HostSample& out = *envelope.mutable_host_sample();
  out = std::move(*sample);
  out.set_container_id(options_.host.container_id);
  out.set_incarnation(options_.host.incarnation);
  out.set_plan_epoch(epoch_.value_or(0));
  out.set_uptime_ms((reactor_.clock().now() - started_at_) / Millis(1));
  (void)send(std::move(envelope)).ok();  // counters are cumulative: the next sample says the same and more
}

void HostSession::send_link_sample() {
  if (!booted_ || stopping_ || failed_ || !links_.link_sample) return;
  proto::Envelope envelope;
  *envelope.mutable_link_sample() = links_.link_sample();
  if (envelope.link_sample().pairs_size() > 0) (void)send(std::move(envelope)).ok();  // cumulative, as above
}

void HostSession::send_errors() {
  errors_.send_all([this](const proto::ErrorEntry& entry) {
    proto::Envelope envelope;
    *envelope.mutable_error_report()->mutable_error() = entry;
    return send(std::move(envelope));
  });
}

void HostSession::prepared() {
  prepared_ = true;
  proto::Envelope envelope;
  envelope.mutable_prepared()->set_epoch(epoch_.value_or(0));
  Status status = send(std::move(envelope));
  if (!status.ok()) logger.info("prepared; the topology master will hear it when it is back");
}

void HostSession::listening(const Endpoint& endpoint) {
  listening_.emplace();
  listening_->set_container_id(options_.host.container_id);
  listening_->set_incarnation(options_.host.incarnation);
  listening_->set_host(endpoint.host);
  listening_->set_port(endpoint.port);
  send_news();
}

void HostSession::links_up(uint64_t epoch) {
  links_up_epoch_ = epoch;
  logger.info("all other hosts of plan epoch {} can be reached", epoch);
  send_news();
}

void HostSession::drained(uint64_t epoch) {
  drained_epoch_ = epoch;
  send_news();
}

/// What the master must know; said again whenever something of it changes or the master is back.
void HostSession::send_news() {
  std::vector<proto::Envelope> news;
  if (listening_) *news.emplace_back().mutable_data_endpoint() = *listening_;
  if (links_up_epoch_ != 0) news.emplace_back().mutable_links_up()->set_epoch(links_up_epoch_);
  if (drained_epoch_ != 0) news.emplace_back().mutable_drained()->set_epoch(drained_epoch_);
  for (proto::Envelope& envelope : news) {
    if (!send(std::move(envelope)).ok()) return;  // away: on_connected() says it
  }
}

void HostSession::on_connected() {
  logger.info("connected to the topology master");
  send_news();
  if (prepared_) prepared();
  send_errors();
}

void HostSession::on_disconnected(const Status& reason) {
  logger.warn("lost the topology master ({}); the executors go on",
              reason.ok() ? "it closed the connection" : reason.message());
}

void HostSession::on_refused(const std::string& reason) {
  logger.error("the topology master refused this host: {}", escape(reason));
}

void HostSession::on_message(proto::Envelope message) {
  if (stopping_ || failed_) return;
  switch (message.body_case()) {
    case proto::Envelope::kPhysicalPlan:
      take_plan(message.physical_plan());
      break;
    case proto::Envelope::kStartExecutors:
      start_asked_ = true;
      start_if_ready();
      break;
    case proto::Envelope::kSetStatus:
      take_status(message.set_status().status());
      take_drain(message.set_status().drain_epoch());
      break;
    case proto::Envelope::kDataEndpoints:
      if (links_.endpoints) links_.endpoints(message.data_endpoints());
      break;
    default:
      logger.warn("message {} of the topology master is not for a host; ignored",
                  static_cast<int>(message.body_case()));
  }
}

void HostSession::take_plan(const proto::PhysicalPlan& plan) {
  if (epoch_) {
    if (plan.epoch() != *epoch_ && plan.epoch() != refused_epoch_) {
      refused_epoch_ = plan.epoch();
      logger.warn("plan epoch {} arrived; this host keeps the plan of epoch {} until it is restarted", plan.epoch(),
                  *epoch_);
    }
    take_status(plan.status());
    take_placement(plan);
    return;
  }
  Result<std::string> bytes = runtime_.encode(plan, options_.host);
  if (!bytes.ok()) {
    logger.error("{}; waiting for another plan", bytes.status().message());
    return;
  }
  if (links_.start_links) {
    if (Status linked = links_.start_links(plan); !linked.ok()) return fail(linked.with_context("links"));
  }
  epoch_ = plan.epoch();
  active_ = plan.status() == proto::STATUS_ACTIVE;
  logger.info("plan epoch {}: booting, topology is {}", plan.epoch(), active_ ? "active" : "not active");
  runtime_.boot(std::move(*bytes), [this, alive = alive_](Status status) {
    if (!*alive) return;
    if (!status.ok()) {
      fail(status.with_context("boot"));
      return;
    }
    booted_ = true;
    logger.info("booted");
    if (links_.booted) links_.booted();
    start_if_ready();
  });
}

void HostSession::take_placement(const proto::PhysicalPlan& plan) {
  if (!links_.placement || plan.epoch() != *epoch_) return;
  for (const proto::ContainerPlan& container : plan.packing().containers()) {
    if (container.container_id() == options_.host.container_id) links_.placement(container);
  }
}

void HostSession::take_status(proto::TopologyStatus status) {
  if (status == proto::STATUS_UNSET) return;
  bool active = status == proto::STATUS_ACTIVE;  // a killed topology is drained: its spouts stop, its bolts go on
  if (active == active_) return;
  active_ = active;
  logger.info("topology becomes {}", active ? "active" : "inactive");
  if (!started_) return;
  runtime_.set_active(active, [this, alive = alive_](Status done) {
    if (*alive && !done.ok()) fail(done.with_context("setActive"));
  });
}

void HostSession::take_drain(uint64_t epoch) {
  if (epoch == 0 || epoch == drain_epoch_) return;
  drain_epoch_ = epoch;
  if (started_) begin_drain();
}

/// Also for a host that starts inactive: others wait for its markers.
void HostSession::begin_drain() {
  if (drain_epoch_ == 0 || active_) return;
  logger.info("drain epoch {}", drain_epoch_);
  runtime_.drain(drain_epoch_);
}

void HostSession::start_if_ready() {
  if (!booted_ || !start_asked_ || started_ || stopping_) return;
  started_ = true;
  logger.info("starting the executors, {}", active_ ? "active" : "inactive");
  runtime_.start(active_, [this, alive = alive_](Status status) {
    if (*alive && !status.ok()) fail(status.with_context("start"));
  });
  begin_drain();
}

void HostSession::fail(const Status& why) {
  failed_ = true;
  links_.fail(why);
}

void HostSession::stop(const std::string& reason, int exit_code) {
  if (stopping_) return;
  stopping_ = true;
  logger.info("stopping: {}", reason);
  send_errors();
  runtime_.stop(options_.stop_grace, exit_code);
}

}  // namespace petrel
