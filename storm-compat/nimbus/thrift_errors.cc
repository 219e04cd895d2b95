#include "storm-compat/nimbus/thrift_errors.h"

#include <thrift/TApplicationException.h>

#include "native/base/escape.h"

namespace petrel {
namespace {
template <typename Exception>
[[noreturn]] void throw_with(const std::string& sentence) {
  Exception exception;
  exception.msg = sentence;
  throw exception;
}
}  // namespace

void throw_internal(const std::string& sentence) {
  throw apache::thrift::TApplicationException(apache::thrift::TApplicationException::INTERNAL_ERROR, sentence);
}
void throw_invalid_topology(const std::string& sentence) {
  throw_with<storm::InvalidTopologyException>(sentence);
}
void throw_not_alive(const std::string& name) {
  throw_with<storm::NotAliveException>(escape(name) + " is not alive");
}
void throw_already_alive(const std::string& name) {
  throw_with<storm::AlreadyAliveException>(escape(name) + " is already active");
}
void throw_not_authorised(const std::string& sentence) {
  throw_with<storm::AuthorizationException>(sentence);
}
void throw_key_not_found(const std::string& sentence) {
  throw_with<storm::KeyNotFoundException>(sentence);
}

void throw_status(const Status& status) {
  if (status.code() == StatusCode::kDenied) throw_not_authorised(status.message());
  throw_internal(status.message());
}

}  // namespace petrel
