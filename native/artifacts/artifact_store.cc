#include "native/artifacts/artifact_store.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <memory>

#include "native/artifacts/artifact_source.h"
#include "native/base/escape.h"
#include "native/base/rng.h"

namespace petrel {
namespace {

namespace fs = std::filesystem;
constexpr size_t kChunk = 256 * 1024;
constexpr char kUnfinished[] = ".part-";

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    CHECK(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void update(std::string_view bytes) { CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1); }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out;
    unsigned size = 0;
    CHECK(EVP_DigestFinal_ex(context_.get(), out.data(), &size) == 1);
    return to_hex(std::string_view(reinterpret_cast<const char*>(out.data()), size));
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

class File {
 public:
  File(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool ok() const { return fd_ >= 0; }
  int fd() const { return fd_; }

 private:
  int fd_;
};

Status write_all(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Status::from_errno(errno, "write " + path.string());
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return Status();
}

/// Reads a regular file piece by piece.
Status read_pieces(const fs::path& path, const std::function<Status(std::string_view)>& take) {
  File file(path, O_RDONLY | O_NONBLOCK);
  struct stat info;
  if (!file.ok() || ::fstat(file.fd(), &info) != 0) return Status::from_errno(errno, "open " + path.string());
  if (!S_ISREG(info.st_mode)) return Status::error(StatusCode::kIo, "{} is not a regular file", path.string());
  std::string buffer(kChunk, '\0');
  while (true) {
    ssize_t n = ::read(file.fd(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Status::from_errno(errno, "read " + path.string());
    if (n == 0) return Status();
    RETURN_IF_ERROR(take(std::string_view(buffer.data(), static_cast<size_t>(n))));
  }
}

Status sync_folder(const fs::path& folder) {
  File file(folder, O_RDONLY | O_DIRECTORY);
  if (!file.ok() || ::fsync(file.fd()) != 0) return Status::from_errno(errno, "sync " + folder.string());
  return Status();
}

Status make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return Status::from_errno(errno, "mkdir " + folder.string());
  return Status();
}

bool is_digest(std::string_view text) {
  if (text.size() != 64) return false;
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Status check_digest_text(std::string_view digest) {
  if (is_digest(digest)) return Status();
  return Status::malformed("artifact digest \"{}\" is not 64 lower-case hex digits", escape(digest));
}

/// `fill` writes the bytes and names the place; the temporary file is synced and renamed there, or removed.
Result<StoredArtifact> write_aside(const fs::path& folder,
                                   const std::function<Result<StoredArtifact>(int fd, const fs::path&)>& fill,
                                   const std::function<Result<fs::path>(const StoredArtifact&)>& destination) {
  fs::path temporary = folder / (kUnfinished + to_hex(system_random_bytes(8)));
  auto attempt = [&]() -> Result<StoredArtifact> {
    File file(temporary, O_WRONLY | O_CREAT | O_EXCL);
    if (!file.ok()) return Status::from_errno(errno, "create " + temporary.string());
    ASSIGN_OR_RETURN(StoredArtifact stored, fill(file.fd(), temporary));
    ASSIGN_OR_RETURN(fs::path path, destination(stored));
    if (::fsync(file.fd()) != 0) return Status::from_errno(errno, "sync " + temporary.string());
    if (::rename(temporary.c_str(), path.c_str()) != 0) return Status::from_errno(errno, "rename to " + path.string());
    RETURN_IF_ERROR(sync_folder(path.parent_path()));
    return stored;
  };
  Result<StoredArtifact> result = attempt();
  if (!result.ok()) ::unlink(temporary.c_str());
  return result;
}

Result<StoredArtifact> copy_into(const fs::path& source, int fd, const fs::path& path) {
  Sha256 hash;
  StoredArtifact stored;
  RETURN_IF_ERROR(read_pieces(source, [&](std::string_view piece) {
    hash.update(piece);
    stored.bytes += static_cast<int64_t>(piece.size());
    return write_all(fd, piece, path);
  }));
  stored.digest = hash.hex();
  return stored;
}

class FileSource : public ArtifactSource {
 public:
  explicit FileSource(fs::path root) : root_(std::move(root)) {}

  Status fetch(std::string_view digest, const fs::path& destination) override {
    RETURN_IF_ERROR(check_digest_text(digest));
    fs::path source = root_ / std::string(digest.substr(0, 2)) / std::string(digest);
    std::error_code error;
    if (!fs::exists(source, error)) {
      return Status::error(StatusCode::kNotFound, "artifact {} is not in {}", digest, root_.string());
    }
    return write_aside(
               destination.parent_path(), [&](int fd, const fs::path& path) { return copy_into(source, fd, path); },
               [&](const StoredArtifact& stored) -> Result<fs::path> {
                 if (stored.digest == digest) return destination;
                 return Status::error(StatusCode::kCorrupt, "{} has digest {}; remove it and submit again",
                                      source.string(), stored.digest);
               })
        .status();
  }

 private:
  fs::path root_;
};

}  // namespace

Result<ArtifactStore> ArtifactStore::open(const fs::path& root) {
  RETURN_IF_ERROR(make_folder(root));
  return ArtifactStore(root);
}

Result<StoredArtifact> ArtifactStore::put_file(const fs::path& source) const {
  ASSIGN_OR_RETURN(StoredArtifact known, digest_file(source));
  if (path_of(known.digest).ok()) return known;
  return write_aside(
      root_, [&](int fd, const fs::path& path) { return copy_into(source, fd, path); },
      [&](const StoredArtifact& stored) -> Result<fs::path> {
        fs::path folder = root_ / stored.digest.substr(0, 2);
        RETURN_IF_ERROR(make_folder(folder));
        return folder / stored.digest;
      });
}

Result<StoredArtifact> ArtifactStore::put_bytes(std::string_view bytes) const {
  StoredArtifact artifact{sha256_hex(bytes), static_cast<int64_t>(bytes.size())};
  if (path_of(artifact.digest).ok()) return artifact;
  return write_aside(
      root_,
      [&](int fd, const fs::path& path) -> Result<StoredArtifact> {
        RETURN_IF_ERROR(write_all(fd, bytes, path));
        return artifact;
      },
      [&](const StoredArtifact& stored) -> Result<fs::path> {
        fs::path folder = root_ / stored.digest.substr(0, 2);
        RETURN_IF_ERROR(make_folder(folder));
        return folder / stored.digest;
      });
}

Result<fs::path> ArtifactStore::path_of(std::string_view digest) const {
  RETURN_IF_ERROR(check_digest_text(digest));
  fs::path path = root_ / std::string(digest.substr(0, 2)) / std::string(digest);
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    return Status::error(StatusCode::kNotFound, "artifact {} is not in {}", digest, root_.string());
  }
  return path;
}

Result<std::string> ArtifactStore::read(std::string_view digest, int64_t limit) const {
  ASSIGN_OR_RETURN(fs::path path, path_of(digest));
  std::string bytes;
  RETURN_IF_ERROR(read_pieces(path, [&](std::string_view piece) {
    if (static_cast<int64_t>(bytes.size() + piece.size()) > limit) {
      return Status::error(StatusCode::kLimit, "{} is larger than {} bytes", path.string(), limit);
    }
    bytes += piece;
    return Status();
  }));
  if (sha256_hex(bytes) != digest) {
    return Status::error(StatusCode::kCorrupt, "{} does not have its digest; remove it and submit again",
                         path.string());
  }
  return bytes;
}

Result<int> ArtifactStore::remove_unreferenced(const std::set<std::string>& keep) const {
  int removed = 0;
  std::error_code error;
  auto remove = [&](const fs::path& path) {
    std::error_code ignored;
    if (fs::remove(path, ignored)) ++removed;
  };
  std::vector<fs::path> victims;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root_, error)) {
    std::string name = entry.path().filename().string();
    if (!entry.is_regular_file(error)) continue;
    bool unfinished = name.rfind(kUnfinished, 0) == 0;
    if (unfinished || (is_digest(name) && !keep.contains(name))) victims.push_back(entry.path());
  }
  if (error) return Status::error(StatusCode::kIo, "list {}: {}", root_.string(), error.message());
  for (const fs::path& path : victims) remove(path);
  return removed;
}

Result<StoredArtifact> digest_file(const fs::path& file) {
  Sha256 hash;
  StoredArtifact artifact;
  RETURN_IF_ERROR(read_pieces(file, [&](std::string_view piece) {
    hash.update(piece);
    artifact.bytes += static_cast<int64_t>(piece.size());
    return Status();
  }));
  artifact.digest = hash.hex();
  return artifact;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.hex();
}

Result<std::unique_ptr<ArtifactSource>> open_artifact_source(std::string_view uri) {
  constexpr std::string_view kFile = "file:";
  if (uri.substr(0, kFile.size()) != kFile || uri.size() == kFile.size()) {
    return Status::malformed("artifact source \"{}\" is unknown; use file:<directory>", escape(uri));
  }
  return std::unique_ptr<ArtifactSource>(std::make_unique<FileSource>(fs::path(uri.substr(kFile.size()))));
}

}  // namespace petrel
