#include "native/state_store/state_file.h"

#include "native/base/crc32c.h"
#include "native/state_store/state_store.h"

namespace petrel {
namespace {

constexpr std::string_view kMagic("PTRLREC\n", 8);
constexpr size_t kHeaderBytes = 8 + 4 + 4 + 8 + 4 + 4 + 8;
constexpr size_t kCrcBytes = 4;

template <typename T>
void append(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

/// Takes an integer off the front; the caller has checked that it is there.
template <typename T>
T take(std::string_view& bytes) {
  CHECK(bytes.size() >= sizeof(T));
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  bytes.remove_prefix(sizeof(T));
  return value;
}

template <typename... Args>
Status corrupt(fmt::format_string<Args...> format, Args&&... args) {
  return Status::error(StatusCode::kCorrupt, format, std::forward<Args>(args)...);
}

}  // namespace

std::string encode_state_file(const StateFile& file) {
  std::string out;
  out.reserve(kHeaderBytes + file.path.size() + file.owner.size() + file.data.size() + kCrcBytes);
  out.append(kMagic);
  append<uint32_t>(out, kStateFileFormat);
  append<uint32_t>(out, 0);
  append<uint64_t>(out, file.version);
  append<uint32_t>(out, static_cast<uint32_t>(file.path.size()));
  append<uint32_t>(out, static_cast<uint32_t>(file.owner.size()));
  append<uint64_t>(out, file.data.size());
  out.append(file.path).append(file.owner).append(file.data);
  append<uint32_t>(out, crc32c(out));
  return out;
}

Result<StateFile> decode_state_file(std::string_view bytes) {
  if (bytes.empty()) return corrupt("the file is empty");
  const size_t magic_bytes = std::min(bytes.size(), kMagic.size());
  if (bytes.substr(0, magic_bytes) != kMagic.substr(0, magic_bytes)) {
    return corrupt("the file does not begin as a state record does");
  }
  if (bytes.size() < kHeaderBytes + kCrcBytes)
    return corrupt("the file ends inside its header, at byte {}", bytes.size());
  std::string_view rest = bytes.substr(kMagic.size());
  const auto format = take<uint32_t>(rest);
  // A newer format may differ behind this point, so nothing more is looked at.
  if (format > kStateFileFormat) {
    return Status::error(StatusCode::kUnavailable,
                         "the record has format {}, this petrel reads up to {}; run the newer petrel that wrote it",
                         format, kStateFileFormat);
  }
  if (format == 0) return corrupt("the record has format 0");
  const auto reserved = take<uint32_t>(rest);
  StateFile file;
  file.version = take<uint64_t>(rest);
  const auto path_bytes = take<uint32_t>(rest);
  const auto owner_bytes = take<uint32_t>(rest);
  const auto data_bytes = take<uint64_t>(rest);
  if (data_bytes > kStateRecordBytesMax) return corrupt("the record claims {} bytes of data", data_bytes);
  const uint64_t wanted = kHeaderBytes + uint64_t{path_bytes} + owner_bytes + data_bytes + kCrcBytes;
  if (bytes.size() != wanted) return corrupt("the file has {} bytes, its header says {}", bytes.size(), wanted);
  std::string_view crc_bytes = bytes.substr(bytes.size() - kCrcBytes);
  const uint32_t computed = crc32c(bytes.substr(0, bytes.size() - kCrcBytes));
  if (const auto stored = take<uint32_t>(crc_bytes); stored != computed) {
    return corrupt("checksum {:08x}, the bytes give {:08x}", stored, computed);
  }
  if (reserved != 0 || file.version == 0 || path_bytes == 0) return corrupt("a field of the header is out of range");
  file.path = rest.substr(0, path_bytes);
  file.owner = rest.substr(path_bytes, owner_bytes);
  file.data = rest.substr(path_bytes + owner_bytes, data_bytes);
  return file;
}

}  // namespace petrel
