// PeerBook: where the stream managers of the other containers listen, as far as this process has heard.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "native/packing/packing_plan.h"
#include "native/stream_manager/stream_manager.h"
#include "proto/control.pb.h"

namespace petrel {

inline constexpr int kStreamManagerLoopsMax = 64;

/// A host and ports that can be dialled, not more than a stream manager may have.
bool endpoint_is_sound(const proto::DataEndpoint& endpoint);

/// News are merged, never forgotten: a topology master that has just restarted knows only those that have come back
/// yet. Thread: one owner. Limits: one entry for each container of the plan.
class PeerBook {
 public:
  explicit PeerBook(int32_t own_container) : own_container_(own_container) {}
  /// From now on containers of this plan count; others are forgotten.
  void set_plan(const PackingPlan& plan);
  /// The newest incarnation of each container wins. True when something is new.
  bool take(const proto::DataEndpoints& news);
  std::vector<StreamManager::PeerEndpoint> peers() const;
  proto::DataEndpoints to_proto() const;

 private:
  int32_t own_container_;
  std::set<int32_t> containers_;
  std::map<int32_t, proto::DataEndpoint> entries_;
};

}  // namespace petrel
