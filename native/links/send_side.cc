#include "native/links/send_side.h"

#include <algorithm>

#include "native/base/check.h"
#include "native/base/mutant.h"

namespace petrel {

/// Packs sections of one destination host into data frames.
class SendSide::Packer {
 public:
  Packer(FrameHeader header, size_t frame_bytes, std::vector<Frame>& out)
      : header_(header), frame_bytes_(frame_bytes), out_(out) {}
  ~Packer() { flush(); }
  Packer(const Packer&) = delete;

  void add(const OutFlow::Piece& piece, int32_t executor, uint8_t lane) {
    const bool fragment = piece.kind == SectionKind::kFragment;
    if (sections_ > 0 && (fragment || header_.source_task != piece.source_task || sections_ == kMaxSections ||
                          bytes_ + piece.bytes_in_frame() > frame_bytes_)) {
      flush();
    }
    header_.source_task = piece.source_task;
    header_.fragment_id = piece.fragment.id;
    const SectionHeader header{piece.destination_task,
                               executor,
                               lane,
                               piece.kind,
                               piece.count,
                               static_cast<uint32_t>(piece.bytes_in_frame()),
                               piece.offset};
    if (fragment) {
      append_fragment(body_, header, piece.fragment);
    } else {
      append_section(body_, header, piece.bytes);
    }
    bytes_ += piece.bytes_in_frame();
    ++sections_;
    if (fragment) flush();
  }
  void flush() {
    if (sections_ == 0) return;
    out_.push_back(make_frame(header_, std::move(body_)));
    body_.clear();
    bytes_ = 0;
    sections_ = 0;
  }

