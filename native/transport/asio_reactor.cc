#include "native/transport/asio_reactor.h"

#include <fcntl.h>

#include <array>
#include <asio.hpp>
#include <deque>
#include <unordered_map>

namespace petrel {
namespace {

using Tcp = asio::ip::tcp;

Status from_asio(const asio::error_code& error, const std::string& what) {
  StatusCode code = error == asio::error::connection_refused || error == asio::error::timed_out
                        ? StatusCode::kUnavailable
                        : StatusCode::kIo;
  return Status::error(code, "{}: {}", what, error.message());
}

std::string to_text(const Tcp::endpoint& endpoint) {
  return fmt::format("{}:{}", endpoint.address().to_string(), endpoint.port());
}

/// Loopback names and literal addresses only: no resolver thread, no blocking look-up on the loop.
Result<Tcp::endpoint> to_asio(const Endpoint& endpoint) {
  std::string host = endpoint.host.empty() || endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host;
  asio::error_code error;
  asio::ip::address address = asio::ip::make_address(host, error);
  if (error) return Status::malformed("host '{}' is not an IP address; write one, for example 127.0.0.1", host);
  return Tcp::endpoint(address, endpoint.port);
}

/// State shared with the handlers in flight; `open` false means that the owner is gone and no callback may run.
struct StreamState : std::enable_shared_from_this<StreamState> {
  explicit StreamState(Tcp::socket s) : socket(std::move(s)) {}

  void read() {
    socket.async_read_some(asio::buffer(buffer), [self = shared_from_this()](const asio::error_code& error, size_t n) {
      if (!self->open) return;
      if (error) {
        self->fail(error == asio::error::eof ? Status() : from_asio(error, "read from " + self->peer));
        return;
      }
      self->on_bytes(std::string_view(self->buffer.data(), n));
      if (self->open) self->read();
    });
  }
  void write() {
    writing = true;
    auto rest = asio::buffer(outbox.front()) + written_of_front;
    socket.async_write_some(
        rest, [self = shared_from_this()](const asio::error_code& error, size_t n) { self->wrote(error, n); });
  }
  void wrote(const asio::error_code& error, size_t n) {
    writing = false;
    if (!open) return;
    if (error) return fail(from_asio(error, "write to " + peer));
    queued -= n;
    written_of_front += n;
    if (written_of_front == outbox.front().size()) {
      outbox.pop_front();
      written_of_front = 0;
    }
    if (!outbox.empty()) write();
  }
  void fail(Status reason) {
    close();
    if (auto callback = std::move(on_closed)) callback(std::move(reason));
  }
  void close() {
    open = false;
    asio::error_code ignored;
    socket.close(ignored);
  }

  Tcp::socket socket;
  std::string peer;
  bool open = true;
  bool writing = false;
  std::deque<std::string> outbox;
  size_t written_of_front = 0;
  size_t queued = 0;
  std::function<void(std::string_view)> on_bytes;
  std::function<void(Status)> on_closed;
  std::array<char, 64 * 1024> buffer;
};

class TcpStream : public ByteStream {
 public:
  explicit TcpStream(Tcp::socket socket) : state_(std::make_shared<StreamState>(std::move(socket))) {
    asio::error_code ignored;
    auto remote = state_->socket.remote_endpoint(ignored);
    state_->peer = ignored ? "?" : to_text(remote);
    state_->socket.set_option(Tcp::no_delay(true), ignored);
  }
  ~TcpStream() override {
    if (state_->open) state_->close();
  }
  void start(std::function<void(std::string_view)> on_bytes, std::function<void(Status)> on_closed) override {
    state_->on_bytes = std::move(on_bytes);
    state_->on_closed = std::move(on_closed);
    state_->read();
  }
  void send(std::string bytes) override {
    if (!state_->open || bytes.empty()) return;
    state_->queued += bytes.size();
    state_->outbox.push_back(std::move(bytes));
    if (!state_->writing) state_->write();
  }
  size_t queued_bytes() const override { return state_->queued; }
  std::string peer() const override { return state_->peer; }

 private:
  std::shared_ptr<StreamState> state_;
};

struct AcceptorState : std::enable_shared_from_this<AcceptorState> {
  AcceptorState(asio::io_context& io, Tcp::acceptor a) : acceptor(std::move(a)), retry(io) {}

  void accept() {
    acceptor.async_accept([self = shared_from_this()](const asio::error_code& error, Tcp::socket socket) {
      if (!self->open) return;
      if (error) {  // out of descriptors: a pause instead of a busy loop
        self->retry.expires_after(Millis(100));
        self->retry.async_wait([self](const asio::error_code&) {
          if (self->open) self->accept();
        });
        return;
      }
      ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
      self->on_accept(std::make_unique<TcpStream>(std::move(socket)));
      if (self->open) self->accept();
    });
  }

  Tcp::acceptor acceptor;
  asio::steady_timer retry;
  bool open = true;
  std::function<void(std::unique_ptr<ByteStream>)> on_accept;
};

class TcpAcceptor : public Acceptor {
 public:
  explicit TcpAcceptor(std::shared_ptr<AcceptorState> state) : state_(std::move(state)) {}
  ~TcpAcceptor() override {
    state_->open = false;
    asio::error_code ignored;
    state_->acceptor.close(ignored);
  }
  Endpoint endpoint() const override {
    auto local = state_->acceptor.local_endpoint();
    return {local.address().to_string(), local.port()};
  }

