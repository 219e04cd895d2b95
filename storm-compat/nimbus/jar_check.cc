#include "storm-compat/nimbus/jar_check.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "native/base/escape.h"

namespace petrel {
namespace {

constexpr int64_t kEndBytes = 22;  // end of central directory, without its comment
constexpr int64_t kMaxComment = 65535;
constexpr uint64_t kMaxEntries = 1'000'000;
constexpr int64_t kZip64LocatorBytes = 20;
constexpr int64_t kZip64EndBytes = 56;
constexpr int64_t kEntryBytes = 46;  // fixed part of a central directory entry
constexpr uint32_t kEndMagic = 0x06054b50, kEntryMagic = 0x02014b50, kZip64EndMagic = 0x06064b50,
                   kZip64LocatorMagic = 0x07064b50;
constexpr uint32_t kFull32 = 0xffffffff;  // "look in the zip64 record"
constexpr uint16_t kFull16 = 0xffff;

template <typename T>
T little(std::string_view bytes, size_t at) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value |= static_cast<T>(static_cast<T>(static_cast<uint8_t>(bytes[at + i])) << (8 * i));
  return value;
}

struct Directory {
  uint64_t offset = 0;  // as written in the file; real = offset + shift
  uint64_t bytes = 0;
  uint64_t entries = 0;
  int64_t end = 0;  // where the directory ends in the file
};

Result<std::string> read_at(std::ifstream& in, int64_t at, int64_t n) {
  std::string buffer(static_cast<size_t>(n), '\0');
  in.clear();
  in.seekg(at);
  in.read(buffer.data(), n);
  if (in.gcount() != n) return Status::error(StatusCode::kIo, "read {} bytes at {}", n, at);
  return buffer;
}

Result<Directory> find_directory(std::ifstream& in, int64_t size) {
  const int64_t tail_bytes = std::min(size, kEndBytes + kMaxComment);
  ASSIGN_OR_RETURN(const std::string tail, read_at(in, size - tail_bytes, tail_bytes));
  for (int64_t at = tail_bytes - kEndBytes; at >= 0; --at) {
    const auto pos = static_cast<size_t>(at);
    if (little<uint32_t>(tail, pos) != kEndMagic) continue;
    if (little<uint16_t>(tail, pos + 20) != tail_bytes - at - kEndBytes) continue;  // the comment must reach to the end
    Directory directory;
    directory.entries = little<uint16_t>(tail, pos + 10);
    directory.bytes = little<uint32_t>(tail, pos + 12);
    directory.offset = little<uint32_t>(tail, pos + 16);
    directory.end = size - tail_bytes + at;
    const bool zip64 = directory.entries == kFull16 || directory.bytes == kFull32 || directory.offset == kFull32;
    if (!zip64 || at < kZip64LocatorBytes) return directory;
    const size_t locator = pos - kZip64LocatorBytes;
    if (little<uint32_t>(tail, locator) != kZip64LocatorMagic) return directory;
    const auto end64 = little<uint64_t>(tail, locator + 8);
    if (end64 > static_cast<uint64_t>(size - kZip64EndBytes)) {
      return Status::malformed("its zip64 end record is said to be at {}, behind the end of the file ({} bytes)", end64,
                               size);
    }
    ASSIGN_OR_RETURN(const std::string record, read_at(in, static_cast<int64_t>(end64), kZip64EndBytes));
    if (little<uint32_t>(record, 0) != kZip64EndMagic) return Status::malformed("its zip64 end record is damaged");
    directory.entries = little<uint64_t>(record, 32);
    directory.bytes = little<uint64_t>(record, 40);
    directory.offset = little<uint64_t>(record, 48);
    directory.end = static_cast<int64_t>(end64);
    return directory;
  }
  return Status::malformed("it has no zip directory at its end: it is cut off, or not a zip file");
}

/// Bytes of a file from a place on, read in blocks: a seek per entry would cost a system call and 8 KiB each.
class BlockReader {
 public:
  BlockReader(std::ifstream& in, int64_t from) : in_(in) {
    in_.clear();
    in_.seekg(from);
  }
  /// The next n (at most kBlock) bytes, valid until the next call; empty when the file ends before.
  std::string_view next(size_t n) {
    if (block_.size() - at_ < n) {
      block_.erase(0, at_);
      at_ = 0;
      const size_t had = block_.size();
      block_.resize(had + kBlock);
      in_.read(block_.data() + had, kBlock);
      block_.resize(had + static_cast<size_t>(in_.gcount()));
      if (block_.size() < n) return {};
    }
    at_ += n;
    return std::string_view(block_).substr(at_ - n, n);
  }

 private:
  static constexpr size_t kBlock = 256 * 1024;  // more than the three variable parts of an entry together
  std::ifstream& in_;
  std::string block_;
  size_t at_ = 0;
};

/// Streams through the entries: each must carry its magic and lie inside the directory.
Status walk_entries(std::ifstream& in, const Directory& directory) {
  int64_t left = static_cast<int64_t>(directory.bytes);
  BlockReader reader(in, directory.end - left);
  for (uint64_t i = 0; i < directory.entries; ++i) {
    if (left < kEntryBytes) {
      return Status::malformed("its directory ends after {} of {} entries", i, directory.entries);
    }
    const std::string_view entry = reader.next(kEntryBytes);
    if (entry.empty() || little<uint32_t>(entry, 0) != kEntryMagic) {
      return Status::malformed("entry {} of its directory is damaged", i);
    }
    const int64_t names = little<uint16_t>(entry, 28) + little<uint16_t>(entry, 30) + little<uint16_t>(entry, 32);
    left -= kEntryBytes + names;
    if (left < 0 || (names > 0 && reader.next(static_cast<size_t>(names)).empty())) {
      return Status::malformed("its directory is cut off");
    }
  }
  return Status();
}

}  // namespace

Result<JarInfo> check_jar(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return Status::error(StatusCode::kIo, "open the uploaded jar");
  const int64_t size = in.tellg();
  if (size == 0) return Status::malformed("the uploaded jar is empty (0 bytes); upload the topology jar again");
  if (size < 0) return Status::error(StatusCode::kIo, "the uploaded jar cannot be read");
  ASSIGN_OR_RETURN(const std::string head, read_at(in, 0, std::min<int64_t>(size, 8)));
  const Status not_a_jar =
      Status::malformed("the uploaded jar ({} bytes, starting with '{}') is not a usable zip file", size, escape(head));
  if (size < kEndBytes) return Status::malformed("{}: too short", not_a_jar.message());
  Result<Directory> directory = find_directory(in, size);
  if (!directory.ok()) return directory.status().with_context("{}", not_a_jar.message());
  const Directory& found = *directory;
  if (found.bytes > static_cast<uint64_t>(found.end) || found.entries > found.bytes / kEntryBytes ||
      found.offset > static_cast<uint64_t>(found.end) - found.bytes) {
    return Status::malformed("{}: its directory ({} entries, {} bytes at {}) does not fit", not_a_jar.message(),
                             found.entries, found.bytes, found.offset);
  }
  if (found.entries > kMaxEntries) {
    return Status::error(StatusCode::kMalformed, "the uploaded jar has {} entries, and {} are allowed", found.entries,
                         kMaxEntries);
  }
  RETURN_IF_ERROR(walk_entries(in, found).with_context("{}", not_a_jar.message()));
  return JarInfo{size, static_cast<int64_t>(found.entries)};
}

}  // namespace petrel
