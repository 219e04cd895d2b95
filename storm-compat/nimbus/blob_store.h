// BlobStore: blobs that clients store under keys (dependency jars, files for topology.blobstore.map). Bytes lie in the
// artifact store by digest, one record per key in the state store. A blob never changes; a topology keeps the digest it
// was submitted with, so deleting a blob harms nobody who runs. Errors: kMalformed (key), kNotFound, kAlreadyExists,
// kLimit, and UploadStore's. Thread: thread-safe.  Limits: kMaxBlobs keys, 100 ACL entries, downloads as uploads.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "native/artifacts/artifact_store.h"
#include "native/base/clock.h"
#include "native/state_store/state_store.h"
#include "proto/state.pb.h"
#include "storm-compat/nimbus/upload_store.h"

namespace petrel {

/// 1..200 bytes of letters, digits, space, '.', ':', '_', '-' and characters above U+00A0; not "." or "..".
Status check_blob_key(const std::string& key);

class BlobStore {
 public:
  static constexpr size_t kMaxBlobs = 10'000;
  static constexpr size_t kPageKeys = 1'000;
  static constexpr size_t kChunkBytes = 65'536;

  BlobStore(StateStore& store, const ArtifactStore& artifacts, UploadStore& uploads, Clock& clock,
            std::function<std::string()> new_token);

  /// Opens an upload for a new key. `entry`: key, acl, replication, owner.
  Result<std::string> begin_create(const proto::BlobEntry& entry);
  Status append(const std::string& session, const std::string& owner, std::string_view bytes);
  /// Publishes the blob. Call with the artifact collector held off.
  Status finish(const std::string& session, const std::string& owner);
  Status cancel(const std::string& session, const std::string& owner);

  struct Blob {
    proto::BlobEntry entry;
    uint64_t version = 0;
  };
  Result<Blob> find(const std::string& key) const;
  Status set_access(const std::string& key, const proto::BlobEntry& entry);
  Status remove(const std::string& key);

  /// Keys in order, at most kPageKeys, behind `session` ("" begins). The next session is returned; no keys: the end.
  struct Page {
    std::vector<std::string> keys;
    std::string session;
  };
  Result<Page> list(const std::string& session) const;

  struct Download {
    std::string session;
    int64_t version = 0;
    int64_t bytes = 0;
  };
  Result<Download> begin_download(const std::string& key, const std::string& owner);
  /// At most kChunkBytes; empty at the end, which closes the session.
  Result<std::string> next_chunk(const std::string& session, const std::string& owner);

  /// Of all blobs, for the artifact collector.
  Result<std::set<std::string>> digests() const;

 private:
  struct Reading {
    std::string owner;
    std::string digest;
    int64_t offset = 0;
    MonoTime last_use;
  };

  StateStore& store_;
  const ArtifactStore& artifacts_;
  UploadStore& uploads_;
  Clock& clock_;
  const std::function<std::string()> new_token_;
  std::mutex mutex_;
  std::map<std::string, Reading> readings_;  // by our own tokens; at most kMaxReadings
};

}  // namespace petrel
