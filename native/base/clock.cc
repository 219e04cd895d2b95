#include "native/base/clock.h"

namespace petrel {

MonoTime SystemClock::now() const {
  return std::chrono::steady_clock::now();
}

int64_t SystemClock::wall_ms() const {
  return std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch()).count();
}

SystemClock& SystemClock::instance() {
  static SystemClock clock;
  return clock;
}

}  // namespace petrel