 private:
  FrameHeader header_;
  const size_t frame_bytes_;
  std::vector<Frame>& out_;
  std::string body_;
  size_t bytes_ = 0;
  size_t sections_ = 0;
};

namespace {

/// Entries of one kind to one host; a frame has at most kMaxEntries.
template <typename Entry>
void append_entries(const std::vector<Entry>& entries, FrameHeader header, std::vector<Frame>& out) {
  for (size_t first = 0; first < entries.size(); first += kMaxEntries) {
    std::string body;
    const size_t end = std::min(entries.size(), first + kMaxEntries);
    for (size_t i = first; i < end; ++i) append_entry(body, entries[i]);
    out.push_back(make_frame(header, std::move(body)));
  }
}

}  // namespace

SendSide::Flow* SendSide::find(int32_t executor, uint8_t lane) const {
  if (executor < 1 || lane >= kLanes) return nullptr;
  const size_t index = static_cast<size_t>(executor) * kLanes + lane;
  return index < by_executor_.size() ? by_executor_[index] : nullptr;
}

SendSide::Flow& SendSide::flow_of(int32_t executor, uint8_t lane, uint32_t slot) {
  if (Flow* flow = find(executor, lane)) return *flow;
  std::unique_ptr<Flow>& flow = all_[{executor, lane}];
  flow = std::make_unique<Flow>(options_, executor, lane, slot);
  const size_t index = static_cast<size_t>(executor) * kLanes + lane;
  if (index >= by_executor_.size()) by_executor_.resize(index + 1);
  by_executor_[index] = flow.get();
  return *flow;
}

SendSide::Destination& SendSide::destination(uint32_t slot) {
  return destinations_.try_emplace(slot, options_).first->second;
}

void SendSide::touch(Flow& flow, bool ask) {
  flow.asked |= ask;
  if (flow.flow.unsent() != nullptr && !flow.unsent) {
    flow.unsent = true;
    destination(flow.slot).unsent.push_back(&flow);
  }
  if (flow.touched) return;
  flow.touched = true;
  touched_.push_back(&flow);
}

void SendSide::set_routes(std::shared_ptr<const RouteTable> routes) {
  routes_ = std::move(routes);
  for (auto& [key, flow] : all_) {
    const TaskRoute* route = routes_->find(flow->executor);
    if (route == nullptr || route->slot == flow->slot) continue;
    // The executor has moved; what was kept for its old host is lost with the move.
    std::erase(destination(flow->slot).unsent, flow.get());
    flow->unsent = false;
    flow->slot = route->slot;
    flow->flow.reset();
    touch(*flow, true);
  }
}

Admit SendSide::offer(int32_t source_executor, OutSection&& section, MonoTime now) {
  const TaskRoute* route = routes_ ? routes_->find(section.destination_task) : nullptr;
  if (route == nullptr || route->slot == slot_ || section.lane >= kLanes) return Admit::kUnknownTask;
  Flow& flow = flow_of(route->executor, section.lane, route->slot);
  const Admit admit = flow.flow.offer(source_executor, std::move(section), now);
  if (admit == Admit::kTooLarge) return admit;
  busy_.emplace(flow.executor, flow.lane);
  touch(flow, false);
  return admit;
}

void SendSide::acks(std::span<const AckRecord> records) {
  // Most records of a batch are for the same spout task.
  int32_t task = 0;
  const TaskRoute* route = nullptr;
  Destination* destination = nullptr;
  uint32_t least = 0;  // incarnation; 0: nothing is known, and nothing is too old
  for (const AckRecord& record : records) {
    if (const int32_t of = RootId::spout_task(record.root); of != task || destination == nullptr) {
      task = of;
      route = routes_ ? routes_->find(task) : nullptr;
      const bool remote = route != nullptr && route->slot != slot_;
      destination = remote ? &this->destination(route->slot) : nullptr;
      least = remote ? table_.least_alive(route->slot) : 0;
    }
    if (destination == nullptr) {
      ++acks_dropped_;
      continue;
    }
    // A newer one than we know of is no mistake: its tuples may come before the news of it, by way of others.
    if (least != 0 && RootId::is_older(RootId::incarnation(record.root), least) &&
        !PETREL_MUTANT("record of an earlier spout incarnation accepted")) {
      ++acks_dropped_;  // the ledger that waits for it died
      continue;
    }
    destination->acks.add(record);
  }
}

void SendSide::lost(uint32_t slot) {
  for (auto& [key, flow] : all_) {
    if (flow->slot != slot) continue;
    flow->flow.reset();
    touch(*flow, true);
  }
  destination(slot).acks.reset(table_.least_alive(slot));
}

void SendSide::path_up(uint32_t slot) {
  for (auto& [key, flow] : all_) {
    if (flow->slot != slot) continue;
    flow->flow.path_up();
    touch(*flow, true);
  }
  destination(slot).acks.path_up();
}

void SendSide::all_paths_up() {
  for (auto& [key, flow] : all_) {
    flow->flow.path_up();
    touch(*flow, true);
  }
  for (auto& [slot, to] : destinations_) to.acks.path_up();
}

void SendSide::on_credit(uint32_t slot, std::span<const CreditEntry> entries, MonoTime now) {
  for (const CreditEntry& entry : entries) {
    Flow* flow = find(entry.executor, entry.lane);
    if (flow == nullptr || flow->slot != slot) continue;
    flow->load = entry.load;
    flow->flow.on_credit(entry, now);
    touch(*flow, false);
  }
}

void SendSide::on_ack_credit(uint32_t slot, const AckCreditBody& credit, MonoTime now) {
  const auto to = destinations_.find(slot);
  if (to != destinations_.end()) to->second.acks.on_credit(credit, now);
}

void SendSide::tick(MonoTime now) {
  for (auto it = busy_.begin(); it != busy_.end();) {
    Flow& flow = *all_.at(*it);
    flow.flow.expire_hold(now);
    touch(flow, true);
    it = flow.flow.busy() ? std::next(it) : busy_.erase(it);
  }
}

void SendSide::take_ready(MonoTime now, std::vector<int32_t>& executors) {
  for (Flow* flow : touched_) flow->flow.take_ready(now, executors);
  std::sort(executors.begin(), executors.end());
  executors.erase(std::unique(executors.begin(), executors.end()), executors.end());
}

FrameHeader SendSide::header(FrameKind kind, uint32_t slot) const {
  FrameHeader header;
  header.kind = kind;
  header.plan_epoch = routes_ ? routes_->epoch : 0;
  header.source_host = slot_;
  header.source_incarnation = incarnation_;
  header.destination_host = slot;
  header.destination_incarnation = table_.address(slot);
  return header;
}

bool SendSide::take_frames(MonoTime now, size_t budget, std::vector<Frame>& out) {
  take_questions(now, out);
  for (auto& [slot, to] : destinations_) {
    if (table_.address(slot) != 0) take_acks(slot, to, now, out);
  }
  // What is left of the budget goes to the next destination, and the first one changes: nobody waits for ever behind a
  // host that always has something to send to.
  bool left = false;
  const auto begin = destinations_.lower_bound(first_slot_);
  for (auto range : {std::pair(begin, destinations_.end()), std::pair(destinations_.begin(), begin)}) {
    for (auto it = range.first; it != range.second; ++it) {
      if (table_.address(it->first) == 0) continue;
      if (budget > 0) first_slot_ = it->first + 1;
      left |= take_sections(it->first, it->second, now, budget, out);
    }
  }
  return left;
}

void SendSide::take_questions(MonoTime now, std::vector<Frame>& out) {
  std::map<uint32_t, std::pair<std::vector<ReserveEntry>, std::vector<ProbeEntry>>> questions;
  for (Flow* flow : touched_) {
    flow->touched = false;
    if (table_.address(flow->slot) == 0) continue;
    auto& [reserves, probes] = questions[flow->slot];
    // The probe first: it lets what was asked for be asked for again.
    if (flow->asked && flow->flow.take_probe(now)) probes.push_back({flow->executor, flow->lane, flow->flow.sent()});
    flow->asked = false;
    if (const auto end = flow->flow.take_reserve()) reserves.push_back({flow->executor, flow->lane, *end});
  }
  touched_.clear();
  for (const auto& [slot, entries] : questions) {
    append_entries(entries.first, header(FrameKind::kReserve, slot), out);
    append_entries(entries.second, header(FrameKind::kProbe, slot), out);
  }
}

void SendSide::take_acks(uint32_t slot, Destination& to, MonoTime now, std::vector<Frame>& out) {
  if (to.acks.take_probe(now)) {
    AckCreditBody probe;
    probe.received = to.acks.sent();
    probe.flags = AckCreditBody::kProbe;
    out.push_back(make_frame(header(FrameKind::kAckCredit, slot), encode_ack_credit(probe)));
  }
  while (const auto chunk = to.acks.take(now)) {
    out.push_back(make_frame(header(FrameKind::kAcks, slot), encode_acks(chunk->offset, chunk->records)));
  }
}

bool SendSide::take_sections(uint32_t slot, Destination& to, MonoTime now, size_t& budget, std::vector<Frame>& out) {
  Packer packer(header(FrameKind::kData, slot), options_.frame_bytes, out);
  while (!to.unsent.empty() && budget > 0) {
    Flow& flow = *to.unsent.front();
    to.unsent.pop_front();
    // A frame's worth at a time: small tuples do not wait for the end of a large one to somebody else.
    size_t turn = std::min(budget, options_.frame_bytes);
    budget -= turn;
    const OutFlow::Piece* piece = flow.flow.unsent();
    for (; piece != nullptr && turn > 0; piece = flow.flow.unsent()) {
      turn -= std::min(turn, piece->bytes_in_frame() + kSectionHeaderBytes);
      packer.add(*piece, flow.executor, flow.lane);
      flow.flow.advance(now);
    }
    budget += turn;  // what it did not need
    flow.unsent = piece != nullptr;
    if (flow.unsent) to.unsent.push_back(&flow);
  }
  return !to.unsent.empty();
}

bool SendSide::busy() const {
  if (!busy_.empty()) return true;
  return std::any_of(destinations_.begin(), destinations_.end(),
                     [](const auto& entry) { return entry.second.acks.busy(); });
}

uint16_t SendSide::load_of(int32_t destination_task) const {
  const TaskRoute* route = routes_ ? routes_->find(destination_task) : nullptr;
  const Flow* flow = route == nullptr ? nullptr : find(route->executor, kTupleLane);
  return flow == nullptr ? 0 : flow->load;
}

uint64_t SendSide::ack_backlog_bytes() const {
  uint64_t sum = 0;
  for (const auto& [slot, to] : destinations_) sum += to.acks.kept_bytes() + to.acks.waiting_bytes();
  return sum;
}

SendSide::Counters SendSide::counters() const {
  Counters sum;
  sum.acks_dropped = acks_dropped_;
  for (const auto& [key, entry] : all_) {
    const OutFlow::Counters& flow = entry->flow.counters();
    sum.kept_bytes += entry->flow.kept_bytes();
    sum.sections += flow.taken;
    sum.refused += flow.refused;
    sum.resumes += flow.resumes;
    sum.pieces_sent_again += flow.pieces_sent_again;
    sum.probes += flow.probes;
    sum.bad_credit += flow.bad_credit;
    sum.lost_bytes += flow.dropped_bytes;
  }
  for (const auto& [slot, to] : destinations_) {
    sum.ack_kept_bytes += to.acks.kept_bytes();
    sum.ack_waiting_bytes += to.acks.waiting_bytes();
    sum.resumes += to.acks.resumes();
    sum.acks_merged += to.acks.merged();
    sum.acks_dropped += to.acks.dropped_records();
  }
  return sum;
}

std::vector<BlockedTime> SendSide::blocked(MonoTime now) const {
  std::map<std::pair<int32_t, int32_t>, uint64_t> sums;
  for (const auto& [key, entry] : all_) {
    for (const auto& [source, nanos] : entry->flow.blocked_ns(now)) sums[{source, entry->executor}] += nanos;
  }
  std::vector<BlockedTime> times;
  times.reserve(sums.size());
  for (const auto& [pair, nanos] : sums) times.push_back({pair.first, pair.second, nanos});
  return times;
}

}  // namespace petrel
