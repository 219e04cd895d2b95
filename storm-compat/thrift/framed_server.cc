#include "storm-compat/thrift/framed_server.h"

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>
#include <thrift/Thrift.h>

#include <algorithm>
#include <array>
#include <asio.hpp>
#include <atomic>
#include <map>

#include "native/base/escape.h"
#include "storm-compat/thrift/call_pool.h"
#include "storm-compat/thrift/call_runner.h"
#include "storm-compat/thrift/collapsing_log.h"
#include "storm-compat/thrift/frame_assembler.h"

namespace petrel {
namespace {

using asio::ip::tcp;
using ErrorCode = std::error_code;

const Logger logger("thrift");

constexpr size_t kInboxBytes = 8192;
constexpr size_t kLargeRequestBytes = size_t{1} << 20;  // above a chunk of a jar
constexpr int kSpareFiles = 128;  // descriptors that a full server leaves to the rest of the process

enum class Phase { kReading, kCalling, kWriting, kClosed };

struct Connection {
  Connection(tcp::socket s, uint32_t max_frame_bytes) : socket(std::move(s)), assembler(max_frame_bytes) {}

  tcp::socket socket;
  uint64_t id = 0;
  Caller caller;
  Phase phase = Phase::kReading;
  bool proven = false;  // made a good call
  bool reading = false;
  FrameAssembler assembler;
  std::array<char, kInboxBytes> inbox;
  std::string_view unread;  // into inbox
  size_t accounted = 0;     // of max_buffered_bytes
  std::string answer;
  MonoTime phase_since;       // idle, call or write began
  MonoTime frame_since;       // first byte of the frame
  MonoTime window_since;      // of min_progress_bytes
  uint64_t window_bytes = 0;  // received when the window began
};
using ConnectionPtr = std::shared_ptr<Connection>;

std::string address_of(const tcp::socket& socket) {
  ErrorCode error;
  tcp::endpoint peer = socket.remote_endpoint(error);
  if (error) return "a peer that is gone";
  return fmt::format("{}:{}", peer.address().to_string(), peer.port());
}

/// So that processes that this one starts do not hold our sockets.
void close_on_exec(int fd) {
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int connection_cap(int wanted) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return wanted;
  int64_t allowed = static_cast<int64_t>(std::min<rlim_t>(files.rlim_cur, 1 << 30)) - kSpareFiles;
  return static_cast<int>(std::max<int64_t>(16, std::min<int64_t>(wanted, allowed)));
}

}  // namespace

class FramedServer::Impl {
 public:
  Impl(std::shared_ptr<apache::thrift::TProcessor> processor, FramedServerOptions options, Clock& clock)
      : options_(options),
        clock_(clock),
        runner_(std::move(processor), options.scan, options.max_frame_bytes, options.max_answer_bytes),
        acceptor_(io_),
        sweep_timer_(io_),
        log_(logger, clock, options.log_interval),
        pool_(options.workers, options.max_queued_calls) {}

  Status start(const std::string& host, uint16_t port);
  void stop();
  uint16_t port() const { return port_; }

  FramedServerStats stats() const {
    return {accepted_.load(), open_.load(), dropped_for_cap_.load(), closed_for_error_.load(), calls_.load()};
  }

 private:
  Status listen(const std::string& host, uint16_t port);
  void accept();
  void welcome(tcp::socket socket);
  bool make_room();
  void pump(const ConnectionPtr& connection);
  void read(const ConnectionPtr& connection);
  void call(const ConnectionPtr& connection);
  void answered(const ConnectionPtr& connection, CallAnswer answer);
  void write(const ConnectionPtr& connection, CallAnswer answer);
  bool account(Connection& connection, size_t bytes);
  void after_read(const ConnectionPtr& connection, const Status& status);
  void ended(const ConnectionPtr& connection, const ErrorCode& error);
  void close(const ConnectionPtr& connection);
  void close_with(const ConnectionPtr& connection, const char* kind, const std::string& reason);
  void sweep();
  void check_deadlines(const ConnectionPtr& connection, MonoTime now);
  void check_frame(const ConnectionPtr& connection, MonoTime now);

  const FramedServerOptions options_;
  Clock& clock_;
  CallRunner runner_;
  asio::io_context io_;
  tcp::acceptor acceptor_;
  asio::steady_timer sweep_timer_;
  CollapsingLog log_;
  CallPool pool_;
  std::thread io_thread_;
  std::atomic<uint16_t> port_{0};
  int cap_ = 0;

