// MasterLink: what Nimbus asks and tells the topology master of a topology.
// Thread: thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "native/base/clock.h"
#include "native/base/ids.h"
#include "native/base/status.h"
#include "native/state_store/topology_state.h"
#include "proto/control.pb.h"

namespace petrel {

class MasterLink {
 public:
  virtual ~MasterLink() = default;
  /// Statistics of about now; kUnavailable while no master answers.
  virtual Result<proto::StatsReply> stats(const proto::TopologyBase& topology) = 0;
  /// The status changed. It is in the state store already; this only saves the master's next look.
  virtual void status_changed(const proto::TopologyBase& topology) = 0;
};

/// Looks the endpoint up in the state store and asks by the control protocol. Answers (failures too) are kept for
/// `keep`, so that a page that asks for ten things asks the master once.
class ControlMasterLink : public MasterLink {
 public:
  ControlMasterLink(StateStore& store, Clock& clock, Nanos timeout = Millis(800), Nanos keep = Seconds(1))
      : state_(store), clock_(clock), timeout_(timeout), keep_(keep) {}
  Result<proto::StatsReply> stats(const proto::TopologyBase& topology) override;
  void status_changed(const proto::TopologyBase& topology) override;

 private:
  struct Kept {
    MonoTime at;
    Result<proto::StatsReply> reply = Status(StatusCode::kUnavailable, "not asked yet");
  };
  Result<proto::StatsReply> ask(const proto::TopologyBase& topology) const;

  TopologyState state_;
  Clock& clock_;
  const Nanos timeout_;
  const Nanos keep_;
  std::mutex mutex_;
  std::map<std::string, Kept> kept_;  // by topology id; old entries leave at the next question
};

}  // namespace petrel
