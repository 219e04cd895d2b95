#include "storm-compat/nimbus/master_link.h"

#include "native/base/log.h"
#include "native/transport/control_client.h"

namespace petrel {
namespace {
const Logger logger("nimbus");
}

Result<proto::StatsReply> ControlMasterLink::stats(const proto::TopologyBase& topology) {
  {
    const std::lock_guard lock(mutex_);
    const auto it = kept_.find(topology.topology_id());
    if (it != kept_.end() && clock_.now() - it->second.at < keep_) return it->second.reply;
  }
  Kept fresh;
  fresh.reply = ask(topology);
  fresh.at = clock_.now();
  const std::lock_guard lock(mutex_);
  std::erase_if(kept_, [&](const auto& entry) { return fresh.at - entry.second.at >= keep_; });
  kept_.insert_or_assign(topology.topology_id(), fresh);
  return fresh.reply;
}

Result<proto::StatsReply> ControlMasterLink::ask(const proto::TopologyBase& topology) const {
  ASSIGN_OR_RETURN(const proto::MasterEndpoint master, state_.master(TopologyId(topology.topology_id())));
  return request_stats(Endpoint{master.host(), static_cast<uint16_t>(master.port())}, topology.topology_id(),
                       topology.secret(), timeout_);
}

void ControlMasterLink::status_changed(const proto::TopologyBase& topology) {
  {
    const std::lock_guard lock(mutex_);
    kept_.erase(topology.topology_id());
  }
  const Result<proto::MasterEndpoint> master = state_.master(TopologyId(topology.topology_id()));
  if (!master.ok()) return;  // it reads the status when it starts
  const Status told = request_status(Endpoint{master->host(), static_cast<uint16_t>(master->port())},
                                     topology.topology_id(), topology.secret(), topology.status(), timeout_);
  if (!told.ok())
    logger.info("the topology master of {} will read its status from the state store: {}", topology.topology_id(),
                told.message());
}

}  // namespace petrel
