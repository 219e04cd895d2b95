// FrameAssembler: one frame from bytes as they arrive. Memory follows the bytes that are there: the buffer at most
// doubles, starting at 16 KiB, whatever the length field says.
// Thread: one owner.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "native/base/status.h"

namespace petrel {

class FrameAssembler {
 public:
  explicit FrameAssembler(uint32_t max_frame_bytes) : max_frame_bytes_(max_frame_bytes) {}

  /// Takes from the front of `bytes` what belongs to this frame and removes it there. kMalformed when the length or the
  /// first bytes show that no message of ours is coming. Does nothing when the frame is complete.
  Status take(std::string_view& bytes);

  /// Room to read the next bytes of a large frame into without a copy; empty while the length is not known, when the
  /// frame is complete or when less than `at_least` bytes are missing.
  std::span<char> room(size_t at_least);
  /// `n` bytes were written to the room.
  Status wrote(size_t n);

  bool started() const { return header_bytes_ > 0; }
  bool complete() const { return header_bytes_ == kHeader && received_ == length_; }
  uint64_t received() const { return header_bytes_ + received_; }
  size_t memory() const { return body_.capacity(); }
  /// "7 of 100 bytes", for log lines.
  std::string progress() const;

  /// The message; the assembler starts over with the next frame.
  std::string release();

 private:
  static constexpr size_t kHeader = 4;
  Status check_length();
  Status check_start();
  void grow();

  uint32_t max_frame_bytes_;
  char header_[kHeader] = {};
  size_t header_bytes_ = 0;
  uint32_t length_ = 0;
  uint32_t received_ = 0;
  bool start_checked_ = false;
  std::string body_;  // size >= received_
};

}  // namespace petrel
