#include "native/links/cross_link.h"

#include <array>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace petrel {
namespace {

using Lanes = std::array<std::deque<Frame>, 2>;  // by FrameLane

size_t lane_index(const Frame& frame) {
  return static_cast<size_t>(lane_of(frame.header.kind));
}
constexpr size_t kData = static_cast<size_t>(FrameLane::kData);
constexpr size_t kPriority = static_cast<size_t>(FrameLane::kPriority);

size_t bytes_of(const Frame& frame) {
  return kFrameHeaderBytes + frame.bytes().size();
}

}  // namespace

/// What both loops share. It is the handler of the connection on the away loop.
class AwayLoop::Crossing : public LinkHandler, public std::enable_shared_from_this<Crossing> {
 public:
  Crossing(Reactor& home, Reactor& away, std::unique_ptr<Link> link, CrossLinkLimits limits,
           std::shared_ptr<std::atomic<uint64_t>> dropped)
      : home_(home), away_(away), limits_(limits), dropped_(std::move(dropped)), link_(std::move(link)) {}

  // --- the away loop

  void start() { link_->start(*this); }
  void on_frame(Frame frame) override {
    const size_t lane = lane_index(frame);
    const size_t bytes = bytes_of(frame);
    std::unique_lock lock(mutex_);
    if (in_bytes_ + bytes > limits_.queue_bytes + (lane == kPriority ? limits_.priority_slack_bytes : 0)) {
      const size_t waiting = in_bytes_;
      lock.unlock();
      return on_full(lane, waiting);
    }
    in_[lane].push_back(std::move(frame));
    in_bytes_ += bytes;
    const bool post = !std::exchange(in_posted_, true);
    lock.unlock();
    if (post) post_home();
  }
  void on_closed(Status reason) override {
    shut();
    const std::scoped_lock lock(mutex_);
    ended_ = std::move(reason);
    if (!std::exchange(in_posted_, true)) post_home();
  }
  void pump() {
    std::vector<Frame> now;
    bool left = false;
    {
      const std::scoped_lock lock(mutex_);
      out_posted_ = false;
      size_t room = link_ ? link_->queued_bytes() : 0;
      room = room < limits_.link_high_bytes ? limits_.link_high_bytes - room : 0;
      take(kPriority, SIZE_MAX, now);
      take(kData, room, now);
      left = !out_[kData].empty();
    }
    if (!link_) return;
    for (Frame& frame : now) {
      if (link_) link_->send(std::move(frame));
    }
    in_link_.store(link_ ? link_->queued_bytes() : 0, std::memory_order_relaxed);
    priority_in_link_.store(link_ ? link_->priority_bytes() : 0, std::memory_order_relaxed);
    // While much waits in the connection we look again, so that the sizes do not stay high for ever.
    if (link_ && timer_ == 0 &&
        (left || link_->priority_bytes() > 0 || link_->queued_bytes() > limits_.link_high_bytes)) {
      timer_ = away_.after(limits_.link_high_retry, [weak = weak_from_this()] {
        auto self = weak.lock();
        if (!self) return;
        self->timer_ = 0;
        self->pump();
      });
    }
  }
  void close_link(const Status& reason) {
    if (link_) link_->close(reason);
  }
  void shut() {
    link_.reset();
    away_.cancel(std::exchange(timer_, 0));
  }
  void end() {
    shut();
    over_ = true;
  }

  // --- the home loop

  void set_handler(LinkHandler* handler) {
    handler_ = handler;
    if (handler_ == nullptr) return;
    const std::scoped_lock lock(mutex_);
    if ((in_bytes_ > 0 || ended_) && !std::exchange(in_posted_, true)) post_home();
  }
  void send(Frame frame) {
    {
      const std::scoped_lock lock(mutex_);
      out_bytes_ += bytes_of(frame);
      out_[lane_index(frame)].push_back(std::move(frame));
      if (std::exchange(out_posted_, true)) return;
    }
    post_away([](Crossing& self) { self.pump(); });
  }
  template <typename F>
  void post_away(F work) {
    if (over_) return;  // that loop has stopped, and may be gone
    away_.post([self = shared_from_this(), work = std::move(work)] { work(*self); });
  }
  size_t queued_bytes() const {
    const std::scoped_lock lock(mutex_);
    return out_bytes_ + in_link_.load(std::memory_order_relaxed);
  }

