// FileStore: the state store of the processes of one machine: a directory, one file per record (state_file.h).
//
// A write goes to a temporary file, fsync, rename, fsync of the directory, under a lock of the whole store (flock), so
// a reader sees the old or the new record. An ephemeral record names an owner file on which its owner holds a flock:
// the lock goes with the process, and from then on the record counts as absent.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "native/state_store/state_store.h"
#include "native/transport/reactor.h"

namespace petrel {

/// Thread: any.  Must outlive its watches and ephemeral records.
class FileStore : public StateStore {
 public:
  /// Creates the directory (0700) when it is missing and removes temporary files of dead writers. `reactor` polls for
  /// the watches every `poll_interval`; nullptr: no watches.
  static Result<std::unique_ptr<FileStore>> open(const std::string& directory, Reactor* reactor = nullptr,
                                                 Nanos poll_interval = Millis(100));
  ~FileStore() override;
  Result<StoredRecord> get(const std::string& path) override;
  Result<uint64_t> put_if(const std::string& path, const std::string& bytes, uint64_t expected_version) override;
  Status remove_if(const std::string& path, uint64_t expected_version) override;
  Result<std::vector<std::string>> list(const std::string& prefix) override;
  Result<std::unique_ptr<StateWatch>> watch(const std::string& path, OnChange on_change) override;
  Result<std::unique_ptr<EphemeralRecord>> create_ephemeral(const std::string& path, const std::string& bytes) override;

  /// The file of a record, for error texts and tests.
  std::string file_of(const std::string& path) const;

 private:
  class Ephemeral;
  class Watch;
  class WriteLock;
  struct Found;
  FileStore(std::string directory, int lock_fd, Reactor* reactor, Nanos poll_interval);
  Result<Found> read(const std::string& path) const;
  Result<uint64_t> write(const std::string& path, const std::string& bytes, const std::string& owner,
                         uint64_t after_version);
  bool owner_alive(const std::string& owner) const;
  Status list_into(const std::string& relative_dir, const std::string& prefix, std::vector<std::string>& out,
                   std::vector<std::string>& dead) const;
  void sweep(const std::string& path);
  Status unlink_record(const std::string& path);
  void remove_leftovers();

  const std::string directory_;
  const int lock_fd_;
  Reactor* const reactor_;
  const Nanos poll_interval_;
  std::mutex mutex_;
};

}  // namespace petrel
