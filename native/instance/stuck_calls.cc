#include "native/instance/stuck_calls.h"

#include "native/base/escape.h"

namespace petrel {

void StuckCalls::look(MonoTime now) {
  if (limit_ <= Nanos(0)) return;
  for (size_t i = 0; i < seen_.size(); ++i) {
    Executor& executor = *executors_[i];
    Seen& seen = seen_[i];
    const uint64_t calls = executor.calls();
    if (!seen.begun || seen.calls != calls || executor.waker().asleep()) {
      seen = {calls, now, true, false};
    } else if (!seen.told && now - seen.since >= limit_) {
      seen.told = true;
      tell(executor, now - seen.since);
    }
  }
}

void StuckCalls::tell(const Executor& executor, Nanos time) {
  const ExecutorSpec& spec = executor.spec();
  const bool spout = spec.component->kind == ComponentKind::kSpout;
  events_.report_error(
      spec.component->name, spec.tasks.first,
      fmt::format("a call of {} of component '{}' has not returned for {} s; until it does, tasks {} to {} do nothing "
                  "else. Others go on ({} says after how long this is said)",
                  spout ? "next_tuple, ack, fail, open or close" : "execute or prepare", escape(spec.component->name),
                  std::chrono::duration_cast<std::chrono::seconds>(time).count(), spec.tasks.first, spec.tasks.last,
                  kSetting));
}

}  // namespace petrel
