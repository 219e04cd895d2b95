#include "native/transport/asio_reactor.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <asio.hpp>
#include <cerrno>
#include <deque>
#include <unordered_map>
#include <vector>

#include "native/base/escape.h"

namespace petrel {
namespace {

using Tcp = asio::ip::tcp;
using Unix = asio::local::stream_protocol;
using Socket = asio::generic::stream_protocol::socket;  // of either

constexpr size_t kMaxUnixName = 106;  // asio wants a byte of sun_path for itself, the leading zero takes one
constexpr size_t kBuffersPerWrite = 32;
constexpr Nanos kRetry = Millis(100);  // out of descriptors: a pause instead of a busy loop

Status from_asio(const asio::error_code& error, const std::string& what) {
  StatusCode code = StatusCode::kIo;
  if (error == asio::error::connection_refused) code = StatusCode::kUnavailable;
  if (error == asio::error::timed_out) code = StatusCode::kTimeout;
  return Status::error(code, "{}: {}", what, error.message());
}

std::string to_text(const Tcp::endpoint& endpoint) {
  return fmt::format("{}:{}", endpoint.address().to_string(), endpoint.port());
}

bool is_unix(const Endpoint& endpoint) {
  return endpoint.host.starts_with('@');
}

/// Loopback names and literal addresses only: no resolver thread, no blocking look-up on the loop.
Result<Tcp::endpoint> to_tcp(const Endpoint& endpoint) {
  std::string host = endpoint.host.empty() || endpoint.host == "localhost" ? "127.0.0.1" : endpoint.host;
  asio::error_code error;
  asio::ip::address address = asio::ip::make_address(host, error);
  if (error) return Status::malformed("host '{}' is not an IP address; write one, for example 127.0.0.1", host);
  return Tcp::endpoint(address, endpoint.port);
}

Result<Unix::endpoint> to_unix(const Endpoint& endpoint) {
  if (endpoint.host.size() < 2 || endpoint.host.size() > kMaxUnixName + 1 || endpoint.port != 0) {
    return Status::malformed("'{}' port {} is no abstract Unix socket; write '@' and 1 to {} bytes, and port 0",
                             escape(endpoint.host), endpoint.port, kMaxUnixName);
  }
  std::string path = endpoint.host;
  path[0] = '\0';
  return Unix::endpoint(path);
}

/// All zero, and so nobody's, when the kernel does not say.
ucred credentials_of_peer(int socket) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
  return credentials;
}

/// Anybody may listen at an abstract name that is free, and could hand everything on to the one that was meant, hello
/// and all. A process of another user, or of another PID namespace (0), is not the one.
Status check_listener(Unix::socket& socket, const std::string& what) {
  const ucred peer = credentials_of_peer(socket.native_handle());
  if (peer.pid != 0 && peer.uid == ::geteuid()) return Status();
  return Status::error(StatusCode::kDenied, "{}: process {} of user {} listens there, not one of user {}", what,
                       peer.pid, peer.uid, ::geteuid());
}
Status check_listener(Tcp::socket&, const std::string&) {
  return Status();
}

/// State shared with the handlers in flight; `open` false means that the owner is gone and no callback may run.
struct StreamState : std::enable_shared_from_this<StreamState> {
  explicit StreamState(Socket s) : socket(std::move(s)) {}

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
    std::vector<asio::const_buffer> buffers;
    for (const std::string& bytes : outbox) {
      if (buffers.size() == kBuffersPerWrite) break;
      buffers.push_back(asio::buffer(bytes));
    }
    buffers.front() += written_of_front;
    socket.async_write_some(
        buffers, [self = shared_from_this()](const asio::error_code& error, size_t n) { self->wrote(error, n); });
  }
  void wrote(const asio::error_code& error, size_t n) {
    writing = false;
    if (!open) return;
    if (error) return fail(from_asio(error, "write to " + peer));
    queued -= n;
    for (written_of_front += n; !outbox.empty() && written_of_front >= outbox.front().size();) {
      written_of_front -= outbox.front().size();
      outbox.pop_front();
    }
    if (!outbox.empty()) write();
    if (on_written) on_written();
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

  Socket socket;
  std::string peer;
  int peer_pid = 0;
  bool open = true;
  bool writing = false;
  std::deque<std::string> outbox;
  size_t written_of_front = 0;
  size_t queued = 0;
  std::function<void(std::string_view)> on_bytes;
  std::function<void(Status)> on_closed;
  std::function<void()> on_written;
  std::array<char, 64 * 1024> buffer;
};

class SocketStream : public ByteStream {
 public:
  explicit SocketStream(Tcp::socket socket) {
    asio::error_code ignored;
    auto remote = socket.remote_endpoint(ignored);
    std::string peer = ignored ? "?" : to_text(remote);
    socket.set_option(Tcp::no_delay(true), ignored);
    state_ = std::make_shared<StreamState>(Socket(std::move(socket)));
    state_->peer = std::move(peer);
  }
  explicit SocketStream(Unix::socket socket) {
    state_ = std::make_shared<StreamState>(Socket(std::move(socket)));
    state_->peer_pid = credentials_of_peer(state_->socket.native_handle()).pid;
    state_->peer = fmt::format("process {}", state_->peer_pid);
  }
  ~SocketStream() override {
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
  void on_written(std::function<void()> callback) override { state_->on_written = std::move(callback); }
  std::string peer() const override { return state_->peer; }
  int peer_pid() const override { return state_->peer_pid; }

 private:
  std::shared_ptr<StreamState> state_;
};

template <typename Protocol>
struct AcceptorState : std::enable_shared_from_this<AcceptorState<Protocol>> {
  AcceptorState(asio::io_context& io, typename Protocol::acceptor a) : acceptor(std::move(a)), retry(io) {}

