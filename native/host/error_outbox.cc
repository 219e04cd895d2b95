#include "native/host/error_outbox.h"

#include <utility>

#include "native/base/log.h"

namespace petrel {
namespace {

const Logger logger("host");

}  // namespace

void ErrorOutbox::push(proto::ErrorEntry entry) {
  if (entry.text().size() > kMaxText) {
    size_t end = kMaxText;
    while (end > 0 && (static_cast<uint8_t>(entry.text()[end]) & 0xC0) == 0x80) --end;  // not inside a character
    entry.mutable_text()->resize(end);
  }
  std::lock_guard lock(mutex_);
  if (entries_.size() == kMost) {
    entries_.pop_front();
    ++first_number_;
    ++dropped_;
  }
  entries_.push_back(std::move(entry));
}

void ErrorOutbox::send_all(const std::function<Status(const proto::ErrorEntry&)>& send) {
  for (;;) {
    proto::ErrorEntry entry;
    uint64_t number;
    {
      std::lock_guard lock(mutex_);
      if (entries_.empty()) break;
      entry = entries_.front();
      number = first_number_;
    }
    if (!send(entry).ok()) return;
    std::lock_guard lock(mutex_);
    if (!entries_.empty() && first_number_ == number) {
      entries_.pop_front();
      ++first_number_;
    }
  }
  uint64_t unsaid = 0;
  {
    std::lock_guard lock(mutex_);
    unsaid = dropped_ - std::exchange(dropped_told_, dropped_);
  }
  if (unsaid != 0) {
    logger.warn(
        "{} error reports were dropped: more than {} came while the topology master was away; the newest were sent",
        unsaid, kMost);
  }
}

size_t ErrorOutbox::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

uint64_t ErrorOutbox::dropped() const {
  std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace petrel
