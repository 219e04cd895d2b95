#include "native/links/host_endpoint.h"

#include <utility>

#include "native/base/escape.h"
#include "native/base/log.h"
#include "native/base/mutant.h"

namespace petrel {
namespace {

const Logger logger("links");

}  // namespace

/// The lock, and behind it the turn of the loop that what was done with it asks for: who were woken before would only
/// wait for the lock, two more switches for each frame.
class HostEndpoint::Turn {
 public:
  explicit Turn(HostEndpoint& endpoint) : endpoint_(endpoint), lock_(endpoint.mutex_) {}
  ~Turn() {
    lock_.unlock();
    if (!due_) return;
    endpoint_.reactor_.post([endpoint = &endpoint_, alive = endpoint_.alive_] {
      if (*alive) endpoint->flush();
    });
  }
  Turn(const Turn&) = delete;
  void schedule() { due_ |= !std::exchange(endpoint_.flush_posted_, true); }

 private:
  HostEndpoint& endpoint_;
  std::unique_lock<std::mutex> lock_;
  bool due_ = false;
};

HostEndpoint::HostEndpoint(Reactor& reactor, HostEndpointOptions options, EndpointHandler& handler)
    : reactor_(reactor),
      options_(options),
      handler_(handler),
      table_(options.slot, options.incarnation),
      send_(options_.flows, table_, options.slot, options.incarnation),
      receive_(options_.flows, table_, options.slot, options.incarnation) {}

HostEndpoint::~HostEndpoint() {
  *alive_ = false;
  reactor_.cancel(tick_timer_);
  reactor_.cancel(retry_timer_);
}

// ---- The plan and the link

void HostEndpoint::set_routes(std::shared_ptr<const RouteTable> routes) {
  News news;
  {
    Turn turn(*this);
    if (routes_ && routes->epoch < routes_->epoch && !PETREL_MUTANT("stale plan epoch accepted")) {
      ++counters_.stale_plans;
      return;
    }
    routes_ = routes;
    send_.set_routes(routes);
    receive_.set_plan_epoch(routes->epoch);
    check_links_up(news);
    turn.schedule();
  }
  tell(news);
}

void HostEndpoint::add_executor(int32_t executor, uint64_t pool_bytes) {
  Turn turn(*this);
  receive_.add_executor(executor, pool_bytes);
  turn.schedule();
}

void HostEndpoint::attach(std::unique_ptr<Link> link) {
  link_ = std::move(link);
  link_->start(*this);
  Turn turn(*this);
  ++counters_.links;
  send_.all_paths_up();
  receive_.all_paths_up();
  pressure_due_ = pressure_ != 0;
  turn.schedule();
}

void HostEndpoint::detach() {
  link_.reset();
}

void HostEndpoint::on_closed(Status reason) {
  logger.info("host {}: the link to {} has ended: {}", options_.slot, escape(link_->peer().text),
              reason.ok() ? "the peer closed it" : reason.message());
  link_.reset();
}

// ---- From any thread

Admit HostEndpoint::offer(int32_t source_executor, OutSection&& section, bool more) {
  Turn turn(*this);
  const uint64_t bytes = section.bytes.size();
  const Admit admit = send_.offer(source_executor, std::move(section), reactor_.clock().now());
  if (admit == Admit::kTaken) {
    unflushed_bytes_ += bytes;
    if (!more || unflushed_bytes_ >= options_.worth_waking) turn.schedule();
  } else if (admit == Admit::kNoCredit) {
    turn.schedule();
  }
  return admit;
}

void HostEndpoint::offered() {
  Turn turn(*this);
  if (unflushed_bytes_ != 0) turn.schedule();
}

void HostEndpoint::consumed(const FlowId& flow, uint64_t bytes) {
  Turn turn(*this);
  receive_.consumed(flow, bytes);
  if (receive_.credit_due()) turn.schedule();
}

void HostEndpoint::acks(std::span<const AckRecord> records, bool more) {
  Turn turn(*this);
  send_.acks(records);
  unflushed_bytes_ += 2 * records.size_bytes();  // double: a spout that has all it may have pending waits for them
  if (!more || unflushed_bytes_ >= options_.worth_waking) turn.schedule();
}

void HostEndpoint::set_pressure(uint16_t bits) {
  Turn turn(*this);
  if (std::exchange(pressure_, bits) == bits) return;
  pressure_due_ = true;
  turn.schedule();
}

Frame HostEndpoint::pressure_frame() const {
  FrameHeader header;
  header.kind = FrameKind::kHosts;
  header.source_host = options_.slot;
  header.source_incarnation = options_.incarnation;
  HostEntry entry{options_.slot, 0, options_.incarnation, HostState::kUp, 0, pressure_};
  std::string body;
  append_entry(body, entry);
  return make_frame(header, std::move(body));
}

uint64_t HostEndpoint::ack_backlog_bytes() const {
  const std::scoped_lock lock(mutex_);
  return send_.ack_backlog_bytes();
}

uint16_t HostEndpoint::load_of(int32_t destination_task) const {
  const std::scoped_lock lock(mutex_);
  return send_.load_of(destination_task);
}

EndpointCounters HostEndpoint::counters() const {
  const std::scoped_lock lock(mutex_);
  EndpointCounters counters = counters_;
  counters.send = send_.counters();
  counters.receive = receive_.counters();
  return counters;
}

std::vector<BlockedTime> HostEndpoint::blocked() const {
  const std::scoped_lock lock(mutex_);
  return send_.blocked(reactor_.clock().now());
}

std::vector<ReceiveSide::ExecutorGauge> HostEndpoint::executors() const {
  const std::scoped_lock lock(mutex_);
  return receive_.gauges();
}

std::map<uint32_t, uint64_t> HostEndpoint::accepted_tuples() const {
  const std::scoped_lock lock(mutex_);
  return receive_.accepted_tuples();
}

bool HostEndpoint::quiet() const {
  const std::scoped_lock lock(mutex_);
  return !send_.busy();
}

// ---- What arrives

void HostEndpoint::on_frame(Frame frame) {
  News news;
  {
    Turn turn(*this);
    if (const Status status = receive(frame, reactor_.clock().now(), news); !status.ok()) {
      // The link has checked its bytes, so the source made it so. It costs that source what was inside, nothing else.
      if (++counters_.dropped_malformed <= 10) {
        logger.warn("host {}: dropped a {} frame of host {}: {}", options_.slot, to_string(frame.header.kind),
                    frame.header.source_host, status.message());
      }
    }
    check_links_up(news);
    turn.schedule();
  }
  tell(news);
}

bool HostEndpoint::admit(const FrameHeader& header, News& news) {
  if (header.destination_host != options_.slot) {
    ++counters_.dropped_misrouted;
    return false;
  }
  learn(header.source_host, table_.seen(header.source_host, header.source_incarnation), news);
  if (header.destination_incarnation != options_.incarnation ||
      !table_.current(header.source_host, header.source_incarnation)) {
    ++counters_.dropped_stale;
    return false;
  }
  return true;
}

Status HostEndpoint::receive(Frame& frame, MonoTime now, News& news) {
  const FrameHeader& header = frame.header;
  if (header.kind == FrameKind::kHosts) {
    ASSIGN_OR_RETURN(const std::vector<HostEntry> entries, parse_hosts(frame.bytes()));
    for (const HostEntry& entry : entries) learn(entry.slot, table_.learn(entry), news);
    return Status();
  }
  if (header.kind == FrameKind::kLease || !admit(header, news)) return Status();
  switch (header.kind) {
    case FrameKind::kData:
      return receive_.on_data(frame, now, news.sections);
    case FrameKind::kProbe: {
      ASSIGN_OR_RETURN(const std::vector<ProbeEntry> probes, parse_probe(frame.bytes()));
      receive_.on_probes(header, probes, now);
      return Status();
    }
    case FrameKind::kReserve: {
      ASSIGN_OR_RETURN(const std::vector<ReserveEntry> reserves, parse_reserve(frame.bytes()));
      receive_.on_reserves(header, reserves, now);
      return Status();
    }
    case FrameKind::kCredit: {
      ASSIGN_OR_RETURN(const std::vector<CreditEntry> credit, parse_credit(frame.bytes()));
      send_.on_credit(header.source_host, credit, now);
      return Status();
    }
    case FrameKind::kAcks: {
      ASSIGN_OR_RETURN(const AcksBody acks, parse_acks(frame.bytes()));
      news.acks = receive_.on_acks(header, acks);
      news.acks_frame = frame;
      return Status();
    }
    case FrameKind::kAckCredit: {
      ASSIGN_OR_RETURN(const AckCreditBody credit, parse_ack_credit(frame.bytes()));
      if (credit.flags & AckCreditBody::kProbe) {
        receive_.on_ack_probe(header, credit.received);
      } else {
        send_.on_ack_credit(header.source_host, credit, now);
      }
      return Status();
    }
    default:
      return Status::malformed("a host gets no {} frames", to_string(header.kind));
  }
}

void HostEndpoint::learn(uint32_t slot, HostTable::Change change, News& news) {
  if (change.lost) {
    ++counters_.hosts_lost;
    send_.lost(slot);
    receive_.lost(slot);
  }
  if (change.up || change.path) {
    send_.path_up(slot);
    receive_.path_up(slot);
  }
  loss_number_.store(table_.loss_number(), std::memory_order_relaxed);
  if (change.pressure) news.pressure = table_.pressure();
  if (change.lost) news.lost.emplace_back(slot, table_.loss_number());
}

void HostEndpoint::check_links_up(News& news) {
  if (!routes_ || links_up_told_ >= routes_->epoch || !table_.all_up(routes_->hosts.size())) return;
  // Who has not heard of our start still sends to our predecessor: to our own spouts that is the loss of a host too, by
  // the number of those who know of us.
  if (links_up_told_ == 0 && options_.incarnation > 1) news.lost.emplace_back(options_.slot, table_.loss_number());
  links_up_told_ = routes_->epoch;
  news.links_up = routes_->epoch;
}

void HostEndpoint::tell(News& news) {
  for (const auto& [slot, number] : news.lost) {
    logger.info("host {}: host {} is lost (loss number {})", options_.slot, slot, number);
    handler_.on_host_lost(slot, number);
  }
  if (!news.acks.empty()) handler_.on_acks(news.acks);
  for (const InSection& section : news.sections) handler_.on_section(section);
  if (news.links_up) handler_.on_links_up(*news.links_up);
  if (news.pressure) handler_.on_pressure(*news.pressure);
}

// ---- The turn of the loop

void HostEndpoint::flush() {
  std::vector<Frame> frames;
  std::vector<int32_t> ready;
  bool left = false;
  bool busy = false;
  const size_t queued = link_ ? link_->queued_bytes() : 0;
  {
    const std::scoped_lock lock(mutex_);
    flush_posted_ = false;
    unflushed_bytes_ = 0;
    const MonoTime now = reactor_.clock().now();
    send_.take_ready(now, ready);
    if (link_) {
      if (std::exchange(pressure_due_, false)) frames.push_back(pressure_frame());
      receive_.take_frames(frames);
      const size_t budget = queued < options_.link_high_bytes ? options_.link_high_bytes - queued : 0;
      left = send_.take_frames(now, budget, frames);
    }
    busy = send_.busy();
  }
  for (Frame& frame : frames) link_->send(std::move(frame));
  if (!ready.empty()) handler_.on_credit(ready);
  if (busy) arm_tick();
  if (left && retry_timer_ == 0) {
    retry_timer_ = reactor_.after(options_.link_high_retry, [this] {
      retry_timer_ = 0;
      flush();
    });
  }
}

void HostEndpoint::arm_tick() {
  if (tick_timer_ != 0) return;
  tick_timer_ = reactor_.after(options_.tick, [this] { on_tick(); });
}

void HostEndpoint::on_tick() {
  tick_timer_ = 0;
  {
    const std::scoped_lock lock(mutex_);
    send_.tick(reactor_.clock().now());
  }
  flush();
}

}  // namespace petrel
