// CHECK: a broken invariant of ours ends the process with the place and the expression, in release builds too.
#pragma once

namespace petrel {
[[noreturn]] void check_failed(const char* file, int line, const char* expression);
}  // namespace petrel

#define CHECK(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::petrel::check_failed(__FILE__, __LINE__, #condition))
