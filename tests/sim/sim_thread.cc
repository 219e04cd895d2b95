#include "tests/sim/sim_thread.h"

#include <algorithm>

#include "native/base/check.h"

namespace petrel::sim {
namespace {

// Something may come between a step and the sleep after it, but not again and again.
constexpr int kMostFruitless = 1000;

}  // namespace

void SimParker::park(Nanos) {
  CHECK(false && "a simulated executor waits between its steps only");
}

void SimParker::unpark() {
  if (thread_ != nullptr) thread_->wake();
}

SimThread::SimThread(SimReactor& reactor, Executor& executor, Rng rng, Events events)
    : reactor_(reactor),
      executor_(executor),
      rng_(rng),
      events_(std::move(events)),
      spout_(executor.spec().component->kind == ComponentKind::kSpout) {}

void SimThread::start() {
  timer_ = reactor_.after(std::chrono::microseconds(10 + rng_.below(1000)), [this] {
    timer_ = 0;
    Status prepared = executor_.init();
    if (!prepared.ok()) return events_.failed(prepared);
    events_.prepared();
    step();
  });
}

void SimThread::schedule(Nanos delay) {
  const MonoTime when = std::max(reactor_.clock().now() + delay, busy_until_);
  if (timer_ != 0) {
    if (when >= at_) return;
    reactor_.cancel(timer_);
  }
  at_ = when;
  timer_ = reactor_.after(when - reactor_.clock().now(), [this] {
    timer_ = 0;
    step();
  });
}

void SimThread::wake() {
  if (sleeping_) schedule(std::chrono::microseconds(1 + rng_.below(10)));
}

void SimThread::step() {
  const MonoTime now = reactor_.clock().now();
  if (sleeping_) executor_.end_idle();
  sleeping_ = false;
  busy_ = Nanos(0);
  due_ = MonoTime::max();
  events_.runs(this);
  Result<bool> worked = executor_.run_once(now);
  if (!worked.ok()) return events_.failed(worked.status());
  busy_until_ = now + busy_;
  if (*worked) {
    fruitless_ = 0;
    events_.stepped();
    return schedule(std::chrono::microseconds(1));
  }
  const Nanos wait = executor_.begin_idle();
  if (wait <= Nanos(0)) {
    executor_.end_idle();
    if (++fruitless_ > kMostFruitless) {
      return events_.failed(Status(StatusCode::kInternal, "it spins: there is nothing to do, and it does not sleep"));
    }
    return schedule(std::chrono::microseconds(1));
  }
  fruitless_ = 0;
  sleeping_ = true;
  // A spout polls its source again and again; what finds nothing there is left out.
  const bool polls = spout_ && !executor_.outbox().has_refused();
  const Nanos until_due = due_ == MonoTime::max() ? Nanos(0) : Nanos(due_ - now);
  schedule(polls ? std::max(wait, until_due) : wait);
}

bool SimThread::idle() const {
  const Outbox& outbox = executor_.outbox();
  return executor_.queue().bytes() == 0 && !outbox.has_refused() && !outbox.dirty();
}

}  // namespace petrel::sim
