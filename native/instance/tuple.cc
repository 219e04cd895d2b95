#include "native/instance/tuple.h"

namespace petrel {
namespace {

constexpr size_t kTupleBytes = 144;
constexpr size_t kValueBytes = 48;
constexpr int kMaxLook = 3;

size_t charge(const Value& value, int depth);

size_t charge_all(const std::vector<Value>& values, int depth) {
  if (depth >= kMaxLook) return kValueBytes * values.size();
  size_t sum = 0;
  for (const Value& value : values) sum += charge(value, depth + 1);
  return sum;
}

size_t charge(const Value& value, int depth) {
  if (const auto* text = std::get_if<std::u16string>(&value.data)) return kValueBytes + 2 * text->size();
  if (const auto* bytes = std::get_if<Value::Bytes>(&value.data)) return kValueBytes + bytes->data.size();
  if (const auto* opaque = std::get_if<Value::Opaque>(&value.data)) return kValueBytes + opaque->data.size();
  if (const auto* list = std::get_if<Value::List>(&value.data)) return kValueBytes + charge_all(*list, depth);
  if (const auto* map = std::get_if<Value::Map>(&value.data)) return kValueBytes + charge_all(map->flat, depth);
  return kValueBytes;
}

}  // namespace

size_t charge_of(const Values& values) {
  return kTupleBytes + charge_all(values, 0);
}

}  // namespace petrel
