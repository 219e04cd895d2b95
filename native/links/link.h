// Link: one end of a connection to a stream manager or to a host, whatever it is made of (FrameLink: a stream of bytes;
// LoopLink: two objects of one loop).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "native/base/status.h"
#include "native/codec/frame.h"
#include "native/codec/hello.h"

namespace petrel {

/// What travels. The body is shared, so that forwarding does not copy it; null is an empty body.
struct Frame {
  FrameHeader header;
  std::shared_ptr<const std::string> body;

  std::string_view bytes() const { return body ? std::string_view(*body) : std::string_view(); }
};

/// A frame of this source: the checksum of the body is made here and stays on the way.
Frame make_frame(FrameHeader header, std::string body);

/// Who is at the other end. For stream managers the slot is 0.
struct LinkPeer {
  LinkRole role = LinkRole::kHost;
  int32_t container = 0;
  uint32_t slot = 0;
  uint32_t incarnation = 0;
  uint32_t link_epoch = 0;
  uint32_t features = 0;  // that both ends can do
  int pid = 0;            // of a peer on a Unix socket, else 0
  std::string text;       // "host 3 (container 1, incarnation 2) at 127.0.0.1:40000", for log lines
};

/// Calls come on the loop, never inside a call of the link. Either may destroy the link.
class LinkHandler {
 public:
  virtual ~LinkHandler() = default;
  /// Never of a kind of the hello.
  virtual void on_frame(Frame frame) = 0;
  /// Once, and nothing after it. OK: the peer ended the connection. Else why: kCorrupt a checksum, kConflict a sequence
  /// or a newer link of the same peer, kMalformed, kLimit a frame too large or an outbox too full, kTimeout the lease,
  /// kIo, kUnavailable.
  virtual void on_closed(Status reason) = 0;
};

/// Destroying a link closes it; no callback runs after, and what was queued is lost.
/// Thread: loop of its reactor only.
class Link {
 public:
  virtual ~Link() = default;
  /// Once, before the callback that gave the link away returns (a LoopLink: any time). `handler` outlives the link.
  virtual void start(LinkHandler& handler) = 0;
  /// Queues; the lane is that of the kind. Sequence and link epoch are the link's to set. Ignored after the end.
  virtual void send(Frame frame) = 0;
  /// Closes now; on_closed(reason) runs later on the loop.
  virtual void close(Status reason) = 0;
  virtual size_t queued_bytes() const = 0;
  /// Of these, in the priority lane: what waits there although it goes first, waits for the peer.
  virtual size_t priority_bytes() const = 0;
  virtual const LinkPeer& peer() const = 0;
};

}  // namespace petrel
