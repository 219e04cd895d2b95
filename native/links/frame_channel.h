// FrameChannel: the frames of one stream of bytes, in both phases of a link: the hello, then the link itself.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "native/links/frame_link.h"

namespace petrel {

/// Thread: loop of the reactor only.  Owns: the stream.
/// Limits: LinkLimits; memory of a frame grows with the bytes that arrived, never with a length field.
class FrameChannel : public std::enable_shared_from_this<FrameChannel> {
 public:
  FrameChannel(Reactor& reactor, std::unique_ptr<ByteStream> stream, LinkLimits limits);
  ~FrameChannel();
  FrameChannel(const FrameChannel&) = delete;

  /// Begins the hello: small frames of its kinds only, and a deadline.
  void start(LinkHandler& handler);
  /// Whom frames and the end go to from now on.
  void set_handler(LinkHandler& handler) { handler_ = &handler; }
  /// Of the frames that we send from now on.
  void set_link_epoch(uint32_t link_epoch) { link_epoch_ = link_epoch; }
  /// The hello is done: frames of the other kinds, up to the full size, with this link's epoch; leases.
  void set_proved();
  /// `on_end` runs once when the channel ends, for whatever reason; it must not call handlers.
  void set_on_end(std::function<void()> on_end) { on_end_ = std::move(on_end); }
  /// `on_delay` runs about once in a lease interval, with how late the peer's latest sign of life in it was.
  void set_on_delay(std::function<void(Nanos)> on_delay) { on_delay_ = std::move(on_delay); }

  void send(Frame frame);
  /// Closes now; on_closed(reason) is posted.
  void close(Status reason);
  /// Closes and calls on_closed(reason) now. Not from inside a call of the owner.
  void closed(Status reason);
  /// Closes; no callback runs any more.
  void abandon();
  bool open() const { return open_; }
  size_t queued_bytes() const { return waiting_bytes_ + (stream_ ? stream_->queued_bytes() : 0); }
  size_t priority_bytes() const { return waiting_priority_bytes_; }
  const LinkCounters& counters() const { return counters_; }
  std::string peer() const { return peer_; }
  int peer_pid() const { return peer_pid_; }

 private:
  void on_bytes(std::string_view bytes);
  Status read_head(std::string_view& bytes);
  Status read_body(std::string_view& bytes);
  Status check_header(const FrameHeader& header);
  void deliver(Frame frame);
  void schedule_flush();
  void pump();
  void append_next(std::string& chunk);
  void schedule_tick();
  void tick();
  void look_at_delay(MonoTime now);
  void tell_delay(MonoTime now);
  void shut();

  Reactor& reactor_;
  std::unique_ptr<ByteStream> stream_;
  const LinkLimits limits_;
  const std::string peer_;
  const int peer_pid_;
  LinkHandler* handler_ = nullptr;
  std::function<void()> on_end_;
  std::function<void(Nanos)> on_delay_;
  bool open_ = true;
  bool proved_ = false;
  uint32_t link_epoch_ = 0;
  LinkCounters counters_;

  // What comes in: the length and header so far, then the body so far.
  std::string head_;
  Frame frame_;
  std::shared_ptr<std::string> body_;
  size_t body_bytes_ = 0;
  MonoTime frame_since_;  // when its first byte came
  std::array<uint64_t, 2> received_sequence_{};

  // What goes out, by lane.
  std::array<std::deque<Frame>, 2> waiting_;
  size_t waiting_bytes_ = 0;
  size_t waiting_priority_bytes_ = 0;
  std::array<uint64_t, 2> sent_sequence_{};
  bool flush_posted_ = false;

  // Leases.
  MonoTime last_received_;
  Nanos delay_{};  // the greatest since delay_told_
  MonoTime delay_told_;
  MonoTime next_lease_;
  MonoTime judge_from_;
  MonoTime tick_due_;
  Reactor::TimerId hello_timer_ = 0;
  Reactor::TimerId tick_timer_ = 0;
};

}  // namespace petrel
