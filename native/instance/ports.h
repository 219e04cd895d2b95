// What executors need from outside: links to other hosts, the ledger, the one who watches over the host. The process
// (native/native_host) and the simulator implement these; native/instance knows no socket and no thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "native/base/status.h"
#include "native/codec/frame.h"
#include "native/ledger/ack_record.h"

namespace petrel {

enum class Offer { kTaken, kNoCredit, kTooLarge, kUnknownTask };

/// Tuples (a batch of native/codec/tuple_batch.h) or one marker for a task of another host.
struct OutboundSection {
  int32_t source_task = 0;
  int32_t destination_task = 0;
  uint8_t lane = 0;
  SectionKind kind = SectionKind::kTuples;
  uint32_t count = 0;
  std::string bytes;
};

/// The same from another host. Bounded by credit: it is never refused.
struct InboundSection {
  int32_t executor = 0;  // first task of the receiving executor
  int32_t destination_task = 0;
  uint8_t lane = 0;
  SectionKind kind = SectionKind::kTuples;
  uint32_t count = 0;
  std::shared_ptr<const void> frame;  // owns the bytes
  std::string_view bytes;
  std::function<void()> consumed;  // called once, by the executor's thread: its credit may return
};

/// Links to the other hosts. Thread: any.
class RemotePort {
 public:
  virtual ~RemotePort() = default;
  /// The section is moved from only when taken. After kNoCredit somebody calls HostInstance::credit when it is worth
  /// trying again.
  virtual Offer offer(int32_t source_executor, OutboundSection&& section) = 0;
  /// Fill of the queue of a task of another host, 0 to 1, as last told.
  virtual double load_of(int32_t task) const = 0;
  /// Sum of the incarnations that are known of all hosts: grows with every loss (docs/links.md).
  virtual uint32_t loss_number() const = 0;
  /// What this host asks the others to hold back (docs/links.md, Pressure); absolute.
  virtual void set_pressure(uint16_t bits) { (void)bits; }
};

/// The ledgers: records find theirs by root. Thread: any.
class AckPort {
 public:
  virtual ~AckPort() = default;
  /// Before the first record of a spout task of this host. 0: no time-out.
  virtual void open(int32_t spout_task, int64_t timeout_ms) = 0;
  virtual void records(std::span<const AckRecord> records) = 0;
};

/// What executors tell their host. Thread: the executor's.
class HostEvents {
 public:
  virtual ~HostEvents() = default;
  /// An error that user code reported; the executor goes on.
  virtual void report_error(const std::string& component, int32_t task, const std::string& text) = 0;
  /// Everything that was emitted before marker `epoch` has been processed by this executor.
  virtual void drained(int32_t executor, uint64_t epoch) = 0;
};

}  // namespace petrel
