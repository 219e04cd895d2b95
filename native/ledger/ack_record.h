// AckRecord and Completion: what crosses between collectors and the ledger, byte for byte (jvm-bridge/README.md).
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace petrel {

static_assert(std::endian::native == std::endian::little, "the border's buffers are little-endian");

enum class AckKind : uint8_t {
  kInit = 1,          // from the spout: XOR of the edges of the root tuple; starts the time-out
  kAck = 2,           // from a bolt: edge in ^ edges out
  kFail = 3,          // from a bolt
  kResetTimeout = 4,  // from a bolt: the time-out starts again
};

/// One line of book-keeping about one tree of tuples.
struct AckRecord {
  uint64_t root = 0;  // RootId
  uint64_t xor_value = 0;
  uint64_t host_mask = 0;  // bit n: a tuple of this tree was emitted to host slot n (modulo 64)
  AckKind kind = AckKind::kAck;
  uint8_t zero[3] = {0, 0, 0};
  uint32_t loss_number = 0;  // last host loss that the emitter knew about
};
static_assert(sizeof(AckRecord) == 32 && std::is_trivially_copyable_v<AckRecord>);

enum class CompletionKind : int32_t { kAck = 1, kFail = 2, kTimeout = 3, kHostLost = 4 };

/// The end of one tree, for the spout task that started it.
struct Completion {
  uint64_t root = 0;
  int32_t spout_task = 0;
  CompletionKind kind = CompletionKind::kAck;
  bool operator==(const Completion&) const = default;
};
static_assert(sizeof(Completion) == 16 && std::is_trivially_copyable_v<Completion>);

/// A root id, 64 bits from the top: 18 bits spout task, 10 bits incarnation of its host (modulo 1024), 36 bits
/// sequence. An ack record finds its ledger by the id alone.
struct RootId {
  static constexpr int kTaskBits = 18;
  static constexpr int kIncarnationBits = 10;
  static constexpr int kSequenceBits = 36;
  static constexpr uint32_t kMaxTask = (1U << kTaskBits) - 1;
  static constexpr uint32_t kIncarnationMask = (1U << kIncarnationBits) - 1;
  static constexpr uint64_t kSequenceMask = (uint64_t{1} << kSequenceBits) - 1;

  static constexpr uint64_t make(int32_t spout_task, uint32_t incarnation, uint64_t sequence) {
    return (static_cast<uint64_t>(spout_task) << (kIncarnationBits + kSequenceBits)) |
           (static_cast<uint64_t>(incarnation & kIncarnationMask) << kSequenceBits) | (sequence & kSequenceMask);
  }
  static constexpr int32_t spout_task(uint64_t root) {
    return static_cast<int32_t>(root >> (kIncarnationBits + kSequenceBits));
  }
  /// Of two incarnations as root ids have them (modulo 1024): a came before b. Right for less than 512 starts.
  static constexpr bool is_older(uint32_t a, uint32_t b) { return ((a - b) & kIncarnationMask) > kIncarnationMask / 2; }
  static constexpr uint32_t incarnation(uint64_t root) {
    return static_cast<uint32_t>(root >> kSequenceBits) & kIncarnationMask;
  }
};

}  // namespace petrel
