// For tests: a reactor whose time and network a test owns. Streams are pairs of ends in memory.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "native/transport/reactor.h"

namespace petrel::testing {

class FakeReactor;

/// Both directions of one connection. What end n sends waits in queue[n].
struct FakePipe {
  Endpoint dialled;  // of connect()
  std::array<std::string, 2> queue;
  std::array<bool, 2> stalled{};  // what end n sends does not arrive
  std::array<bool, 2> posted{};
  std::array<bool, 2> ended{};
  std::array<class FakeStream*, 2> ends{};
};

class FakeStream : public ByteStream {
 public:
  FakeStream(FakeReactor& reactor, std::shared_ptr<FakePipe> pipe, size_t own)
      : reactor_(reactor), pipe_(std::move(pipe)), own_(own) {
    pipe_->ends[own_] = this;
  }
  ~FakeStream() override;
  void start(std::function<void(std::string_view)> on_bytes, std::function<void(Status)> on_closed) override;
  void send(std::string bytes) override;
  size_t queued_bytes() const override { return pipe_->queue[own_].size(); }
  void on_written(std::function<void()> callback) override { on_written_ = std::move(callback); }
  std::string peer() const override { return own_ == 0 ? "fake server" : "fake client"; }
  int peer_pid() const override { return 4711; }

 private:
  friend class FakeReactor;
  FakeReactor& reactor_;
  std::shared_ptr<FakePipe> pipe_;
  const size_t own_;
  std::function<void(std::string_view)> on_bytes_;
  std::function<void(Status)> on_closed_;
  std::function<void()> on_written_;
};

/// Thread: one thread only.
class FakeReactor : public Reactor {
 public:
  const Clock& clock() const override { return clock_; }
  void post(Callback callback) override { posted_.push_back(std::move(callback)); }
  TimerId after(Nanos delay, Callback callback) override {
    timers_.emplace(std::make_pair(clock_.now() + std::max(delay, Nanos(0)), ++last_timer_), std::move(callback));
    return last_timer_;
  }
  void cancel(TimerId timer) override {
    std::erase_if(timers_, [timer](const auto& entry) { return entry.first.second == timer; });
  }
  void run() override {
    while (run_one()) {
    }
  }
  void stop() override {}
  /// One callback that is due. False: there is none.
  bool step() { return run_one(); }

  void advance(Nanos by) {
    const MonoTime end = clock_.now() + by;
    run();
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
      clock_.advance(timers_.begin()->first.first - clock_.now());
      run();
    }
    clock_.advance(std::max(Nanos(0), Nanos(end - clock_.now())));
  }
  /// The process stands still; then it goes on with whatever is due first.
  void pause(Nanos by) { clock_.advance(by); }
  bool run_until(const std::function<bool()>& done, Nanos timeout) {
    run();
    for (const MonoTime end = clock_.now() + timeout; !done() && clock_.now() < end;) advance(Millis(5));
    return done();
  }

  Result<std::unique_ptr<Acceptor>> listen(const Endpoint& endpoint,
                                           std::function<void(std::unique_ptr<ByteStream>)> on_accept) override {
    Endpoint bound = endpoint;
    const bool name = bound.host.starts_with('@');
    if (bound.port == 0 && !name) bound.port = static_cast<uint16_t>(1000 + ++listens_);
    if (!listening_.try_emplace({bound.host, bound.port}, std::move(on_accept)).second) {
      return Status(StatusCode::kIo, "listen on " + bound.host + ": Address already in use");
    }
    return std::unique_ptr<Acceptor>(std::make_unique<FakeAcceptor>(*this, bound));
  }
  void connect(const Endpoint& endpoint, Nanos,
               std::function<void(Result<std::unique_ptr<ByteStream>>)> on_done) override {
    post([this, endpoint, on_done = std::move(on_done)] {
      auto found = listening_.find({endpoint.host, endpoint.port});
      if (found == listening_.end()) return on_done(Status(StatusCode::kUnavailable, "connect: nobody listens"));
      auto [client, server] = make_pipe();
      pipes.back()->dialled = endpoint;
      auto accept = found->second;
      on_done(std::unique_ptr<ByteStream>(std::move(client)));
      accept(std::move(server));
    });
  }
  void when_readable(int, Callback) override { CHECK(false && "no descriptors here"); }