  // I/O thread only.
  std::map<uint64_t, ConnectionPtr> connections_;  // by age
  uint64_t next_id_ = 1;
  uint64_t buffered_bytes_ = 0;
  bool accept_paused_ = false;
  bool stopping_ = false;

  std::atomic<int64_t> accepted_{0}, open_{0}, dropped_for_cap_{0}, closed_for_error_{0}, calls_{0};
};

Status FramedServer::Impl::start(const std::string& host, uint16_t port) {
  // The library prints to stderr on its own account otherwise.
  apache::thrift::GlobalOutput.setOutputFunction([](const char* text) { logger.debug("libthrift: {}", escape(text)); });
  RETURN_IF_ERROR(listen(host, port));
  cap_ = connection_cap(options_.max_connections);
  // Fixed thresholds: glibc raises its own with each large block, and then keeps the memory of a large request for
  // good.
  mallopt(M_MMAP_THRESHOLD, 1 << 18);
  mallopt(M_TRIM_THRESHOLD, 1 << 20);
  pool_.start();
  accept();
  sweep();
  io_thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "thrift-io");
    io_.run();
  });
  return Status();
}

Status FramedServer::Impl::listen(const std::string& host, uint16_t port) {
  auto failed = [&](const char* what, const ErrorCode& error) {
    return Status::error(StatusCode::kIo, "cannot {} {}:{}: {}", what, escape(host), port, error.message());
  };
  ErrorCode error;
  asio::ip::address address = asio::ip::make_address(host, error);
  if (error) {
    tcp::resolver resolver(io_);
    auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, error);
    if (error || found.empty()) return failed("find the address of", error);
    address = found.begin()->endpoint().address();
  }
  tcp::endpoint endpoint(address, port);
  acceptor_.open(endpoint.protocol(), error);
  if (error) return failed("open a socket for", error);
  close_on_exec(acceptor_.native_handle());
  acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(1024, error);
  if (!error) port_ = acceptor_.local_endpoint(error).port();
  if (error) {
    Status status = failed("listen on", error);
    acceptor_.close(error);
    return status;
  }
  return Status();
}

void FramedServer::Impl::stop() {
  if (!io_thread_.joinable()) return;
  asio::post(io_, [this] {
    stopping_ = true;
    ErrorCode ignored;
    acceptor_.close(ignored);
    sweep_timer_.cancel();
    while (!connections_.empty()) close(connections_.begin()->second);
  });
  pool_.stop();
  io_thread_.join();
}

void FramedServer::Impl::accept() {
  acceptor_.async_accept([this](ErrorCode error, tcp::socket socket) {
    if (stopping_) return;
    if (!error) {
      ++accepted_;
      welcome(std::move(socket));
    } else if (error == asio::error::no_descriptors || error == std::errc::too_many_files_open_in_system) {
      log_.warn("descriptors", "no file descriptor left for a connection; raise the limit (ulimit -n)");
      make_room();
      accept_paused_ = true;  // until the next sweep: accepting would fail in a loop
      return;
    }
    accept();
  });
}

void FramedServer::Impl::welcome(tcp::socket socket) {
  if (connections_.size() >= static_cast<size_t>(cap_) && !make_room()) {
    log_.warn("full", fmt::format("{} connections are open and busy, the limit is {}: {} was refused",
                                  connections_.size(), cap_, address_of(socket)));
    return;
  }
  close_on_exec(socket.native_handle());
  ErrorCode ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  auto connection = std::make_shared<Connection>(std::move(socket), options_.max_frame_bytes);
  connection->id = next_id_++;
  connection->caller.address = address_of(connection->socket);
  connection->phase_since = clock_.now();
  connections_.emplace(connection->id, connection);
  open_ = static_cast<int64_t>(connections_.size());
  pump(connection);
}

/// Drops the oldest connection without a good call, else the one that is idle for longest. False when all are busy.
bool FramedServer::Impl::make_room() {
  ConnectionPtr victim;
  for (auto& [id, connection] : connections_) {
    if (connection->phase != Phase::kReading) continue;
    if (!connection->proven) {
      victim = connection;
      break;
    }
    if (connection->assembler.started()) continue;
    if (victim == nullptr || connection->phase_since < victim->phase_since) victim = connection;
  }
  if (victim == nullptr) return false;
  ++dropped_for_cap_;
  log_.warn("cap", fmt::format("{} connections are open, the limit is {}: {}, {}, was closed for a new one",
                               connections_.size(), cap_, victim->caller.address,
                               victim->proven ? "idle for longest" : "the oldest without a good call"));
  close(victim);
  return true;
}

