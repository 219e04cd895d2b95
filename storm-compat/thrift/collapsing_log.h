// CollapsingLog: warnings that anybody on the network can provoke, one line per kind and interval; the rest is counted
// and the count is in the next line of that kind.
// Thread: one owner.
#pragma once

#include <map>
#include <string>

#include "native/base/clock.h"
#include "native/base/log.h"

namespace petrel {

class CollapsingLog {
 public:
  CollapsingLog(const Logger& logger, Clock& clock, Millis interval)
      : logger_(logger), clock_(clock), interval_(interval) {}

  /// `kind` is a literal of ours, so the map stays small. `message` is already escaped.
  void warn(const char* kind, const std::string& message);
  /// Writes the counts of kinds that went quiet. Call now and then.
  void flush();

 private:
  struct Kind {
    MonoTime last_line;
    int64_t suppressed = 0;
  };
  const Logger& logger_;
  Clock& clock_;
  Millis interval_;
  std::map<std::string, Kind> kinds_;
};

}  // namespace petrel
