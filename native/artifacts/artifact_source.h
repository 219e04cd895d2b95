// ArtifactSource: where an agent gets the jars and files of a topology from.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "native/base/status.h"

namespace petrel {

class ArtifactSource {
 public:
  virtual ~ArtifactSource() = default;
  /// Writes the artifact with this sha256 (64 hex digits) to `destination` (0600, atomically: a file that is there is
  /// whole). The bytes are checked against the digest: kCorrupt when they differ. kNotFound: the source lacks it.
  virtual Status fetch(std::string_view digest, const std::filesystem::path& destination) = 0;
};

/// "file:<directory of an ArtifactStore>". Other schemes: kMalformed naming those that exist.
Result<std::unique_ptr<ArtifactSource>> open_artifact_source(std::string_view uri);

}  // namespace petrel
