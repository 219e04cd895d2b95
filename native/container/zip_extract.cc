#include "native/container/zip_extract.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <array>
#include <cerrno>
#include <memory>

#include "native/base/escape.h"
#include "native/base/file.h"

namespace petrel {
namespace {

struct CloseZip {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseEntry {
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};

/// Each component is a plain name: nothing that climbs, no absolute path, no drive, no backslash.
bool stays_below(const std::string& name) {
  if (name.empty() || name[0] == '/' || name.find('\\') != std::string::npos || name.size() > 2000) return false;
  size_t start = 0;
  while (start <= name.size()) {
    const size_t end = std::min(name.find('/', start), name.size());
    const std::string component = name.substr(start, end - start);
    if (component == "." || component == ".." || component.size() > 255) return false;
    if (component.empty() && end != name.size()) return false;  // "a//b"; a directory ends in '/'
    start = end + 1;
  }
  return true;
}

mode_t unix_mode(zip_t* archive, zip_uint64_t index) {
  zip_uint8_t system = 0;
  zip_uint32_t attributes = 0;
  if (zip_file_get_external_attributes(archive, index, 0, &system, &attributes) != 0) return 0;
  return system == ZIP_OPSYS_UNIX ? attributes >> 16 : 0;
}

/// `left` is lowered by what was written.
Status extract_one(zip_t* archive, zip_uint64_t index, const std::string& file, bool executable, uint64_t& left) {
  std::unique_ptr<zip_file_t, CloseEntry> entry(zip_fopen_index(archive, index, 0));
  if (!entry) return Status::malformed("jar entry {}: {}", index, zip_strerror(archive));
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, executable ? 0700 : 0600);
  if (fd < 0) return Status::from_errno(errno, "create " + file);
  std::array<char, 64 * 1024> buffer;
  Status status;
  zip_int64_t n = 0;
  while (status.ok() && (n = zip_fread(entry.get(), buffer.data(), buffer.size())) > 0) {
    if (static_cast<uint64_t>(n) > left) {
      status = Status::error(StatusCode::kLimit, "the resources of the jar unpack to more than the limit");
    } else if (::write(fd, buffer.data(), static_cast<size_t>(n)) != n) {
      status = Status::from_errno(errno, "write " + file);
    } else {
      left -= static_cast<uint64_t>(n);
    }
  }
  if (status.ok() && n < 0)
    status = Status::malformed("jar entry {} is broken: {}", index, zip_file_strerror(entry.get()));
  ::close(fd);
  return status;
}

}  // namespace

Result<uint64_t> extract_below(const std::string& zip_file, const std::string& prefix, const std::string& target,
                               const ZipLimits& limits) {
  int error = 0;
  std::unique_ptr<zip_t, CloseZip> archive(zip_open(zip_file.c_str(), ZIP_RDONLY, &error));
  if (!archive) {
    zip_error_t detail;
    zip_error_init_with_code(&detail, error);
    Status status = Status::malformed("{} is not a readable jar: {}", zip_file, zip_error_strerror(&detail));
    zip_error_fini(&detail);
    return status;
  }
  uint64_t files = 0;
  uint64_t left = limits.bytes;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    const char* raw = zip_get_name(archive.get(), index, ZIP_FL_ENC_RAW);
    if (raw == nullptr || !std::string_view(raw).starts_with(prefix) || prefix == raw) continue;
    const std::string name = std::string(raw).substr(prefix.size());
    if (!stays_below(name)) {
      return Status::malformed("{}: the entry '{}' would be written outside its directory", zip_file, escape(raw));
    }
    const mode_t mode = unix_mode(archive.get(), index);
    const std::string file = target + "/" + name;
    if (name.back() == '/') {
      RETURN_IF_ERROR(make_directories(file.substr(0, file.size() - 1)));
      continue;
    }
    if ((mode & S_IFMT) != 0 && (mode & S_IFMT) != S_IFREG) continue;  // a link or a device
    if (++files > limits.files) {
      return Status::error(StatusCode::kLimit, "{} has more than {} resource files", zip_file, limits.files);
    }
    RETURN_IF_ERROR(make_directories(file.substr(0, file.rfind('/'))));
    RETURN_IF_ERROR(extract_one(archive.get(), index, file, (mode & S_IXUSR) != 0, left));
  }
  return files;
}

}  // namespace petrel
