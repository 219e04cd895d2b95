#include "native/native_host/user_values.h"

#include "native/base/check.h"
#include "native/native_host/text.h"

namespace petrel {
namespace {

user::Value convert(std::monostate) {
  return {};
}
template <typename Number>
user::Value convert(Number value) {
  return user::Value(value);
}
user::Value convert(const std::u16string& text) {
  return user::Value(to_utf8(text));
}
user::Value convert(const Value::Bytes& bytes) {
  return user::Value(user::Value::Bytes{bytes.data});
}
user::Value convert(const Value::Opaque& object) {
  return user::Value(user::Value::Opaque{object.data});
}
user::Value convert(const Value::List& list) {
  user::Value::List out;
  out.reserve(list.size());
  for (const Value& value : list) out.push_back(to_user(value));
  return user::Value(std::move(out));
}
user::Value convert(const Value::Map& map) {
  user::Value::Map out;
  out.reserve(map.flat.size() / 2);
  for (size_t i = 0; i + 1 < map.flat.size(); i += 2) {
    out.emplace_back(to_user(map.flat[i]), to_user(map.flat[i + 1]));
  }
  return user::Value(std::move(out));
}

Result<Value> from_map(const user::Value::Map& map) {
  Value::Map out;
  for (const auto& [key, value] : map) {
    ASSIGN_OR_RETURN(Value k, from_user(key));
    ASSIGN_OR_RETURN(Value v, from_user(value));
    out.flat.push_back(std::move(k));
    out.flat.push_back(std::move(v));
  }
  return Value{std::move(out)};
}

}  // namespace

user::Value to_user(const Value& value) {
  return std::visit([](const auto& part) { return convert(part); }, value.data);
}

Result<Value> from_user(const user::Value& value) {
  using Kind = user::Value::Kind;
  switch (value.kind()) {
    case Kind::kNull:
      return Value{};
    case Kind::kBool:
      return Value{value.boolean()};
    case Kind::kInt:
      return Value{static_cast<int32_t>(value.integer())};
    case Kind::kLong:
      return Value{value.integer()};
    case Kind::kDouble:
      return Value{value.number()};
    case Kind::kText: {
      ASSIGN_OR_RETURN(std::u16string text, to_utf16(value.text()));
      return Value{std::move(text)};
    }
    case Kind::kBytes:
      return Value{Value::Bytes{value.bytes()}};
    case Kind::kOpaque:
      return Value{Value::Opaque{value.opaque()}};
    case Kind::kList: {
      ASSIGN_OR_RETURN(Value::List list, from_user(value.list()));
      return Value{std::move(list)};
    }
    case Kind::kMap:
      return from_map(value.map());
  }
  CHECK(false);
}

Result<Value::List> from_user(const user::Values& values) {
  Value::List out;
  out.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    Result<Value> value = from_user(values[i]);
    if (!value.ok()) return value.status().with_context("value {}", i);
    out.push_back(std::move(*value));
  }
  return out;
}

}  // namespace petrel
