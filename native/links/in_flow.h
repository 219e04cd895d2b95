// InFlow: the receiver's end of a flow: what is expected next, the large section in assembly, and what its sender has
// to be told.
//
// Pure. A section at the expected offset is delivered, below it dropped as seen, above it dropped as a gap, for which
// one resume is asked.
#pragma once

#include <cstdint>
#include <memory>

#include "native/links/assembly.h"
#include "native/links/section.h"

namespace petrel {

/// Thread: one owner.  Limits: one section in assembly, of at most max_tuple_bytes; credit was granted for it before.
class InFlow {
 public:
  enum class Arrival {
    kDeliver,  // it, or the section that it completed
    kPart,     // of a section in assembly
    kSeen,
    kGap,
    kBad,  // breaks a rule of fragments; dropped
  };

  /// Sender and receiver start with the same limit, so that nobody has to tell it.
  InFlow(const FlowOptions& options, uint8_t lane)
      : options_(options), told_limit_(lane == kCycleLane ? options.cycle_window : options.first_window) {}

  /// `assembled` gets the whole section when the last fragment came, else null.
  Arrival on_section(const SectionView& section, std::shared_ptr<const Assembly>& assembled);
  /// The bytes of the flow that a section stands for.
  static uint64_t size_of(const SectionHeader& header) {
    return header.kind == SectionKind::kFragment ? header.bytes - kFragmentHeaderBytes : header.bytes;
  }
  /// A probe came behind everything that was sent up to `sent`.
  void on_probe(uint64_t sent);
  /// The sender is to be told, whatever has changed.
  void restate() { forced_ = true; }

  /// The sender waits for `end`. If it was told so far, that was lost.
  void on_reserve(uint64_t end) { forced_ |= end <= told_limit_; }

  /// The limit has become `limit`, of a window of `window` bytes; `wanted` is the end that the sender asked for (or 0);
  /// `unread` bytes of the flow have come and are not consumed: ask again when that has changed.
  bool credit_due(uint64_t limit, uint64_t window, uint64_t wanted, uint64_t unread) const;
  /// What to tell now; it counts as told.
  CreditEntry take_credit(int32_t executor, uint8_t lane, uint64_t limit, uint16_t load);

  /// What is in assembly will never be whole: its source died.
  void abandon() { assembly_.reset(); }

  uint64_t received() const { return expected_; }
  uint64_t assembly_bytes() const { return assembly_ ? assembly_->size() : 0; }

 private:
  Arrival on_fragment(const SectionView& section, std::shared_ptr<const Assembly>& assembled);

  const FlowOptions& options_;
  uint64_t expected_ = 0;
  bool gap_ = false;  // and the resume for it has been asked
  std::shared_ptr<Assembly> assembly_;
  Fragment assembling_;  // the next fragment that fits; bytes are not used

  uint64_t told_limit_;
  uint64_t told_received_ = 0;
  bool resume_ = false;
  bool probed_ = false;
  bool forced_ = false;
};

}  // namespace petrel
