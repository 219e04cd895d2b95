#include "native/links/receive_side.h"

#include <algorithm>
#include <utility>

#include "native/base/mutant.h"

namespace petrel {

void ReceiveSide::add_executor(int32_t executor, uint64_t pool_bytes) {
  const auto [found, inserted] = executors_.try_emplace(executor, options_, pool_bytes);
  if (!inserted) {
    found->second.pool.set_pool(pool_bytes);
    return;
  }
  // What came too early was dropped: its senders have to send it again.
  for (const FlowId& id : early_) {
    if (id.executor != executor || !table_.current(id.source_host, id.source_incarnation)) continue;
    Flow* flow = flow_of(id, MonoTime{});
    flow->in.on_probe(1);
    due_.insert(id);
  }
  std::erase_if(early_, [executor](const FlowId& id) { return id.executor == executor; });
}

ReceiveSide::Flow* ReceiveSide::flow_of(const FlowId& id, MonoTime now) {
  const auto found = flows_.find(id);
  if (found != flows_.end()) return &found->second;
  const auto executor = executors_.find(id.executor);
  if (executor == executors_.end() || id.lane >= kLanes) {
    if (id.lane < kLanes && early_.size() < kMaxEarly) early_.insert(id);
    return nullptr;
  }
  Flow& flow = flows_.try_emplace(id, options_, id.lane).first->second;
  flow.executor = &executor->second;
  flow.number = executor->second.pool.open(id.lane, now);
  std::vector<FlowId>& ids = executor->second.ids;
  if (flow.number >= ids.size()) ids.resize(flow.number + 1);
  ids[flow.number] = id;
  return &flow;
}

Status ReceiveSide::on_data(const Frame& frame, MonoTime now, std::vector<InSection>& out) {
  ASSIGN_OR_RETURN(const std::vector<SectionView> sections, parse_sections(frame.bytes()));
  for (const SectionView& section : sections) on_section(frame, section, now, out);
  return Status();
}

void ReceiveSide::on_section(const Frame& frame, const SectionView& section, MonoTime now,
                             std::vector<InSection>& out) {
  const SectionHeader& header = section.header;
  const FlowId id{frame.header.source_host, frame.header.source_incarnation, header.executor, header.lane};
  Flow* flow = flow_of(id, now);
  if (flow == nullptr || flow->closed) {
    ++counters_.dropped_unknown_executor;
    return;
  }
  CreditPool& pool = flow->executor->pool;
  const uint64_t size = InFlow::size_of(header);
  if (header.offset > UINT64_MAX - size || !pool.granted(flow->number, header.offset + size)) {
    ++counters_.dropped_beyond_credit;
    return;
  }
  std::shared_ptr<const Assembly> assembled;
  switch (flow->in.on_section(section, assembled)) {
    case InFlow::Arrival::kDeliver:
      deliver(frame, section, id, std::move(assembled), out);
      break;
    case InFlow::Arrival::kPart:
      break;
    case InFlow::Arrival::kSeen:
      ++counters_.dropped_seen;
      break;
    case InFlow::Arrival::kGap:
      ++counters_.dropped_gap;
      break;
    case InFlow::Arrival::kBad:
      ++counters_.dropped_bad;
      break;
  }
  pool.received(flow->number, flow->in.received(), now);
  check_due(id, *flow);
  settle(*flow->executor);
}

void ReceiveSide::deliver(const Frame& frame, const SectionView& section, const FlowId& id,
                          std::shared_ptr<const Assembly> assembled, std::vector<InSection>& out) {
  ++counters_.sections;
  accepted_tuples_[id.source_host] += section.header.count;
  InSection in;
  in.source_host = id.source_host;
  in.source_task = frame.header.source_task;
  in.destination_task = section.header.destination_task;
  in.executor = id.executor;
  in.lane = id.lane;
  in.kind = assembled ? SectionKind::kTuples : section.header.kind;
  in.count = section.header.count;
  in.bytes = assembled ? assembled->bytes() : section.bytes;
  in.frame = frame.body;
  if (assembled) in.frame = std::move(assembled);
  in.flow = id;
  out.push_back(std::move(in));
}

void ReceiveSide::check_due(const FlowId& id, const Flow& flow) {
  const CreditPool& pool = flow.executor->pool;
  if (flow.closed) return;
  const CreditPool::Flow number = flow.number;
  if (flow.in.credit_due(pool.limit(number), pool.window(number), pool.wanted(number), pool.unread(number))) {
    due_.insert(id);
  }
}

void ReceiveSide::settle(Executor& executor) {
  for (const CreditPool::Flow number : executor.pool.take_raised()) {
    const FlowId& id = executor.ids[number];
    const auto flow = flows_.find(id);
    if (flow != flows_.end()) check_due(id, flow->second);
  }
}

void ReceiveSide::on_probes(const FrameHeader& header, std::span<const ProbeEntry> probes, MonoTime now) {
  for (const ProbeEntry& probe : probes) {
    const FlowId id{header.source_host, header.source_incarnation, probe.executor, probe.lane};
    Flow* flow = flow_of(id, now);
    if (flow == nullptr || flow->closed || PETREL_MUTANT("credit not restated after a reconnect")) continue;
    flow->in.on_probe(probe.sent);
    due_.insert(id);
  }
}

void ReceiveSide::on_reserves(const FrameHeader& header, std::span<const ReserveEntry> reserves, MonoTime now) {
  for (const ReserveEntry& reserve : reserves) {
    const FlowId id{header.source_host, header.source_incarnation, reserve.executor, reserve.lane};
    Flow* flow = flow_of(id, now);
    if (flow == nullptr || flow->closed) continue;
    CreditPool& pool = flow->executor->pool;
    if (!pool.reserve(flow->number, reserve.end)) {
      ++counters_.bad_reserves;
      continue;
    }
    if (pool.limit(flow->number) >= reserve.end && !PETREL_MUTANT("credit not restated after a reconnect")) {
      flow->in.on_reserve(reserve.end);
    }
    check_due(id, *flow);
    settle(*flow->executor);
  }
}

ReceiveSide::AckSource& ReceiveSide::ack_source(const FrameHeader& header) {
  const auto known = ack_sources_.find(header.source_host);
  if (known != ack_sources_.end()) {
    if (known->second.incarnation == header.source_incarnation) return known->second;
    ack_sources_.erase(known);
  }
  AckSource& source = ack_sources_.try_emplace(header.source_host, options_).first->second;
  source.incarnation = header.source_incarnation;
  return source;
}

std::string_view ReceiveSide::on_acks(const FrameHeader& header, const AcksBody& acks) {
  AckSource& source = ack_source(header);
  const std::string_view fresh = source.in.on_acks(acks);
  if (source.in.credit_due()) acks_due_.insert(header.source_host);
  return fresh;
}

void ReceiveSide::on_ack_probe(const FrameHeader& header, uint64_t sent) {
  ack_source(header).in.on_probe(sent);
  acks_due_.insert(header.source_host);
}

bool ReceiveSide::consumed(const FlowId& id, uint64_t bytes) {
  const auto found = flows_.find(id);
  if (found == flows_.end()) return false;
  Flow& flow = found->second;
  CreditPool& pool = flow.executor->pool;
  const bool honest = pool.consumed(flow.number, bytes);
  check_due(id, flow);
  settle(*flow.executor);
  if (flow.closed && pool.gone(flow.number)) flows_.erase(found);
  return honest;
}

void ReceiveSide::lost(uint32_t slot) {
  for (auto it = flows_.lower_bound(FlowId{slot, 0, INT32_MIN, 0});
       it != flows_.end() && it->first.source_host == slot;) {
    Flow& flow = it->second;
    due_.erase(it->first);
    if (flow.closed) {
      ++it;
      continue;
    }
    // A section that was being put together will never be whole; nobody will consume its parts.
    const uint64_t in_parts = flow.in.assembly_bytes();
    CreditPool& pool = flow.executor->pool;
    if (in_parts > 0) pool.consumed(flow.number, in_parts);
    flow.closed = true;
    flow.in.abandon();
    pool.close(flow.number);
    Executor& executor = *flow.executor;
    it = pool.gone(flow.number) ? flows_.erase(it) : std::next(it);
    settle(executor);
  }
  std::erase_if(early_, [slot](const FlowId& id) { return id.source_host == slot; });
  ack_sources_.erase(slot);
  acks_due_.erase(slot);
}

void ReceiveSide::path_up(uint32_t slot) {
  if (PETREL_MUTANT("credit not restated after a reconnect")) return;
  for (auto it = flows_.lower_bound(FlowId{slot, 0, INT32_MIN, 0}); it != flows_.end() && it->first.source_host == slot;
       ++it) {
    if (it->second.closed) continue;
    it->second.in.restate();
    due_.insert(it->first);
  }
  const auto acks = ack_sources_.find(slot);
  if (acks == ack_sources_.end()) return;
  acks->second.in.restate();
  acks_due_.insert(slot);
}

void ReceiveSide::all_paths_up() {
  for (uint32_t slot = 0; slot < table_.slots(); ++slot) path_up(slot);
}

FrameHeader ReceiveSide::header(FrameKind kind, uint32_t slot) const {
  FrameHeader header;
  header.kind = kind;
  header.plan_epoch = plan_epoch_;
  header.source_host = slot_;
  header.source_incarnation = incarnation_;
  header.destination_host = slot;
  header.destination_incarnation = table_.address(slot);
  return header;
}

void ReceiveSide::take_frames(std::vector<Frame>& out) {
  std::string body;
  size_t entries = 0;
  uint32_t slot = 0;
  const auto flush = [&] {
    if (entries > 0) out.push_back(make_frame(header(FrameKind::kCredit, slot), std::move(body)));
    body.clear();
    entries = 0;
  };
  for (const FlowId& id : due_) {
    const auto found = flows_.find(id);
    if (found == flows_.end() || found->second.closed) continue;
    if (!table_.current(id.source_host, id.source_incarnation)) continue;
    if (id.source_host != slot || entries == kMaxEntries) flush();
    slot = id.source_host;
    Flow& flow = found->second;
    const CreditPool& pool = flow.executor->pool;
    const uint64_t full = std::max<uint64_t>(pool.pool_bytes(), 1);
    const uint64_t load = std::min<uint64_t>(pool.waiting(), full) * 65535 / full;
    const CreditEntry entry =
        flow.in.take_credit(id.executor, id.lane, pool.limit(flow.number), static_cast<uint16_t>(load));
    counters_.resumes_asked += (entry.flags & CreditEntry::kResume) != 0;
    ++counters_.credit_entries;
    append_entry(body, entry);
    ++entries;
  }
  flush();
  due_.clear();
  for (const uint32_t source : acks_due_) {
    const auto acks = ack_sources_.find(source);
    if (acks == ack_sources_.end() || !table_.current(source, acks->second.incarnation)) continue;
    out.push_back(make_frame(header(FrameKind::kAckCredit, source), encode_ack_credit(acks->second.in.take_credit())));
  }
  acks_due_.clear();
}

ReceiveSide::Counters ReceiveSide::counters() const {
  Counters sum = counters_;
  for (const auto& [id, flow] : flows_) sum.assembly_bytes += flow.in.assembly_bytes();
  for (const auto& [number, executor] : executors_) sum.waiting_bytes += executor.pool.waiting();
  for (const auto& [slot, source] : ack_sources_) {
    sum.acks_seen += source.in.dropped_seen();
    sum.acks_gap += source.in.dropped_gap();
  }
  return sum;
}

std::vector<ReceiveSide::ExecutorGauge> ReceiveSide::gauges() const {
  std::vector<ExecutorGauge> gauges;
  for (const auto& [number, executor] : executors_) {
    const CreditPool& pool = executor.pool;
    gauges.push_back({number, pool.pool_bytes(), pool.waiting(), pool.shares(), pool.exposure(), pool.flows(),
                      pool.reservations_served()});
  }
  return gauges;
}

}  // namespace petrel