  void accept() {
    acceptor.async_accept(
        [self = this->shared_from_this()](const asio::error_code& error, typename Protocol::socket socket) {
          if (!self->open) return;
          if (error) {
            self->retry.expires_after(kRetry);
            self->retry.async_wait([self](const asio::error_code&) {
              if (self->open) self->accept();
            });
            return;
          }
          ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
          self->on_accept(std::make_unique<SocketStream>(std::move(socket)));
          if (self->open) self->accept();
        });
  }

  typename Protocol::acceptor acceptor;
  asio::steady_timer retry;
  bool open = true;
  std::function<void(std::unique_ptr<ByteStream>)> on_accept;
};

template <typename Protocol>
class SocketAcceptor : public Acceptor {
 public:
  SocketAcceptor(std::shared_ptr<AcceptorState<Protocol>> state, Endpoint endpoint)
      : state_(std::move(state)), endpoint_(std::move(endpoint)) {}
  ~SocketAcceptor() override {
    state_->open = false;
    asio::error_code ignored;
    state_->acceptor.close(ignored);
  }
  Endpoint endpoint() const override { return endpoint_; }

 private:
  std::shared_ptr<AcceptorState<Protocol>> state_;
  Endpoint endpoint_;
};

Endpoint bound_endpoint(const Tcp::acceptor& acceptor, const Endpoint&) {
  auto local = acceptor.local_endpoint();
  return {local.address().to_string(), local.port()};
}
Endpoint bound_endpoint(const Unix::acceptor&, const Endpoint& asked) {
  return asked;
}

template <typename Protocol>
Result<std::unique_ptr<Acceptor>> listen_at(asio::io_context& io, const typename Protocol::endpoint& address,
                                            const Endpoint& asked, const std::string& what,
                                            std::function<void(std::unique_ptr<ByteStream>)> on_accept) {
  asio::error_code error;
  typename Protocol::acceptor acceptor(io);
  acceptor.open(address.protocol(), error);
  if (error) return from_asio(error, what);
  ::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC);
  acceptor.set_option(asio::socket_base::reuse_address(true), error);
  acceptor.bind(address, error);
  if (error) return from_asio(error, what);
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return from_asio(error, what);
  Endpoint bound = bound_endpoint(acceptor, asked);
  auto state = std::make_shared<AcceptorState<Protocol>>(io, std::move(acceptor));
  state->on_accept = std::move(on_accept);
  state->accept();
  return std::unique_ptr<Acceptor>(std::make_unique<SocketAcceptor<Protocol>>(std::move(state), std::move(bound)));
}

using OnConnected = std::function<void(Result<std::unique_ptr<ByteStream>>)>;

template <typename Protocol>
struct Connecting {
  explicit Connecting(asio::io_context& io) : socket(io), timer(io) {}
  typename Protocol::socket socket;
  asio::steady_timer timer;
  bool done = false;
  OnConnected on_done;
};

template <typename Protocol>
void connect_to(asio::io_context& io, const typename Protocol::endpoint& address, const std::string& what,
                Nanos timeout, OnConnected on_done) {
  auto connecting = std::make_shared<Connecting<Protocol>>(io);
  connecting->on_done = std::move(on_done);
  asio::error_code error;
  connecting->socket.open(address.protocol(), error);
  if (!error) ::fcntl(connecting->socket.native_handle(), F_SETFD, FD_CLOEXEC);
  connecting->timer.expires_after(timeout);
  connecting->timer.async_wait([connecting, what](const asio::error_code& timer_error) {
    if (timer_error || connecting->done) return;
    connecting->done = true;
    asio::error_code ignored;
    connecting->socket.close(ignored);
    connecting->on_done(Status::error(StatusCode::kTimeout, "{}: no answer in time", what));
  });
  connecting->socket.async_connect(address, [connecting, what](const asio::error_code& connect_error) {
    if (connecting->done) return;
    connecting->done = true;
    connecting->timer.cancel();
    if (connect_error) return connecting->on_done(from_asio(connect_error, what));
    Status listener = check_listener(connecting->socket, what);
    if (!listener.ok()) return connecting->on_done(std::move(listener));
    connecting->on_done(std::unique_ptr<ByteStream>(std::make_unique<SocketStream>(std::move(connecting->socket))));
  });
}

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
  if (is_unix(endpoint)) {
    ASSIGN_OR_RETURN(Unix::endpoint address, to_unix(endpoint));
    return listen_at<Unix>(impl_->io, address, endpoint, "listen on " + escape(endpoint.host), std::move(on_accept));
  }
  ASSIGN_OR_RETURN(Tcp::endpoint address, to_tcp(endpoint));
  return listen_at<Tcp>(impl_->io, address, endpoint, "listen on " + to_text(address), std::move(on_accept));
}

