// MemoryStore: the state store of tests and simulations. All who share the state share the object.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "native/state_store/state_store.h"
#include "native/transport/reactor.h"

namespace petrel {

/// Thread: any.  Must outlive its watches and ephemeral records.
class MemoryStore : public StateStore {
 public:
  /// `reactor` runs the watches; nullptr: no watches.
  explicit MemoryStore(Reactor* reactor = nullptr);
  ~MemoryStore() override;
  Result<StoredRecord> get(const std::string& path) override;
  Result<uint64_t> put_if(const std::string& path, const std::string& bytes, uint64_t expected_version) override;
  Status remove_if(const std::string& path, uint64_t expected_version) override;
  Result<std::vector<std::string>> list(const std::string& prefix) override;
  Result<std::unique_ptr<StateWatch>> watch(const std::string& path, OnChange on_change) override;
  Result<std::unique_ptr<EphemeralRecord>> create_ephemeral(const std::string& path, const std::string& bytes) override;

 private:
  class Ephemeral;
  class Watch;
  struct Watcher;
  void changed(const std::string& path);  // mutex held

  Reactor* reactor_;
  std::mutex mutex_;
  uint64_t last_version_ = 0;
  struct Entry {
    StoredRecord record;
    bool ephemeral = false;
  };
  std::map<std::string, Entry> entries_;
  std::multimap<std::string, std::shared_ptr<Watcher>> watchers_;
};

}  // namespace petrel
