#include "native/instance/cycle_room.h"

#include "native/base/escape.h"

namespace petrel {
namespace {
constexpr Nanos kTellEvery = Seconds(10);
}  // namespace

void CycleRoom::refuse(size_t tuples) {
  uint64_t count = 0;
  {
    std::lock_guard lock(mutex_);
    count = refused_ += tuples;
    const MonoTime now = clock_.now();
    if (events_ == nullptr || (told_ && now < next_tell_)) return;
    told_ = true;
    next_tell_ = now + kTellEvery;
  }
  events_->report_error(
      component_, task_,
      fmt::format(
          "the cycle that component '{}' is in feeds back more than it takes in: {} bytes wait for task {}, so {} "
          "tuples that were sent to it inside the cycle have failed so far (or were dropped, where they were not "
          "anchored). Let fewer tuples return, or raise {} when it only comes in bursts",
          escape(component_), max_bytes_, task_, count, kSetting));
}

}  // namespace petrel
