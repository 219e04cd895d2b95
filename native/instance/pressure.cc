#include "native/instance/pressure.h"

#include <bit>

namespace petrel {

void Pressure::connect(std::function<void(uint16_t)> publish, std::function<void()> released) {
  publish_ = std::move(publish);
  released_ = std::move(released);
}

void Pressure::raise(uint16_t bit) {
  std::lock_guard lock(mutex_);
  if (raised_[static_cast<size_t>(std::countr_zero(bit))]++ == 0) tell(own_ | bit);
}

void Pressure::lower(uint16_t bit) {
  std::lock_guard lock(mutex_);
  if (--raised_[static_cast<size_t>(std::countr_zero(bit))] == 0) tell(static_cast<uint16_t>(own_ & ~bit));
}

void Pressure::others(uint16_t bits) {
  std::lock_guard lock(mutex_);
  others_ = bits;
  update();
}

void Pressure::tell(uint16_t bits) {
  own_ = bits;
  if (publish_) publish_(own_);
  update();
}

void Pressure::update() {
  const uint16_t all = own_ | others_;
  const uint16_t before = all_.exchange(all);
  if ((before & ~all) != 0 && released_) released_();
}

void WaterMark::look(size_t bytes) {
  if (above ? bytes > low : bytes < high) return;
  above = !above;
  if (above) {
    pressure->raise(bit);
  } else {
    pressure->lower(bit);
  }
}

}  // namespace petrel
