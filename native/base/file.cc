#include "native/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace petrel {
namespace {

struct Fd {
  explicit Fd(int f) : fd(f) {}
  ~Fd() {
    if (fd >= 0) ::close(fd);
  }
  Fd(const Fd&) = delete;
  int fd;
};

std::string parent_of(const std::string& file) {
  const size_t slash = file.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : file.substr(0, slash);
}

Status write_all(int fd, std::string_view bytes, const std::string& file) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Status::from_errno(errno, "write " + file);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return Status();
}

/// A write lock of the whole file.
struct flock whole_file() {
  struct flock range{};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  return range;
}

}  // namespace

Result<std::string> read_small_file(const std::string& file, size_t limit_bytes) {
  Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (fd.fd < 0) return Status::from_errno(errno, "open " + file);
  std::string bytes;
  char buffer[16 * 1024];
  for (;;) {
    ssize_t n = ::read(fd.fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Status::from_errno(errno, "read " + file);
    if (n == 0) return bytes;
    if (bytes.size() + static_cast<size_t>(n) > limit_bytes) {
      return Status::error(StatusCode::kLimit, "{} has more than {} bytes", file, limit_bytes);
    }
    bytes.append(buffer, static_cast<size_t>(n));
  }
}

Status write_small_file(const std::string& file, std::string_view bytes, mode_t mode) {
  const std::string temp = fmt::format("{}.{}.tmp", file, ::getpid());
  Fd fd(::open(temp.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
  if (fd.fd < 0) return Status::from_errno(errno, "create " + temp);
  Status written = write_all(fd.fd, bytes, temp);
  if (written.ok() && ::fsync(fd.fd) != 0) written = Status::from_errno(errno, "sync " + temp);
  if (written.ok() && ::rename(temp.c_str(), file.c_str()) != 0)
    written = Status::from_errno(errno, "rename to " + file);
  if (!written.ok()) {
    ::unlink(temp.c_str());
    return written;
  }
  Fd directory(::open(parent_of(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.fd < 0 || ::fsync(directory.fd) != 0) return Status::from_errno(errno, "sync " + parent_of(file));
  return Status();
}

Status make_directories(const std::string& directory, mode_t mode) {
  if (::mkdir(directory.c_str(), mode) == 0 || errno == EEXIST) return Status();
  if (errno != ENOENT) return Status::from_errno(errno, "create directory " + directory);
  RETURN_IF_ERROR(make_directories(parent_of(directory), mode));
  if (::mkdir(directory.c_str(), mode) == 0 || errno == EEXIST) return Status();
  return Status::from_errno(errno, "create directory " + directory);
}

Result<FileLock> FileLock::take(const std::string& file) {
  Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd.fd < 0) return Status::from_errno(errno, "open " + file);
  struct flock range = whole_file();
  if (::fcntl(fd.fd, F_OFD_SETLK, &range) != 0) {
    if (errno != EAGAIN && errno != EACCES) return Status::from_errno(errno, "lock " + file);
    return Status::error(StatusCode::kConflict, "{} is locked by another process", file);
  }
  return FileLock(std::exchange(fd.fd, -1));
}

bool FileLock::held(const std::string& file) {
  Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (fd.fd < 0) return errno != ENOENT && errno != ENOTDIR;
  struct flock range = whole_file();
  return ::fcntl(fd.fd, F_OFD_GETLK, &range) != 0 || range.l_type != F_UNLCK;
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace petrel
