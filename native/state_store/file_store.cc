#include "native/state_store/file_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "native/base/escape.h"
#include "native/base/log.h"
#include "native/base/rng.h"
#include "native/state_store/state_file.h"

namespace petrel {
namespace {

const Logger logger("file_store");

constexpr const char* kRecordSuffix = ".rec";
constexpr const char* kTempDir = "/.tmp";  // a component never begins with a dot, see encode_component
constexpr const char* kOwnersDir = "/.owners";
constexpr const char* kLockFile = "/.lock";  // its first 8 bytes: the last version given out
constexpr size_t kNameBytesMax = 200;        // of an encoded component; file systems allow 255
constexpr const char* kCutMark = "%~";       // never in an encoded component that was not cut

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

bool ends_as_ours(const std::string& name) {
  return name.ends_with(kRecordSuffix);
}

/// A file name for a component: control bytes, '%', '/', a leading dot and our own suffix are %XX; a name that would be
/// too long is cut and gets a digest of the whole.
std::string encode_component(const std::string& component) {
  std::string name;
  for (size_t i = 0; i < component.size(); ++i) {
    const auto byte = static_cast<unsigned char>(component[i]);
    const bool suffix_dot = byte == '.' && i + 4 == component.size() && ends_as_ours(component);
    if (byte < 0x20 || byte == 0x7f || byte == '%' || byte == '/' || (byte == '.' && i == 0) || suffix_dot) {
      name += fmt::format("%{:02X}", byte);
    } else {
      name.push_back(component[i]);
    }
  }
  if (name.size() <= kNameBytesMax) return name;
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(component.data()), component.size(), digest);
  return name.substr(0, 100) + kCutMark + to_hex({reinterpret_cast<const char*>(digest), 16});
}

std::string encode_path(const std::string& path) {
  std::string encoded;
  size_t start = 0;
  while (start <= path.size()) {
    size_t end = std::min(path.find('/', start), path.size());
    encoded += "/" + encode_component(path.substr(start, end - start));
    start = end + 1;
  }
  return encoded;
}

Status sync_dir(const std::string& directory) {
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) return Status::from_errno(errno, "sync directory " + directory);
  return Status();
}

Status make_dir(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return Status();
  return Status::from_errno(errno, "create directory " + directory);
}

std::string parent_of(const std::string& file) {
  return file.substr(0, file.rfind('/'));
}

/// Creates the missing directories between `top` (exists) and `directory`.
Status make_dirs_below(const std::string& top, const std::string& directory) {
  if (directory.size() <= top.size() || ::access(directory.c_str(), F_OK) == 0) return Status();
  RETURN_IF_ERROR(make_dirs_below(top, parent_of(directory)));
  RETURN_IF_ERROR(make_dir(directory));
  return sync_dir(parent_of(directory));
}

Status write_all(int fd, const std::string& bytes, const std::string& file) {
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Status::from_errno(errno, "write " + file);
    done += static_cast<size_t>(n);
  }
  return Status();
}

