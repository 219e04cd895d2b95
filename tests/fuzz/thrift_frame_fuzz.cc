// Any bytes as what a client sends: frame, message, scan, generated reader, handler that does nothing, answer.
// Input: a byte that says how (mod 4: 0, 2 the rest is one message; 1 a stream of frames; 3 the same, read in place),
// then the bytes.
// Beside crashes and leaks: what the scan lets through, the generated reader must read; every answer is a message.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "Nimbus.h"
#include "native/base/check.h"
#include "storm-compat/thrift/call_runner.h"
#include "storm-compat/thrift/frame_assembler.h"

namespace petrel {
namespace {

constexpr uint32_t kMaxFrame = 1 << 20;
constexpr uint32_t kMaxAnswer = 1 << 12;

class NullNimbus : public storm::NimbusNull {
  void activate(const std::string&) override { throw std::runtime_error("thrown"); }
  void getNimbusConf(std::string& conf) override { conf = std::string(kMaxAnswer, 'c'); }
#ifdef PETREL_PLANTED_BUG
  void killTopologyWithOpts(const std::string&, const storm::KillOptions& options) override {
    if (options.__isset.wait_secs && options.wait_secs != 30) std::abort();
  }
#endif
};

const CallRunner& runner() {
  static const CallRunner kRunner(std::make_shared<storm::NimbusProcessor>(std::make_shared<NullNimbus>()),
                                  ScanLimits(), kMaxFrame, kMaxFrame);
  return kRunner;
}

void run_message(std::string_view message) {
  static const Caller kCaller{"fuzz:1", ""};
  CallAnswer answer = runner().run(message, kCaller);
  CHECK(answer.refused.ok() != answer.frame.empty());
  if (answer.frame.empty()) return;
  CHECK(scan_header(std::string_view(answer.frame).substr(4)).ok());
  if (answer.unread) {
    std::fprintf(stderr, "the scan let through: %s\n", answer.remark.c_str());
    std::abort();
  }
}

/// Cutting arguments out needs no scan before it, and finds nothing outside of the message.
void cut_arguments(std::string_view message) {
  for (int16_t id : {1, 4}) {
    Result<std::string_view> raw = raw_argument(message, id);
    if (!raw.ok()) continue;
    CHECK(raw->data() >= message.data() && raw->data() + raw->size() <= message.data() + message.size());
    [[maybe_unused]] Status walked = scan_untyped_struct(*raw);
  }
}

/// One step of a stream: into the inbox, or straight into the frame.
Status feed(FrameAssembler& assembler, std::string_view& bytes, bool in_place) {
  std::span<char> room = in_place ? assembler.room(1) : std::span<char>();
  if (room.empty()) {
    std::string_view header = bytes.substr(0, in_place ? 4 : bytes.size());
    size_t before = header.size();
    Status status = assembler.take(header);
    bytes.remove_prefix(before - header.size());
    return status;
  }
  size_t n = std::min(room.size(), bytes.size());
  std::memcpy(room.data(), bytes.data(), n);
  bytes.remove_prefix(n);
  return assembler.wrote(n);
}

void run_stream(std::string_view bytes, bool in_place) {
  FrameAssembler assembler(kMaxFrame);
  while (!bytes.empty()) {
    if (!feed(assembler, bytes, in_place).ok()) return;
    CHECK(!assembler.progress().empty());
    CHECK(assembler.memory() <= 16384 + 4 * assembler.received());
    if (assembler.complete()) run_message(assembler.release());
  }
}

}  // namespace
}  // namespace petrel

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    petrel::run_message(rest);
    petrel::cut_arguments(rest);
  } else {
    petrel::run_stream(rest, data[0] % 4 == 3);
  }
  return 0;
}
