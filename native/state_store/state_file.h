// The file of one record, as bytes. Little-endian:
//
//   file    := magic format:u32 reserved:u32 version:u64 path_len:u32 owner_len:u32 data_len:u64 path owner data
//   crc:u32 magic   := "PTRLREC\n" format  := 1; a reader refuses a newer one by name and never touches the file owner
//   := "" for a lasting record, else the name of the owner file of an ephemeral one crc     := CRC32C of all bytes
//   before it
//
// The file has exactly that length. The path is inside so that a file that was moved or renamed is noticed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "native/base/status.h"

namespace petrel {

inline constexpr uint32_t kStateFileFormat = 1;

struct StateFile {
  uint64_t version = 0;
  std::string path;
  std::string owner;
  std::string data;
  bool operator==(const StateFile&) const = default;
};

std::string encode_state_file(const StateFile& file);
/// kCorrupt for anything that encode_state_file did not write, whatever its bytes; kUnavailable for a newer format.
/// The messages have no file name: the caller adds it.
Result<StateFile> decode_state_file(std::string_view bytes);

}  // namespace petrel