/// Goes on with what is there: bytes in the inbox, else a read.
void FramedServer::Impl::pump(const ConnectionPtr& connection) {
  if (connection->phase != Phase::kReading || connection->reading) return;
  if (connection->unread.empty()) {
    read(connection);
    return;
  }
  FrameAssembler& assembler = connection->assembler;
  after_read(connection, assembler.take(connection->unread));
}

void FramedServer::Impl::read(const ConnectionPtr& connection) {
  connection->reading = true;
  std::span<char> room = connection->assembler.room(kInboxBytes);
  bool direct = !room.empty();
  auto buffer = direct ? asio::buffer(room.data(), room.size()) : asio::buffer(connection->inbox);
  connection->socket.async_read_some(buffer, [this, connection, direct](ErrorCode error, size_t n) {
    connection->reading = false;
    if (connection->phase == Phase::kClosed) return;
    if (error) {
      ended(connection, error);
    } else if (direct) {
      after_read(connection, connection->assembler.wrote(n));
    } else {
      connection->unread = {connection->inbox.data(), n};
      pump(connection);
    }
  });
}

void FramedServer::Impl::after_read(const ConnectionPtr& connection, const Status& status) {
  if (!status.ok()) return close_with(connection, "frame", status.message());
  FrameAssembler& assembler = connection->assembler;
  if (!account(*connection, assembler.memory())) {
    return close_with(connection, "memory",
                      fmt::format("requests of all connections take {} bytes, the limit is {}; try again later",
                                  buffered_bytes_, options_.max_buffered_bytes));
  }
  if (assembler.complete()) return call(connection);
  if (assembler.started() && connection->frame_since == MonoTime{}) {
    connection->frame_since = clock_.now();
    connection->window_since = connection->frame_since;
    connection->window_bytes = 0;
  }
  pump(connection);
}

/// Counts `bytes` for the connection in place of what was counted. False when the limit is passed.
bool FramedServer::Impl::account(Connection& connection, size_t bytes) {
  buffered_bytes_ += bytes;
  buffered_bytes_ -= connection.accounted;
  connection.accounted = bytes;
  return buffered_bytes_ <= options_.max_buffered_bytes;
}

void FramedServer::Impl::call(const ConnectionPtr& connection) {
  connection->phase = Phase::kCalling;
  connection->phase_since = clock_.now();
  connection->frame_since = {};
  ++calls_;
  auto message = std::make_shared<std::string>(connection->assembler.release());
  account(*connection, message->capacity());
  bool taken = pool_.submit([this, connection, message] {
    CallAnswer answer = runner_.run(*message, connection->caller);
    const bool large = message->size() >= kLargeRequestBytes;
    message->clear();
    message->shrink_to_fit();
    if (large) malloc_trim(0);  // a topology decodes into many small pieces, which free() keeps for the next one
    asio::post(io_,
               [this, connection, answer = std::move(answer)]() mutable { answered(connection, std::move(answer)); });
  });
  if (taken || stopping_) return;
  Result<MessageHeader> header = scan_header(*message);
  if (!header.ok()) return close_with(connection, "queue", "the queue of calls is full");
  answered(connection, CallRunner::exception(*header, WireError::kInternalError,
                                             fmt::format("Nimbus is busy: {} calls are waiting; try again later",
                                                         options_.max_queued_calls)));
}

void FramedServer::Impl::answered(const ConnectionPtr& connection, CallAnswer answer) {
  account(*connection, 0);
  if (connection->phase == Phase::kClosed) return;
  if (!answer.refused.ok()) return close_with(connection, "message", answer.refused.message());
  if (answer.good) connection->proven = true;
  if (!answer.remark.empty()) {
    log_.warn("answer", fmt::format("call from {}: {}", connection->caller.address, answer.remark));
  }
  write(connection, std::move(answer));
}

