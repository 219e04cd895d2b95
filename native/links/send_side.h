// SendSide: all flows and ack flows out of a host, and how their pieces become frames. Under HostEndpoint's lock.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "native/ledger/ack_record.h"
#include "native/links/ack_flow.h"
#include "native/links/host_table.h"
#include "native/links/link.h"
#include "native/links/out_flow.h"
#include "native/links/route_table.h"

namespace petrel {

/// Nanoseconds that a source executor was refused by a destination executor.
struct BlockedTime {
  int32_t source_executor = 0;
  int32_t destination_executor = 0;
  uint64_t nanos = 0;
};

/// Thread: one owner at a time.  Borrows: the table, the options.
class SendSide {
 public:
  struct Counters {
    uint64_t kept_bytes = 0;  // taken and not covered
    uint64_t ack_kept_bytes = 0;
    uint64_t ack_waiting_bytes = 0;
    uint64_t sections = 0;  // taken
    uint64_t refused = 0;
    uint64_t resumes = 0;
    uint64_t pieces_sent_again = 0;
    uint64_t probes = 0;
    uint64_t bad_credit = 0;
    uint64_t acks_merged = 0;
    uint64_t acks_dropped = 0;  // their ledger is gone, or their spout task is nobody's
    uint64_t lost_bytes = 0;    // kept for a host that died
  };

  SendSide(const FlowOptions& options, const HostTable& table, uint32_t slot, uint32_t incarnation)
      : options_(options), table_(table), slot_(slot), incarnation_(incarnation) {}

  void set_routes(std::shared_ptr<const RouteTable> routes);
  Admit offer(int32_t source_executor, OutSection&& section, MonoTime now);
  void acks(std::span<const AckRecord> records);

  // News.
  void lost(uint32_t slot);
  void path_up(uint32_t slot);
  void all_paths_up();
  void on_credit(uint32_t slot, std::span<const CreditEntry> entries, MonoTime now);
  void on_ack_credit(uint32_t slot, const AckCreditBody& credit, MonoTime now);

  /// Everything that is busy is asked for probes in the next turn.
  void tick(MonoTime now);
  /// Who may try again.
  void take_ready(MonoTime now, std::vector<int32_t>& executors);
  /// What is to be sent now: questions and acks always, sections up to about `budget` bytes. True: sections are left.
  bool take_frames(MonoTime now, size_t budget, std::vector<Frame>& out);
  /// Something is kept or waits: tick() has to come.
  bool busy() const;

  uint16_t load_of(int32_t destination_task) const;
  uint64_t ack_backlog_bytes() const;
  Counters counters() const;
  std::vector<BlockedTime> blocked(MonoTime now) const;

 private:
  struct Flow {
    Flow(const FlowOptions& options, int32_t to, uint8_t in_lane, uint32_t at)
        : flow(options, in_lane), executor(to), lane(in_lane), slot(at) {}
    OutFlow flow;
    int32_t executor;
    uint8_t lane;
    uint32_t slot;
    uint16_t load = 0;
    bool touched = false;  // is in touched_
    bool asked = false;    // take_probe() is to be called
    bool unsent = false;   // is in Destination::unsent
  };
  struct Destination {
    explicit Destination(const FlowOptions& options) : acks(options) {}
    std::deque<Flow*> unsent;
    AckOut acks;
  };
  class Packer;

  Flow* find(int32_t executor, uint8_t lane) const;
  Flow& flow_of(int32_t executor, uint8_t lane, uint32_t slot);
  Destination& destination(uint32_t slot);
  void touch(Flow& flow, bool ask);
  FrameHeader header(FrameKind kind, uint32_t slot) const;
  void take_questions(MonoTime now, std::vector<Frame>& out);
  void take_acks(uint32_t slot, Destination& to, MonoTime now, std::vector<Frame>& out);
  bool take_sections(uint32_t slot, Destination& to, MonoTime now, size_t& budget, std::vector<Frame>& out);

  const FlowOptions& options_;
  const HostTable& table_;
  const uint32_t slot_;
  const uint32_t incarnation_;
  std::shared_ptr<const RouteTable> routes_;
  std::map<std::pair<int32_t, uint8_t>, std::unique_ptr<Flow>> all_;  // by executor, lane
  std::vector<Flow*> by_executor_;                                    // [executor * kLanes + lane], for offer()
  std::map<uint32_t, Destination> destinations_;
  uint32_t first_slot_ = 0;  // whose turn comes first in take_frames()
  std::vector<Flow*> touched_;
  std::set<std::pair<int32_t, uint8_t>> busy_;
  uint64_t acks_dropped_ = 0;
};

}  // namespace petrel
