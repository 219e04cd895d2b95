// For tests: hand-made Thrift bytes, a raw loopback client, the live bytes of the allocator.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "native/base/clock.h"

#if defined(__SANITIZE_ADDRESS__)
extern "C" size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace petrel::thrift_test {

enum : int { kBool = 2, kByte = 3, kI32 = 8, kI64 = 10, kString = 11, kStruct = 12, kMap = 13, kSet = 14, kList = 15 };
enum : int { kCall = 1, kReply = 2, kException = 3, kOneway = 4 };

/// Big-endian bytes, put together call by call.
class Bytes {
 public:
  Bytes& i8(int value) { return raw(std::string(1, static_cast<char>(value))); }
  Bytes& i16(int value) { return i8(value >> 8).i8(value); }
  Bytes& i32(int64_t value) { return i16(static_cast<int>(value >> 16)).i16(static_cast<int>(value)); }
  Bytes& text(std::string_view value) { return i32(static_cast<int64_t>(value.size())).raw(value); }
  Bytes& field(int type, int id) { return i8(type).i16(id); }
  Bytes& stop() { return i8(0); }
  Bytes& raw(std::string_view value) {
    bytes_ += value;
    return *this;
  }
  Bytes& repeat(std::string_view value, size_t times) {
    for (size_t i = 0; i < times; ++i) bytes_ += value;
    return *this;
  }
  const std::string& str() const { return bytes_; }

 private:
  std::string bytes_;
};

inline std::string message(std::string_view method, std::string_view arguments, int seqid = 1, int type = kCall) {
  return Bytes().i32(0x80010000u | static_cast<unsigned>(type)).text(method).i32(seqid).raw(arguments).str();
}
inline std::string framed(std::string_view payload) {
  return Bytes().i32(static_cast<int64_t>(payload.size())).raw(payload).str();
}
inline std::string empty_call(std::string_view method, int seqid = 1) {
  return framed(message(method, Bytes().stop().str(), seqid));
}

/// A TApplicationException or a plain reply, decoded as far as tests need it.
struct Answer {
  bool came = false;
  int type = 0;
  int seqid = 0;
  std::string method;
  int error_type = -1;     // of an exception
  std::string error_text;  // of an exception
  std::string body;        // after the header
};

inline uint32_t word(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes.at(at + i));
  return value;
}

inline Answer decode(const std::string& payload) {
  Answer answer;
  answer.came = true;
  answer.type = static_cast<int>(word(payload, 0) & 0xff);
  uint32_t name = word(payload, 4);
  answer.method = payload.substr(8, name);
  answer.seqid = static_cast<int>(word(payload, 8 + name));
  answer.body = payload.substr(12 + name);
  if (answer.type == kException) {  // {1: string message, 2: i32 type}, in this order
    uint32_t size = word(answer.body, 3);
    answer.error_text = answer.body.substr(7, size);
    answer.error_type = static_cast<int>(word(answer.body, 7 + size + 3));
  }
  return answer;
}

/// True when `done` becomes true within the deadline; polls.
inline bool eventually(const std::function<bool()>& done, Millis deadline = Millis(20'000)) {
  MonoTime end = SystemClock::instance().now() + deadline;
  while (!done()) {
    if (SystemClock::instance().now() > end) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

class RawClient {
 public:
  explicit RawClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() {
    if (fd_ >= 0) ::close(fd_);
  }
  RawClient(RawClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_), pending_(std::move(other.pending_)) {}
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  int fd() const { return fd_; }
  /// False when the peer is gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }
  void reset() {
    linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(std::exchange(fd_, -1));
  }

  /// One framed answer; `came` is false when the connection ended or nothing came in time.
  Answer read(Millis deadline = Millis(20'000)) {
    if (!fill(4, deadline)) return {};
    size_t size = word(pending_, 0);
    if (!fill(4 + size, deadline)) return {};
    std::string payload = pending_.substr(4, size);
    pending_.erase(0, 4 + size);
    return decode(payload);
  }
  /// True when the server closes; bytes that it sent before are dropped.
  bool closed(Millis deadline = Millis(20'000)) {
    bool ended = false;
    while (!ended && receive(deadline, &ended)) pending_.clear();
    return ended;
  }
  Answer call(std::string_view bytes) {
    if (!send(bytes)) return {};
    return read();
  }

 private:
  bool fill(size_t size, Millis deadline) {
    bool ended = false;
    while (pending_.size() < size) {
      if (!receive(deadline, &ended)) return false;
    }
    return true;
  }
  bool receive(Millis deadline, bool* ended) {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(deadline.count())) <= 0) return false;
    char buffer[65536];
    ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
    *ended = n <= 0;
    if (n > 0) pending_.append(buffer, static_cast<size_t>(n));
    return n > 0;
  }

  int fd_;
  bool connected_ = false;
  std::string pending_;
};

/// Bytes that the program holds, by the allocator's own figure.
inline int64_t live_bytes() {
#if defined(__SANITIZE_ADDRESS__)
  return static_cast<int64_t>(__sanitizer_get_current_allocated_bytes());
#else
  struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
#endif
}

}  // namespace petrel::thrift_test
