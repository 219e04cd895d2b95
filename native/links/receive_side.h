// ReceiveSide: all flows and ack flows into a host, the pools of its executors, and the credit that goes back. Under
// HostEndpoint's lock.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "native/links/ack_flow.h"
#include "native/links/credit_pool.h"
#include "native/links/host_table.h"
#include "native/links/in_flow.h"
#include "native/links/link.h"

namespace petrel {

/// Thread: one owner at a time.  Borrows: the table, the options.
/// Limits: one flow per (slot of the plan, executor, lane); each executor's bytes as CreditPool says.
class ReceiveSide {
 public:
  struct Counters {
    uint64_t sections = 0;  // delivered
    uint64_t dropped_seen = 0;
    uint64_t dropped_gap = 0;
    uint64_t dropped_unknown_executor = 0;
    uint64_t dropped_beyond_credit = 0;
    uint64_t dropped_bad = 0;
    uint64_t bad_reserves = 0;
    uint64_t credit_entries = 0;  // sent
    uint64_t resumes_asked = 0;
    uint64_t assembly_bytes = 0;
    uint64_t waiting_bytes = 0;  // received, not consumed
    uint64_t acks_seen = 0;      // records
    uint64_t acks_gap = 0;
  };
  struct ExecutorGauge {
    int32_t executor = 0;
    uint64_t pool_bytes = 0;
    uint64_t waiting_bytes = 0;   // received and not consumed, with what is in assembly
    uint64_t share_bytes = 0;     // granted beyond first windows
    uint64_t exposure_bytes = 0;  // lane 0: what waits and what may still come
    uint64_t flows = 0;
    uint64_t reservations_served = 0;
  };

  ReceiveSide(const FlowOptions& options, const HostTable& table, uint32_t slot, uint32_t incarnation)
      : options_(options), table_(table), slot_(slot), incarnation_(incarnation) {}

  void set_plan_epoch(uint64_t epoch) { plan_epoch_ = epoch; }
  /// Again for another size of the pool.
  void add_executor(int32_t executor, uint64_t pool_bytes);

  /// A data frame of a current incarnation: appends what is delivered. Errors: kMalformed, nothing was taken then.
  Status on_data(const Frame& frame, MonoTime now, std::vector<InSection>& out);
  void on_probes(const FrameHeader& header, std::span<const ProbeEntry> probes, MonoTime now);
  void on_reserves(const FrameHeader& header, std::span<const ReserveEntry> reserves, MonoTime now);
  /// The records that are new.
  std::string_view on_acks(const FrameHeader& header, const AcksBody& acks);
  void on_ack_probe(const FrameHeader& header, uint64_t sent);

  /// False: no such flow, or more than has been delivered.
  bool consumed(const FlowId& id, uint64_t bytes);

  void lost(uint32_t slot);
  void path_up(uint32_t slot);
  void all_paths_up();

  bool credit_due() const { return !due_.empty() || !acks_due_.empty(); }
  void take_frames(std::vector<Frame>& out);

  Counters counters() const;
  std::vector<ExecutorGauge> gauges() const;
  /// Tuples delivered, by source slot.
  const std::map<uint32_t, uint64_t>& accepted_tuples() const { return accepted_tuples_; }

 private:
  struct Executor {
    Executor(const FlowOptions& options, uint64_t pool_bytes) : pool(options, pool_bytes) {}
    CreditPool pool;
    std::vector<FlowId> ids;  // by CreditPool::Flow
  };
  struct Flow {
    Flow(const FlowOptions& options, uint8_t lane) : in(options, lane) {}
    InFlow in;
    Executor* executor = nullptr;
    CreditPool::Flow number = 0;
    bool closed = false;
  };
  struct AckSource {
    explicit AckSource(const FlowOptions& options) : in(options) {}
    uint32_t incarnation = 0;
    AckIn in;
  };
  static constexpr size_t kMaxEarly = 4096;

  Flow* flow_of(const FlowId& id, MonoTime now);
  AckSource& ack_source(const FrameHeader& header);
  void on_section(const Frame& frame, const SectionView& section, MonoTime now, std::vector<InSection>& out);
  void deliver(const Frame& frame, const SectionView& section, const FlowId& id,
               std::shared_ptr<const Assembly> assembled, std::vector<InSection>& out);
  void settle(Executor& executor);
  void check_due(const FlowId& id, const Flow& flow);
  FrameHeader header(FrameKind kind, uint32_t slot) const;

  const FlowOptions& options_;
  const HostTable& table_;
  const uint32_t slot_;
  const uint32_t incarnation_;
  uint64_t plan_epoch_ = 0;
  std::map<int32_t, Executor> executors_;
  std::map<FlowId, Flow> flows_;  // of one source host they stand together
  std::map<uint32_t, AckSource> ack_sources_;
  std::set<FlowId> due_;
  std::set<uint32_t> acks_due_;
  std::set<FlowId> early_;  // something came before its executor was added
  std::map<uint32_t, uint64_t> accepted_tuples_;
  Counters counters_;
};

}  // namespace petrel
