// jar_check: is a file a zip archive whose directory is complete? Reads the end record and streams through the central
// directory (zip64 too) with a fixed buffer, so that a hostile file costs no memory. Contents are not unpacked here.
// Errors: kMalformed with a sentence that names what is wrong; kIo.
#pragma once

#include <cstdint>
#include <filesystem>

#include "native/base/status.h"

namespace petrel {

struct JarInfo {
  int64_t bytes = 0;
  int64_t entries = 0;
};

/// Accepts what java.util.zip opens: an archive may have bytes in front of it and a comment behind it.
Result<JarInfo> check_jar(const std::filesystem::path& file);

}  // namespace petrel
