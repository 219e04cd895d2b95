#include "native/codec/frame.h"

#include "native/base/crc32c.h"
#include "native/base/escape.h"
#include "native/codec/wire.h"

namespace petrel {
namespace {

constexpr size_t kCrcBytes = 4;
constexpr size_t kCheckedHeaderBytes = kFrameHeaderBytes - kCrcBytes;
constexpr size_t kCreditBytes = 24;
constexpr size_t kProbeBytes = 16;  // and of a reservation
constexpr size_t kHostBytes = 20;
constexpr size_t kAckCreditBytes = 24;

static_assert(std::endian::native == std::endian::little, "frames are copied as they lie in memory");

Status corrupt(const char* what, uint32_t said, uint32_t computed) {
  return Status::error(StatusCode::kCorrupt, "the checksum of the {} is {:08x}, its bytes make {:08x}", what, said,
                       computed);
}

/// What a stranger's first bytes look like; "" when they look like nothing known.
const char* looks_like(uint32_t length) {
  switch (length) {
    case 0x20544547:  // "GET "
    case 0x54534F50:  // "POST"
    case 0x44414548:  // "HEAD"
      return " (looks like HTTP)";
    case 0x2D485353:  // "SSH-"
      return " (looks like SSH)";
    default:
      return (length & 0xFFFF) == 0x0316 ? " (looks like TLS)" : "";
  }
}

Status check_lane(uint8_t lane, size_t offset) {
  if (lane <= 1) return Status();
  return Status::malformed("lane {} at offset {}; a flow has lane 0 or 1", lane, offset);
}

Status check_task(int32_t task, const char* what, size_t offset) {
  if (task >= 1) return Status();
  return Status::malformed("{} {} at offset {}; tasks count from 1", what, task, offset);
}

Status check_zero(uint32_t value, size_t offset) {
  if (value == 0) return Status();
  return Status::malformed("reserved bytes at offset {} are {:x}, not 0", offset, value);
}

/// How many entries of `entry_bytes` the body is.
Result<size_t> count_entries(std::string_view body, size_t entry_bytes, size_t least, const char* what) {
  if (body.size() % entry_bytes != 0) {
    return Status::malformed("{} bytes of {} are not a multiple of {}", body.size(), what, entry_bytes);
  }
  const size_t count = body.size() / entry_bytes;
  if (count > kMaxEntries) {
    return Status::error(StatusCode::kLimit, "{} {} in one frame, the limit is {}", count, what, kMaxEntries);
  }
  if (count < least) return Status::malformed("a frame without {}", what);
  return count;
}

/// Entries one after the other; `read_one` gets the reader and the offset of the entry.
template <typename Entry, typename ReadOne>
Result<std::vector<Entry>> parse_entries(std::string_view body, size_t entry_bytes, size_t least, const char* what,
                                         ReadOne read_one) {
  ASSIGN_OR_RETURN(const size_t count, count_entries(body, entry_bytes, least, what));
  std::vector<Entry> entries(count);
  WireReader reader(body);
  for (Entry& entry : entries) {
    const size_t offset = reader.offset();
    RETURN_IF_ERROR(read_one(reader, entry, offset));
  }
  RETURN_IF_ERROR(reader.status());
  return entries;
}

/// executor, lane, 3 zero bytes, 8 bytes: probes and reservations.
Status read_position(WireReader& reader, int32_t& executor, uint8_t& lane, uint64_t& position, size_t offset) {
  executor = static_cast<int32_t>(reader.u32());
  const uint32_t lane_and_zero = reader.u32();
  lane = static_cast<uint8_t>(lane_and_zero);
  position = reader.u64();
  RETURN_IF_ERROR(check_task(executor, "executor", offset));
  RETURN_IF_ERROR(check_lane(lane, offset));
  return check_zero(lane_and_zero >> 8, offset);
}

void append_position(std::string& body, int32_t executor, uint8_t lane, uint64_t position) {
  WireWriter writer(body);
  writer.u32(static_cast<uint32_t>(executor));
  writer.u32(lane);
  writer.u64(position);
}

}  // namespace

const char* to_string(FrameKind kind) {
  switch (kind) {
    case FrameKind::kChallenge:
      return "challenge";
    case FrameKind::kHello:
      return "hello";
    case FrameKind::kWelcome:
      return "welcome";
    case FrameKind::kRefused:
      return "refused";
    case FrameKind::kData:
      return "data";
    case FrameKind::kProbe:
      return "probe";
    case FrameKind::kCredit:
      return "credit";
    case FrameKind::kReserve:
      return "reserve";
    case FrameKind::kAcks:
      return "acks";
    case FrameKind::kAckCredit:
      return "ack credit";
    case FrameKind::kHosts:
      return "hosts";
    case FrameKind::kLease:
      return "lease";
  }
  return "?";
}

void append_frame_header(std::string& out, const FrameHeader& header, size_t body_bytes) {
  WireWriter writer(out);
  writer.u32(static_cast<uint32_t>(kFrameHeaderBytes + body_bytes));
  const size_t start = out.size();
  writer.u8(static_cast<uint8_t>(header.kind));
  writer.u8(header.flags);
  writer.u16(0);
  writer.u32(header.link_epoch);
  writer.u64(header.sequence);
  writer.u64(header.plan_epoch);
  writer.u32(static_cast<uint32_t>(header.source_task));
  writer.u32(header.source_host);
  writer.u32(header.source_incarnation);
  writer.u32(header.destination_host);
  writer.u32(header.destination_incarnation);
  writer.u32(header.fragment_id);
  writer.u32(header.body_crc);
  writer.u32(crc32c(std::string_view(out).substr(start)));
}

std::string encode_frame(FrameHeader header, std::string_view body) {
  header.body_crc = crc32c(body);
  std::string out;
  out.reserve(kFrameLengthBytes + kFrameHeaderBytes + body.size());
  append_frame_header(out, header, body.size());
  out.append(body);
  return out;
}

Result<FrameHeader> parse_frame_header(std::string_view bytes, size_t body_bytes) {
  if (bytes.size() != kFrameHeaderBytes) {
    return Status::malformed("a frame header of {} bytes; it has {}", bytes.size(), kFrameHeaderBytes);
  }
  WireReader reader(bytes);
  FrameHeader header;
  const uint8_t kind = reader.u8();
  header.kind = static_cast<FrameKind>(kind);
  header.flags = reader.u8();
  const uint16_t zero = reader.u16();
  header.link_epoch = reader.u32();
  header.sequence = reader.u64();
  header.plan_epoch = reader.u64();
  header.source_task = static_cast<int32_t>(reader.u32());
  header.source_host = reader.u32();
  header.source_incarnation = reader.u32();
  header.destination_host = reader.u32();
  header.destination_incarnation = reader.u32();
  header.fragment_id = reader.u32();
  header.body_crc = reader.u32();
  const uint32_t said = reader.u32();
  const uint32_t computed = crc32c(bytes.substr(0, kCheckedHeaderBytes));
  if (said != computed) return corrupt("frame header", said, computed);
  if (kind < 1 || kind > static_cast<uint8_t>(FrameKind::kLease)) {
    return Status::malformed("frame kind {} is unknown; kinds are 1 to {}", kind, static_cast<int>(FrameKind::kLease));
  }
  if (header.flags != 0) return Status::malformed("frame flags {:#x} are unknown; none is in use", header.flags);
  RETURN_IF_ERROR(check_zero(zero, 2));
  if (header.kind == FrameKind::kLease && body_bytes != 0) {
    return Status::malformed("a lease with {} bytes of body; it has none", body_bytes);
  }
  return header;
}

Status check_frame_length(uint32_t length, size_t max_bytes) {
  if (length >= kFrameHeaderBytes && length <= max_bytes) return Status();
  return Status::error(length > max_bytes ? StatusCode::kLimit : StatusCode::kMalformed,
                       "frame of {} bytes, a frame here has {} to {}{}; is the peer a petrel process?", length,
                       kFrameHeaderBytes, max_bytes, looks_like(length));
}

Status check_body(const FrameHeader& header, std::string_view body) {
  const uint32_t computed = crc32c(body);
  if (computed != header.body_crc) return corrupt("frame body", header.body_crc, computed);
  return Status();
}

Result<FrameView> parse_frame(std::string_view frame_without_length, size_t max_bytes) {
  if (frame_without_length.size() < kFrameHeaderBytes || frame_without_length.size() > max_bytes) {
    return Status::malformed("a frame of {} bytes; it has {} to {}", frame_without_length.size(), kFrameHeaderBytes,
                             max_bytes);
  }
  FrameView frame;
  frame.body = frame_without_length.substr(kFrameHeaderBytes);
  ASSIGN_OR_RETURN(frame.header,
                   parse_frame_header(frame_without_length.substr(0, kFrameHeaderBytes), frame.body.size()));
  RETURN_IF_ERROR(check_body(frame.header, frame.body));
  return frame;
}

namespace {

void append_section_header(WireWriter& writer, const SectionHeader& header, size_t bytes) {
  writer.u32(static_cast<uint32_t>(header.destination_task));
  writer.u32(static_cast<uint32_t>(header.executor));
  writer.u8(header.lane);
  writer.u8(static_cast<uint8_t>(header.kind));
  writer.u16(0);
  writer.u32(header.kind == SectionKind::kMarker ? 0 : header.count);
  writer.u32(static_cast<uint32_t>(bytes));
  writer.u64(header.offset);
}

void append_fragment_header(WireWriter& writer, const Fragment& fragment) {
  writer.u32(fragment.id);
  writer.u32(fragment.index);
  writer.u64(fragment.offset_in_tuple);
  writer.u64(fragment.total_bytes);
}

}  // namespace

void append_section(std::string& body, SectionHeader header, std::string_view bytes) {
  WireWriter writer(body);
  append_section_header(writer, header, bytes.size());
  writer.bytes(bytes);
}

void append_fragment(std::string& body, const SectionHeader& header, const Fragment& fragment) {
  const size_t bytes = kFragmentHeaderBytes + fragment.bytes.size();
  body.reserve(body.size() + kSectionHeaderBytes + bytes);
  WireWriter writer(body);
  append_section_header(writer, header, bytes);
  append_fragment_header(writer, fragment);
  writer.bytes(fragment.bytes);
}

namespace {

Status check_section(const SectionHeader& header, uint8_t kind, uint16_t zero, size_t offset) {
  RETURN_IF_ERROR(check_task(header.destination_task, "destination task", offset));
  RETURN_IF_ERROR(check_task(header.executor, "executor", offset));
  RETURN_IF_ERROR(check_lane(header.lane, offset));
  if (kind > static_cast<uint8_t>(SectionKind::kFragment)) {
    return Status::malformed("section kind {} at offset {} is unknown; kinds are 0 to 2", kind, offset);
  }
  RETURN_IF_ERROR(check_zero(zero, offset));
  if (header.bytes == 0) return Status::malformed("an empty section at offset {}", offset);
  if ((header.kind == SectionKind::kMarker) != (header.count == 0)) {
    return Status::malformed("{} tuples in a section of kind {} at offset {}; a marker has 0, other kinds have some",
                             header.count, kind, offset);
  }
  if (header.offset + header.bytes < header.offset) {
    return Status::malformed("the section at offset {} ends behind 2^64 of its flow", offset);
  }
  return Status();
}

/// Section bytes of the kinds that this module knows from inside.
Status check_section_bytes(const SectionView& section) {
  if (section.header.kind == SectionKind::kMarker) return parse_marker(section.bytes).status();
  if (section.header.kind == SectionKind::kFragment) return parse_fragment(section.bytes).status();
  return Status();
}

}  // namespace

Result<std::vector<SectionView>> parse_sections(std::string_view body) {
  std::vector<SectionView> sections;
  WireReader reader(body);
  while (reader.remaining() > 0) {
    if (sections.size() == kMaxSections) {
      return Status::error(StatusCode::kLimit, "more than {} sections in one frame", kMaxSections);
    }
    const size_t offset = reader.offset();
    SectionView section;
    SectionHeader& header = section.header;
    header.destination_task = static_cast<int32_t>(reader.u32());
    header.executor = static_cast<int32_t>(reader.u32());
    header.lane = reader.u8();
    const uint8_t kind = reader.u8();
    header.kind = static_cast<SectionKind>(kind);
    const uint16_t zero = reader.u16();
    header.count = reader.u32();
    header.bytes = reader.u32();
    header.offset = reader.u64();
    RETURN_IF_ERROR(reader.status());
    RETURN_IF_ERROR(check_section(header, kind, zero, offset));
    section.bytes = reader.view(header.bytes, "a section");
    RETURN_IF_ERROR(reader.status());
    RETURN_IF_ERROR(check_section_bytes(section).with_context("section at offset {}", offset));
    sections.push_back(section);
  }
  if (sections.empty()) return Status::malformed("a data frame without a section");
  return sections;
}

std::string encode_marker(const Marker& marker) {
  std::string out;
  WireWriter writer(out);
  writer.u8(marker.kind);
  writer.u64(marker.epoch);
  writer.u32(static_cast<uint32_t>(marker.source_task));
  return out;
}

Result<Marker> parse_marker(std::string_view bytes) {
  if (bytes.size() != kMarkerBytes) {
    return Status::malformed("a marker of {} bytes; it has {}", bytes.size(), kMarkerBytes);
  }
  WireReader reader(bytes);
  Marker marker;
  marker.kind = reader.u8();
  marker.epoch = reader.u64();
  marker.source_task = static_cast<int32_t>(reader.u32());
  RETURN_IF_ERROR(check_task(marker.source_task, "source task", 9));
  return marker;
}

std::string encode_fragment(const Fragment& fragment) {
  std::string out;
  out.reserve(kFragmentHeaderBytes + fragment.bytes.size());
  WireWriter writer(out);
  append_fragment_header(writer, fragment);
  writer.bytes(fragment.bytes);
  return out;
}

Result<Fragment> parse_fragment(std::string_view bytes) {
  if (bytes.size() <= kFragmentHeaderBytes) {
    return Status::malformed("a fragment of {} bytes; its header alone has {}", bytes.size(), kFragmentHeaderBytes);
  }
  WireReader reader(bytes);
  Fragment fragment;
  fragment.id = reader.u32();
  fragment.index = reader.u32();
  fragment.offset_in_tuple = reader.u64();
  fragment.total_bytes = reader.u64();
  fragment.bytes = reader.rest();
  if (fragment.bytes.size() > fragment.total_bytes ||
      fragment.offset_in_tuple > fragment.total_bytes - fragment.bytes.size()) {
    return Status::malformed("{} bytes of a fragment from {} on do not fit in the {} bytes of the whole",
                             fragment.bytes.size(), fragment.offset_in_tuple, fragment.total_bytes);
  }
  return fragment;
}

void append_entry(std::string& body, const CreditEntry& entry) {
  WireWriter writer(body);
  writer.u32(static_cast<uint32_t>(entry.executor));
  writer.u8(entry.lane);
  writer.u8(entry.flags);
  writer.u16(entry.load);
  writer.u64(entry.received);
  writer.u64(entry.limit);
}

void append_entry(std::string& body, const ProbeEntry& entry) {
  append_position(body, entry.executor, entry.lane, entry.sent);
}

void append_entry(std::string& body, const ReserveEntry& entry) {
  append_position(body, entry.executor, entry.lane, entry.end);
}

void append_entry(std::string& body, const HostEntry& entry) {
  WireWriter writer(body);
  writer.u32(entry.slot);
  writer.u32(static_cast<uint32_t>(entry.container));
  writer.u32(entry.incarnation);
  writer.u32(static_cast<uint8_t>(entry.state) | uint32_t{entry.pressure} << 16);
  writer.u32(entry.path_epoch);
}

Result<std::vector<CreditEntry>> parse_credit(std::string_view body) {
  return parse_entries<CreditEntry>(
      body, kCreditBytes, 1, "credit entries", [](WireReader& reader, CreditEntry& entry, size_t offset) {
        entry.executor = static_cast<int32_t>(reader.u32());
        entry.lane = reader.u8();
        entry.flags = reader.u8();
        entry.load = reader.u16();
        entry.received = reader.u64();
        entry.limit = reader.u64();
        RETURN_IF_ERROR(check_task(entry.executor, "executor", offset));
        if ((entry.flags & ~(CreditEntry::kResume | CreditEntry::kProbeAnswer)) != 0) {
          return Status::malformed("credit flags {:#x} at offset {} are unknown", entry.flags, offset);
        }
        return check_lane(entry.lane, offset);
      });
}

Result<std::vector<ProbeEntry>> parse_probe(std::string_view body) {
  return parse_entries<ProbeEntry>(body, kProbeBytes, 1, "probes",
                                   [](WireReader& reader, ProbeEntry& entry, size_t offset) {
                                     return read_position(reader, entry.executor, entry.lane, entry.sent, offset);
                                   });
}

Result<std::vector<ReserveEntry>> parse_reserve(std::string_view body) {
  return parse_entries<ReserveEntry>(body, kProbeBytes, 1, "reservations",
                                     [](WireReader& reader, ReserveEntry& entry, size_t offset) {
                                       return read_position(reader, entry.executor, entry.lane, entry.end, offset);
                                     });
}

Result<std::vector<HostEntry>> parse_hosts(std::string_view body) {
  return parse_entries<HostEntry>(
      body, kHostBytes, 0, "hosts", [](WireReader& reader, HostEntry& entry, size_t offset) {
        entry.slot = reader.u32();
        entry.container = static_cast<int32_t>(reader.u32());
        entry.incarnation = reader.u32();
        const uint32_t word = reader.u32();
        const uint32_t state = word & 0xffff;
        entry.pressure = static_cast<uint16_t>(word >> 16);
        entry.state = static_cast<HostState>(state);
        entry.path_epoch = reader.u32();
        if (state >= 1 && state <= 3) return Status();
        return Status::malformed("host state {} at offset {}; states are 1 to 3", state, offset);
      });
}

std::string encode_acks(uint64_t offset, std::string_view records) {
  CHECK(records.size() % kAckRecordBytes == 0);
  std::string out;
  out.reserve(sizeof(offset) + records.size());
  WireWriter writer(out);
  writer.u64(offset);
  writer.bytes(records);
  return out;
}

Result<AcksBody> parse_acks(std::string_view body) {
  WireReader reader(body);
  AcksBody acks;
  acks.offset = reader.u64();
  acks.records = reader.rest();
  RETURN_IF_ERROR(reader.status());
  RETURN_IF_ERROR(count_entries(acks.records, kAckRecordBytes, 1, "ack records").status());
  if (acks.offset % kAckRecordBytes != 0) {
    return Status::malformed("offset {} of an ack flow is not a multiple of {}", acks.offset, kAckRecordBytes);
  }
  if (acks.offset + acks.records.size() < acks.offset) {
    return Status::malformed("ack records from offset {} on end behind 2^64", acks.offset);
  }
  return acks;
}

std::string encode_ack_credit(const AckCreditBody& body) {
  std::string out;
  WireWriter writer(out);
  writer.u64(body.received);
  writer.u64(body.limit);
  writer.u64(body.flags);
  return out;
}

Result<AckCreditBody> parse_ack_credit(std::string_view bytes) {
  if (bytes.size() != kAckCreditBytes) {
    return Status::malformed("ack credit of {} bytes; it has {}", bytes.size(), kAckCreditBytes);
  }
  WireReader reader(bytes);
  AckCreditBody body;
  body.received = reader.u64();
  body.limit = reader.u64();
  const uint64_t flags = reader.u64();
  if ((flags & ~uint64_t{AckCreditBody::kResume | AckCreditBody::kProbe}) != 0) {
    return Status::malformed("ack credit flags {:#x} are unknown", flags);
  }
  body.flags = static_cast<uint8_t>(flags);
  return body;
}

}  // namespace petrel