void AsioReactor::connect(const Endpoint& endpoint, Nanos timeout, OnConnected on_done) {
  if (is_unix(endpoint)) {
    auto address = to_unix(endpoint);
    if (!address.ok()) return post([on_done = std::move(on_done), status = address.status()] { on_done(status); });
    return connect_to<Unix>(impl_->io, *address, "connect to " + escape(endpoint.host), timeout, std::move(on_done));
  }
  auto address = to_tcp(endpoint);
  if (!address.ok()) return post([on_done = std::move(on_done), status = address.status()] { on_done(status); });
  connect_to<Tcp>(impl_->io, *address, "connect to " + to_text(*address), timeout, std::move(on_done));
}

void AsioReactor::when_readable(int fd, Callback callback) {
  // A descriptor of asio's own, so that the caller may close his while we wait.
  int own = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  CHECK(own >= 0);
  when_own_readable(own, std::move(callback));
}

void AsioReactor::when_own_readable(int fd, Callback callback) {
  auto stream = std::make_shared<asio::posix::stream_descriptor>(impl_->io, fd);
  stream->async_wait(asio::posix::stream_descriptor::wait_read,
                     [stream, callback = std::move(callback)](const asio::error_code& error) {
                       if (!error) callback();
                     });
}

void AsioReactor::when_process_ends(int pid, Callback callback) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd >= 0) {
    when_own_readable(fd, std::move(callback));  // a second descriptor might not be to be had
  } else if (errno == ESRCH || errno == EINVAL) {
    post(std::move(callback));  // no such process any more
  } else {                      // out of descriptors says nothing about the process
    after(kRetry, [this, pid, callback = std::move(callback)] { when_process_ends(pid, callback); });
  }
}

}  // namespace petrel
