// thrift_errors: how a Status becomes what a Storm client expects to catch. One place, so that all handlers agree.
#pragma once

#include <string>

#include "native/base/status.h"
#include "storm_types.h"  // generated

namespace petrel {

/// TApplicationException(INTERNAL_ERROR): what a RuntimeException inside Storm's Nimbus looks like to a client.
[[noreturn]] void throw_internal(const std::string& sentence);
[[noreturn]] void throw_invalid_topology(const std::string& sentence);
[[noreturn]] void throw_not_alive(const std::string& name);
[[noreturn]] void throw_already_alive(const std::string& name);
[[noreturn]] void throw_not_authorised(const std::string& sentence);
[[noreturn]] void throw_key_not_found(const std::string& sentence);

/// kDenied -> AuthorizationException, everything else -> INTERNAL_ERROR with the message.
[[noreturn]] void throw_status(const Status& status);

inline void throw_unless_ok(const Status& status) {
  if (!status.ok()) throw_status(status);
}
template <typename T>
T value_or_throw(Result<T> result) {
  if (!result.ok()) throw_status(result.status());
  return std::move(result).value();
}

}  // namespace petrel
