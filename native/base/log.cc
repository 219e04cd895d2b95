#include "native/base/log.h"

#include <unistd.h>

#include <atomic>
#include <ctime>

#include "native/base/clock.h"

namespace petrel {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::atomic<int> g_fd{2};

const char* name_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarn:
      return "WARN";
    case LogLevel::kError:
      return "ERROR";
  }
  return "?";
}

}  // namespace

void configure_log(LogLevel level, int fd) {
  g_level = level;
  g_fd = fd;
}

bool Logger::passes(LogLevel level) {
  return level >= g_level.load(std::memory_order_relaxed);
}

void Logger::write(LogLevel level, std::string_view message) const {
  int64_t wall_ms = SystemClock::instance().wall_ms();
  std::time_t seconds = wall_ms / 1000;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &parts);
  std::string line = fmt::format("{}.{:03} {} {} {}\n", stamp, wall_ms % 1000, module_, name_of(level), message);
  // One write per line keeps lines whole between threads; a full disk must not stop the daemon.
  [[maybe_unused]] ssize_t written = ::write(g_fd.load(std::memory_order_relaxed), line.data(), line.size());
}

}  // namespace petrel
