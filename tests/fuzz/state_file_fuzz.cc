// Any bytes as the file of a state record, and as the messages that a record may hold.
// Beside crashes and leaks: what the decoder accepts, the encoder writes back byte for byte; what it refuses has a
// sentence. The checksum would keep a fuzzer outside, so inputs get a right one in their last four bytes as well.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "native/base/check.h"
#include "native/base/crc32c.h"
#include "native/state_store/memory_store.h"
#include "native/state_store/state_file.h"
#include "native/state_store/topology_state.h"

namespace petrel {
namespace {

void check_planted([[maybe_unused]] const StateFile& file) {
#ifdef PETREL_PLANTED_BUG
  if (!file.owner.empty() && file.owner.size() < file.path.size() && file.data.size() > 1) std::abort();
#endif
}

void read_record(const std::string& data) {
  MemoryStore store;
  TopologyState state(store);
  const TopologyId id("t");
  for (const char* path : {"topologies/t/base", "topologies/t/plan", "topologies/t/master", "topologies/t/errors/c"}) {
    CHECK(store.put_if(path, data, 0).ok());
  }
  (void)state.base(id).ok();
  (void)state.plan(id).ok();
  (void)state.master(id).ok();
  (void)state.errors(id, "c").ok();
}

void check(const std::string& bytes) {
  Result<StateFile> file = decode_state_file(bytes);
  if (!file.ok()) {
    CHECK(!file.status().message().empty() && file.status().message().size() < 1000);
    return;
  }
  CHECK(encode_state_file(*file) == bytes);
  check_planted(*file);
  read_record(file->data);
}

std::string with_checksum(std::string bytes) {
  bytes.resize(bytes.size() - 4);
  const uint32_t crc = crc32c(bytes);
  for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(crc >> shift));
  return bytes;
}

}  // namespace
}  // namespace petrel

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  petrel::check(bytes);
  if (size >= 4) petrel::check(petrel::with_checksum(bytes));
  return 0;
}
