// Reactor: the loop of one thread: posted work, timers, streams. A simulator implements it with its own time and
// network.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "native/base/clock.h"
#include "native/base/status.h"

namespace petrel {

struct Endpoint {
  std::string host;  // an IP address; "@name" with port 0: an abstract Unix socket of this machine
  uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
};

/// A duplex stream of bytes (a TCP or Unix connection, or two simulated ends). Destroying it closes it; no callback
/// runs after. Thread: loop of its reactor only.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Call once. `on_bytes` gets what arrived (valid during the call); `on_closed` comes once, after which nothing does:
  /// OK when the peer ended the stream, else why. Either may destroy the stream.
  virtual void start(std::function<void(std::string_view)> on_bytes, std::function<void(Status)> on_closed) = 0;
  /// Queues the bytes. The caller bounds the queue by looking at queued_bytes().
  virtual void send(std::string bytes) = 0;
  virtual size_t queued_bytes() const = 0;
  /// `callback` runs each time that queued bytes have left, so that queued_bytes() shrank; never inside send(). It may
  /// destroy the stream. Call once.
  virtual void on_written(std::function<void()> callback) = 0;
  /// "127.0.0.1:40000", for log lines.
  virtual std::string peer() const = 0;
  /// The process at the other end of a Unix socket as it was when the connection was made; 0 when not known (TCP).
  virtual int peer_pid() const { return 0; }
};

/// Listening socket; closes when destroyed.
class Acceptor {
 public:
  virtual ~Acceptor() = default;
  virtual Endpoint endpoint() const = 0;
};

/// Thread: post() and stop() from any thread; everything else on the loop's thread (or before run()).
class Reactor {
 public:
  using Callback = std::function<void()>;
  using TimerId = uint64_t;  // 0 is never given out

  virtual ~Reactor() = default;
  virtual const Clock& clock() const = 0;
  /// Runs `callback` on the loop, after the current one.
  virtual void post(Callback callback) = 0;
  /// Runs `callback` once after `delay`.
  virtual TimerId after(Nanos delay, Callback callback) = 0;
  /// The callback does not run any more. Unknown and expired ids are ignored.
  virtual void cancel(TimerId timer) = 0;
  /// Runs until stop(). May be called again afterwards.
  virtual void run() = 0;
  virtual void stop() = 0;

  /// Port 0 takes a free one.
  virtual Result<std::unique_ptr<Acceptor>> listen(const Endpoint& endpoint,
                                                   std::function<void(std::unique_ptr<ByteStream>)> on_accept) = 0;
  /// `on_done` runs once on the loop, never inside connect(). kUnavailable: nobody listens there (refused); kTimeout:
  /// no answer; kDenied: at a name listens a process of another user; other codes for the rest.
  virtual void connect(const Endpoint& endpoint, Nanos timeout,
                       std::function<void(Result<std::unique_ptr<ByteStream>>)> on_done) = 0;
  /// Runs `callback` once when `fd` (pidfd, inotify, signalfd; stays the caller's) is readable. A closed fd never
  /// calls.
  virtual void when_readable(int fd, Callback callback) = 0;
  /// Runs `callback` once when process `pid` has ended, soon when there is none; never inside the call. A reactor
  /// without processes never calls.
  virtual void when_process_ends(int /*pid*/, Callback /*callback*/) {}
  /// The process whose loop this is, as it introduces itself.
  virtual int own_pid() const { return ::getpid(); }
};

}  // namespace petrel
