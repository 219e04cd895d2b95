// Any bytes as what comes on an open link, in pieces. Input: a byte whose lowest bit says that checksums, link epoch
// and sequences are made right (a fuzzer cannot guess them), a byte with the size of the pieces, then the stream.
// Beside crashes and leaks: a frame that is handed on is what the stream held, and the channel ends once, with a
// sentence.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "native/base/crc32c.h"
#include "native/links/fake_net.h"
#include "native/links/frame_channel.h"
#include "tests/fuzz/frame_bodies.h"

namespace petrel {
namespace {

constexpr uint32_t kLinkEpoch = 5;

template <typename T>
void put(std::string& bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}
template <typename T>
T get(const std::string& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

/// Makes right what a fuzzer cannot: of every frame whose length is possible.
std::string repair(std::string stream) {
  std::array<uint64_t, 2> sequence{};
  size_t at = 0;
  while (at + kFrameLengthBytes + kFrameHeaderBytes <= stream.size()) {
    const uint32_t length = get<uint32_t>(stream, at);
    if (!check_frame_length(length, kMaxFrameBytes).ok() || length > stream.size() - at - kFrameLengthBytes) break;
    const size_t header = at + kFrameLengthBytes;
    const auto kind = static_cast<FrameKind>(stream[header]);
    put(stream, header + 4, kLinkEpoch);
    put(stream, header + 8, ++sequence[static_cast<size_t>(lane_of(kind))]);
    const std::string_view body =
        std::string_view(stream).substr(header + kFrameHeaderBytes, length - kFrameHeaderBytes);
    put(stream, header + 48, crc32c(body));
    put(stream, header + 52, crc32c(std::string_view(stream).substr(header, 52)));
    at += kFrameLengthBytes + length;
  }
  return stream;
}

struct Receiver : LinkHandler {
  explicit Receiver(const std::string& s) : stream(s) {}
  void on_frame(Frame frame) override {
    CHECK(!closed && !is_handshake(frame.header.kind) && frame.header.kind != FrameKind::kLease);
    const std::string bytes = encode_frame(frame.header, frame.bytes());
    CHECK(parse_frame(std::string_view(bytes).substr(kFrameLengthBytes)).ok());
    CHECK(*to_string(frame.header.kind) != '?');
    CHECK(stream.find(bytes, seen) != std::string::npos);
    seen = stream.find(bytes, seen) + bytes.size();
#ifdef PETREL_PLANTED_BUG
    if (frame.header.kind == FrameKind::kProbe && frame.header.source_task != 0) std::abort();
#endif
    fuzz::check_body_of(frame.header.kind, frame.bytes());
  }
  void on_closed(Status reason) override {
    CHECK(!closed && !reason.ok() && !reason.message().empty());
    closed = true;
  }
  const std::string& stream;
  size_t seen = 0;
  bool closed = false;
};

}  // namespace
}  // namespace petrel

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (data[0] % 2 == 1) stream = petrel::repair(std::move(stream));
  petrel::testing::FakeReactor reactor;
  reactor.chunk_bytes = 1 + data[1];
  auto [client, server] = reactor.make_pipe();
  petrel::Receiver receiver(stream);
  auto channel = std::make_shared<petrel::FrameChannel>(reactor, std::move(server), petrel::LinkLimits());
  channel->start(receiver);
  channel->set_link_epoch(petrel::kLinkEpoch);
  channel->set_proved();
  client->send(stream);
  reactor.run();
  CHECK(receiver.closed != channel->open());
  channel->abandon();
  reactor.run();
  return 0;
}
