// Taking one directory out of a jar, distrusting every name and size in it.
#pragma once

#include <cstdint>
#include <string>

#include "native/base/status.h"

namespace petrel {

struct ZipLimits {
  uint64_t files = 100'000;
  uint64_t bytes = uint64_t{2} << 30;  // unpacked, in total
};

/// Writes the entries of `zip_file` below `prefix` ("resources/") to `target` (exists), without the prefix. Only plain
/// files and directories; the owner's execute bit is kept. kMalformed for names that would leave `target` and for
/// broken zips; kLimit. Returns how many files were written.
Result<uint64_t> extract_below(const std::string& zip_file, const std::string& prefix, const std::string& target,
                               const ZipLimits& limits = {});

}  // namespace petrel
