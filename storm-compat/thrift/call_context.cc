#include "storm-compat/thrift/call_context.h"

namespace petrel {
namespace {
thread_local const Caller* t_caller = nullptr;
thread_local std::string_view t_frame;
}  // namespace

const Caller& current_caller() {
  static const Caller kNobody;
  return t_caller ? *t_caller : kNobody;
}

std::string_view current_frame() {
  return t_frame;
}

CallScope::CallScope(const Caller& caller, std::string_view frame)
    : previous_caller_(t_caller), previous_frame_(t_frame) {
  t_caller = &caller;
  t_frame = frame;
}

CallScope::~CallScope() {
  t_caller = previous_caller_;
  t_frame = previous_frame_;
}

}  // namespace petrel
