// For tests of links: handlers that remember, a server with its links, and a client that speaks bytes of its own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "native/codec/wire.h"
#include "native/links/link_client.h"
#include "native/links/link_server.h"

namespace petrel::testing {

inline const std::string kSecret(32, 's');
inline constexpr Nanos kPatience = Seconds(10);

inline LinkIdentity server_identity() {
  return {"words-1-2", kSecret, LinkRole::kStreamManager, 7, 0, 3};
}
inline LinkIdentity host_identity(uint32_t slot = 1, uint32_t incarnation = 1) {
  return {"words-1-2", kSecret, LinkRole::kHost, 7, slot, incarnation};
}

inline Frame frame_of(FrameKind kind, std::string body = "") {
  FrameHeader header;
  header.kind = kind;
  return make_frame(header, std::move(body));
}

/// Keeps a link and all that comes by it.
class LinkEnd : public LinkHandler {
 public:
  void hold(std::unique_ptr<Link> l) {
    link = std::move(l);
    link->start(*this);
  }
  void on_frame(Frame frame) override {
    bytes += frame.bytes().size();
    if (keep_frames) frames.push_back(std::move(frame));
    ++count;
  }
  void on_closed(Status reason) override {
    closed.push_back(std::move(reason));
    link.reset();
  }

  std::unique_ptr<Link> link;
  bool keep_frames = true;
  std::vector<Frame> frames;
  size_t count = 0;
  size_t bytes = 0;
  std::vector<Status> closed;
};

/// The handler of a server: one LinkEnd for each link that ever was.
class ServerEnd : public LinkServerHandler {
 public:
  Status on_hello(const LinkPeer& peer) override {
    if (peer.slot == 404) return Status(StatusCode::kDenied, "slot 404 is not of this container");
    return Status();
  }
  void on_link(std::unique_ptr<FrameLink> link) override {
    ends.push_back(std::make_unique<LinkEnd>());
    ends.back()->hold(std::move(link));
  }
  void on_stranger(const Status& reason) override { strangers.push_back(reason.message()); }

  std::vector<std::unique_ptr<LinkEnd>> ends;
  std::vector<std::string> strangers;
};

class ClientEnd : public LinkClientHandler {
 public:
  void on_link(std::unique_ptr<FrameLink> link) override {
    ++links;
    end.hold(std::move(link));
  }
  void on_refused(const Status& reason) override { refused.push_back(reason.message()); }
  void on_no_listener() override { ++no_listener; }

  LinkEnd end;
  int links = 0;
  int no_listener = 0;
  std::vector<std::string> refused;
};

/// A client that can say anything: it reads frames and sends bytes.
class RawClient {
 public:
  explicit RawClient(std::unique_ptr<ByteStream> s) : stream(std::move(s)) {
    stream->start([this](std::string_view bytes) { got += bytes; }, [this](Status) { closed = true; });
  }
  /// The first frames that came, whole ones only.
  std::vector<Frame> frames() const {
    std::vector<Frame> result;
    std::string_view rest = got;
    while (rest.size() >= kFrameLengthBytes) {
      const uint32_t length = WireReader(rest).u32();
      if (rest.size() < kFrameLengthBytes + length) break;
      auto frame = parse_frame(rest.substr(kFrameLengthBytes, length));
      EXPECT_TRUE(frame.ok()) << frame.status().to_string();
      if (!frame.ok()) break;
      result.push_back({frame->header, std::make_shared<const std::string>(frame->body)});
      rest.remove_prefix(kFrameLengthBytes + length);
    }
    return result;
  }
  void send(std::string bytes) { stream->send(std::move(bytes)); }
  /// A hello with a right proof, unless `change` makes it wrong; the challenge must have come.
  std::string hello(LinkIdentity identity, uint32_t link_epoch = 1, uint16_t version = 1, uint32_t must = 0) const {
    const std::string challenge(frames().at(0).bytes());
    Hello body{version,
               must,
               0,
               identity.role,
               identity.container,
               identity.slot,
               identity.incarnation,
               link_epoch,
               identity.topology_id,
               std::string(kNonceBytes, 'c'),
               ""};
    const std::string unproved = encode_hello(body);
    return frame(FrameKind::kHello, unproved + hello_proof_of(identity.secret, challenge, unproved), 1, link_epoch);
  }
  static std::string frame(FrameKind kind, std::string_view body, uint64_t sequence, uint32_t link_epoch = 1) {
    FrameHeader header;
    header.kind = kind;
    header.sequence = sequence;
    header.link_epoch = link_epoch;
    return encode_frame(header, body);
  }
  /// The sentence of a refusal; "" when none came.
  std::string refusal() const {
    for (const Frame& f : frames()) {
      if (f.header.kind == FrameKind::kRefused) return *parse_refused(f.bytes());
    }
    return "";
  }
  bool welcome() const {
    for (const Frame& f : frames()) {
      if (f.header.kind == FrameKind::kWelcome) return true;
    }
    return false;
  }

  std::unique_ptr<ByteStream> stream;
  std::string got;
  bool closed = false;
};

}  // namespace petrel::testing
