#include "storm-compat/nimbus/upload_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "native/base/escape.h"
#include "native/base/log.h"

namespace petrel {
namespace fs = std::filesystem;
namespace {
const Logger logger("uploads");

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Status::from_errno(errno, "write the upload");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return Status();
}
}  // namespace

UploadStore::UploadStore(fs::path directory, UploadLimits limits, Clock& clock, std::function<std::string()> new_token)
    : directory_(std::move(directory)), limits_(limits), clock_(clock), new_token_(std::move(new_token)) {}

UploadStore::~UploadStore() {
  for (auto& [token, session] : sessions_) {
    if (session.fd >= 0) ::close(session.fd);
  }
}

Status UploadStore::open() {
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error) return Status::error(StatusCode::kIo, "create {}: {}", directory_.string(), error.message());
  ::chmod(directory_.c_str(), 0700);
  size_t removed = 0;
  for (const auto& entry : fs::directory_iterator(directory_, error)) {
    if (entry.path().extension() != ".part") continue;
    std::error_code ignored;
    removed += fs::remove(entry.path(), ignored);
  }
  if (error) return Status::error(StatusCode::kIo, "list {}: {}", directory_.string(), error.message());
  if (removed > 0) logger.info("removed {} uploads that an earlier run left", removed);
  return Status();
}

Result<std::string> UploadStore::begin(const std::string& owner, const std::string& tag) {
  const std::lock_guard lock(mutex_);
  expire_locked();
  if (sessions_.size() >= limits_.max_sessions && !displace_one_locked()) {
    return Status::error(StatusCode::kLimit,
                         "{} uploads are open, and no more are allowed; finish or abandon some (they expire "
                         "after {} s without a chunk)",
                         sessions_.size(), std::chrono::duration_cast<Seconds>(limits_.idle_expiry).count());
  }
  std::string token = new_token_();
  const int fd = ::open(path_of(token).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Status::from_errno(errno, "create an upload");
  Session session;
  session.owner = owner;
  session.tag = tag;
  session.fd = fd;
  session.last_use = clock_.now();
  sessions_.emplace(token, std::move(session));
  return token;
}

Result<std::string> UploadStore::tag_of(const std::string& token, const std::string& owner) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(auto it, find(token, owner));
  return it->second.tag;
}

Status UploadStore::append(const std::string& token, const std::string& owner, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(auto it, find(token, owner));
  Session& session = it->second;
  if (session.finished) {
    return Status::error(StatusCode::kConflict, "upload '{}' is finished; open another one to send more",
                         escape(token));
  }
  Status status = check_room(session, static_cast<int64_t>(bytes.size()));
  if (status.ok()) status = write_all(session.fd, bytes);
  if (!status.ok()) {  // a half-written chunk is of no use to anybody: give the space back at once
    erase(it);
    return status.with_context("upload '{}' was dropped", escape(token));
  }
  session.bytes += static_cast<int64_t>(bytes.size());
  total_bytes_ += static_cast<int64_t>(bytes.size());
  session.last_use = clock_.now();
  return Status();
}

Status UploadStore::check_room(const Session& session, int64_t more) const {
  if (session.bytes + more > limits_.max_upload_bytes) {
    return Status::error(StatusCode::kLimit, "{} bytes are more than the {} that one upload may have",
                         session.bytes + more, limits_.max_upload_bytes);
  }
  if (total_bytes_ + more > limits_.max_total_bytes) {
    return Status::error(StatusCode::kLimit,
                         "all uploads together would have {} bytes, and {} are allowed; try again later",
                         total_bytes_ + more, limits_.max_total_bytes);
  }
  struct statvfs disk{};
  if (::statvfs(directory_.c_str(), &disk) == 0) {
    const auto free_bytes = static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize);
    if (free_bytes - more < limits_.min_free_bytes) {
      return Status::error(StatusCode::kLimit,
                           "the disk has {} bytes free, and {} are kept for running topologies; make room", free_bytes,
                           limits_.min_free_bytes);
    }
  }
  return Status();
}

Status UploadStore::finish(const std::string& token, const std::string& owner) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(auto it, find(token, owner));
  Session& session = it->second;
  if (session.finished) return Status::error(StatusCode::kConflict, "upload '{}' is finished already", escape(token));
  const int fd = session.fd;
  session.fd = -1;
  const bool synced = ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  if (!synced) {
    erase(it);
    return Status::from_errno(error, "flush the upload");
  }
  session.finished = true;
  session.last_use = clock_.now();
  return Status();
}

Result<fs::path> UploadStore::finished_file(const std::string& token, const std::string& owner) {
  const std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(auto it, find(token, owner));
  if (!it->second.finished) {
    return Status::error(StatusCode::kConflict, "upload '{}' was never finished; call finishFileUpload first",
                         escape(token));
  }
  it->second.last_use = clock_.now();
  return path_of(token);
}

void UploadStore::drop(const std::string& token) {
  const std::lock_guard lock(mutex_);
  if (const auto it = sessions_.find(token); it != sessions_.end()) erase(it);
}

void UploadStore::expire() {
  const std::lock_guard lock(mutex_);
  expire_locked();
}

void UploadStore::expire_locked() {
  for (auto it = sessions_.begin(); it != sessions_.end();) {
    const auto next = std::next(it);
    if (clock_.now() - it->second.last_use >= limits_.idle_expiry) {
      logger.info("upload {} expired with {} bytes", it->first, it->second.bytes);
      erase(it);
    }
    it = next;
  }
}

bool UploadStore::displace_one_locked() {
  const auto oldest = std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
    return a.second.last_use < b.second.last_use;
  });
  if (oldest == sessions_.end() || clock_.now() - oldest->second.last_use < limits_.displace_after) return false;
  logger.warn("upload {} gave way to a new one: {} were open", oldest->first, sessions_.size());
  erase(oldest);
  return true;
}

Result<UploadStore::Sessions::iterator> UploadStore::find(const std::string& token, const std::string& owner) {
  const auto it = sessions_.find(token);
  // Somebody else's token is answered as an unknown one, so that guessing learns nothing.
  if (it == sessions_.end() || it->second.owner != owner) {
    return Status::error(StatusCode::kNotFound,
                         "'{}' is not an upload token of this Nimbus (or it expired); get one with "
                         "beginFileUpload",
                         escape(token));
  }
  return it;
}

void UploadStore::erase(Sessions::iterator it) {
  if (it->second.fd >= 0) ::close(it->second.fd);
  total_bytes_ -= it->second.bytes;
  ::unlink(path_of(it->first).c_str());
  sessions_.erase(it);
}

size_t UploadStore::sessions() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

int64_t UploadStore::total_bytes() const {
  const std::lock_guard lock(mutex_);
  return total_bytes_;
}

}  // namespace petrel
