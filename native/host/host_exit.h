// HostExit: the one way out of the process, whoever asks: System.exit in user code, an executor that dies, SIGTERM, a
// start that failed. The last error reports leave first (bounded wait), then the exit file is written.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "native/host/error_outbox.h"
#include "native/transport/reactor.h"

namespace petrel {

/// Thread: any.
class HostExit {
 public:
  static constexpr Nanos kFlushWait = Seconds(1);

  /// `exit_stem`: container_paths.h, process_stem("jvm-host"). `flush` is run on the reactor's loop and sends the
  /// outbox.
  HostExit(Reactor& reactor, ErrorOutbox& errors, std::string exit_stem, std::function<void()> flush);

  /// Flushes, writes the exit file, ends the process without running anything else. The first caller's code counts;
  /// a second caller waits for the end. Never call it on the loop's thread (use end_now there).
  [[noreturn]] void end(int code);
  /// The same without the flush.
  [[noreturn]] void end_now(int code);
  /// Ends the process with `code` when it still lives after `delay`, whatever hangs.
  void arm_watchdog(Nanos delay, int code);

 private:
  [[noreturn]] void leave(int code);

  Reactor& reactor_;
  ErrorOutbox& errors_;
  std::string exit_stem_;
  std::function<void()> flush_;
  std::atomic<bool> leaving_{false};
};

}  // namespace petrel
