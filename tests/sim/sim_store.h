// SimStore: the state store of simulated processes: records in the product's file format (state_file.h) on a disk that
// they share. A crash may leave a file cut at any byte; whoever reads it must notice.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "native/state_store/state_store.h"
#include "native/transport/reactor.h"
#include "tests/sim/sim_world.h"

namespace petrel::sim {

/// Thread: the world's.  Outlives the stores.
class SimDisk {
 public:
  explicit SimDisk(SimWorld& world) : world_(world) {}

  /// Cuts the file of one lasting record at a random byte, as a crash of the machine may. False: there is none.
  bool tear(Rng& rng);
  /// Somebody puts the records back that were torn.
  void repair();
  size_t torn() const { return torn_.size(); }
  /// How often a reader was told that a record is torn.
  uint64_t noticed() const { return noticed_; }

 private:
  friend class SimStore;
  struct File {
    std::string bytes;
    uint64_t owner = 0;  // of an ephemeral record; 0: lasting
  };
  bool present(const File& file) const { return file.owner == 0 || owners_.contains(file.owner); }

  SimWorld& world_;
  std::map<std::string, File> files_;
  std::map<std::string, std::string> torn_;  // what the file was
  std::set<uint64_t> owners_;                // processes that live
  uint64_t last_owner_ = 0;
  uint64_t last_version_ = 0;
  uint64_t noticed_ = 0;
};

/// Of one process: what it owns is gone when it ends. Watches are polled, as FileStore polls them.
class SimStore : public StateStore {
 public:
  SimStore(SimDisk& disk, Reactor& reactor);
  ~SimStore() override;

  Result<StoredRecord> get(const std::string& path) override;
  Result<uint64_t> put_if(const std::string& path, const std::string& bytes, uint64_t expected_version) override;
  Status remove_if(const std::string& path, uint64_t expected_version) override;
  Result<std::vector<std::string>> list(const std::string& prefix) override;
  Result<std::unique_ptr<StateWatch>> watch(const std::string& path, OnChange on_change) override;
  Result<std::unique_ptr<EphemeralRecord>> create_ephemeral(const std::string& path, const std::string& bytes) override;

 private:
  class Watch;
  class Ephemeral;
  void write(const std::string& path, const std::string& bytes, uint64_t owner);
  Status check_version(const std::string& path, uint64_t expected_version);

  SimDisk& disk_;
  Reactor& reactor_;
  const uint64_t owner_;
};

}  // namespace petrel::sim