 private:
  std::shared_ptr<AcceptorState> state_;
};

struct Connecting {
  Connecting(asio::io_context& io) : socket(io), timer(io) {}
  Tcp::socket socket;
  asio::steady_timer timer;
  bool done = false;
  std::function<void(Result<std::unique_ptr<ByteStream>>)> on_done;
};

}  // namespace

struct AsioReactor::Impl {
  explicit Impl(const Clock& c) : clock(c), work(asio::make_work_guard(io)) {}
  const Clock& clock;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work;
  TimerId last_timer = 0;
  std::unordered_map<TimerId, std::unique_ptr<asio::steady_timer>> timers;
};

AsioReactor::AsioReactor(const Clock& clock) : impl_(std::make_unique<Impl>(clock)) {}
AsioReactor::~AsioReactor() = default;

const Clock& AsioReactor::clock() const {
  return impl_->clock;
}
void AsioReactor::post(Callback callback) {
  asio::post(impl_->io, std::move(callback));
}

Reactor::TimerId AsioReactor::after(Nanos delay, Callback callback) {
  TimerId id = ++impl_->last_timer;
  auto timer = std::make_unique<asio::steady_timer>(impl_->io, delay);
  timer->async_wait([this, id, callback = std::move(callback)](const asio::error_code& error) {
    if (error || impl_->timers.erase(id) == 0) return;  // cancelled, also when it had expired already
    callback();
  });
  impl_->timers.emplace(id, std::move(timer));
  return id;
}

void AsioReactor::cancel(TimerId timer) {
  impl_->timers.erase(timer);
}

void AsioReactor::run() {
  if (impl_->io.stopped()) impl_->io.restart();
  impl_->io.run();
  impl_->io.restart();
}

void AsioReactor::stop() {
  impl_->io.stop();
}

bool AsioReactor::run_until(const std::function<bool()>& done, Nanos timeout) {
  const MonoTime end = SystemClock::instance().now() + timeout;
  while (!done()) {
    if (SystemClock::instance().now() >= end) return done();
    if (impl_->io.stopped()) impl_->io.restart();
    impl_->io.run_one_for(Millis(5));
  }
  return true;
}

Result<std::unique_ptr<Acceptor>> AsioReactor::listen(const Endpoint& endpoint,
                                                      std::function<void(std::unique_ptr<ByteStream>)> on_accept) {
  ASSIGN_OR_RETURN(Tcp::endpoint address, to_asio(endpoint));
  const std::string what = "listen on " + to_text(address);
  asio::error_code error;
  Tcp::acceptor acceptor(impl_->io);
  acceptor.open(address.protocol(), error);
  if (error) return from_asio(error, what);
  ::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC);
  acceptor.set_option(Tcp::acceptor::reuse_address(true), error);
  acceptor.bind(address, error);
  if (error) return from_asio(error, what);
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return from_asio(error, what);
  auto state = std::make_shared<AcceptorState>(impl_->io, std::move(acceptor));
  state->on_accept = std::move(on_accept);
  state->accept();
  return std::unique_ptr<Acceptor>(std::make_unique<TcpAcceptor>(std::move(state)));
}

void AsioReactor::connect(const Endpoint& endpoint, Nanos timeout,
                          std::function<void(Result<std::unique_ptr<ByteStream>>)> on_done) {
  auto address = to_asio(endpoint);
  if (!address.ok()) {
    post([on_done = std::move(on_done), status = address.status()] { on_done(status); });
    return;
  }
  const std::string what = "connect to " + to_text(*address);
  auto connecting = std::make_shared<Connecting>(impl_->io);
  connecting->on_done = std::move(on_done);
  asio::error_code error;
  connecting->socket.open(address->protocol(), error);
  if (!error) ::fcntl(connecting->socket.native_handle(), F_SETFD, FD_CLOEXEC);
  connecting->timer.expires_after(timeout);
  connecting->timer.async_wait([connecting, what](const asio::error_code& timer_error) {
    if (timer_error || connecting->done) return;
    connecting->done = true;
    asio::error_code ignored;
    connecting->socket.close(ignored);
    connecting->on_done(Status::error(StatusCode::kTimeout, "{}: no answer in time", what));
  });
  connecting->socket.async_connect(*address, [connecting, what](const asio::error_code& connect_error) {
    if (connecting->done) return;
    connecting->done = true;
    connecting->timer.cancel();
    if (connect_error) return connecting->on_done(from_asio(connect_error, what));
    connecting->on_done(std::unique_ptr<ByteStream>(std::make_unique<TcpStream>(std::move(connecting->socket))));
  });
}

void AsioReactor::when_readable(int fd, Callback callback) {
  // A descriptor of asio's own, so that the caller may close his while we wait.
  int own = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  CHECK(own >= 0);
  auto stream = std::make_shared<asio::posix::stream_descriptor>(impl_->io, own);
  stream->async_wait(asio::posix::stream_descriptor::wait_read,
                     [stream, callback = std::move(callback)](const asio::error_code& error) {
                       if (!error) callback();
                     });
}

}  // namespace petrel
