#include "native/transport/control_client.h"

#include <algorithm>
#include <optional>

#include "native/base/escape.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace {

constexpr int kSilentTurns = 4;

proto::Envelope make_hello(const ControlIdentity& identity, int pid, const std::string& nonce) {
  proto::Envelope envelope;
  proto::Hello& hello = *envelope.mutable_hello();
  hello.set_protocol_version(kControlProtocolVersion);
  hello.set_role(identity.role);
  hello.set_container_id(identity.container_id);
  hello.set_incarnation(identity.incarnation);
  hello.set_pid(pid);
  hello.set_topology_id(identity.topology_id);
  hello.set_slot(identity.slot);
  hello.set_proof(
      hello_proof(identity.secret, nonce, identity.role, identity.container_id, identity.incarnation, identity.slot));
  return envelope;
}

}  // namespace

struct ControlClient::Impl : std::enable_shared_from_this<ControlClient::Impl> {
  Impl(Reactor& r, ControlClientOptions o, EndpointSource f, ControlClientHandler& h)
      : reactor(r), options(std::move(o)), find(std::move(f)), handler(h), backoff(options.backoff_min) {}

  void attempt() {
    timer = 0;
    auto endpoint = find();
    if (!endpoint.ok()) return retry();
    reactor.connect(*endpoint, options.connect_timeout,
                    [weak = weak_from_this()](Result<std::unique_ptr<ByteStream>> stream) {
                      auto self = weak.lock();
                      if (!self || self->stopped) return;
                      if (!stream.ok()) return self->retry();
                      self->begin(std::move(stream).value());
                    });
  }
  void retry() {
    if (stopped || timer != 0) return;
    timer = reactor.after(backoff, [weak = weak_from_this()] {
      auto self = weak.lock();
      if (self && !self->stopped) self->attempt();
    });
    backoff = std::min(backoff * 2, options.backoff_max);
  }
  void begin(std::unique_ptr<ByteStream> stream) {
    connection = std::make_unique<ControlConnection>(reactor, std::move(stream), options.limits);
    // The owner of these callbacks is the connection, which is ours; weak only because stop() may run inside them.
    connection->start(
        [weak = weak_from_this()](proto::Envelope message) {
          auto self = weak.lock();
          if (self && !self->stopped) self->on_message(std::move(message));
        },
        [weak = weak_from_this()](const Status& reason) {
          auto self = weak.lock();
          if (self && !self->stopped) self->on_closed(reason);
        });
  }
  void on_message(proto::Envelope message) {
    silent_turns = 0;
    if (proved && message.has_heartbeat()) return;
    if (proved) return handler.on_message(std::move(message));
    if (message.has_challenge()) return on_challenge(message.challenge());
    if (!message.has_hello_result()) {
      connection->close(Status::malformed("the server spoke before it accepted the hello"));
      return;
    }
    if (!message.hello_result().accepted()) {
      backoff = options.backoff_max;
      std::string reason = escape(message.hello_result().reason());
      connection->close(Status::error(StatusCode::kDenied, "refused: {}", reason));
      return handler.on_refused(reason);
    }
    proved = true;
    backoff = options.backoff_min;
    connection->set_proved();
    listen_on();
    handler.on_connected();
  }
  // Turns are counted, not time: after a pause of this process what has arrived meanwhile is read first.
  void listen_on() {
    silence_timer = reactor.after(options.heartbeat, [weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self || self->stopped || !self->proved) return;
      if (++self->silent_turns <= kSilentTurns) return self->listen_on();
      self->connection->close(Status(StatusCode::kTimeout, "nothing was heard from the topology master for long"));
    });
  }
  void on_challenge(const proto::Challenge& challenge) {
    if (challenge.protocol_version() != kControlProtocolVersion || challenge.nonce().size() < 16) {
      connection->close(Status::malformed("control protocol version {} of the server, {} here",
                                          challenge.protocol_version(), kControlProtocolVersion));
      return;
    }
    // A failure shows as on_closed.
    if (Status sent = connection->send(make_hello(options.identity, reactor.own_pid(), challenge.nonce())); !sent.ok())
      return;
  }
  void on_closed(const Status& reason) {
    connection.reset();
    reactor.cancel(std::exchange(silence_timer, 0));
    silent_turns = 0;
    const bool was_proved = std::exchange(proved, false);
    retry();
    if (was_proved) handler.on_disconnected(reason);
  }

  Reactor& reactor;
  ControlClientOptions options;
  EndpointSource find;
  ControlClientHandler& handler;
  Nanos backoff;
  Reactor::TimerId timer = 0;
  Reactor::TimerId silence_timer = 0;
  int silent_turns = 0;
  std::unique_ptr<ControlConnection> connection;
  bool proved = false;
  bool stopped = true;
};

ControlClient::ControlClient(Reactor& reactor, ControlClientOptions options, EndpointSource find,
                             ControlClientHandler& handler)
    : impl_(std::make_shared<Impl>(reactor, std::move(options), std::move(find), handler)) {}

