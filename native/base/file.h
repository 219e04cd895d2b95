// Small files read whole and written so that a reader sees the old or the new one.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "native/base/status.h"

namespace petrel {

/// All bytes. kNotFound; kLimit when there are more than `limit_bytes`. Symbolic links are not followed.
Result<std::string> read_small_file(const std::string& file, size_t limit_bytes);

/// Temporary file beside it, fsync, rename, fsync of the directory. After OK it survives power loss.
Status write_small_file(const std::string& file, std::string_view bytes, mode_t mode = 0600);

/// mkdir -p.
Status make_directories(const std::string& directory, mode_t mode = 0700);

/// Holds a lock of the open file description (fcntl) on a file, created when missing, until destroyed or the process
/// ends: unlike flock it can be asked about without being taken, and unlike a plain fcntl lock another close() does not
/// drop it.
class FileLock {
 public:
  /// kConflict when another open description holds it.
  static Result<FileLock> take(const std::string& file);
  /// Whether somebody holds it. Never blocks; a missing file is not held.
  static bool held(const std::string& file);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace petrel
