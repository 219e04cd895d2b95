#include "native/links/in_flow.h"

#include "native/base/mutant.h"

namespace petrel {

InFlow::Arrival InFlow::on_section(const SectionView& section, std::shared_ptr<const Assembly>& assembled) {
  assembled.reset();
  const uint64_t offset = section.header.offset;
  if (offset < expected_) {
    if (PETREL_MUTANT("seen offset delivered twice") && section.header.kind != SectionKind::kFragment) {
      return Arrival::kDeliver;
    }
    return Arrival::kSeen;
  }
  if (offset > expected_) {
    if (!gap_) resume_ = true;
    gap_ = true;
    return Arrival::kGap;
  }
  if (section.header.kind == SectionKind::kFragment) return on_fragment(section, assembled);
  if (assembly_) return Arrival::kBad;  // the large section comes whole before anything else
  expected_ += size_of(section.header);
  gap_ = false;
  return Arrival::kDeliver;
}

InFlow::Arrival InFlow::on_fragment(const SectionView& section, std::shared_ptr<const Assembly>& assembled) {
  const Result<Fragment> parsed = parse_fragment(section.bytes);
  if (!parsed.ok()) return Arrival::kBad;
  const Fragment& part = *parsed;
  if (!assembly_) {
    if (part.index != 0 || part.offset_in_tuple != 0 || part.total_bytes > options_.max_tuple_bytes) {
      return Arrival::kBad;
    }
    assembly_ = std::make_shared<Assembly>();
    assembling_ = Fragment{part.id, 0, 0, part.total_bytes, {}};
  }
  if (part.id != assembling_.id || part.index != assembling_.index || part.total_bytes != assembling_.total_bytes ||
      part.offset_in_tuple != assembling_.offset_in_tuple ||
      part.bytes.size() > part.total_bytes - part.offset_in_tuple) {
    return Arrival::kBad;
  }
  assembly_->append(part.bytes);
  ++assembling_.index;
  assembling_.offset_in_tuple += part.bytes.size();
  expected_ += part.bytes.size();
  gap_ = false;
  if (assembling_.offset_in_tuple < assembling_.total_bytes) return Arrival::kPart;
  assembled = std::move(assembly_);
  assembly_.reset();
  return Arrival::kDeliver;
}

void InFlow::on_probe(uint64_t sent) {
  probed_ = true;
  if (expected_ < sent) resume_ = true;
}

bool InFlow::credit_due(uint64_t limit, uint64_t window, uint64_t wanted, uint64_t unread) const {
  if (resume_ || forced_ || probed_) return true;
  if (assembly_ && expected_ - told_received_ >= options_.part_window / 4) return true;
  if (limit <= told_limit_) return false;
  const uint64_t quarter = window / 4;
  // The sender may stand at what it was told, or it has said which end it waits for.
  const bool at_limit = expected_ + quarter / 2 >= told_limit_ || (wanted > told_limit_ && limit >= wanted);
  // While plenty of it waits here, the sender is not told of each section that is consumed, but of a few at a time.
  const uint64_t step = unread < quarter ? 1 : quarter / 4;
  return limit - told_limit_ >= (at_limit ? step : quarter);
}

CreditEntry InFlow::take_credit(int32_t executor, uint8_t lane, uint64_t limit, uint16_t load) {
  CreditEntry entry{executor, lane, 0, load, expected_, limit};
  if (resume_) entry.flags |= CreditEntry::kResume;
  if (probed_) entry.flags |= CreditEntry::kProbeAnswer;
  resume_ = probed_ = forced_ = false;
  told_limit_ = limit;
  told_received_ = expected_;
  return entry;
}

}  // namespace petrel
