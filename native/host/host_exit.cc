#include "native/host/host_exit.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "native/base/log.h"
#include "native/container/container_paths.h"

namespace petrel {
namespace {
const Logger logger("host");
}  // namespace

HostExit::HostExit(Reactor& reactor, ErrorOutbox& errors, std::string exit_stem, std::function<void()> flush)
    : reactor_(reactor), errors_(errors), exit_stem_(std::move(exit_stem)), flush_(std::move(flush)) {}

void HostExit::end(int code) {
  if (leaving_.exchange(true)) {
    for (;;) pause();  // somebody is on the way out already
  }
  struct Flushed {
    std::mutex mutex;
    std::condition_variable wake;
    bool done = false;
  };
  auto flushed = std::make_shared<Flushed>();  // the loop may run this after we have given up
  reactor_.post([this, flushed] {
    flush_();
    // Bytes that the loop could not write at once get another round.
    Nanos round = Millis(errors_.size() == 0 ? 5 : 200);
    reactor_.after(round, [this, flushed] {
      flush_();
      std::lock_guard lock(flushed->mutex);
      flushed->done = true;
      flushed->wake.notify_all();
    });
  });
  {
    std::unique_lock lock(flushed->mutex);
    flushed->wake.wait_for(lock, kFlushWait, [&] { return flushed->done; });
  }
  if (errors_.size() != 0) logger.warn("{} error reports could not be sent", errors_.size());
  leave(code);
}

void HostExit::end_now(int code) {
  leaving_ = true;
  leave(code);
}

void HostExit::leave(int code) {
  logger.info("exit code {}", code);
  Status status = write_exit_file(exit_stem_, code);
  if (!status.ok()) logger.error("exit file: {}", status.message());
  _exit(code & 0xFF);
}

void HostExit::arm_watchdog(Nanos delay, int code) {
  reactor_.post([this, delay, code] {
    reactor_.after(delay, [this, code] {
      logger.error("the process did not end in time; ending it");
      end_now(code);
    });
  });
}

}  // namespace petrel
