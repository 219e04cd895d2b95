// HostEndpoint: a host's end of everything that crosses processes: its flows and ack flows in both directions, and its
// talk with its stream manager (docs/links.md).
//
// Nothing is lost with a link: what is not covered is kept, and asked for again when a link is attached or the path to
// another host came up anew. Only the death of a host loses what was on the way to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "native/links/host_table.h"
#include "native/links/link.h"
#include "native/links/receive_side.h"
#include "native/links/route_table.h"
#include "native/links/section.h"
#include "native/links/send_side.h"
#include "native/transport/reactor.h"

namespace petrel {

/// Calls come on the loop, without the endpoint's lock: every method of the endpoint may be called, but it may not be
/// destroyed.
class EndpointHandler {
 public:
  virtual ~EndpointHandler() = default;
  /// Tuples or a marker for an executor of this host. Never more than was granted; say consumed() later.
  virtual void on_section(const InSection& section) = 0;
  /// Source executors (by their first task) that were refused may try again. It may come before offer() has returned in
  /// the thread that was refused.
  virtual void on_credit(const std::vector<int32_t>& executors) = 0;
  /// n * 32 bytes for this host's ledger.
  virtual void on_acks(std::string_view records) = 0;
  /// Also once for our own slot when it had an earlier incarnation: what others send to that one is lost.
  virtual void on_host_lost(uint32_t slot, uint32_t loss_number) = 0;
  /// Every other host of the plan was announced as up; once per plan epoch.
  virtual void on_links_up(uint64_t plan_epoch) = 0;
  /// What all other hosts together ask to be held back; absolute.
  virtual void on_pressure(uint16_t bits) { (void)bits; }
};

struct HostEndpointOptions {
  uint32_t slot = 0;
  uint32_t incarnation = 0;
  FlowOptions flows;
  Nanos tick = Millis(50);            // while something is kept or waits
  size_t worth_waking = 128U << 10;   // bytes from writers that go on: so many wake the loop; acks count double
  size_t link_high_bytes = 4U << 20;  // sections wait here when so much waits in the link
  Nanos link_high_retry = Millis(2);
};

struct EndpointCounters {
  SendSide::Counters send;
  ReceiveSide::Counters receive;
  uint64_t dropped_stale = 0;      // frames of an older incarnation, or for one
  uint64_t dropped_misrouted = 0;  // frames for another host
  uint64_t dropped_malformed = 0;
  uint64_t stale_plans = 0;
  uint64_t hosts_lost = 0;
  uint64_t links = 0;  // attached so far
};

/// Thread: offer(), offered(), consumed(), acks() and the getters from any thread (one lock per call); all else on the
/// loop.
/// Borrows: reactor, handler.  Limits: kept bytes <= granted credit; waiting ack records are bounded by pending roots.
class HostEndpoint : private LinkHandler {
 public:
  HostEndpoint(Reactor& reactor, HostEndpointOptions options, EndpointHandler& handler);
  ~HostEndpoint() override;
  HostEndpoint(const HostEndpoint&) = delete;

  /// A table of an older epoch is ignored and counted.
  void set_routes(std::shared_ptr<const RouteTable> routes);
  /// A receiving executor of this host, by its first task; before it, sections for it are dropped (and sent again).
  void add_executor(int32_t executor, uint64_t pool_bytes);
  /// The link to the stream manager, not started yet; a new one replaces the old one.
  void attach(std::unique_ptr<Link> link);
  void detach();
  bool attached() const { return link_ != nullptr; }

  /// The section is moved from only when kTaken.
  /// `more`: the writer goes on, and says offered() within a moment: the section alone need not wake the loop.
  Admit offer(int32_t source_executor, OutSection&& section, bool more = false);
  /// What was offered, or given to acks(), with `more` leaves now.
  void offered();
  /// The executor has taken sections of these bytes from its inbox.
  void consumed(const FlowId& flow, uint64_t bytes);
  /// For ledgers of other hosts; a record finds its host by its root. `more` as in offer().
  void acks(std::span<const AckRecord> records, bool more = false);

  /// What this host asks all others to hold back; absolute, told again on a new link.
  void set_pressure(uint16_t bits);

  uint32_t loss_number() const { return loss_number_.load(std::memory_order_relaxed); }
  uint64_t ack_backlog_bytes() const;
  /// Queue fill of the task's executor as of the last credit frame, 0..65535.
  uint16_t load_of(int32_t destination_task) const;
  EndpointCounters counters() const;
  /// Time in which source executors were refused, with the destination as its cause.
  std::vector<BlockedTime> blocked() const;
  std::vector<ReceiveSide::ExecutorGauge> executors() const;
  /// New tuples by source slot; re-sent ones count once.
  std::map<uint32_t, uint64_t> accepted_tuples() const;
  /// Nothing is kept and nobody waits.
  bool quiet() const;

 private:
  /// What a frame brings for the handler; delivered without the lock.
  struct News {
    std::vector<std::pair<uint32_t, uint32_t>> lost;  // slot, loss number
    std::optional<uint64_t> links_up;
    std::optional<uint16_t> pressure;
    std::vector<InSection> sections;
    Frame acks_frame;  // keeps `acks` alive
    std::string_view acks;
  };

  void on_frame(Frame frame) override;
  void on_closed(Status reason) override;

  bool admit(const FrameHeader& header, News& news);
  Status receive(Frame& frame, MonoTime now, News& news);
  void learn(uint32_t slot, HostTable::Change change, News& news);
  void check_links_up(News& news);
  void tell(News& news);

  Frame pressure_frame() const;

  class Turn;

  void flush();
  void arm_tick();
  void on_tick();

  Reactor& reactor_;
  const HostEndpointOptions options_;
  EndpointHandler& handler_;

  mutable std::mutex mutex_;  // guards what follows, to the blank line
  HostTable table_;
  SendSide send_;
  ReceiveSide receive_;
  std::shared_ptr<const RouteTable> routes_;
  EndpointCounters counters_;
  uint64_t links_up_told_ = 0;
  uint16_t pressure_ = 0;
  bool pressure_due_ = false;     // the stream manager does not know it yet
  uint64_t unflushed_bytes_ = 0;  // taken since the last turn of the loop
  bool flush_posted_ = false;     // a turn of the loop is on its way

  std::unique_ptr<Link> link_;  // loop
  Reactor::TimerId tick_timer_ = 0;
  Reactor::TimerId retry_timer_ = 0;
  std::atomic<uint32_t> loss_number_{0};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace petrel
