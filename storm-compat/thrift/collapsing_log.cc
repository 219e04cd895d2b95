#include "storm-compat/thrift/collapsing_log.h"

namespace petrel {

void CollapsingLog::warn(const char* kind, const std::string& message) {
  auto [it, is_new] = kinds_.try_emplace(kind);
  Kind& entry = it->second;
  MonoTime now = clock_.now();
  if (!is_new && now - entry.last_line < interval_) {
    ++entry.suppressed;
    return;
  }
  if (entry.suppressed > 0) {
    logger_.warn("{} (and {} more of this kind before)", message, entry.suppressed);
  } else {
    logger_.warn("{}", message);
  }
  entry = {now, 0};
}

void CollapsingLog::flush() {
  MonoTime now = clock_.now();
  for (auto& [kind, entry] : kinds_) {
    if (entry.suppressed == 0 || now - entry.last_line < interval_) continue;
    logger_.warn("{}: {} more of this kind were not written", kind, entry.suppressed);
    entry = {now, 0};
  }
}

}  // namespace petrel
