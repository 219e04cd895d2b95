// OutFlow: the sender's end of a flow: what was taken, what was sent, what is not covered yet, and who waits for
// credit.
//
// Pure: bytes, credit and times go in, pieces to send and questions to ask come out. Offsets count the bytes of
// sections (not of headers). Every piece is kept until `received` covers it; the cursor says which is sent next and
// goes back to the first uncovered piece on a resume.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "native/links/section.h"

namespace petrel {

/// Thread: one owner.  Limits: keeps at most limit - received bytes, credit granted by the receiver.
class OutFlow {
 public:
  /// A section, or a fragment of one that is too large for a frame.
  struct Piece {
    int32_t source_task = 0;
    int32_t destination_task = 0;
    SectionKind kind = SectionKind::kTuples;
    uint32_t count = 0;
    uint64_t offset = 0;
    uint64_t size = 0;                                   // in the flow: bytes without a fragment's header
    std::string bytes;                                   // of a section
    std::shared_ptr<const std::string> whole = nullptr;  // what the fragment is a range of
    Fragment fragment = {};                              // kFragment only
    uint64_t end() const { return offset + size; }
    size_t bytes_in_frame() const { return size + (whole ? kFragmentHeaderBytes : 0); }
  };
  struct Counters {
    uint64_t taken = 0;  // sections
    uint64_t refused = 0;
    uint64_t resumes = 0;
    uint64_t pieces_sent_again = 0;
    uint64_t probes = 0;
    uint64_t bad_credit = 0;     // claims what cannot be
    uint64_t dropped_bytes = 0;  // kept for a destination that died
  };

  OutFlow(const FlowOptions& options, uint8_t lane);

  /// Moved from only when taken.
  Admit offer(int32_t source_executor, OutSection&& section, MonoTime now);

  /// The next piece to send; null when all has been sent, or so much of a large section is under way that what others
  /// send would wait behind it. advance() says that it was.
  const Piece* unsent() const;
  void advance(MonoTime now);
  /// Offset up to which pieces have been sent (a resume sets it back).
  uint64_t sent() const { return cursor_ < kept_.size() ? kept_[cursor_].offset : next_; }

  /// False: it claims what cannot be, and nothing has changed.
  bool on_credit(const CreditEntry& entry, MonoTime now);
  /// The destination died: what was kept for it is lost with it. Who was refused may try again.
  void reset();
  /// The way to the destination is new: what was on the old one may be lost.
  void path_up() { path_is_new_ = true; }

  /// Appends source executors that were refused and fit now; each once until it is refused again.
  void take_ready(MonoTime now, std::vector<int32_t>& executors);
  /// The end that the limit has to reach for those who wait; each end once.
  std::optional<uint64_t> take_reserve();
  /// True when a probe is to be sent now; counts as sent.
  bool take_probe(MonoTime now);
  /// Lets a hold lapse. Call it now and then while busy().
  void expire_hold(MonoTime now);

  /// Something is kept or somebody waits: take_probe() has to be asked.
  bool busy() const { return !kept_.empty() || waiting_ > 0 || hold_.has_value(); }
  bool blocked() const { return waiting_ > 0; }
  uint64_t next() const { return next_; }
  uint64_t received() const { return received_; }
  uint64_t limit() const { return limit_; }
  uint64_t kept_bytes() const { return next_ - received_; }
  const Counters& counters() const { return counters_; }
  /// Nanoseconds that source executors were refused, until they were told to try again.
  std::map<int32_t, uint64_t> blocked_ns(MonoTime now) const;

 private:
  // An executor with several tasks may have one section waiting for each of them.
  struct Asker {
    int32_t executor = 0;  // source
    int32_t source_task = 0;
    int32_t destination_task = 0;
    auto operator<=>(const Asker&) const = default;
  };
  struct Refusal {
    uint64_t bytes = 0;
    MonoTime since{};  // of the refusal, or of the news that it fits
    bool told = false;
  };

  bool fits(const Asker& asker, uint64_t bytes) const;
  void take(OutSection&& section);
  /// Copies nothing: that is left to who makes the frames, when a fragment's turn has come.
  void cut(OutSection&& section);
  void refuse(const Asker& asker, uint64_t bytes, MonoTime now);
  void forgive(const Asker& asker, MonoTime now);
  void forget_covered(uint64_t received, MonoTime now);
  void rewind();

  const FlowOptions& options_;
  const uint8_t lane_;
  std::deque<Piece> kept_;
  size_t cursor_ = 0;  // index of the first piece that was not sent
  uint64_t next_ = 0;  // offset of the next section taken
  uint64_t received_ = 0;
  uint64_t limit_ = 0;
  uint64_t sent_ever_ = 0;
  uint32_t last_fragment_id_ = 0;

  std::map<Asker, Refusal> refusals_;
  std::map<int32_t, uint64_t> blocked_ns_;
  size_t waiting_ = 0;         // refusals that were not told
  std::optional<Asker> hold_;  // a large section goes before what others offer
  uint64_t asked_ = 0;         // end of the last reserve

  MonoTime progress_{};  // kept bytes shrank, or began to be
  MonoTime blocked_since_{};
  MonoTime last_probe_{};
  bool probe_open_ = false;
  int doublings_ = 0;
  bool path_is_new_ = false;
  Counters counters_;
};

}  // namespace petrel
