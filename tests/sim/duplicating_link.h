// DuplicatingLink: a Link whose reader gets some frames again, later: what flows and ack flows must not count twice.
#pragma once

#include <memory>
#include <utility>

#include "native/links/link.h"
#include "tests/sim/sim_reactor.h"

namespace petrel::sim {

/// Thread: the process's loop.
class DuplicatingLink : public Link, private LinkHandler {
 public:
  DuplicatingLink(std::unique_ptr<Link> inner, SimReactor& reactor, Rng rng, uint32_t percent)
      : inner_(std::move(inner)), reactor_(reactor), rng_(rng), percent_(percent) {}

  void start(LinkHandler& handler) override {
    handler_ = &handler;
    inner_->start(*this);
  }
  void send(Frame frame) override { inner_->send(std::move(frame)); }
  void close(Status reason) override { inner_->close(std::move(reason)); }
  size_t queued_bytes() const override { return inner_->queued_bytes(); }
  size_t priority_bytes() const override { return inner_->priority_bytes(); }
  const LinkPeer& peer() const override { return inner_->peer(); }

 private:
  // Only kinds with offsets: credit is absolute, and news of hosts come in order.
  static bool repeats(FrameKind kind) {
    return kind == FrameKind::kData || kind == FrameKind::kAcks || kind == FrameKind::kProbe;
  }
  void on_frame(Frame frame) override {
    if (repeats(frame.header.kind) && rng_.below(100) < percent_) {
      reactor_.after(std::chrono::microseconds(rng_.below(20'000)), [alive = std::weak_ptr<int>(alive_), this, frame] {
        if (!alive.expired()) handler_->on_frame(frame);
      });
    }
    handler_->on_frame(std::move(frame));
  }
  void on_closed(Status reason) override {
    alive_.reset();
    handler_->on_closed(std::move(reason));
  }

  std::unique_ptr<Link> inner_;
  SimReactor& reactor_;
  Rng rng_;
  const uint32_t percent_;
  LinkHandler* handler_ = nullptr;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace petrel::sim
