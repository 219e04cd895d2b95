// Status and Result: how the native code says that something went wrong.
//
// Three kinds of error, three treatments:
//   1. expected at run time (a file is gone, a peer is late)  -> Status / Result<T>, context appended on the way up;
//   2. a peer or a user sent something wrong                  -> Status of kind kMalformed with a sentence to act on;
//   3. our own bug                                            -> CHECK (check.h), on in release builds too.
// OK is one null pointer, so success costs nothing.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "native/base/check.h"

namespace petrel {

enum class StatusCode {
  kOk,
  kMalformed,  // the input breaks a rule; the message names value, rule and fix
  kNotFound,
  kAlreadyExists,
  kConflict,     // a conditional write lost, or an older epoch spoke
  kUnavailable,  // try again later
  kDenied,
  kTimeout,
  kLimit,    // a cap was reached
  kIo,       // the operating system refused
  kCorrupt,  // stored bytes do not check
  kInternal,
};

/// The name of a code as it is printed and sent ("MALFORMED").
const char* to_string(StatusCode code);

/// Success, or a code and one sentence. Cheap to move, cheap to copy. Thread: a value, no sharing rules.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message);

  template <typename... Args>
  static Status error(StatusCode code, fmt::format_string<Args...> format, Args&&... args) {
    return Status(code, fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  static Status malformed(fmt::format_string<Args...> format, Args&&... args) {
    return error(StatusCode::kMalformed, format, std::forward<Args>(args)...);
  }
  /// From errno: "open /x: No such file or directory".
  static Status from_errno(int error_number, const std::string& what);

  bool ok() const { return rep_ == nullptr; }
  StatusCode code() const { return rep_ ? rep_->code : StatusCode::kOk; }
  /// The sentence without the code; empty when ok.
  const std::string& message() const;
  /// "MALFORMED: topology name 'a/b' ...", or "OK".
  std::string to_string() const;

  /// The same error with what was being done in front: "register container 3: <message>". OK stays OK.
  template <typename... Args>
  Status with_context(fmt::format_string<Args...> format, Args&&... args) const {
    if (ok()) return *this;
    return Status(code(), fmt::format(format, std::forward<Args>(args)...) + ": " + message());
  }

 private:
  struct Rep {
    StatusCode code;
    std::string message;
  };
  std::shared_ptr<const Rep> rep_;
};

/// A value or the Status that explains why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : data_(std::move(value)) {}
  Result(Status status) : data_(std::move(status)) { CHECK(!std::get<Status>(data_).ok()); }

  bool ok() const { return std::holds_alternative<T>(data_); }
  Status status() const { return ok() ? Status() : std::get<Status>(data_); }
  T& value() & {
    CHECK(ok());
    return std::get<T>(data_);
  }
  const T& value() const& {
    CHECK(ok());
    return std::get<T>(data_);
  }
  T&& value() && {
    CHECK(ok());
    return std::move(std::get<T>(data_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Status> data_;
};

}  // namespace petrel

/// Leaves the function with the Status of `expression` when it is not OK.
#define RETURN_IF_ERROR(expression)                  \
  do {                                               \
    ::petrel::Status petrel_status_ = (expression);  \
    if (!petrel_status_.ok()) return petrel_status_; \
  } while (false)

#define PETREL_CONCAT_INNER(a, b) a##b
#define PETREL_CONCAT(a, b) PETREL_CONCAT_INNER(a, b)
/// ASSIGN_OR_RETURN(auto x, f()): x is the value of the Result, or the function returns its Status.
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_IMPL(PETREL_CONCAT(petrel_result_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_IMPL(result, declaration, expression) \
  auto result = (expression);                                  \
  if (!result.ok()) return result.status();                    \
  declaration = std::move(result).value()
