// Values of known keys against the type that Storm's own validation asks for (column `type` of the table).
#include <cmath>
#include <optional>

#include "native/base/escape.h"
#include "storm-compat/conf/storm_conf.h"

namespace petrel {
namespace {

/// Integers as Storm's validator takes them: no fraction, within the bits; never a string.
std::optional<int64_t> integer_of(const ConfValue& value) {
  if (const int64_t* i = value.as_int()) return *i;
  const double* d = value.as_double();
  if (d == nullptr || std::trunc(*d) != *d || std::fabs(*d) > 9.0e15) return std::nullopt;
  return static_cast<int64_t>(*d);
}

std::optional<double> number_of(const ConfValue& value) {
  if (const int64_t* i = value.as_int()) return static_cast<double>(*i);
  if (const double* d = value.as_double()) return *d;
  return std::nullopt;
}

bool is_string_list(const ConfValue& value) {
  if (value.as_list() == nullptr) return false;
  for (const ConfValue& element : *value.as_list()) {
    if (element.as_string() == nullptr) return false;
  }
  return true;
}

/// A list of class names and of maps class -> serializer, or one such map.
bool is_kryo_register(const ConfValue& value) {
  auto is_class_map = [](const ConfValue& v) {
    if (v.as_map() == nullptr) return false;
    for (const ConfEntry& entry : v.as_map()->entries()) {
      if (entry.value.as_string() == nullptr && !entry.value.is_null()) return false;
    }
    return true;
  };
  if (value.as_list() == nullptr) return is_class_map(value);
  for (const ConfValue& element : *value.as_list()) {
    if (element.as_string() == nullptr && !is_class_map(element)) return false;
  }
  return true;
}

struct TypeRule {
  std::string base;   // int, number, string, ...
  std::string bound;  // "", ">0", ">=0"
  bool not_null = false;
};

TypeRule parse_rule(std::string_view type) {
  TypeRule rule;
  if (!type.empty() && type.back() == '!') {
    rule.not_null = true;
    type.remove_suffix(1);
  }
  size_t at = type.find('>');
  rule.base = std::string(type.substr(0, at));
  if (at != std::string_view::npos) rule.bound = std::string(type.substr(at));
  return rule;
}

bool within_bound(double value, const std::string& bound) {
  if (bound == ">0") return value > 0;
  if (bound == ">=0") return value >= 0;
  return true;
}

bool matches(const ConfValue& value, const TypeRule& rule) {
  if (value.is_null()) return !rule.not_null;
  if (rule.base == "int" || rule.base == "long") {
    std::optional<int64_t> i = integer_of(value);
    bool fits = i && (rule.base == "long" || (*i >= INT32_MIN && *i <= INT32_MAX));
    return fits && within_bound(static_cast<double>(*i), rule.bound);
  }
  if (rule.base == "number") {
    std::optional<double> d = number_of(value);
    return d && within_bound(*d, rule.bound);
  }
  if (rule.base == "bool") return value.as_bool() != nullptr;
  if (rule.base == "string") return value.as_string() != nullptr;
  if (rule.base == "strings") return is_string_list(value);
  if (rule.base == "string-or-strings") return value.as_string() != nullptr || is_string_list(value);
  if (rule.base == "list-or-map") return is_kryo_register(value);
  if (rule.base == "list") return value.as_list() != nullptr;
  if (rule.base == "map") return value.as_map() != nullptr;
  return true;
}

std::string expected(const TypeRule& rule) {
  std::string text = "any value";
  if (rule.base == "int") text = "an integer of 32 bits";
  if (rule.base == "long") text = "an integer of 64 bits";
  if (rule.base == "number") text = "a number";
  if (rule.base == "bool") text = "true or false";
  if (rule.base == "string") text = "a string";
  if (rule.base == "strings") text = "a list of strings";
  if (rule.base == "string-or-strings") text = "a string or a list of strings";
  if (rule.base == "list-or-map") text = "a list of class names or a map of class to serializer";
  if (rule.base == "list") text = "a list";
  if (rule.base == "map") text = "a map";
  if (!rule.bound.empty()) text += rule.bound == ">0" ? " above 0" : " not below 0";
  return rule.not_null ? text + ", not null" : text;
}

/// A refused key with an empty value asks for nothing.
bool asks_for_something(const ConfValue& value) {
  if (const bool* b = value.as_bool()) return *b;
  if (const std::string* s = value.as_string()) return !s->empty();
  if (const ConfList* list = value.as_list()) return !list->empty();
  if (const ConfMap* map = value.as_map()) return !map->empty();
  return !value.is_null();
}

}  // namespace

Status check_conf_types(const ConfMap& conf, std::string_view where) {
  for (const ConfEntry& entry : conf.entries()) {
    const StormConfKey* row = find_storm_key(entry.key);
    if (row == nullptr) continue;
    TypeRule rule = parse_rule(row->type);
    if (!matches(entry.value, rule)) {
      return Status::malformed("{}: {} = {} is {}; expected {}", where, entry.key, escape(print_json(entry.value)),
                               entry.value.type_name(), expected(rule));
    }
    if (row->treatment == ConfTreatment::kRefused && asks_for_something(entry.value)) {
      return Status::malformed("{}: {} = {} is refused: {}", where, entry.key, escape(print_json(entry.value)),
                               row->note);
    }
  }
  return Status();
}

}  // namespace petrel
