// The Reactor of a real process: asio, TCP, abstract Unix sockets, epoll.
#pragma once

#include <memory>

#include "native/transport/reactor.h"

namespace petrel {

/// Thread: see Reactor; the thread that calls run() is the loop.
/// Limits: 64 KiB read at once per stream; the memory of writes is the sender's to bound (ByteStream::queued_bytes).
class AsioReactor : public Reactor {
 public:
  explicit AsioReactor(const Clock& clock = SystemClock::instance());
  ~AsioReactor() override;

  const Clock& clock() const override;
  void post(Callback callback) override;
  TimerId after(Nanos delay, Callback callback) override;
  void cancel(TimerId timer) override;
  void run() override;
  void stop() override;
  Result<std::unique_ptr<Acceptor>> listen(const Endpoint& endpoint,
                                           std::function<void(std::unique_ptr<ByteStream>)> on_accept) override;
  void connect(const Endpoint& endpoint, Nanos timeout,
               std::function<void(Result<std::unique_ptr<ByteStream>>)> on_done) override;
  void when_readable(int fd, Callback callback) override;
  void when_process_ends(int pid, Callback callback) override;

  /// For tests: runs what is ready or becomes ready until `done` is true or `timeout` has passed; returns done().
  bool run_until(const std::function<bool()>& done, Nanos timeout);

 private:
  /// `fd` is ours now.
  void when_own_readable(int fd, Callback callback);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace petrel
