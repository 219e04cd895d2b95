// ControlConnection: one end of a control stream. u32 big-endian length, then that many bytes of a proto Envelope.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "native/transport/reactor.h"
#include "proto/control.pb.h"

namespace petrel {

inline constexpr uint32_t kControlProtocolVersion = 1;

struct ControlLimits {
  uint32_t frame_bytes_before_hello = 64 * 1024;
  uint32_t frame_bytes = 64 * 1024 * 1024;
  size_t outbox_bytes = 8 * 1024 * 1024;  // a message may start while less is queued; else the peer is too slow
  Nanos hello_timeout = Seconds(5);       // from accept or connect to the end of the hello
  Nanos frame_timeout = Seconds(20);      // from the first byte of a frame to its last
  Nanos write_timeout = Seconds(20);      // queued bytes without any progress
};

/// Splits a stream of bytes into frames. Memory grows with the bytes that arrived, never with a length field.
class FrameSplitter {
 public:
  explicit FrameSplitter(uint32_t limit_bytes) : limit_bytes_(limit_bytes) {}
  void set_limit(uint32_t limit_bytes) { limit_bytes_ = limit_bytes; }
  /// Calls `on_frame` for each complete frame; a length of 0 or above the limit is kMalformed and ends the stream.
  /// `on_frame` returns false to stop (the connection is gone).
  Status feed(std::string_view bytes, const std::function<bool(std::string_view)>& on_frame);
  bool in_frame() const { return !buffer_.empty(); }

 private:
  uint32_t limit_bytes_;
  std::string buffer_;
};

/// Thread: loop of the reactor only.  Owns: the stream.  Limits: ControlLimits.
class ControlConnection {
 public:
  using OnMessage = std::function<void(proto::Envelope)>;
  using OnClosed = std::function<void(Status)>;

  ControlConnection(Reactor& reactor, std::unique_ptr<ByteStream> stream, ControlLimits limits);
  ~ControlConnection();
  ControlConnection(const ControlConnection&) = delete;

  /// `on_closed` comes once; after it nothing does. Both may destroy the connection.
  void start(OnMessage on_message, OnClosed on_closed);
  /// The hello is proved: large frames are allowed and the hello deadline is off.
  void set_proved();
  /// kUnavailable when closed, kLimit when the outbox is full (the connection then closes: the peer does not read).
  Status send(const proto::Envelope& envelope);
  /// Closes now; on_closed runs later on the loop with `reason`.
  void close(Status reason);
  std::string peer() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

/// HMAC-SHA256(secret, "petrel-hello" | nonce | u32 role | i32 container | u32 incarnation | u32 slot), integers
/// big-endian; the slot only when it is not 0.
std::string hello_proof(std::string_view secret, std::string_view nonce, proto::Role role, int32_t container_id,
                        uint32_t incarnation, uint32_t slot = 0);
/// Constant in time for equal lengths.
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace petrel
