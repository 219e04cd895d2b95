// FrameLink: a Link over a ByteStream whose hello is done. LinkServer and LinkClient make them.
//
// Frames of the priority lane go before waiting frames of the data lane; what is queued in one turn of the loop leaves
// in one write. Every frame that comes is checked: length, header checksum, link epoch, sequence of its lane, body
// checksum; the first that is wrong ends the link, and the flows above resume on the next one.
#pragma once

#include <array>
#include <memory>

#include "native/links/link.h"
#include "native/transport/reactor.h"

namespace petrel {

struct LinkLimits {
  size_t frame_bytes_before_hello = kMaxFrameBytesBeforeHello;
  size_t frame_bytes = kMaxFrameBytes;
  Nanos hello_timeout = Seconds(5);    // from accept or connect to the end of the hello
  Nanos lease_interval = Seconds(1);   // a link that sent nothing for so long sends a lease
  Nanos lease_timeout = Seconds(5);    // a link on which nothing came for so long is closed
  Nanos pause_tolerance = Seconds(1);  // a timer later than this: we were paused; read first, judge the peer later
  size_t outbox_bytes = 256 << 20;     // queued above it: the link is closed (credit keeps it far below)
  size_t unauthenticated_max = 256;    // a further connection drops the oldest that has not said its hello
  size_t peers_max = 16384;            // identities that a server remembers
};

struct LinkCounters {
  struct Lane {
    uint64_t frames = 0;
    uint64_t bytes = 0;  // with headers
  };
  std::array<Lane, 2> sent;      // by FrameLane
  std::array<Lane, 2> received;  // by FrameLane
  uint64_t leases_sent = 0;
  uint64_t pauses = 0;  // our own timer came too late, and the peer was not judged
};

class FrameChannel;

/// Thread: loop of the reactor only.  Owns: the stream.  Limits: LinkLimits.
class FrameLink : public Link {
 public:
  FrameLink(std::shared_ptr<FrameChannel> channel, LinkPeer peer);
  ~FrameLink() override;

  void start(LinkHandler& handler) override;
  void send(Frame frame) override;
  void close(Status reason) override;
  size_t queued_bytes() const override;
  size_t priority_bytes() const override;
  const LinkPeer& peer() const override { return peer_; }
  LinkCounters counters() const;

 private:
  std::shared_ptr<FrameChannel> channel_;
  LinkPeer peer_;
};

}  // namespace petrel
