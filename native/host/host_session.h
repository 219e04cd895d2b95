// HostSession: the talk between a host and its topology master, and the rules of a host's life: when to boot, to start,
// to sample, to report, and to end. It asks the runtime nothing for what that happens to the connection.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "native/host/error_outbox.h"
#include "native/host/host_runtime.h"
#include "native/transport/control_client.h"

namespace petrel {

struct HostSessionOptions {
  HostIdentity host;
  std::string topology_id;
  Nanos sample_interval = Seconds(1);
  Nanos lease = Seconds(30);
  Millis stop_grace{3000};
};

/// What the session needs from outside; all are called on the loop.
struct HostSessionLinks {
  std::function<Status(const proto::Envelope&)> send;  // to the topology master; kUnavailable while it is away
  std::function<bool()> somebody_cares;                // agent or root lives (Lease)
  std::function<void(const Status&)> fail;             // the host cannot run: report it and end the process
  /// The plan that the runtime is about to be booted with: the links to other hosts are made. An error: the host cannot
  /// run.
  std::function<Status(const proto::PhysicalPlan&)> start_links = nullptr;
  /// The runtime is booted: from now on it takes what other hosts send, so the links may begin to bring it.
  std::function<void()> booted = nullptr;
  std::function<void(const proto::DataEndpoints&)> endpoints = nullptr;  // stream managers, as the master knows them
  /// Each later message of the plan: the stream manager of the container may have moved.
  std::function<void(const proto::ContainerPlan&)> placement = nullptr;
  std::function<proto::LinkSample()> link_sample = nullptr;  // empty when there are no links
};

/// Thread: loop of the reactor.  Borrows everything it is given.
class HostSession : public ControlClientHandler {
 public:
  HostSession(Reactor& reactor, HostSessionOptions options, HostSessionLinks links, HostRuntime& runtime,
              ErrorOutbox& errors);
  ~HostSession() override;

  /// Starts the timers (samples, lease).
  void start();
  /// Every local executor has prepared; told to the master now and after each reconnect.
  void prepared();
  /// The stream manager in this host listens there; told to the master now and after each reconnect.
  void listening(const Endpoint& endpoint);
  /// All other hosts of the plan can be reached; as above.
  void links_up(uint64_t epoch);
  /// The drain of this epoch is over here; as above.
  void drained(uint64_t epoch);
  /// Sends what the outbox holds, as far as the master is there.
  void send_errors();
  /// The host cannot run: what the master says does not matter any more, links.fail is told. Reports still go out.
  void fail(const Status& why);
  /// Orderly end, once; later calls do nothing.
  void stop(const std::string& reason, int exit_code);
  bool stopping() const { return stopping_; }

  void on_connected() override;
  void on_message(proto::Envelope message) override;
  void on_disconnected(const Status& reason) override;
  void on_refused(const std::string& reason) override;

 private:
  void take_plan(const proto::PhysicalPlan& plan);
  void take_placement(const proto::PhysicalPlan& plan);
  void take_status(proto::TopologyStatus status);
  void take_drain(uint64_t epoch);
  void begin_drain();
  void send_news();
  void send_link_sample();
  void start_if_ready();
  void tick();
  void check_lease();
  void take_sample();
  void send_sample(const std::string& bytes);
  Status send(proto::Envelope message) { return links_.send(message); }

  Reactor& reactor_;
  HostSessionOptions options_;
  HostSessionLinks links_;
  HostRuntime& runtime_;
  ErrorOutbox& errors_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // callbacks after our end are dropped
  Reactor::TimerId timer_ = 0;
  MonoTime started_at_;
  MonoTime cared_for_at_;
  std::optional<uint64_t> epoch_;  // of the plan that the runtime was booted with
  uint64_t refused_epoch_ = 0;
  bool booted_ = false;
  bool start_asked_ = false;
  bool started_ = false;
  bool active_ = false;
  bool prepared_ = false;
  std::optional<proto::DataEndpoint> listening_;
  uint64_t links_up_epoch_ = 0;
  uint64_t drain_epoch_ = 0;    // asked for
  uint64_t drained_epoch_ = 0;  // done
  bool sampling_ = false;
  bool failed_ = false;
  bool stopping_ = false;
};

}  // namespace petrel
