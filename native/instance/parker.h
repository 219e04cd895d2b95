// Parker and Waker: the rule by which a wake-up is never lost and rarely paid for. The owner calls prepare(), looks
// once more at everything it could be woken for, and only then sleeps; a producer makes its work visible and then calls
// wake(), which costs one load while the owner is awake. Twin of io.petrel.host.Waker.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "native/base/clock.h"

namespace petrel {

/// How an executor waits: a thread, or a step of a simulator (which may return at once).
class Parker {
 public:
  virtual ~Parker() = default;
  /// Waits until unpark() or so long. Thread: the owner.
  virtual void park(Nanos timeout) = 0;
  /// Thread: any. Before park() it makes the next park() return at once.
  virtual void unpark() = 0;
};

/// For executors that are threads.
class ThreadParker : public Parker {
 public:
  void park(Nanos timeout) override;
  void unpark() override;

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool permit_ = false;
};

/// Thread: prepare, cancel, sleep: the owner; wake: any.
class Waker {
 public:
  explicit Waker(Parker& parker) : parker_(parker) {}
  void prepare() { sleeping_ = true; }
  void cancel() { sleeping_ = false; }
  void sleep(Nanos timeout) {
    if (sleeping_) parker_.park(timeout);
    sleeping_ = false;
  }
  /// The owner sleeps, or is about to. Thread: any.
  bool asleep() const { return sleeping_; }
  void wake() {
    if (sleeping_ && sleeping_.exchange(false)) parker_.unpark();
  }

 private:
  Parker& parker_;
  std::atomic<bool> sleeping_{false};
};

}  // namespace petrel
