// NativeCalls: what Java asks of the native side (io.petrel.host.Native), as an interface, and its registration.
#pragma once

#include <jni.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "native/base/status.h"

namespace petrel {

class HostLinks;

/// Thread: every method is called on Java threads, at the same time. An exception of a method becomes a
/// RuntimeException.
class NativeCalls {
 public:
  virtual ~NativeCalls() = default;
  /// Before the first emit of a spout task; 0 = time-outs off.
  virtual void ledger_open(int32_t spout_task, int64_t timeout_ms) = 0;
  /// Tuples for other hosts and from them (host_links.h); null when the plan has one host. Fixed before Host.boot.
  virtual HostLinks* links() { return nullptr; }
  /// A batch of ack records; the bytes are valid during the call only. The writer says ledger_recorded() within a
  /// moment; until then nobody need attend to them.
  virtual void ledger_records(std::span<const std::byte> records) = 0;
  /// What was recorded, and offered to the links, waits no longer. With `here` it may call Host.completions before it
  /// returns.
  virtual void ledger_recorded(bool here) = 0;
  virtual void prepared() = 0;
  /// All local executors have the markers of a drain (docs/links.md, Markers).
  virtual void drained(uint64_t epoch) { (void)epoch; }
  virtual void report_error(std::string component, int32_t task, std::string text, int64_t wall_ms) = 0;
  /// The worker dies of an exception: reports, waits until the report left (bounded), and ends the process by
  /// System.exit. Returns only when exiting has failed.
  virtual void die(JNIEnv* env, std::string component, int32_t task, std::string text, int exit_code) = 0;
};

/// Registers the native methods of `native_class` (io.petrel.host.Native); `calls` must live as long as the process.
/// An error names the method that the class does not declare.
Status register_native_calls(JNIEnv* env, jclass native_class, NativeCalls* calls);

}  // namespace petrel
