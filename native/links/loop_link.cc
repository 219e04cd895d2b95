#include "native/links/loop_link.h"

#include <array>
#include <deque>

namespace petrel {
namespace {

/// What is under way to one end.
struct Direction {
  std::array<std::deque<Frame>, 2> waiting;  // by FrameLane
  size_t bytes = 0;
  LinkHandler* receiver = nullptr;  // null before start() and after the end
  bool sender_gone = false;
  bool posted = false;
};

struct Shared : std::enable_shared_from_this<Shared> {
  explicit Shared(Reactor& r) : reactor(r) {}

  void schedule(size_t to) {
    Direction& direction = directions[to];
    if (direction.posted || direction.receiver == nullptr) return;
    if (direction.bytes == 0 && !direction.sender_gone) return;
    direction.posted = true;
    reactor.post([self = shared_from_this(), to] { self->deliver(to); });
  }
  void deliver(size_t to) {
    Direction& direction = directions[to];
    direction.posted = false;
    // Frames that callbacks add wait for the next turn.
    size_t left = direction.waiting[0].size() + direction.waiting[1].size();
    for (; left > 0 && direction.receiver != nullptr; --left) {
      auto& lane = direction.waiting[direction.waiting[1].empty() ? 0 : 1];
      Frame frame = std::move(lane.front());
      lane.pop_front();
      direction.bytes -= kFrameHeaderBytes + frame.bytes().size();
      direction.receiver->on_frame(std::move(frame));
    }
    if (direction.bytes > 0) return schedule(to);
    if (!direction.sender_gone) return;
    if (LinkHandler* receiver = std::exchange(direction.receiver, nullptr)) receiver->on_closed(Status());
  }

  Reactor& reactor;
  std::array<Direction, 2> directions;  // to the first end, to the second
};

class LoopLink : public Link {
 public:
  LoopLink(std::shared_ptr<Shared> shared, size_t own, LinkPeer peer)
      : shared_(std::move(shared)), own_(own), peer_(std::move(peer)) {}
  ~LoopLink() override {
    incoming().receiver = nullptr;
    leave();
  }
  void start(LinkHandler& handler) override {
    incoming().receiver = &handler;
    shared_->schedule(own_);
  }
  void send(Frame frame) override {
    if (left_ || outgoing().sender_gone || incoming().sender_gone) return;
    Direction& direction = outgoing();
    direction.bytes += kFrameHeaderBytes + frame.bytes().size();
    direction.waiting[static_cast<size_t>(lane_of(frame.header.kind))].push_back(std::move(frame));
    shared_->schedule(1 - own_);
  }
  void close(Status reason) override {
    if (left_) return;
    leave();
    LinkHandler* handler = std::exchange(incoming().receiver, nullptr);
    closing_ = handler;
    shared_->reactor.post([weak = std::weak_ptr<LoopLink*>(alive_), reason = std::move(reason)] {
      auto alive = weak.lock();
      if (!alive) return;
      if (LinkHandler* to = std::exchange((*alive)->closing_, nullptr)) to->on_closed(reason);
    });
  }
  size_t queued_bytes() const override { return shared_->directions[1 - own_].bytes; }
  size_t priority_bytes() const override { return 0; }  // each turn delivers all of it
  const LinkPeer& peer() const override { return peer_; }

 private:
  Direction& incoming() { return shared_->directions[own_]; }
  Direction& outgoing() { return shared_->directions[1 - own_]; }
  void leave() {
    if (std::exchange(left_, true)) return;
    outgoing().sender_gone = true;
    shared_->schedule(1 - own_);
  }

  std::shared_ptr<Shared> shared_;
  const size_t own_;
  LinkPeer peer_;
  bool left_ = false;
  LinkHandler* closing_ = nullptr;
  std::shared_ptr<LoopLink*> alive_ = std::make_shared<LoopLink*>(this);
};

}  // namespace

std::pair<std::unique_ptr<Link>, std::unique_ptr<Link>> make_loop_link(Reactor& reactor, LinkPeer first,
                                                                       LinkPeer second) {
  auto shared = std::make_shared<Shared>(reactor);
  return {std::make_unique<LoopLink>(shared, 0, std::move(second)),
          std::make_unique<LoopLink>(shared, 1, std::move(first))};
}

}  // namespace petrel
