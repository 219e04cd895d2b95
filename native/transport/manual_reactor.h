// ManualReactor: a loop whose time a test owns. Timers and posted work only; it has no network.
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "native/transport/reactor.h"

namespace petrel {

/// Thread: one thread only.
class ManualReactor : public Reactor {
 public:
  const Clock& clock() const override { return clock_; }
  void post(Callback callback) override { posted_.push_back(std::move(callback)); }
  TimerId after(Nanos delay, Callback callback) override;
  void cancel(TimerId timer) override;
  /// Runs what is due now; time stands still.
  void run() override;
  void stop() override {}
  /// Lets time pass; timers run in order, each at its own time.
  void advance(Nanos by);
  size_t timers() const { return timers_.size(); }

  Result<std::unique_ptr<Acceptor>> listen(const Endpoint& endpoint,
                                           std::function<void(std::unique_ptr<ByteStream>)> on_accept) override;
  void connect(const Endpoint& endpoint, Nanos timeout,
               std::function<void(Result<std::unique_ptr<ByteStream>>)> on_done) override;
  void when_readable(int fd, Callback callback) override;

 private:
  bool run_one();

  ManualClock clock_;
  TimerId last_timer_ = 0;
  std::deque<Callback> posted_;
  std::map<std::pair<MonoTime, TimerId>, Callback> timers_;
};

}  // namespace petrel
