// For the fuzz targets of links: a body of any kind of frame, read, and written again to the same bytes.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "native/base/check.h"
#include "native/codec/frame.h"

namespace petrel::fuzz {

/// What a decoder refuses has a sentence; what it takes, a writer makes again.
inline void check_same(const Status& status, std::string_view body, const std::string& again) {
  if (!status.ok()) {
    CHECK(!status.message().empty() && status.message().size() <= 300);
    return;
  }
  CHECK(again == body);
}

template <typename Entry>
void check_entries(std::string_view body, const Result<std::vector<Entry>>& entries) {
  std::string again;
  if (entries.ok()) {
    for (const Entry& entry : *entries) append_entry(again, entry);
  }
  check_same(entries.status(), body, again);
}

inline void check_sections(std::string_view body) {
  const Result<std::vector<SectionView>> sections = parse_sections(body);
  std::string again;
  for (size_t i = 0; sections.ok() && i < sections->size(); ++i) {
    const SectionView& section = (*sections)[i];
    CHECK(section.bytes.data() >= body.data() &&
          section.bytes.data() + section.bytes.size() <= body.data() + body.size());
    std::string bytes(section.bytes);
    if (section.header.kind == SectionKind::kMarker) bytes = encode_marker(*parse_marker(section.bytes));
    if (section.header.kind == SectionKind::kFragment) {
      const Fragment fragment = *parse_fragment(section.bytes);
      CHECK(fragment.offset_in_tuple + fragment.bytes.size() <= fragment.total_bytes);
      bytes = encode_fragment(fragment);
#ifdef PETREL_PLANTED_BUG
      if (i > 0 && fragment.index == 2 && fragment.offset_in_tuple > 0) std::abort();
#endif
    }
    append_section(again, section.header, bytes);
  }
  check_same(sections.status(), body, again);
}

inline void check_body_of(FrameKind kind, std::string_view body) {
  switch (kind) {
    case FrameKind::kData:
      return check_sections(body);
    case FrameKind::kProbe:
      return check_entries(body, parse_probe(body));
    case FrameKind::kCredit:
      return check_entries(body, parse_credit(body));
    case FrameKind::kReserve:
      return check_entries(body, parse_reserve(body));
    case FrameKind::kHosts:
      return check_entries(body, parse_hosts(body));
    case FrameKind::kAcks: {
      const Result<AcksBody> acks = parse_acks(body);
      return check_same(acks.status(), body, acks.ok() ? encode_acks(acks->offset, acks->records) : "");
    }
    case FrameKind::kAckCredit: {
      const Result<AckCreditBody> credit = parse_ack_credit(body);
      return check_same(credit.status(), body, credit.ok() ? encode_ack_credit(*credit) : "");
    }
    default:
      return;
  }
}

}  // namespace petrel::fuzz