  size_t priority_bytes() const { return priority_in_link_.load(std::memory_order_relaxed); }

 private:
  /// Flows ask again for data; news of hosts come only once, so a link that cannot bring them ends and comes back.
  void on_full(size_t lane, size_t waiting) {
    if (lane == kData) {
      dropped_->fetch_add(1, std::memory_order_relaxed);
    } else {
      close_link(Status::error(StatusCode::kLimit, "{} sends faster than its frames are forwarded: {} bytes wait",
                               link_ ? link_->peer().text : "the peer", waiting));
    }
  }
  void post_home() {
    home_.post([self = shared_from_this()] { self->deliver(); });
  }
  void deliver() {
    Lanes frames;
    std::optional<Status> ended;
    {
      const std::scoped_lock lock(mutex_);
      in_posted_ = false;
      if (handler_ == nullptr) return;  // not started yet, or gone
      frames.swap(in_);
      in_bytes_ = 0;
      ended = std::exchange(ended_, std::nullopt);
    }
    for (const size_t lane : {kPriority, kData}) {
      for (Frame& frame : frames[lane]) {
        if (handler_ != nullptr) handler_->on_frame(std::move(frame));
      }
    }
    if (!ended) return;
    if (LinkHandler* handler = std::exchange(handler_, nullptr)) handler->on_closed(*ended);
  }
  /// With the lock.
  void take(size_t lane, size_t room, std::vector<Frame>& into) {
    for (size_t taken = 0; !out_[lane].empty() && taken < room;) {
      const size_t bytes = bytes_of(out_[lane].front());
      taken += bytes;
      out_bytes_ -= bytes;
      into.push_back(std::move(out_[lane].front()));
      out_[lane].pop_front();
    }
  }

  Reactor& home_;
  Reactor& away_;
  const CrossLinkLimits limits_;
  const std::shared_ptr<std::atomic<uint64_t>> dropped_;

  std::unique_ptr<Link> link_;  // away loop
  Reactor::TimerId timer_ = 0;  // away loop
  std::atomic<bool> over_{false};

  LinkHandler* handler_ = nullptr;  // home loop

  mutable std::mutex mutex_;  // guards what follows, to the blank line
  Lanes in_;                  // to the home loop
  size_t in_bytes_ = 0;
  bool in_posted_ = false;
  std::optional<Status> ended_;
  Lanes out_;  // to the connection
  size_t out_bytes_ = 0;
  bool out_posted_ = false;

  std::atomic<size_t> in_link_{0};  // that the connection had queued when we last looked
  std::atomic<size_t> priority_in_link_{0};
};

class AwayLoop::CrossLink : public Link {
 public:
  CrossLink(std::shared_ptr<Crossing> crossing, LinkPeer peer)
      : crossing_(std::move(crossing)), peer_(std::move(peer)) {}
  ~CrossLink() override {
    crossing_->set_handler(nullptr);
    crossing_->post_away([](Crossing& self) { self.shut(); });
  }
  void start(LinkHandler& handler) override { crossing_->set_handler(&handler); }
  void send(Frame frame) override { crossing_->send(std::move(frame)); }
  void close(Status reason) override {
    crossing_->post_away([reason = std::move(reason)](Crossing& self) { self.close_link(reason); });
  }
  size_t queued_bytes() const override { return crossing_->queued_bytes(); }
  size_t priority_bytes() const override { return crossing_->priority_bytes(); }
  const LinkPeer& peer() const override { return peer_; }

 private:
  const std::shared_ptr<Crossing> crossing_;
  const LinkPeer peer_;
};

std::unique_ptr<Link> AwayLoop::carry(std::unique_ptr<Link> link, Reactor& home, const CrossLinkLimits& limits) {
  LinkPeer peer = link->peer();
  auto crossing = std::make_shared<Crossing>(home, reactor_, std::move(link), limits, dropped_);
  std::erase_if(crossings_, [](const auto& weak) { return weak.expired(); });
  crossings_.push_back(crossing);
  crossing->start();
  return std::make_unique<CrossLink>(std::move(crossing), std::move(peer));
}

void AwayLoop::shut() {
  for (const auto& weak : crossings_) {
    if (auto crossing = weak.lock()) crossing->end();
  }
  crossings_.clear();
}

}  // namespace petrel