ControlClient::~ControlClient() {
  stop();
}

void ControlClient::start() {
  if (!std::exchange(impl_->stopped, false)) return;
  impl_->timer = impl_->reactor.after(Nanos(0), [weak = impl_->weak_from_this()] {
    auto self = weak.lock();
    if (self && !self->stopped) self->attempt();
  });
}

void ControlClient::stop() {
  impl_->stopped = true;
  impl_->proved = false;
  impl_->reactor.cancel(std::exchange(impl_->timer, 0));
  impl_->reactor.cancel(std::exchange(impl_->silence_timer, 0));
  impl_->connection.reset();
}

bool ControlClient::connected() const {
  return impl_->proved;
}

Status ControlClient::send(const proto::Envelope& message) {
  if (!impl_->proved) return Status(StatusCode::kUnavailable, "not connected to the topology master");
  return impl_->connection->send(message);
}

namespace {

/// One question over a connection of its own.
class Call : public ControlClientHandler {
 public:
  explicit Call(const proto::Envelope& request) : request_(request) { request_.set_request_id(1); }
  void on_connected() override {
    if (Status sent = client_->send(request_); !sent.ok()) fail(sent);
  }
  void on_message(proto::Envelope message) override {
    if (message.request_id() == request_.request_id()) reply_ = std::move(message);
  }
  void on_disconnected(const Status& reason) override {
    fail(Status::error(StatusCode::kUnavailable, "the topology master closed the connection: {}", reason.message()));
  }
  void on_refused(const std::string& reason) override { fail(Status(StatusCode::kDenied, reason)); }

  Result<proto::Envelope> run(const Endpoint& endpoint, const ControlIdentity& identity, Nanos timeout) {
    AsioReactor reactor;
    ControlClientOptions options;
    options.identity = identity;
    options.connect_timeout = timeout;
    ControlClient client(reactor, options, [&]() -> Result<Endpoint> { return endpoint; }, *this);
    client_ = &client;
    client.start();
    reactor.run_until([this] { return reply_.has_value() || !failure_.ok(); }, timeout);
    client.stop();
    if (reply_) return std::move(*reply_);
    if (!failure_.ok()) return failure_;
    return Status::error(StatusCode::kTimeout, "no answer from the topology master at {}:{} in {} ms", endpoint.host,
                         endpoint.port, std::chrono::duration_cast<Millis>(timeout).count());
  }

 private:
  void fail(Status reason) {
    if (failure_.ok()) failure_ = std::move(reason);
  }

  proto::Envelope request_;
  ControlClient* client_ = nullptr;
  std::optional<proto::Envelope> reply_;
  Status failure_;
};

ControlIdentity nimbus_of(const std::string& topology_id, const std::string& secret) {
  ControlIdentity identity;
  identity.topology_id = topology_id;
  identity.secret = secret;
  identity.role = proto::ROLE_NIMBUS;
  return identity;
}

}  // namespace

Result<proto::Envelope> control_call(const Endpoint& endpoint, const ControlIdentity& identity,
                                     const proto::Envelope& request, Nanos timeout) {
  Call call(request);
  return call.run(endpoint, identity, timeout);
}

Result<proto::StatsReply> request_stats(const Endpoint& endpoint, const std::string& topology_id,
                                        const std::string& secret, Nanos timeout) {
  proto::Envelope request;
  request.mutable_stats_request();
  ASSIGN_OR_RETURN(proto::Envelope reply, control_call(endpoint, nimbus_of(topology_id, secret), request, timeout));
  if (!reply.has_stats_reply()) return Status::malformed("the topology master did not answer with statistics");
  return std::move(*reply.mutable_stats_reply());
}

Result<std::vector<int32_t>> request_placement(const Endpoint& endpoint, const std::string& topology_id,
                                               const std::string& secret, const proto::PlaceStreamManager& placement,
                                               Nanos timeout) {
  proto::Envelope request;
  *request.mutable_place_stream_manager() = placement;
  ASSIGN_OR_RETURN(proto::Envelope reply, control_call(endpoint, nimbus_of(topology_id, secret), request, timeout));
  if (!reply.has_place_stream_manager_reply()) return Status::malformed("the topology master did not answer");
  const proto::PlaceStreamManagerReply& answer = reply.place_stream_manager_reply();
  if (!answer.refused().empty()) return Status(StatusCode::kDenied, answer.refused());
  return std::vector<int32_t>(answer.moved().begin(), answer.moved().end());
}

Status request_status(const Endpoint& endpoint, const std::string& topology_id, const std::string& secret,
                      proto::TopologyStatus status, Nanos timeout) {
  proto::Envelope request;
  request.mutable_set_status()->set_status(status);
  return control_call(endpoint, nimbus_of(topology_id, secret), request, timeout).status();
}

}  // namespace petrel
