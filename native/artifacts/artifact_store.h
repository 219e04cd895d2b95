// ArtifactStore: jars and other blobs by digest, in <root>/<first 2 hex>/<sha256>. Files 0600, folders 0700.
// A file under its digest is whole: it is written aside, synced, renamed.
// Thread: thread-safe (no state but the folder).
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "native/base/status.h"

namespace petrel {

struct StoredArtifact {
  std::string digest;  // sha256, lower-case hex
  int64_t bytes = 0;
};

class ArtifactStore {
 public:
  /// Creates the folder when it is missing.
  static Result<ArtifactStore> open(const std::filesystem::path& root);

  /// Copies the file in. An artifact that is there already is not written again.
  Result<StoredArtifact> put_file(const std::filesystem::path& source) const;
  /// The same for bytes in memory.
  Result<StoredArtifact> put_bytes(std::string_view bytes) const;
  /// The path of a stored artifact; kNotFound; kMalformed when `digest` is not 64 hex digits.
  Result<std::filesystem::path> path_of(std::string_view digest) const;
  /// All bytes, checked against the digest. `limit`: kLimit when the artifact is larger.
  Result<std::string> read(std::string_view digest, int64_t limit) const;
  /// Removes what is not in `keep` and leftovers of unfinished puts. Returns how many files went.
  Result<int> remove_unreferenced(const std::set<std::string>& keep) const;

  const std::filesystem::path& root() const { return root_; }

 private:
  explicit ArtifactStore(std::filesystem::path root) : root_(std::move(root)) {}
  std::filesystem::path root_;
};

/// sha256 of a file, streamed.
Result<StoredArtifact> digest_file(const std::filesystem::path& file);
/// sha256 of bytes, lower-case hex.
std::string sha256_hex(std::string_view bytes);

}  // namespace petrel
