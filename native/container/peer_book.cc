#include "native/container/peer_book.h"

#include <algorithm>

namespace petrel {

bool endpoint_is_sound(const proto::DataEndpoint& endpoint) {
  const auto is_port = [](int32_t port) { return port >= 1 && port <= 65535; };
  return !endpoint.host().empty() && endpoint.host().size() <= 255 && is_port(endpoint.port()) &&
         endpoint.more_ports_size() < kStreamManagerLoopsMax &&
         std::all_of(endpoint.more_ports().begin(), endpoint.more_ports().end(), is_port);
}

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
    if (!endpoint_is_sound(endpoint)) continue;
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
    PeerEndpoint& peer = out.emplace_back();
    peer.container = container;
    peer.incarnation = endpoint.incarnation();
    peer.endpoint = {endpoint.host(), static_cast<uint16_t>(endpoint.port())};
    peer.more_ports.assign(endpoint.more_ports().begin(), endpoint.more_ports().end());
    peer.in_host = endpoint.in_host();
  }
  return out;
}

proto::DataEndpoints PeerBook::to_proto() const {
  proto::DataEndpoints out;
  for (const auto& [container, endpoint] : entries_) *out.add_endpoints() = endpoint;
  return out;
}

}  // namespace petrel
