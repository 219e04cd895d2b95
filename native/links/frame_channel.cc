#include "native/links/frame_channel.h"

#include <algorithm>
#include <utility>

#include "native/codec/wire.h"

namespace petrel {
namespace {

constexpr size_t kHeadBytes = kFrameLengthBytes + kFrameHeaderBytes;
// What the stream may hold before data frames wait here, where the priority lane overtakes them.
constexpr size_t kStreamBytes = 64 * 1024;
constexpr size_t kChunkBytes = 64 * 1024;
constexpr size_t kFirstBodyBytes = 64 * 1024;
constexpr Nanos kLeastTick = Millis(10);
constexpr int kFrameLeases = 2;  // a frame comes whole within so many lease time-outs

size_t wire_bytes(const Frame& frame) {
  return kHeadBytes + frame.bytes().size();
}

}  // namespace

FrameChannel::FrameChannel(Reactor& reactor, std::unique_ptr<ByteStream> stream, LinkLimits limits)
    : reactor_(reactor),
      stream_(std::move(stream)),
      limits_(limits),
      peer_(stream_->peer()),
      peer_pid_(stream_->peer_pid()) {}

FrameChannel::~FrameChannel() {
  if (open_) shut();
}

void FrameChannel::start(LinkHandler& handler) {
  handler_ = &handler;
  hello_timer_ = reactor_.after(limits_.hello_timeout, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->hello_timer_ = 0;
    self->closed(Status::error(StatusCode::kTimeout, "no hello from {} within {} ms", self->peer_,
                               std::chrono::duration_cast<Millis>(self->limits_.hello_timeout).count()));
  });
  stream_->on_written([weak = weak_from_this()] {
    if (auto self = weak.lock()) self->pump();
  });
  stream_->start(
      [weak = weak_from_this()](std::string_view bytes) {
        if (auto self = weak.lock()) self->on_bytes(bytes);
      },
      [weak = weak_from_this()](Status reason) {
        if (auto self = weak.lock()) self->closed(std::move(reason));
      });
}

void FrameChannel::set_proved() {
  proved_ = true;
  reactor_.cancel(std::exchange(hello_timer_, 0));
  const MonoTime now = reactor_.clock().now();
  last_received_ = judge_from_ = delay_told_ = now;
  delay_ = Nanos{};
  next_lease_ = now + limits_.lease_interval;
  schedule_tick();
}

void FrameChannel::on_bytes(std::string_view bytes) {
  // Callbacks may end the channel and drop its owner; this keeps our own state until the end of the call.
  auto self = shared_from_this();
  const MonoTime now = reactor_.clock().now();
  look_at_delay(now);
  last_received_ = now;
  while (open_ && !bytes.empty()) {
    Status read = body_ ? read_body(bytes) : read_head(bytes);
    if (!read.ok() && open_) closed(read.with_context("{}", peer_));
  }
}

Status FrameChannel::read_head(std::string_view& bytes) {
  if (head_.empty()) frame_since_ = last_received_;
  const size_t taken = std::min(kHeadBytes - head_.size(), bytes.size());
  head_.append(bytes.substr(0, taken));
  bytes.remove_prefix(taken);
  if (head_.size() < kFrameLengthBytes) return Status();
  const uint32_t length = WireReader(head_).u32();
  RETURN_IF_ERROR(check_frame_length(length, proved_ ? limits_.frame_bytes : limits_.frame_bytes_before_hello));
  if (head_.size() < kHeadBytes) return Status();
  body_bytes_ = length - kFrameHeaderBytes;
  ASSIGN_OR_RETURN(frame_.header, parse_frame_header(std::string_view(head_).substr(kFrameLengthBytes), body_bytes_));
  head_.clear();
  RETURN_IF_ERROR(check_header(frame_.header));
  body_ = std::make_shared<std::string>();
  if (body_bytes_ != 0) return Status();
  std::string_view nothing;
  return read_body(nothing);
}

Status FrameChannel::check_header(const FrameHeader& header) {
  if (is_handshake(header.kind) == proved_) {
    return Status::malformed("a {} frame {} the hello", to_string(header.kind), proved_ ? "after" : "before");
  }
  if (proved_ && header.link_epoch != link_epoch_) {
    return Status::error(StatusCode::kConflict, "a {} frame of link epoch {}, this link has {}", to_string(header.kind),
                         header.link_epoch, link_epoch_);
  }
  const auto lane = static_cast<size_t>(lane_of(header.kind));
  const uint64_t expected = received_sequence_[lane] + 1;
  if (header.sequence != expected) {
    return Status::error(StatusCode::kConflict, "a {} frame of sequence {}, {} is the next of its lane",
                         to_string(header.kind), header.sequence, expected);
  }
  received_sequence_[lane] = expected;
  return Status();
}

Status FrameChannel::read_body(std::string_view& bytes) {
  const size_t taken = std::min(body_bytes_ - body_->size(), bytes.size());
  if (body_->empty()) body_->reserve(std::min(body_bytes_, std::max(taken, kFirstBodyBytes)));
  body_->append(bytes.substr(0, taken));
  bytes.remove_prefix(taken);
  if (body_->size() < body_bytes_) return Status();
  RETURN_IF_ERROR(check_body(frame_.header, *body_));
  frame_.body = std::exchange(body_, nullptr);
  deliver(std::exchange(frame_, Frame()));
  return Status();
}

void FrameChannel::deliver(Frame frame) {
  LinkCounters::Lane& lane = counters_.received[static_cast<size_t>(lane_of(frame.header.kind))];
  ++lane.frames;
  lane.bytes += wire_bytes(frame);
  if (frame.header.kind == FrameKind::kLease) return;
  CHECK(handler_ != nullptr && "start() of the link before on_link returns");
  handler_->on_frame(std::move(frame));
}

