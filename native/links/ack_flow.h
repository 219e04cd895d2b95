// AckOut and AckIn: the two ends of an ack flow, all ack records of one host for the ledger of another.
//
// Pure. Offsets count 32 bytes per record. Records are merged while they wait (ACKs of one root: XOR of the XORs, OR of
// the masks, the smaller loss number): those of one burst as they come, by a small table, and all of them whenever they
// have doubled behind an outage. They get an offset when they are first sent, and are kept until covered. A record has
// no boundary but its 32 bytes: a re-sent frame may be cut in another way and still counts once.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "native/ledger/ack_record.h"
#include "native/links/section.h"

namespace petrel {

/// Thread: one owner.  Limits: what was sent and is not covered is at most the window; what waits is bounded by the
/// pending roots of the spouts (waiting_bytes()).
class AckOut {
 public:
  struct Chunk {
    uint64_t offset = 0;
    std::string records;
  };
  explicit AckOut(const FlowOptions& options) : options_(options), limit_(options.ack_window) {}

  void add(const AckRecord& record);
  /// What to send next; nothing when all was sent or the window is used up.
  std::optional<Chunk> take(MonoTime now);
  /// False: it claims what cannot be.
  bool on_credit(const AckCreditBody& credit, MonoTime now);
  /// The ledger died: all records are dropped.
  void reset();
  /// The same, but records of roots of incarnation `least` and later stay, for the ledger that comes next: their tuples
  /// came here faster than the news of it.
  void reset(uint32_t least);
  void path_up() { path_is_new_ = true; }
  /// True when "tell me where you are" is to be sent now, with sent().
  bool take_probe(MonoTime now);

  bool busy() const { return !kept_.empty() || !waiting_.empty(); }
  bool unsent() const { return cursor_ < kept_.size() || !waiting_.empty(); }
  uint64_t sent() const { return received_ + cursor_; }
  uint64_t kept_bytes() const { return kept_.size(); }
  uint64_t waiting_bytes() const { return waiting_.size() * sizeof(AckRecord); }
  uint64_t merged() const { return merged_; }
  uint64_t resumes() const { return resumes_; }
  uint64_t dropped_records() const { return dropped_records_; }

 private:
  // Where the last ACK of a root waits. A place serves many roots; one that was taken over costs a record, no more.
  struct Seen {
    uint64_t root = 0;
    uint64_t end = 0;  // numbered_ + index in waiting_ + 1; not above numbered_: it does not wait any more
  };
  static constexpr size_t kSeen = 1024;
  static constexpr size_t kCompactAt = 1U << 16;

  void number(size_t most);
  void compact();

  const FlowOptions& options_;
  std::deque<AckRecord> waiting_;   // without an offset yet
  uint64_t numbered_ = 0;           // records that waited before these
  std::vector<Seen> seen_;          // by the low bits of the root
  size_t compact_at_ = kCompactAt;  // records
  std::string kept_;                // bytes from received_ on
  size_t cursor_ = 0;               // of kept_, first byte that was not sent
  uint64_t received_ = 0;
  uint64_t limit_;
  uint64_t sent_ever_ = 0;
  MonoTime progress_{};
  MonoTime last_probe_{};
  int doublings_ = 0;
  bool path_is_new_ = false;
  uint64_t merged_ = 0;
  uint64_t resumes_ = 0;
  uint64_t dropped_records_ = 0;
};

/// Thread: one owner.
class AckIn {
 public:
  explicit AckIn(const FlowOptions& options) : options_(options) {}

  /// The records that are new; empty when none is.
  std::string_view on_acks(const AcksBody& acks);
  /// The sender asks where we are; `sent` is how far it has sent.
  void on_probe(uint64_t sent);
  void restate() { forced_ = true; }

  bool credit_due() const { return resume_ || forced_ || expected_ - told_ >= options_.ack_window / 4; }
  AckCreditBody take_credit();
  uint64_t received() const { return expected_; }
  uint64_t dropped_seen() const { return dropped_seen_; }
  uint64_t dropped_gap() const { return dropped_gap_; }

 private:
  const FlowOptions& options_;
  uint64_t expected_ = 0;
  uint64_t told_ = 0;
  bool gap_ = false;
  bool resume_ = false;
  bool forced_ = false;
  uint64_t dropped_seen_ = 0;  // records
  uint64_t dropped_gap_ = 0;
};

}  // namespace petrel
