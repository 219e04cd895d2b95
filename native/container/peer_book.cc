#include "native/container/peer_book.h"

namespace petrel {

void PeerBook::set_plan(const PackingPlan& plan) {
  containers_.clear();
  for (const ContainerPlan& container : plan.containers) {
    if (container.container_id != own_container_) containers_.insert(container.container_id);
  }
  std::erase_if(entries_, [&](const auto& entry) { return !containers_.contains(entry.first); });
}

bool PeerBook::take(const proto::DataEndpoints& news) {
  bool changed = false;
  for (const proto::DataEndpoint& endpoint : news.endpoints()) {
    if (!containers_.contains(endpoint.container_id())) continue;
    if (endpoint.host().empty() || endpoint.port() < 1 || endpoint.port() > 65535) continue;
    proto::DataEndpoint& known = entries_[endpoint.container_id()];
    if (endpoint.incarnation() < known.incarnation()) continue;
    if (endpoint.SerializeAsString() == known.SerializeAsString()) continue;
    known = endpoint;
    changed = true;
  }
  return changed;
}

std::vector<StreamManager::PeerEndpoint> PeerBook::peers() const {
  std::vector<StreamManager::PeerEndpoint> out;
  for (const auto& [container, endpoint] : entries_) {
    out.push_back({container, endpoint.incarnation(), {endpoint.host(), static_cast<uint16_t>(endpoint.port())}});
  }
  return out;
}

proto::DataEndpoints PeerBook::to_proto() const {
  proto::DataEndpoints out;
  for (const auto& [container, endpoint] : entries_) *out.add_endpoints() = endpoint;
  return out;
}

}  // namespace petrel
