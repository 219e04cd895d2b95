// StateStore: what must survive the processes: small records at paths, written with a condition, watched.
// Paths: components joined by '/', no leading '/'. The typed nouns over it are in topology_state.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "native/base/status.h"

namespace petrel {

struct StoredRecord {
  std::string bytes;
  uint64_t version = 0;  // never 0; grows with each write of the path, also over remove and create
};

/// A path is watched as long as this lives. Destroy on the loop of the reactor; no callback runs afterwards.
class StateWatch {
 public:
  virtual ~StateWatch() = default;
};

/// A record that is gone when this is destroyed or its process ends, however it ends.
class EphemeralRecord {
 public:
  virtual ~EphemeralRecord() = default;
  virtual const std::string& path() const = 0;
};

/// Thread: all methods from any thread; they block on the disk or the network.
/// Limits: path <= 1024 bytes, component <= 800 bytes, record <= 64 MiB; kMalformed or kLimit beyond.
class StateStore {
 public:
  /// The record as it is now, or why there is none (kNotFound, kCorrupt, ...).
  using OnChange = std::function<void(const Result<StoredRecord>&)>;

  virtual ~StateStore() = default;
  /// kNotFound; kCorrupt names the file and is never repaired by deleting; kIo.
  virtual Result<StoredRecord> get(const std::string& path) = 0;
  /// Writes when the version now is `expected_version` (0: the path must not exist); kConflict names both.
  /// Returns the new version. After OK the record survives power loss.
  virtual Result<uint64_t> put_if(const std::string& path, const std::string& bytes, uint64_t expected_version) = 0;
  /// kConflict as put_if; kNotFound when it is gone already.
  virtual Status remove_if(const std::string& path, uint64_t expected_version) = 0;
  /// Paths of all records strictly below `prefix` (a path; "" is everything), sorted. Dead ephemerals are not listed.
  virtual Result<std::vector<std::string>> list(const std::string& prefix) = 0;
  /// Calls `on_change` on the reactor of the store with the present state soon, and whenever it changed. Changes in
  /// quick succession may be seen as one. kUnavailable when the store was opened without a reactor.
  virtual Result<std::unique_ptr<StateWatch>> watch(const std::string& path, OnChange on_change) = 0;
  /// kAlreadyExists while another living owner holds it.
  virtual Result<std::unique_ptr<EphemeralRecord>> create_ephemeral(const std::string& path,
                                                                    const std::string& bytes) = 0;
};

/// The rules for paths: 1..1024 bytes, components 1..800 bytes, none "." or "..", no NUL.
Status check_state_path(const std::string& path);
inline constexpr size_t kStateRecordBytesMax = 64 * 1024 * 1024;

}  // namespace petrel
