// TopologyState: the typed nouns of the state store, and the only place that spells its paths.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "native/base/ids.h"
#include "native/state_store/state_store.h"
#include "proto/control.pb.h"
#include "proto/state.pb.h"

namespace petrel {

/// A record and the version to write it back with; version 0: there is none yet.
template <typename T>
struct Versioned {
  T value;
  uint64_t version = 0;
};

/// Thread: as the store.  Borrows: the store.  Errors: as the store's; bytes that are not the message are kCorrupt.
class TopologyState {
 public:
  explicit TopologyState(StateStore& store) : store_(store) {}

  Result<Versioned<proto::TopologyBase>> base(const TopologyId& id) const;
  Result<uint64_t> put_base(const TopologyId& id, const proto::TopologyBase& base, uint64_t expected_version);
  Result<std::unique_ptr<StateWatch>> watch_base(const TopologyId& id,
                                                 std::function<void(const Result<proto::TopologyBase>&)> on_change);
  /// Ids that have a base record.
  Result<std::vector<TopologyId>> topologies() const;

  Result<Versioned<proto::PhysicalPlan>> plan(const TopologyId& id) const;
  Result<std::unique_ptr<StateWatch>> watch_plan(const TopologyId& id,
                                                 std::function<void(const Result<proto::PhysicalPlan>&)> on_change);
  Result<uint64_t> put_plan(const TopologyId& id, const proto::PhysicalPlan& plan, uint64_t expected_version);

  /// kNotFound while no topology master lives.
  Result<proto::MasterEndpoint> master(const TopologyId& id) const;
  Result<std::unique_ptr<EphemeralRecord>> register_master(const TopologyId& id, const proto::MasterEndpoint& master);

  Result<Versioned<proto::ComponentErrors>> errors(const TopologyId& id, const std::string& component) const;
  Result<uint64_t> put_errors(const TopologyId& id, const proto::ComponentErrors& errors, uint64_t expected_version);
  Result<std::vector<std::string>> components_with_errors(const TopologyId& id) const;

  /// kAlreadyExists when the name is taken: of several who claim it exactly one wins.
  Status claim_name(const std::string& name, const TopologyId& id);
  Result<TopologyId> id_of(const std::string& name) const;
  /// Frees the name if it is still `id`'s.
  Status release_name(const std::string& name, const TopologyId& id);

  /// 1, 2, 3 ... never twice, over restarts.
  Result<uint64_t> next_counter();

  /// Removes everything below topologies/<id>; the base goes last, so that an interrupted removal can be repeated.
  Status remove_topology(const TopologyId& id);

 private:
  StateStore& store_;
};

}  // namespace petrel
