// ControlClient: a host's, agent's or Nimbus's end of the control plane. Stays connected: looks the endpoint up anew
// before each attempt, so that a restarted topology master is found. control_call: one blocking question.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "native/transport/control_connection.h"

namespace petrel {

struct ControlIdentity {
  std::string topology_id;
  std::string secret;
  proto::Role role = proto::ROLE_UNSET;
  int32_t container_id = 0;
  uint32_t incarnation = 0;
  uint32_t slot = 0;  // of a host
};

struct ControlClientOptions {
  ControlIdentity identity;
  ControlLimits limits;
  Nanos connect_timeout = Seconds(2);
  Nanos backoff_min = Millis(50);  // doubles per failed attempt
  Nanos backoff_max = Seconds(1);
  /// A server that says nothing in four of these, not even a heartbeat, is gone: an end that no FIN or RST has told.
  Nanos heartbeat = Seconds(3);
};

/// Calls come on the reactor's loop; they may call the client but not destroy it.
class ControlClientHandler {
 public:
  virtual ~ControlClientHandler() = default;
  /// The server accepted the hello; also after each reconnect.
  virtual void on_connected() = 0;
  virtual void on_message(proto::Envelope message) = 0;
  /// Lost; the client goes on trying by itself.
  virtual void on_disconnected(const Status& reason) = 0;
  /// The server answered "refused": stale incarnation, wrong secret. The client goes on trying, slowly (backoff_max).
  virtual void on_refused(const std::string& reason) = 0;
};

/// Thread: loop of the reactor only; other threads reach it by reactor.post().
class ControlClient {
 public:
  /// Where the server is now; kNotFound while it is not registered.
  using EndpointSource = std::function<Result<Endpoint>()>;

  ControlClient(Reactor& reactor, ControlClientOptions options, EndpointSource find, ControlClientHandler& handler);
  ~ControlClient();
  void start();
  /// No callback runs afterwards.
  void stop();
  bool connected() const;
  /// kUnavailable when not connected (nothing is queued over a reconnect: the owner decides what to repeat).
  Status send(const proto::Envelope& message);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// Connects, proves the secret, sends `request`, waits for the reply that echoes its request id, all within `timeout`.
/// Thread: any; blocks; uses a loop of its own.
Result<proto::Envelope> control_call(const Endpoint& endpoint, const ControlIdentity& identity,
                                     const proto::Envelope& request, Nanos timeout);
/// StatsRequest as Nimbus.
Result<proto::StatsReply> request_stats(const Endpoint& endpoint, const std::string& topology_id,
                                        const std::string& secret, Nanos timeout);
/// PlaceStreamManager as Nimbus: the containers whose stream manager moves. kDenied with the master's sentence.
Result<std::vector<int32_t>> request_placement(const Endpoint& endpoint, const std::string& topology_id,
                                               const std::string& secret, const proto::PlaceStreamManager& placement,
                                               Nanos timeout);
/// SetStatus as Nimbus; OK when the topology master has taken it. It also watches the store: a failure here is a delay.
Status request_status(const Endpoint& endpoint, const std::string& topology_id, const std::string& secret,
                      proto::TopologyStatus status, Nanos timeout);

}  // namespace petrel