  /// The client's end and the server's.
  std::pair<std::unique_ptr<FakeStream>, std::unique_ptr<FakeStream>> make_pipe() {
    pipes.push_back(std::make_shared<FakePipe>());
    auto client = std::make_unique<FakeStream>(*this, pipes.back(), 0);
    return {std::move(client), std::make_unique<FakeStream>(*this, pipes.back(), 1)};
  }
  void schedule(const std::shared_ptr<FakePipe>& pipe, size_t from) {
    if (std::exchange(pipe->posted[from], true)) return;
    post([this, pipe, from] {
      pipe->posted[from] = false;
      deliver(pipe, from);
    });
  }
  void release(const std::shared_ptr<FakePipe>& pipe) {
    pipe->stalled = {};
    schedule(pipe, 0);
    schedule(pipe, 1);
  }
  /// Both ends learn that the connection broke.
  void cut(const std::shared_ptr<FakePipe>& pipe) {
    for (size_t n : {0, 1}) {
      pipe->queue[n].clear();
      FakeStream* end = std::exchange(pipe->ends[n], nullptr);
      if (end == nullptr) continue;
      auto on_closed = end->on_closed_;
      on_closed(Status(StatusCode::kIo, "cut"));
    }
  }

  size_t chunk_bytes = SIZE_MAX;  // how much arrives at once
  std::vector<std::shared_ptr<FakePipe>> pipes;

 private:
  struct FakeAcceptor : Acceptor {
    FakeAcceptor(FakeReactor& r, Endpoint e) : reactor(r), bound(std::move(e)) {}
    ~FakeAcceptor() override { reactor.listening_.erase({bound.host, bound.port}); }
    Endpoint endpoint() const override { return bound; }
    FakeReactor& reactor;
    Endpoint bound;
  };

  bool run_one() {
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
  void deliver(const std::shared_ptr<FakePipe>& pipe, size_t from) {
    FakeStream* to = pipe->ends[1 - from];
    if (pipe->stalled[from] || (to != nullptr && !to->on_bytes_)) return;
    std::string& queue = pipe->queue[from];
    const std::string bytes = queue.substr(0, chunk_bytes);
    queue.erase(0, bytes.size());
    if (to != nullptr && !bytes.empty()) {
      auto on_bytes = to->on_bytes_;  // it may destroy its stream
      on_bytes(bytes);
    }
    FakeStream* sender = pipe->ends[from];
    if (sender != nullptr && sender->on_written_ && !bytes.empty()) {
      auto on_written = sender->on_written_;
      on_written();
    }
    if (!queue.empty()) return schedule(pipe, from);
    to = pipe->ends[1 - from];
    if (!pipe->ended[from] || to == nullptr) return;
    pipe->ends[1 - from] = nullptr;
    auto on_closed = to->on_closed_;
    on_closed(Status());
  }

  ManualClock clock_;
  TimerId last_timer_ = 0;
  int listens_ = 0;
  std::deque<Callback> posted_;
  std::map<std::pair<MonoTime, TimerId>, Callback> timers_;
  std::map<std::pair<std::string, uint16_t>, std::function<void(std::unique_ptr<ByteStream>)>> listening_;
};

inline FakeStream::~FakeStream() {
  if (pipe_->ends[own_] == this) pipe_->ends[own_] = nullptr;
  pipe_->ended[own_] = true;
  reactor_.schedule(pipe_, own_);
}
inline void FakeStream::start(std::function<void(std::string_view)> on_bytes, std::function<void(Status)> on_closed) {
  on_bytes_ = std::move(on_bytes);
  on_closed_ = std::move(on_closed);
  reactor_.schedule(pipe_, 1 - own_);
}
inline void FakeStream::send(std::string bytes) {
  if (pipe_->ends[own_] != this) return;
  pipe_->queue[own_] += bytes;
  reactor_.schedule(pipe_, own_);
}

}  // namespace petrel::testing
