#include "native/transport/manual_reactor.h"

#include <algorithm>

namespace petrel {

Reactor::TimerId ManualReactor::after(Nanos delay, Callback callback) {
  timers_.emplace(std::make_pair(clock_.now() + std::max(delay, Nanos(0)), ++last_timer_), std::move(callback));
  return last_timer_;
}

void ManualReactor::cancel(TimerId timer) {
  std::erase_if(timers_, [timer](const auto& entry) { return entry.first.second == timer; });
}

bool ManualReactor::run_one() {
  Callback next;
  if (!posted_.empty()) {
    next = std::move(posted_.front());
    posted_.pop_front();
  } else if (!timers_.empty() && timers_.begin()->first.first <= clock_.now()) {
    next = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
  } else {
    return false;
  }
  next();
  return true;
}

void ManualReactor::run() {
  while (run_one()) {
  }
}

void ManualReactor::advance(Nanos by) {
  const MonoTime end = clock_.now() + by;
  run();
  while (!timers_.empty() && timers_.begin()->first.first <= end) {
    clock_.advance(timers_.begin()->first.first - clock_.now());
    run();
  }
  clock_.advance(end - clock_.now());
}

Result<std::unique_ptr<Acceptor>> ManualReactor::listen(const Endpoint&,
                                                        std::function<void(std::unique_ptr<ByteStream>)>) {
  return Status(StatusCode::kUnavailable, "the manual reactor has no network");
}

void ManualReactor::connect(const Endpoint&, Nanos, std::function<void(Result<std::unique_ptr<ByteStream>>)> on_done) {
  post([on_done = std::move(on_done)] {
    on_done(Status(StatusCode::kUnavailable, "the manual reactor has no network"));
  });
}

void ManualReactor::when_readable(int, Callback) {
  CHECK(false && "the manual reactor has no descriptors");
}

}  // namespace petrel