Result<std::string> read_all(const std::string& file) {
  Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (fd.get() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return Status(StatusCode::kNotFound, file + " does not exist");
    return Status::from_errno(errno, "open " + file);
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return Status::from_errno(errno, "stat " + file);
  if (!S_ISREG(info.st_mode)) return Status::error(StatusCode::kCorrupt, "{} is not a file", file);
  // Header, path and owner are far below the slack.
  if (static_cast<uint64_t>(info.st_size) > kStateRecordBytesMax + 64 * 1024) {
    return Status::error(StatusCode::kCorrupt, "{} has {} bytes, no state record is that large", file, info.st_size);
  }
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    ssize_t n = ::read(fd.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Status::from_errno(errno, "read " + file);
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

struct DirEntry {
  std::string name;
  bool directory = false;
};

Result<std::vector<DirEntry>> entries_of(const std::string& directory) {
  DIR* dir = ::opendir(directory.c_str());
  if (dir == nullptr) {
    if (errno == ENOENT || errno == ENOTDIR) return std::vector<DirEntry>();
    return Status::from_errno(errno, "open directory " + directory);
  }
  std::vector<DirEntry> entries;
  while (const dirent* entry = ::readdir(dir)) {
    std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    struct stat info{};
    if (::lstat((directory + "/" + name).c_str(), &info) != 0) continue;  // gone meanwhile
    entries.push_back({std::move(name), S_ISDIR(info.st_mode)});
  }
  ::closedir(dir);
  return entries;
}

Status conflict(const std::string& path, uint64_t expected, uint64_t found) {
  return Status::error(StatusCode::kConflict, "state record '{}' has version {}, expected was {}", escape(path), found,
                       expected);
}

}  // namespace

/// A record as it lies on the disk; `alive` is false for an ephemeral one whose owner is gone.
struct FileStore::Found {
  StateFile file;
  bool alive = true;
};

/// One writer at a time, over all threads and processes.
class FileStore::WriteLock {
 public:
  explicit WriteLock(FileStore& store) : guard_(store.mutex_), fd_(store.lock_fd_) {
    while (::flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~WriteLock() { ::flock(fd_, LOCK_UN); }

 private:
  std::lock_guard<std::mutex> guard_;
  int fd_;
};

class FileStore::Ephemeral : public EphemeralRecord {
 public:
  Ephemeral(FileStore& store, std::string path, std::string owner, int fd)
      : store_(store), path_(std::move(path)), owner_(std::move(owner)), fd_(fd) {}
  ~Ephemeral() override {
    WriteLock lock(store_);
    auto found = store_.read(path_);
    if (found.ok() && found->file.owner == owner_) {
      if (Status removed = store_.unlink_record(path_); !removed.ok()) logger.warn("{}", removed.message());
    }
    ::unlink((store_.directory_ + kOwnersDir + "/" + owner_).c_str());
    ::close(fd_);
  }
  const std::string& path() const override { return path_; }

 private:
  FileStore& store_;
  std::string path_;
  std::string owner_;
  int fd_;
};

class FileStore::Watch : public StateWatch {
 public:
  struct State : std::enable_shared_from_this<State> {
    State(FileStore& s, std::string p, OnChange c) : store(s), path(std::move(p)), on_change(std::move(c)) {}
    void poll() {
      auto record = store.get(path);
      std::string seen = record.ok() ? std::to_string(record->version) : record.status().to_string();
      timer = store.reactor_->after(store.poll_interval_, [weak = weak_from_this()] {
        if (auto self = weak.lock()) self->poll();
      });
      if (std::exchange(last_seen, seen) == seen) return;
      auto self = shared_from_this();  // on_change may destroy the watch
      on_change(record);
    }
    FileStore& store;
    std::string path;
    OnChange on_change;
    std::string last_seen;
    Reactor::TimerId timer = 0;
  };
  explicit Watch(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~Watch() override { state_->store.reactor_->cancel(state_->timer); }

 private:
  std::shared_ptr<State> state_;
};

Result<std::unique_ptr<FileStore>> FileStore::open(const std::string& directory, Reactor* reactor,
                                                   Nanos poll_interval) {
  if (directory.empty() || directory[0] != '/') {
    return Status::malformed("state directory '{}' must be an absolute path", escape(directory));
  }
  for (const std::string& dir : {directory, directory + kTempDir, directory + kOwnersDir}) {
    RETURN_IF_ERROR(make_dir(dir));
  }
  const std::string lock_file = directory + kLockFile;
  Fd lock(::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.get() < 0) return Status::from_errno(errno, "open " + lock_file);
  std::unique_ptr<FileStore> store(new FileStore(directory, lock.release(), reactor, poll_interval));
  store->remove_leftovers();
  return store;
}

FileStore::FileStore(std::string directory, int lock_fd, Reactor* reactor, Nanos poll_interval)
    : directory_(std::move(directory)), lock_fd_(lock_fd), reactor_(reactor), poll_interval_(poll_interval) {}

FileStore::~FileStore() {
  ::close(lock_fd_);
}

std::string FileStore::file_of(const std::string& path) const {
  return directory_ + encode_path(path) + kRecordSuffix;
}

/// Temporary files exist only under the write lock, so those seen under it have no writer any more.
void FileStore::remove_leftovers() {
  WriteLock lock(*this);
  auto temps = entries_of(directory_ + kTempDir);
  auto owners = entries_of(directory_ + kOwnersDir);
  size_t removed = 0;
  if (temps.ok()) {
    for (const DirEntry& temp : *temps) removed += ::unlink((directory_ + kTempDir + "/" + temp.name).c_str()) == 0;
  }
  if (owners.ok()) {
    for (const DirEntry& owner : *owners) {
      if (!owner_alive(owner.name)) ::unlink((directory_ + kOwnersDir + "/" + owner.name).c_str());
    }
  }
  if (removed > 0) logger.info("removed {} unfinished writes of dead processes in {}", removed, directory_);
}

bool FileStore::owner_alive(const std::string& owner) const {
  if (owner.empty()) return true;
  if (owner.find('/') != std::string::npos) return false;
  Fd fd(::open((directory_ + kOwnersDir + "/" + owner).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  // Out of descriptors must not look like a dead owner.
  if (fd.get() < 0) return errno != ENOENT && errno != ENOTDIR;
  return ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0;
}

Result<FileStore::Found> FileStore::read(const std::string& path) const {
  const std::string name = file_of(path);
  ASSIGN_OR_RETURN(std::string bytes, read_all(name));
  auto file = decode_state_file(bytes);
  if (!file.ok()) return file.status().with_context("{}", name);
  if (file->path != path) {
    return Status::error(StatusCode::kCorrupt, "{}: holds the record '{}'; it was moved or renamed", name,
                         escape(file->path));
  }
  Found found;
  found.alive = owner_alive(file->owner);
  found.file = std::move(file).value();
  return found;
}

Result<StoredRecord> FileStore::get(const std::string& path) {
  RETURN_IF_ERROR(check_state_path(path));
  ASSIGN_OR_RETURN(Found found, read(path));
  if (!found.alive) return Status::error(StatusCode::kNotFound, "the owner of '{}' is gone", escape(path));
  return StoredRecord{std::move(found.file.data), found.file.version};
}

/// Under the write lock.
Result<uint64_t> FileStore::write(const std::string& path, const std::string& bytes, const std::string& owner,
                                  uint64_t after_version) {
  if (bytes.size() > kStateRecordBytesMax) {
    return Status::error(StatusCode::kLimit, "state record '{}' has {} bytes, the limit is {}", escape(path),
                         bytes.size(), kStateRecordBytesMax);
  }
  uint64_t last = 0;
  if (::pread(lock_fd_, &last, sizeof last, 0) != sizeof last) last = 0;
  const uint64_t version = std::max(last, after_version) + 1;
  if (::pwrite(lock_fd_, &version, sizeof version, 0) != sizeof version) {
    return Status::from_errno(errno, "write " + directory_ + kLockFile);
  }
  const std::string name = file_of(path);
  RETURN_IF_ERROR(make_dirs_below(directory_, parent_of(name)));
  const std::string temp = fmt::format("{}{}/{}-{}", directory_, kTempDir, ::getpid(), version);
  Fd fd(::open(temp.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  // Never kNotFound: that would read as "no such record".
  if (fd.get() < 0) {
    return Status::error(StatusCode::kIo, "{}", Status::from_errno(errno, "create " + temp).message());
  }
  Status written = write_all(fd.get(), encode_state_file({version, path, owner, bytes}), temp);
  if (written.ok() && ::fsync(fd.get()) != 0) written = Status::from_errno(errno, "sync " + temp);
  if (written.ok() && ::rename(temp.c_str(), name.c_str()) != 0)
    written = Status::from_errno(errno, "rename to " + name);
  if (!written.ok()) {
    ::unlink(temp.c_str());
    return written;
  }
  RETURN_IF_ERROR(sync_dir(parent_of(name)));
  return version;
}

Result<uint64_t> FileStore::put_if(const std::string& path, const std::string& bytes, uint64_t expected_version) {
  RETURN_IF_ERROR(check_state_path(path));
  WriteLock lock(*this);
  auto found = read(path);
  if (!found.ok() && found.status().code() != StatusCode::kNotFound) return found.status();
  const uint64_t stored = found.ok() ? found->file.version : 0;
  const uint64_t version = found.ok() && found->alive ? stored : 0;
  if (version != expected_version) return conflict(path, expected_version, version);
  if (version != 0 && !found->file.owner.empty()) {
    return Status::error(StatusCode::kConflict, "state record '{}' is ephemeral; only its owner ends it", escape(path));
  }
  return write(path, bytes, "", stored);
}

Status FileStore::remove_if(const std::string& path, uint64_t expected_version) {
  RETURN_IF_ERROR(check_state_path(path));
  WriteLock lock(*this);
  ASSIGN_OR_RETURN(Found found, read(path));
  if (found.alive && found.file.version != expected_version)
    return conflict(path, expected_version, found.file.version);
  RETURN_IF_ERROR(unlink_record(path));
  if (!found.alive) return Status::error(StatusCode::kNotFound, "the owner of '{}' was gone", escape(path));
  return Status();
}

/// Under the write lock. Directories that became empty go too.
Status FileStore::unlink_record(const std::string& path) {
  const std::string name = file_of(path);
  if (::unlink(name.c_str()) != 0) return Status::from_errno(errno, "remove " + name);
  std::string directory = parent_of(name);
  Status synced = sync_dir(directory);
  while (directory.size() > directory_.size() && ::rmdir(directory.c_str()) == 0) directory = parent_of(directory);
  return synced;
}

/// Removes the record of a dead owner; leaves it to the next one when that fails.
void FileStore::sweep(const std::string& path) {
  WriteLock lock(*this);
  auto found = read(path);
  if (!found.ok() || found->alive) return;
  if (Status removed = unlink_record(path); !removed.ok()) logger.warn("{}", removed.message());
}

/// The paths of records below a directory. A name that was cut is read from its record.
Status FileStore::list_into(const std::string& relative_dir, const std::string& prefix, std::vector<std::string>& out,
                            std::vector<std::string>& dead) const {
  ASSIGN_OR_RETURN(std::vector<DirEntry> entries, entries_of(directory_ + relative_dir));
  for (const DirEntry& entry : entries) {
    if (entry.name.starts_with('.')) continue;
    const std::string relative = relative_dir + "/" + entry.name;
    if (entry.directory) {
      RETURN_IF_ERROR(list_into(relative, prefix, out, dead));
      continue;
    }
    if (!ends_as_ours(entry.name)) continue;
    auto bytes = read_all(directory_ + relative);
    if (!bytes.ok()) {
      if (bytes.status().code() == StatusCode::kNotFound) continue;
      return bytes.status();
    }
    auto file = decode_state_file(*bytes);
    if (!file.ok()) return file.status().with_context("{}{}", directory_, relative);
    if (!prefix.empty() && !file->path.starts_with(prefix + "/")) continue;
    (owner_alive(file->owner) ? out : dead).push_back(file->path);
  }
  return Status();
}

Result<std::vector<std::string>> FileStore::list(const std::string& prefix) {
  if (!prefix.empty()) RETURN_IF_ERROR(check_state_path(prefix));
  std::vector<std::string> paths;
  std::vector<std::string> dead;
  RETURN_IF_ERROR(list_into(prefix.empty() ? "" : encode_path(prefix), prefix, paths, dead));
  for (const std::string& path : dead) sweep(path);
  std::sort(paths.begin(), paths.end());
  return paths;
}

Result<std::unique_ptr<StateWatch>> FileStore::watch(const std::string& path, OnChange on_change) {
  RETURN_IF_ERROR(check_state_path(path));
  if (reactor_ == nullptr) return Status(StatusCode::kUnavailable, "this store was opened without a reactor");
  auto state = std::make_shared<Watch::State>(*this, path, std::move(on_change));
  state->timer = reactor_->after(Nanos(0), [weak = std::weak_ptr<Watch::State>(state)] {
    if (auto self = weak.lock()) self->poll();
  });
  return std::unique_ptr<StateWatch>(std::make_unique<Watch>(std::move(state)));
}

Result<std::unique_ptr<EphemeralRecord>> FileStore::create_ephemeral(const std::string& path,
                                                                     const std::string& bytes) {
  RETURN_IF_ERROR(check_state_path(path));
  WriteLock lock(*this);
  auto found = read(path);
  if (!found.ok() && found.status().code() != StatusCode::kNotFound) return found.status();
  if (found.ok() && found->alive) {
    return Status::error(StatusCode::kAlreadyExists, "state record '{}' has an owner that lives", escape(path));
  }
  const std::string owner = fmt::format("{}-{:016x}", ::getpid(), system_entropy());
  const std::string owner_file = directory_ + kOwnersDir + "/" + owner;
  Fd fd(::open(owner_file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (fd.get() < 0) return Status::from_errno(errno, "create " + owner_file);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return Status::from_errno(errno, "lock " + owner_file);
  auto version = write(path, bytes, owner, found.ok() ? found->file.version : 0);
  if (!version.ok()) {
    ::unlink(owner_file.c_str());
    return version.status();
  }
  if (found.ok() && !found->file.owner.empty()) ::unlink((directory_ + kOwnersDir + "/" + found->file.owner).c_str());
  return std::unique_ptr<EphemeralRecord>(std::make_unique<Ephemeral>(*this, path, owner, fd.release()));
}

}  // namespace petrel
