#include "native/base/status.h"

#include <cstring>

namespace petrel {

const char* to_string(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return "OK";
    case StatusCode::kMalformed:
      return "MALFORMED";
    case StatusCode::kNotFound:
      return "NOT_FOUND";
    case StatusCode::kAlreadyExists:
      return "ALREADY_EXISTS";
    case StatusCode::kConflict:
      return "CONFLICT";
    case StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case StatusCode::kDenied:
      return "DENIED";
    case StatusCode::kTimeout:
      return "TIMEOUT";
    case StatusCode::kLimit:
      return "LIMIT";
    case StatusCode::kIo:
      return "IO";
    case StatusCode::kCorrupt:
      return "CORRUPT";
    case StatusCode::kInternal:
      return "INTERNAL";
  }
  return "UNKNOWN";
}

Status::Status(StatusCode code, std::string message) {
  CHECK(code != StatusCode::kOk);
  rep_ = std::make_shared<const Rep>(Rep{code, std::move(message)});
}

Status Status::from_errno(int error_number, const std::string& what) {
  StatusCode code = error_number == ENOENT ? StatusCode::kNotFound : StatusCode::kIo;
  return error(code, "{}: {}", what, std::strerror(error_number));
}

const std::string& Status::message() const {
  static const std::string empty;
  return rep_ ? rep_->message : empty;
}

std::string Status::to_string() const {
  return ok() ? "OK" : fmt::format("{}: {}", petrel::to_string(code()), message());
}

}  // namespace petrel