void FrameChannel::send(Frame frame) {
  if (!open_) return;
  const size_t bytes = wire_bytes(frame);
  CHECK(bytes - kFrameLengthBytes <= limits_.frame_bytes);
  if (queued_bytes() + bytes > limits_.outbox_bytes) {
    return close(Status::error(StatusCode::kLimit, "{} does not read: {} bytes are queued, the limit is {}", peer_,
                               queued_bytes(), limits_.outbox_bytes));
  }
  if (lane_of(frame.header.kind) == FrameLane::kPriority) waiting_priority_bytes_ += bytes;
  waiting_[static_cast<size_t>(lane_of(frame.header.kind))].push_back(std::move(frame));
  waiting_bytes_ += bytes;
  schedule_flush();
}

void FrameChannel::schedule_flush() {
  if (std::exchange(flush_posted_, true)) return;
  reactor_.post([weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->flush_posted_ = false;
    self->pump();
  });
}

void FrameChannel::pump() {
  if (!open_ || waiting_bytes_ == 0) return;
  while (waiting_bytes_ > 0 && stream_->queued_bytes() < kStreamBytes) {
    std::string chunk;
    chunk.reserve(std::min(waiting_bytes_, kChunkBytes + kDataFrameBytes));
    while (waiting_bytes_ > 0 && chunk.size() < kChunkBytes) append_next(chunk);
    stream_->send(std::move(chunk));
  }
  next_lease_ = reactor_.clock().now() + limits_.lease_interval;
}

void FrameChannel::append_next(std::string& chunk) {
  const size_t lane = waiting_[static_cast<size_t>(FrameLane::kPriority)].empty() ? 0 : 1;
  Frame& frame = waiting_[lane].front();
  frame.header.link_epoch = link_epoch_;
  frame.header.sequence = ++sent_sequence_[lane];
  append_frame_header(chunk, frame.header, frame.bytes().size());
  chunk.append(frame.bytes());
  const size_t bytes = wire_bytes(frame);
  waiting_bytes_ -= bytes;
  if (lane == static_cast<size_t>(FrameLane::kPriority)) waiting_priority_bytes_ -= bytes;
  ++counters_.sent[lane].frames;
  counters_.sent[lane].bytes += bytes;
  waiting_[lane].pop_front();
}

void FrameChannel::schedule_tick() {
  const MonoTime now = reactor_.clock().now();
  const MonoTime judgement = std::max(last_received_ + limits_.lease_timeout, judge_from_);
  tick_due_ = std::max(std::min(next_lease_, judgement), now + kLeastTick);
  tick_timer_ = reactor_.after(tick_due_ - now, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self || !self->open_) return;
    self->tick_timer_ = 0;
    self->tick();
  });
}

void FrameChannel::look_at_delay(MonoTime now) {
  delay_ = std::max(delay_, now - last_received_ - limits_.lease_interval);
}

void FrameChannel::tell_delay(MonoTime now) {
  if (!on_delay_ || now - delay_told_ < limits_.lease_interval) return;
  look_at_delay(now);  // what has not come yet is late already
  delay_told_ = now;
  on_delay_(std::exchange(delay_, Nanos{}));
}

void FrameChannel::tick() {
  const MonoTime now = reactor_.clock().now();
  tell_delay(now);
  if (now - tick_due_ > limits_.pause_tolerance) {
    // This process stood still: what the peer sent meanwhile lies in the socket and is read before it is judged.
    ++counters_.pauses;
    judge_from_ = now + limits_.lease_interval;
  }
  if (now >= judge_from_ && now - last_received_ >= limits_.lease_timeout) {
    return closed(Status::error(StatusCode::kTimeout, "nothing came from {} for {} ms", peer_,
                                std::chrono::duration_cast<Millis>(now - last_received_).count()));
  }
  // A wrong bit in a length makes a frame of all that follows; leases alone would take hours to fill it.
  const bool inside = body_ != nullptr || !head_.empty();
  if (inside && now >= judge_from_ && now - frame_since_ >= kFrameLeases * limits_.lease_timeout) {
    return closed(Status::error(StatusCode::kTimeout, "a frame of {} has not come whole for {} ms: {} of {} bytes",
                                peer_, std::chrono::duration_cast<Millis>(now - frame_since_).count(),
                                body_ ? body_->size() : 0, body_bytes_));
  }
  if (now >= next_lease_) {
    next_lease_ = now + limits_.lease_interval;
    if (queued_bytes() == 0) {
      ++counters_.leases_sent;
      Frame lease;
      lease.header.kind = FrameKind::kLease;
      send(std::move(lease));
    }
  }
  schedule_tick();
}

void FrameChannel::shut() {
  open_ = false;
  stream_.reset();
  for (auto& lane : waiting_) lane.clear();
  waiting_bytes_ = waiting_priority_bytes_ = 0;
  reactor_.cancel(std::exchange(hello_timer_, 0));
  reactor_.cancel(std::exchange(tick_timer_, 0));
  if (auto on_end = std::exchange(on_end_, nullptr)) on_end();
}

void FrameChannel::closed(Status reason) {
  if (!open_) return;
  auto self = shared_from_this();
  shut();
  if (LinkHandler* handler = std::exchange(handler_, nullptr)) handler->on_closed(std::move(reason));
}

void FrameChannel::close(Status reason) {
  if (!open_) return;
  shut();
  reactor_.post([weak = weak_from_this(), reason = std::move(reason)] {
    auto self = weak.lock();
    if (!self) return;
    if (LinkHandler* handler = std::exchange(self->handler_, nullptr)) handler->on_closed(reason);
  });
}

void FrameChannel::abandon() {
  handler_ = nullptr;
  if (open_) shut();
}

}  // namespace petrel
