// Values between the host (native/codec) and user code (petrel/bolt.h).
#pragma once

#include "native/codec/value_codec.h"
#include "native/native_host/user_api.h"

namespace petrel {

user::Value to_user(const Value& value);
/// Errors: kMalformed for text that is not UTF-8.
Result<Value> from_user(const user::Value& value);
Result<Value::List> from_user(const user::Values& values);

}  // namespace petrel
