// Log: one line per state change, `2026-01-31 12:00:00.000 module LEVEL message`, to one file descriptor of the
// process. Values that come from outside pass escape() first. Nothing is logged per tuple.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace petrel {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

/// Lines below `level` are dropped. Lines go to `fd` (default 2). Call once, early, from main.
void configure_log(LogLevel level, int fd = 2);

/// One logger per module: `static const Logger logger("stream_manager");`. Thread-safe (one write(2) per line).
class Logger {
 public:
  explicit Logger(const char* module) : module_(module) {}

  template <typename... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) const {
    if (passes(LogLevel::kDebug)) write(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    if (passes(LogLevel::kInfo)) write(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) const {
    if (passes(LogLevel::kWarn)) write(LogLevel::kWarn, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) const {
    if (passes(LogLevel::kError)) write(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  static bool passes(LogLevel level);
  void write(LogLevel level, std::string_view message) const;
  const char* module_;
};

}  // namespace petrel
