#include "jvm-bridge/native/vm_flags.h"

#include <dlfcn.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace petrel {
namespace {

// Each table is an array of entries; its layout is told by exported variables.
class VmTables {
 public:
  explicit VmTables(void* library) : library_(library) {}

  template <typename T>
  std::optional<T> variable(const char* name) const {
    void* address = dlsym(library_, name);
    if (address == nullptr) return std::nullopt;
    T value;
    std::memcpy(&value, address, sizeof value);
    return value;
  }

 private:
  void* library_;
};

template <typename T>
T read_at(const char* base, uint64_t offset) {
  T value;
  std::memcpy(&value, base + offset, sizeof value);
  return value;
}

struct FlagTable {
  const char* flags = nullptr;
  uint64_t count = 0;
  uint64_t stride = 0;
  std::optional<uint64_t> name_offset;
};

void read_fields(const VmTables& tables, FlagTable& out) {
  auto structs = tables.variable<const char*>("gHotSpotVMStructs");
  auto type_at = tables.variable<uint64_t>("gHotSpotVMStructEntryTypeNameOffset");
  auto field_at = tables.variable<uint64_t>("gHotSpotVMStructEntryFieldNameOffset");
  auto offset_at = tables.variable<uint64_t>("gHotSpotVMStructEntryOffsetOffset");
  auto address_at = tables.variable<uint64_t>("gHotSpotVMStructEntryAddressOffset");
  auto stride = tables.variable<uint64_t>("gHotSpotVMStructEntryArrayStride");
  if (!structs || !type_at || !field_at || !offset_at || !address_at || !stride || *stride == 0) return;
  for (const char* entry = *structs; read_at<const char*>(entry, *type_at) != nullptr; entry += *stride) {
    if (std::string_view(read_at<const char*>(entry, *type_at)) != "JVMFlag") continue;
    std::string_view field = read_at<const char*>(entry, *field_at);
    const char* address = read_at<const char*>(entry, *address_at);
    if (field == "flags" && address != nullptr) out.flags = read_at<const char*>(address, 0);
    if (field == "numFlags" && address != nullptr) out.count = read_at<uint64_t>(address, 0);
    if (field == "_name") out.name_offset = read_at<uint64_t>(entry, *offset_at);
  }
}

void read_stride(const VmTables& tables, FlagTable& out) {
  auto types = tables.variable<const char*>("gHotSpotVMTypes");
  auto name_at = tables.variable<uint64_t>("gHotSpotVMTypeEntryTypeNameOffset");
  auto size_at = tables.variable<uint64_t>("gHotSpotVMTypeEntrySizeOffset");
  auto stride = tables.variable<uint64_t>("gHotSpotVMTypeEntryArrayStride");
  if (!types || !name_at || !size_at || !stride || *stride == 0) return;
  for (const char* entry = *types; read_at<const char*>(entry, *name_at) != nullptr; entry += *stride) {
    if (std::string_view(read_at<const char*>(entry, *name_at)) == "JVMFlag")
      out.stride = read_at<uint64_t>(entry, *size_at);
  }
}

}  // namespace

std::vector<std::string> vm_flag_names(void* library) {
  std::vector<std::string> names;
  if (library == nullptr) return names;
  VmTables tables(library);
  FlagTable table;
  read_fields(tables, table);
  read_stride(tables, table);
  constexpr uint64_t kMostFlags = 10'000;
  if (table.flags == nullptr || !table.name_offset || table.stride == 0 || table.count > kMostFlags) return names;
  for (uint64_t i = 0; i < table.count; ++i) {
    const char* name = read_at<const char*>(table.flags + i * table.stride, *table.name_offset);
    if (name != nullptr) names.emplace_back(name);
  }
  return names;
}

}  // namespace petrel
