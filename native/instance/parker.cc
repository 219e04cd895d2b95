#include "native/instance/parker.h"

namespace petrel {

void ThreadParker::park(Nanos timeout) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, timeout, [this] { return permit_; });
  permit_ = false;
}

void ThreadParker::unpark() {
  {
    std::lock_guard lock(mutex_);
    permit_ = true;
  }
  wake_.notify_one();
}

}  // namespace petrel
