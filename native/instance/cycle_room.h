// CycleRoom: how much may wait for an executor inside of its cycle. Edges inside a cycle never wait for credit, so a
// cycle that feeds back more than it takes in grows without end: beyond this, what is fed back fails (or is dropped,
// when nobody tracks it), and the user is told. Twin of io.petrel.host.CycleRoom.
#pragma once

#include <mutex>
#include <string>

#include "native/base/clock.h"
#include "native/instance/in_queue.h"

namespace petrel {

/// Thread: any.
class CycleRoom {
 public:
  static constexpr const char* kSetting = "petrel.cycle.max.bytes";
  CycleRoom(const InQueue& queue, size_t max_bytes, std::string component, int32_t task, HostEvents* events,
            const Clock& clock)
      : queue_(queue),
        max_bytes_(max_bytes),
        component_(std::move(component)),
        task_(task),
        events_(events),
        clock_(clock) {}

  bool full() const { return queue_.inner_bytes() >= max_bytes_; }
  /// So many tuples were not let in.
  void refuse(size_t tuples);

 private:
  const InQueue& queue_;
  const size_t max_bytes_;
  const std::string component_;
  const int32_t task_;
  HostEvents* events_;
  const Clock& clock_;
  std::mutex mutex_;
  uint64_t refused_ = 0;
  bool told_ = false;
  MonoTime next_tell_{};
};

}  // namespace petrel
