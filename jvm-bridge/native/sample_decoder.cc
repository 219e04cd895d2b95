#include "jvm-bridge/native/sample_decoder.h"

#include "jvm-bridge/native/java_data.h"

namespace petrel {
namespace {

constexpr int32_t kMaxExecutors = 100'000;
constexpr int32_t kMaxStreams = 10'000;
constexpr size_t kMaxName = 64 * 1024;
// Smallest encoded sizes: what a count promises must fit into the rest.
constexpr size_t kSmallestExecutor = 4 + 4 + 4 + 1 + 4 * 8 + 4 + 4 + 4;
constexpr size_t kSmallestOutput = 4 + 6 * 8;
constexpr size_t kSmallestInput = 4 + 4 + 7 * 8;
constexpr size_t kBlockedCause = 4 + 8;

void read_output(JavaDataReader& in, proto::StreamCounts& out) {
  out.set_stream(in.str(kMaxName));
  out.set_emitted(in.i64());
  out.set_transferred(in.i64());
  out.set_acked(in.i64());
  out.set_failed(in.i64());
  out.set_complete_ns_sum(in.i64());
  out.set_complete_samples(in.i64());
}

void read_input(JavaDataReader& in, proto::InputCounts& out) {
  out.set_component(in.str(kMaxName));
  out.set_stream(in.str(kMaxName));
  out.set_acked(in.i64());
  out.set_failed(in.i64());
  out.set_executed(in.i64());
  out.set_execute_ns_sum(in.i64());
  out.set_execute_samples(in.i64());
  out.set_process_ns_sum(in.i64());
  out.set_process_samples(in.i64());
}

void read_executor(JavaDataReader& in, proto::ExecutorSample& out) {
  out.set_component(in.str(kMaxName));
  out.set_first_task(in.i32());
  out.set_last_task(in.i32());
  out.set_spout(in.u8() != 0);
  out.set_queue_depth(in.i64());
  out.set_queue_bytes(in.i64());
  out.set_blocked_ns(in.i64());
  out.set_pending(in.i64());
  int32_t outputs = in.count(kMaxStreams, kSmallestOutput);
  for (int32_t i = 0; i < outputs && !in.failed(); ++i) read_output(in, *out.add_outputs());
  int32_t inputs = in.count(kMaxStreams, kSmallestInput);
  for (int32_t i = 0; i < inputs && !in.failed(); ++i) read_input(in, *out.add_inputs());
  int32_t causes = in.count(kMaxExecutors, kBlockedCause);
  for (int32_t i = 0; i < causes && !in.failed(); ++i) {
    proto::BlockedCause& cause = *out.add_blocked_by();
    cause.set_first_task(in.i32());
    cause.set_ns(in.i64());
  }
}

}  // namespace

Result<proto::HostSample> decode_sample(std::span<const std::byte> bytes) {
  JavaDataReader in(bytes);
  proto::HostSample sample;
  int32_t executors = in.count(kMaxExecutors, kSmallestExecutor);
  for (int32_t i = 0; i < executors && !in.failed(); ++i) read_executor(in, *sample.add_executors());
  if (in.failed()) return in.status().with_context("sample of the Java host");
  if (in.left() != 0) return Status::malformed("sample of the Java host: {} bytes after the end", in.left());
  return sample;
}

}  // namespace petrel
