#include "native/config/conf_value.h"

#include <charconv>
#include <cmath>

#include "native/base/escape.h"

namespace petrel {

ConfMap::ConfMap() = default;
ConfMap::ConfMap(const ConfMap&) = default;
ConfMap::ConfMap(ConfMap&&) noexcept = default;
ConfMap& ConfMap::operator=(const ConfMap&) = default;
ConfMap& ConfMap::operator=(ConfMap&&) noexcept = default;
ConfMap::~ConfMap() = default;

ConfMap::ConfMap(std::initializer_list<std::pair<std::string, ConfValue>> entries) {
  for (const auto& [key, value] : entries) set(key, value);
}

size_t ConfMap::size() const {
  return entries_.size();
}

const ConfValue* ConfMap::find(std::string_view key) const {
  auto it = index_.find(std::string(key));
  return it == index_.end() ? nullptr : &entries_[it->second].value;
}

ConfValue* ConfMap::find(std::string_view key) {
  return const_cast<ConfValue*>(static_cast<const ConfMap*>(this)->find(key));
}

void ConfMap::set(std::string_view key, ConfValue value) {
  auto [it, added] = index_.try_emplace(std::string(key), entries_.size());
  if (added) {
    entries_.push_back(ConfEntry{std::string(key), std::move(value)});
  } else {
    entries_[it->second].value = std::move(value);
  }
}

void ConfMap::erase(std::string_view key) {
  auto it = index_.find(std::string(key));
  if (it == index_.end()) return;
  size_t place = it->second;
  index_.erase(it);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(place));
  for (auto& [name, index] : index_) {
    if (index > place) --index;
  }
}

bool ConfMap::operator==(const ConfMap& other) const {
  if (size() != other.size()) return false;
  for (const ConfEntry& entry : entries_) {
    const ConfValue* value = other.find(entry.key);
    if (value == nullptr || !(*value == entry.value)) return false;
  }
  return true;
}

namespace {

Status wrong_type(std::string_view key, const ConfValue& value, std::string_view expected) {
  return Status::malformed("conf {} = {} is {}; expected {}", escape(key), escape(print_json(value)), value.type_name(),
                           expected);
}

/// An integer as ObjectReader takes it: an int, a double without a fraction, or a string of digits.
bool to_int(const ConfValue& value, int64_t* out) {
  if (const int64_t* i = value.as_int()) {
    *out = *i;
    return true;
  }
  if (const double* d = value.as_double()) {
    if (std::trunc(*d) != *d || std::fabs(*d) > 9.0e15) return false;
    *out = static_cast<int64_t>(*d);
    return true;
  }
  if (const std::string* s = value.as_string()) {
    auto [end, error] = std::from_chars(s->data(), s->data() + s->size(), *out);
    return error == std::errc() && end == s->data() + s->size();
  }
  return false;
}

}  // namespace

Result<int64_t> ConfMap::get_int(std::string_view key, int64_t fallback, int64_t min, int64_t max) const {
  const ConfValue* value = find(key);
  if (value == nullptr || value->is_null()) return fallback;
  int64_t number = 0;
  if (!to_int(*value, &number) || number < min || number > max) {
    return wrong_type(key, *value, fmt::format("an integer from {} to {}", min, max));
  }
  return number;
}

Result<double> ConfMap::get_double(std::string_view key, double fallback) const {
  const ConfValue* value = find(key);
  if (value == nullptr || value->is_null()) return fallback;
  if (const double* d = value->as_double()) return *d;
  if (const int64_t* i = value->as_int()) return static_cast<double>(*i);
  return wrong_type(key, *value, "a number");
}

Result<bool> ConfMap::get_bool(std::string_view key, bool fallback) const {
  const ConfValue* value = find(key);
  if (value == nullptr || value->is_null()) return fallback;
  if (const bool* b = value->as_bool()) return *b;
  return wrong_type(key, *value, "true or false");
}

Result<std::string> ConfMap::get_string(std::string_view key, std::string_view fallback) const {
  const ConfValue* value = find(key);
  if (value == nullptr || value->is_null()) return std::string(fallback);
  if (const std::string* s = value->as_string()) return *s;
  return wrong_type(key, *value, "a string");
}

Result<std::vector<std::string>> ConfMap::get_strings(std::string_view key) const {
  const ConfValue* value = find(key);
  std::vector<std::string> strings;
  if (value == nullptr || value->is_null()) return strings;
  if (const std::string* s = value->as_string()) {
    strings.push_back(*s);
    return strings;
  }
  const ConfList* list = value->as_list();
  if (list == nullptr) return wrong_type(key, *value, "a string or a list of strings");
  for (const ConfValue& element : *list) {
    if (element.as_string() == nullptr) return wrong_type(key, *value, "a string or a list of strings");
    strings.push_back(*element.as_string());
  }
  return strings;
}

const char* ConfValue::type_name() const {
  switch (type()) {
    case Type::kNull:
      return "null";
    case Type::kBool:
      return "a boolean";
    case Type::kInt:
      return "an integer";
    case Type::kDouble:
      return "a floating point number";
    case Type::kBigNumber:
      return "a number too large for 64 bits";
    case Type::kString:
      return "a string";
    case Type::kList:
      return "a list";
    case Type::kMap:
      return "a map";
  }
  return "unknown";
}

ConfMap merge(ConfMap base, const ConfMap& overlay) {
  for (const ConfEntry& entry : overlay.entries()) base.set(entry.key, entry.value);
  return base;
}

}  // namespace petrel