void FramedServer::Impl::write(const ConnectionPtr& connection, CallAnswer answer) {
  connection->phase = Phase::kWriting;
  connection->phase_since = clock_.now();
  connection->answer = std::move(answer.frame);
  asio::async_write(connection->socket, asio::buffer(connection->answer), [this, connection](ErrorCode error, size_t) {
    connection->answer = std::string();
    if (connection->phase == Phase::kClosed) return;
    if (error) return close(connection);
    connection->phase = Phase::kReading;
    connection->phase_since = clock_.now();
    pump(connection);
  });
}

void FramedServer::Impl::ended(const ConnectionPtr& connection, const ErrorCode& error) {
  if (!connection->assembler.started()) return close(connection);
  close_with(
      connection, "cut",
      fmt::format("the peer ended the connection after {} ({})", connection->assembler.progress(), error.message()));
}

void FramedServer::Impl::close(const ConnectionPtr& connection) {
  if (connection->phase == Phase::kClosed) return;
  account(*connection, 0);
  connection->phase = Phase::kClosed;
  ErrorCode ignored;
  connection->socket.shutdown(tcp::socket::shutdown_both, ignored);
  connection->socket.close(ignored);
  connections_.erase(connection->id);
  open_ = static_cast<int64_t>(connections_.size());
}

void FramedServer::Impl::close_with(const ConnectionPtr& connection, const char* kind, const std::string& reason) {
  ++closed_for_error_;
  log_.warn(kind, fmt::format("connection from {} closed: {}", connection->caller.address, reason));
  close(connection);
}

void FramedServer::Impl::sweep() {
  MonoTime now = clock_.now();
  for (auto it = connections_.begin(); it != connections_.end();) {
    ConnectionPtr connection = (it++)->second;  // closing removes it from the map
    check_deadlines(connection, now);
  }
  log_.flush();
  if (accept_paused_) {
    accept_paused_ = false;
    accept();
  }
  sweep_timer_.expires_after(options_.sweep_interval);
  sweep_timer_.async_wait([this](ErrorCode error) {
    if (!error && !stopping_) sweep();
  });
}

void FramedServer::Impl::check_deadlines(const ConnectionPtr& connection, MonoTime now) {
  Nanos since = now - connection->phase_since;
  if (connection->phase == Phase::kWriting && since > options_.write_deadline) {
    close_with(connection, "write",
               fmt::format("it did not read its answer of {} bytes within {} ms; read answers as they come",
                           connection->answer.size(), options_.write_deadline.count()));
  } else if (connection->phase == Phase::kReading && connection->assembler.started()) {
    check_frame(connection, now);
  } else if (connection->phase == Phase::kReading && connection->proven && since > options_.idle_timeout) {
    logger.debug("connection from {} closed: idle", connection->caller.address);
    close(connection);
  } else if (connection->phase == Phase::kReading && !connection->proven && since > options_.first_call_timeout) {
    close_with(connection, "silent",
               fmt::format("no good call within {} ms of connecting or of its last bad call",
                           options_.first_call_timeout.count()));
  }
}

void FramedServer::Impl::check_frame(const ConnectionPtr& connection, MonoTime now) {
  const FrameAssembler& assembler = connection->assembler;
  if (now - connection->frame_since > options_.frame_deadline) {
    return close_with(connection, "slow",
                      fmt::format("{} came within {} ms, the time for a whole frame", assembler.progress(),
                                  options_.frame_deadline.count()));
  }
  if (now - connection->window_since < options_.progress_window) return;
  uint64_t grown = assembler.received() - connection->window_bytes;
  if (grown < options_.min_progress_bytes) {
    return close_with(
        connection, "slow",
        fmt::format("only {} bytes came within {} ms ({}), the least is {}; send a request in one go", grown,
                    options_.progress_window.count(), assembler.progress(), options_.min_progress_bytes));
  }
  connection->window_since = now;
  connection->window_bytes = assembler.received();
}

FramedServer::FramedServer(std::shared_ptr<apache::thrift::TProcessor> processor, FramedServerOptions options,
                           Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(processor), options, clock)) {}
FramedServer::~FramedServer() {
  stop();
}
Status FramedServer::start(const std::string& host, uint16_t port) {
  return impl_->start(host, port);
}
uint16_t FramedServer::port() const {
  return impl_->port();
}
void FramedServer::stop() {
  impl_->stop();
}
FramedServerStats FramedServer::stats() const {
  return impl_->stats();
}

}  // namespace petrel
