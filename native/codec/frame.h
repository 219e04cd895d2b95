// Frames: what travels on a link between hosts and stream managers (docs/wire-format.md is the grammar).
//
//   frame  = u32 length of all that follows, header (56 bytes), body
//   header = u8 kind, u8 flags (0), u16 zero, u32 link epoch, u64 sequence, u64 plan epoch, i32 source task,
//            u32 source host, u32 source incarnation, u32 destination host, u32 destination incarnation,
//            u32 fragment id, u32 crc32c of the body, u32 crc32c of the 52 bytes before it
//
// Little-endian. The body's checksum is made by the source and kept on the way; the header's is made anew at each hop.
// Decoders read hostile bytes: sizes and counts are compared with the bytes and with the caps below before anything is
// allocated. Errors: kMalformed and kLimit with value and rule, kCorrupt for a checksum.
// Thread: values and pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "native/base/status.h"

namespace petrel {

inline constexpr size_t kFrameLengthBytes = 4;
inline constexpr size_t kFrameHeaderBytes = 56;
inline constexpr size_t kSectionHeaderBytes = 28;
inline constexpr size_t kFragmentHeaderBytes = 24;
inline constexpr size_t kMarkerBytes = 13;
inline constexpr size_t kAckRecordBytes = 32;

inline constexpr size_t kMaxFrameBytes = 1 << 20;          // header and body
inline constexpr size_t kMaxFrameBytesBeforeHello = 4096;  // header and body
inline constexpr size_t kMaxSections = 4096;               // of one data frame
inline constexpr size_t kMaxEntries = 4096;                // of one frame of any other kind
inline constexpr size_t kDataFrameBytes =
    256 * 1024;  // what a sender puts into a data frame: the sum of SectionHeader::bytes
inline constexpr size_t kMaxFragmentBytes = kDataFrameBytes - kFragmentHeaderBytes;

enum class FrameKind : uint8_t {
  kChallenge = 1,  // 1 to 4: only in the hello
  kHello = 2,
  kWelcome = 3,
  kRefused = 4,
  kData = 5,   // data lane: sections
  kProbe = 6,  // data lane: ProbeEntry...
  kCredit = 7,
  kReserve = 8,
  kAcks = 9,
  kAckCredit = 10,
  kHosts = 11,
  kLease = 12,  // no body
};
/// "data", "credit" ... for log lines; "?" for a number that is no kind.
const char* to_string(FrameKind kind);

/// The lanes of a connection. A frame of the priority lane goes before waiting frames of the data lane.
enum class FrameLane : uint8_t { kData = 0, kPriority = 1 };
constexpr FrameLane lane_of(FrameKind kind) {
  return kind == FrameKind::kData || kind == FrameKind::kProbe ? FrameLane::kData : FrameLane::kPriority;
}
constexpr bool is_handshake(FrameKind kind) {
  return kind <= FrameKind::kRefused;
}

struct FrameHeader {
  FrameKind kind = FrameKind::kLease;
  uint8_t flags = 0;         // none yet: not 0 is refused
  uint32_t link_epoch = 0;   // set by the link
  uint64_t sequence = 0;     // set by the link: from 1, per connection, direction and lane
  uint64_t plan_epoch = 0;   // of the plan by which the source routed
  int32_t source_task = 0;   // data frames; all sections are of this task
  uint32_t source_host = 0;  // slots
  uint32_t source_incarnation = 0;
  uint32_t destination_host = 0;
  uint32_t destination_incarnation = 0;
  uint32_t fragment_id = 0;  // of the one fragment in a data frame, else 0
  uint32_t body_crc = 0;     // seal() or make_frame() sets it
  bool operator==(const FrameHeader&) const = default;
};

/// The 52 bytes of the header, its checksum, after the length. `body_bytes`: of the body that follows.
void append_frame_header(std::string& out, const FrameHeader& header, size_t body_bytes);
/// A whole frame: length, header with both checksums, body. For the hello and for tests.
std::string encode_frame(FrameHeader header, std::string_view body);

/// The 56 bytes after the length. Checks checksum, zeros, flags and kind; `body_bytes` are what the length leaves.
Result<FrameHeader> parse_frame_header(std::string_view bytes, size_t body_bytes);

struct FrameView {
  FrameHeader header;
  std::string_view body;
};
/// Header and body without the length, both checksums checked; the body is not looked into.
Result<FrameView> parse_frame(std::string_view frame_without_length, size_t max_bytes = kMaxFrameBytes);
/// kCorrupt when the body is not what the source sent.
Status check_body(const FrameHeader& header, std::string_view body);
/// A length field: at least a header and at most `max_bytes`; the sentence says what else the four bytes look like.
Status check_frame_length(uint32_t length, size_t max_bytes);

// ---- Data frames: sections, each a header of 28 bytes and its bytes.

enum class SectionKind : uint8_t { kTuples = 0, kMarker = 1, kFragment = 2 };

struct SectionHeader {
  int32_t destination_task = 0;  // at least 1
  int32_t executor = 0;          // first task of the destination executor, at least 1
  uint8_t lane = 0;              // of the flow: 0, or 1 for edges inside a cycle
  SectionKind kind = SectionKind::kTuples;
  uint32_t count = 0;   // tuples; of a fragment: of the whole section; of a marker: 0
  uint32_t bytes = 0;   // that follow in this frame, at least 1
  uint64_t offset = 0;  // in the flow, of the first byte; of a fragment: of the first byte of its part. Fragment
                        // headers count no bytes of a flow.
  bool operator==(const SectionHeader&) const = default;
};
struct SectionView {
  SectionHeader header;
  std::string_view bytes;
};
/// Section header and bytes; `header.bytes` is taken from `bytes`, the count of a marker is written as 0.
void append_section(std::string& body, SectionHeader header, std::string_view bytes);
/// Checks every header to the end of the body; markers and fragments are checked too.
Result<std::vector<SectionView>> parse_sections(std::string_view body);

struct Marker {
  uint8_t kind = 0;
  uint64_t epoch = 0;
  int32_t source_task = 0;
  bool operator==(const Marker&) const = default;
};
std::string encode_marker(const Marker& marker);
Result<Marker> parse_marker(std::string_view bytes);

/// A part of a section that is too large for one frame.
struct Fragment {
  uint32_t id = 0;
  uint32_t index = 0;            // from 0
  uint64_t offset_in_tuple = 0;  // of `bytes` in the whole section
  uint64_t total_bytes = 0;      // of the whole section
  std::string_view bytes;        // at least 1
};
std::string encode_fragment(const Fragment& fragment);
/// As append_section() with encode_fragment(), but the bytes are copied only once.
void append_fragment(std::string& body, const SectionHeader& header, const Fragment& fragment);
Result<Fragment> parse_fragment(std::string_view bytes);

// ---- Frames of entries. A body is its entries, nothing else; at most kMaxEntries.

struct CreditEntry {
  static constexpr uint8_t kResume = 1;  // send again from `received` on
  static constexpr uint8_t kProbeAnswer = 2;
  int32_t executor = 0;
  uint8_t lane = 0;
  uint8_t flags = 0;
  uint16_t load = 0;  // queue fill, 0..65535
  uint64_t received = 0;
  uint64_t limit = 0;
  bool operator==(const CreditEntry&) const = default;
};
struct ProbeEntry {
  int32_t executor = 0;
  uint8_t lane = 0;
  uint64_t sent = 0;
  bool operator==(const ProbeEntry&) const = default;
};
struct ReserveEntry {
  int32_t executor = 0;
  uint8_t lane = 0;
  uint64_t end = 0;  // the offset that the limit must reach
  bool operator==(const ReserveEntry&) const = default;
};
enum class HostState : uint8_t { kUp = 1, kLost = 2, kUnknown = 3 };
struct HostEntry {
  uint32_t slot = 0;
  int32_t container = 0;
  uint32_t incarnation = 0;
  HostState state = HostState::kUnknown;
  uint32_t path_epoch = 0;
  uint16_t pressure = 0;  // what its queues ask others to hold back (docs/links.md)
  bool operator==(const HostEntry&) const = default;
};

void append_entry(std::string& body, const CreditEntry& entry);
void append_entry(std::string& body, const ProbeEntry& entry);
void append_entry(std::string& body, const ReserveEntry& entry);
void append_entry(std::string& body, const HostEntry& entry);
Result<std::vector<CreditEntry>> parse_credit(std::string_view body);    // at least one
Result<std::vector<ProbeEntry>> parse_probe(std::string_view body);      // at least one
Result<std::vector<ReserveEntry>> parse_reserve(std::string_view body);  // at least one
Result<std::vector<HostEntry>> parse_hosts(std::string_view body);

/// Ack records of one ack flow: 32 bytes each (native/ledger/ack_record.h), here just bytes.
struct AcksBody {
  uint64_t offset = 0;  // in the ack flow, of the first record: records before it * 32
  std::string_view records;
  size_t count() const { return records.size() / kAckRecordBytes; }
};
std::string encode_acks(uint64_t offset, std::string_view records);
Result<AcksBody> parse_acks(std::string_view body);  // at least one record, at most kMaxEntries

struct AckCreditBody {
  static constexpr uint8_t kResume = 1;  // send again from `received` on
  static constexpr uint8_t kProbe = 2;   // "tell me where you are"
  uint64_t received = 0;
  uint64_t limit = 0;
  uint8_t flags = 0;
  bool operator==(const AckCreditBody&) const = default;
};
std::string encode_ack_credit(const AckCreditBody& body);
Result<AckCreditBody> parse_ack_credit(std::string_view body);

}  // namespace petrel
