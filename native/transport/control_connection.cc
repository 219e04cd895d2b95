#include "native/transport/control_connection.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "native/base/escape.h"

namespace petrel {
namespace {

constexpr size_t kLengthBytes = 4;

void append_be(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

uint32_t read_be(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

/// What a stranger's first bytes look like, for the log line; "" when they look like nothing known.
const char* looks_like(std::string_view bytes) {
  if (bytes.starts_with("GET ") || bytes.starts_with("POST") || bytes.starts_with("HEAD")) return " (looks like HTTP)";
  if (bytes.starts_with("SSH-")) return " (looks like SSH)";
  if (bytes.starts_with("\x16\x03")) return " (looks like TLS)";
  return "";
}

}  // namespace

Status FrameSplitter::feed(std::string_view bytes, const std::function<bool(std::string_view)>& on_frame) {
  while (!bytes.empty()) {
    // Only what is needed for the next step is copied: the length, then the frame.
    size_t wanted = kLengthBytes;
    if (buffer_.size() >= kLengthBytes) wanted += read_be(buffer_);
    const size_t taken = std::min(wanted - buffer_.size(), bytes.size());
    buffer_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (buffer_.size() < kLengthBytes) return Status();
    const uint32_t length = read_be(buffer_);
    if (length == 0 || length > limit_bytes_) {
      return Status::malformed("control frame of {} bytes, the limit is 1 to {}{}; is the peer a petrel process?",
                               length, limit_bytes_, looks_like(buffer_));
    }
    if (buffer_.size() < kLengthBytes + length) continue;
    const std::string frame = std::exchange(buffer_, std::string());
    if (!on_frame(std::string_view(frame).substr(kLengthBytes))) return Status();
  }
  return Status();
}

struct ControlConnection::Impl : std::enable_shared_from_this<ControlConnection::Impl> {
  Impl(Reactor& r, std::unique_ptr<ByteStream> s, ControlLimits l)
      : reactor(r), stream(std::move(s)), limits(l), splitter(l.frame_bytes_before_hello), peer(stream->peer()) {}

  void on_bytes(std::string_view bytes) {
    // Callbacks may destroy the connection; this keeps our own state until the end of the call.
    auto self = shared_from_this();
    Status fed = splitter.feed(bytes, [this](std::string_view frame) { return on_frame(frame); });
    if (!open) return;
    if (!fed.ok()) return closed(std::move(fed));
    set_deadline(frame_timer, splitter.in_frame(), limits.frame_timeout, "a control frame did not arrive in time");
  }
  bool on_frame(std::string_view frame) {
    reactor.cancel(std::exchange(frame_timer, 0));
    proto::Envelope envelope;
    if (!envelope.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) {
      closed(
          Status::malformed("{} bytes from {} are not a control message: '{}'", frame.size(), peer, escape(frame, 60)));
      return false;
    }
    on_message(std::move(envelope));
    return open;
  }
  /// Arms `timer` when `wanted` and not armed yet, disarms it when not wanted.
  void set_deadline(Reactor::TimerId& timer, bool wanted, Nanos delay, const char* sentence) {
    if (!wanted) return reactor.cancel(std::exchange(timer, 0));
    if (timer != 0) return;
    timer = reactor.after(delay, [weak = weak_from_this(), sentence, &timer] {
      auto self = weak.lock();
      if (!self) return;
      timer = 0;
      self->closed(Status::error(StatusCode::kTimeout, "{}: {}", self->peer, sentence));
    });
  }
  void watch_writes() {
    if (write_timer != 0 || stream->queued_bytes() == 0) return;
    write_timer =
        reactor.after(limits.write_timeout, [weak = weak_from_this(), queued = sent_bytes - stream->queued_bytes()] {
          auto self = weak.lock();
          if (!self || !self->open) return;
          self->write_timer = 0;
          if (self->stream->queued_bytes() != 0 && self->sent_bytes - self->stream->queued_bytes() == queued) {
            return self->closed(Status::error(StatusCode::kTimeout, "{} does not read", self->peer));
          }
          self->watch_writes();
        });
  }
  void shut() {
    open = false;
    stream.reset();
    for (Reactor::TimerId* timer : {&hello_timer, &frame_timer, &write_timer}) reactor.cancel(std::exchange(*timer, 0));
  }
  void closed(Status reason) {
    if (!open) return;
    auto self = shared_from_this();
    shut();
    if (auto callback = std::move(on_closed)) callback(std::move(reason));
  }

  Reactor& reactor;
  std::unique_ptr<ByteStream> stream;
  ControlLimits limits;
  FrameSplitter splitter;
  std::string peer;
  OnMessage on_message;
  OnClosed on_closed;
  bool open = true;
  uint64_t sent_bytes = 0;
  Reactor::TimerId hello_timer = 0;
  Reactor::TimerId frame_timer = 0;
  Reactor::TimerId write_timer = 0;
};

ControlConnection::ControlConnection(Reactor& reactor, std::unique_ptr<ByteStream> stream, ControlLimits limits)
    : impl_(std::make_shared<Impl>(reactor, std::move(stream), limits)) {}

ControlConnection::~ControlConnection() {
  impl_->on_closed = nullptr;
  if (impl_->open) impl_->shut();
}

void ControlConnection::start(OnMessage on_message, OnClosed on_closed) {
  Impl& impl = *impl_;
  impl.on_message = std::move(on_message);
  impl.on_closed = std::move(on_closed);
  impl.set_deadline(impl.hello_timer, true, impl.limits.hello_timeout, "no hello in time");
  impl.stream->start(
      [weak = impl_->weak_from_this()](std::string_view bytes) {
        if (auto self = weak.lock()) self->on_bytes(bytes);
      },
      [weak = impl_->weak_from_this()](Status reason) {
        if (auto self = weak.lock()) self->closed(std::move(reason));
      });
}

void ControlConnection::set_proved() {
  impl_->splitter.set_limit(impl_->limits.frame_bytes);
  impl_->reactor.cancel(std::exchange(impl_->hello_timer, 0));
}

Status ControlConnection::send(const proto::Envelope& envelope) {
  Impl& impl = *impl_;
  if (!impl.open) return Status(StatusCode::kUnavailable, "the control connection is closed");
  if (impl.stream->queued_bytes() >= impl.limits.outbox_bytes) {
    Status full = Status::error(StatusCode::kLimit, "{} does not read: {} bytes are queued, the limit is {}", impl.peer,
                                impl.stream->queued_bytes(), impl.limits.outbox_bytes);
    close(full);
    return full;
  }
  const size_t size = envelope.ByteSizeLong();
  if (size > impl.limits.frame_bytes) {
    return Status::error(StatusCode::kLimit, "a control message of {} bytes, the limit is {}", size,
                         impl.limits.frame_bytes);
  }
  std::string bytes;
  bytes.reserve(kLengthBytes + size);
  append_be(bytes, static_cast<uint32_t>(size));
  CHECK(envelope.AppendToString(&bytes));
  impl.sent_bytes += bytes.size();
  impl.stream->send(std::move(bytes));
  impl.watch_writes();
  return Status();
}

void ControlConnection::close(Status reason) {
  impl_->reactor.post([weak = impl_->weak_from_this(), reason = std::move(reason)] {
    if (auto self = weak.lock()) self->closed(reason);
  });
}

std::string ControlConnection::peer() const {
  return impl_->peer;
}

std::string hello_proof(std::string_view secret, std::string_view nonce, proto::Role role, int32_t container_id,
                        uint32_t incarnation, uint32_t slot) {
  std::string text = "petrel-hello";
  text.append(nonce);
  append_be(text, static_cast<uint32_t>(role));
  append_be(text, static_cast<uint32_t>(container_id));
  append_be(text, incarnation);
  if (slot != 0) append_be(text, slot);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  const unsigned char* done = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                                   reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &length);
  CHECK(done != nullptr);
  return std::string(reinterpret_cast<const char*>(digest), length);
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace petrel
