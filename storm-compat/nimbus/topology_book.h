// TopologyBook: which topologies there are, in which status, and what is stored of them. The state store is the truth;
// the book keeps a copy for reading. ACTIVE <-> INACTIVE, both -> KILLED -> gone; a KILLED one only takes another kill.
// Thread: thread-safe. Writers run one at a time (they wait for the disk), readers never wait for them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "native/artifacts/artifact_store.h"
#include "native/base/clock.h"
#include "native/config/conf_value.h"
#include "native/packing/physical_plan.h"
#include "native/scheduler/scheduler.h"
#include "native/state_store/topology_state.h"
#include "storm-compat/nimbus/master_link.h"

namespace petrel {

/// One topology as it is at one moment. Never changed after it was published: a change makes a new one.
struct TopologyEntry {
  proto::TopologyBase base;
  uint64_t version = 0;                      // of the base record
  std::shared_ptr<const PhysicalPlan> plan;  // null when it cannot be read; `problem` says why
  std::shared_ptr<const ConfMap> conf;       // merged; null as above
  std::string problem;

  const std::string& id() const { return base.topology_id(); }
  const std::string& name() const { return base.name(); }
  /// "ACTIVE", "INACTIVE" or "KILLED".
  const char* status() const;
  const proto::Artifact* artifact(const std::string& name) const;
};
using TopologyPtr = std::shared_ptr<const TopologyEntry>;

class TopologyBook {
 public:
  TopologyBook(StateStore& store, Scheduler& scheduler, const ArtifactStore& artifacts, MasterLink& masters,
               Clock& clock);

  /// Reads what an earlier Nimbus left and hands living topologies to the scheduler again. A topology that cannot be
  /// read is kept, listed with its problem, and can be killed; only a store that cannot be listed is an error.
  Status load();

  std::vector<TopologyPtr> all() const;                // by id
  TopologyPtr by_name(const std::string& name) const;  // null when there is none; KILLED ones are there
  TopologyPtr by_id(const std::string& id) const;

  /// A name that somebody is just submitting, or that is taken. Releases by itself.
  class NameClaim {
   public:
    NameClaim(NameClaim&& other) noexcept : book_(std::exchange(other.book_, nullptr)), name_(std::move(other.name_)) {}
    NameClaim& operator=(NameClaim&&) = delete;
    ~NameClaim();

   private:
    friend class TopologyBook;
    NameClaim(TopologyBook* book, std::string name) : book_(book), name_(std::move(name)) {}
    TopologyBook* book_;
    std::string name_;
  };
  /// kAlreadyExists when a topology of this name exists or is being submitted.
  Result<NameClaim> claim(const std::string& name);

  /// The next "<name>-<counter>-<epoch seconds>".
  Result<std::string> next_id(const std::string& name);

  /// Makes a prepared topology (base with specs, plan, conf) durable and launches it. On an error nothing of it is
  /// left.
  Status add(const NameClaim& claim, proto::TopologyBase base, std::shared_ptr<const PhysicalPlan> plan,
             std::shared_ptr<const ConfMap> conf);

  /// kNotFound; kConflict for a KILLED one. Setting the status it has is fine.
  Status change_status(const std::string& name, proto::TopologyStatus status);
  /// KILLED now, gone after `wait`. A second kill sets the wait anew. kNotFound.
  Status kill(const std::string& name, Seconds wait);

  /// Ends topologies whose wait is over and removes what they left. Call every 0.1 to 1 s.
  void tick();

  /// Held (shared) while artifacts are stored that no record names yet, so that tick() does not collect them.
  std::shared_lock<std::shared_mutex> hold_artifacts() const { return std::shared_lock(collect_mutex_); }
  /// Digests that other owners (blobs) need; asked at each collection.
  void keep_also(std::function<Result<std::set<std::string>>()> digests) { keep_also_ = std::move(digests); }

 private:
  Status put_base(const TopologyEntry& now, const proto::TopologyBase& next);
  void publish(std::shared_ptr<TopologyEntry> entry);
  void load_one(const TopologyId& id);
  Status fill(TopologyEntry& entry) const;
  void abandon(const proto::TopologyBase& base);
  bool finish_kill(const TopologyEntry& entry);
  void remove_files(const TopologyEntry& entry) const;
  void collect_artifacts();

  TopologyState state_;
  Scheduler& scheduler_;
  const ArtifactStore& artifacts_;
  MasterLink& masters_;
  Clock& clock_;
  std::function<Result<std::set<std::string>>()> keep_also_;

  bool unreadable_ = false;  // a record could not be read: its artifacts are unknown, so none is collected
  std::mutex write_mutex_;   // one writer; also around the scheduler
  mutable std::shared_mutex collect_mutex_;  // collection of artifacts against their birth
  mutable std::mutex mutex_;                 // the three below, held briefly
  std::map<std::string, TopologyPtr> by_id_;
  std::map<std::string, std::string> id_by_name_;
  std::set<std::string> claimed_;
};

}  // namespace petrel
