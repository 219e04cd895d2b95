// Any bytes as what a client sends: frame, message, scan, generated reader, handler that does nothing, answer.
// Input: a byte that says how (even: the rest is one message; odd: the rest is a stream of frames), then the bytes.
// Beside crashes and leaks: what the scan lets through, the generated reader must read; every answer is a message.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "Nimbus.h"
#include "native/base/check.h"
#include "storm-compat/thrift/call_runner.h"
#include "storm-compat/thrift/frame_assembler.h"

namespace petrel {
namespace {

constexpr uint32_t kMaxFrame = 1 << 20;

class NullNimbus : public storm::NimbusNull {
#ifdef PETREL_PLANTED_BUG
  void killTopologyWithOpts(const std::string&, const storm::KillOptions& options) override {
    if (options.__isset.wait_secs && options.wait_secs < 0) std::abort();
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

void run_stream(std::string_view bytes) {
  FrameAssembler assembler(kMaxFrame);
  while (!bytes.empty()) {
    if (!assembler.take(bytes).ok()) return;
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
  } else {
    petrel::run_stream(rest);
  }
  return 0;
}
