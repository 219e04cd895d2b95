#include "native/links/frame_link.h"

#include "native/links/frame_channel.h"

namespace petrel {

FrameLink::FrameLink(std::shared_ptr<FrameChannel> channel, LinkPeer peer)
    : channel_(std::move(channel)), peer_(std::move(peer)) {}

FrameLink::~FrameLink() {
  channel_->abandon();
}

void FrameLink::start(LinkHandler& handler) {
  channel_->set_handler(handler);
}

void FrameLink::send(Frame frame) {
  CHECK(!is_handshake(frame.header.kind));
  channel_->send(std::move(frame));
}

void FrameLink::close(Status reason) {
  channel_->close(std::move(reason));
}

size_t FrameLink::queued_bytes() const {
  return channel_->queued_bytes();
}

size_t FrameLink::priority_bytes() const {
  return channel_->priority_bytes();
}

LinkCounters FrameLink::counters() const {
  return channel_->counters();
}

}  // namespace petrel
