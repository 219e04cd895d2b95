// Option: one row of a table of settings: where the value goes, what it is called, its bounds and what it is for.
// The table is the only place that knows an option; loading, errors and docs/config.md come from it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "native/base/escape.h"
#include "native/base/status.h"
#include "native/config/conf_value.h"

namespace petrel {

template <typename Owner>
struct Option {
  using Member = std::variant<int64_t Owner::*, bool Owner::*, std::string Owner::*, std::vector<int64_t> Owner::*>;

  const char* name;       // in petrel.yaml
  const char* storm_key;  // in storm.yaml; "" when Storm has none
  Member member;
  const char* fallback;  // as YAML; "" for an empty string
  int64_t min;           // of numbers
  int64_t max;
  const char* unit;  // "s", "bytes", "port", ""
  const char* doc;
};

namespace option_internal {

inline Status store(const ConfMap& conf, const char* key, int64_t* out, int64_t min, int64_t max) {
  ASSIGN_OR_RETURN(*out, conf.get_int(key, *out, min, max));
  return Status();
}
inline Status store(const ConfMap& conf, const char* key, bool* out, int64_t, int64_t) {
  ASSIGN_OR_RETURN(*out, conf.get_bool(key, *out));
  return Status();
}
inline Status store(const ConfMap& conf, const char* key, std::string* out, int64_t, int64_t) {
  const ConfValue* value = conf.find(key);
  // nimbus.seeds is a list in Storm; the first entry is this machine's.
  if (value != nullptr && value->as_list() != nullptr && !value->as_list()->empty()) {
    if (const std::string* first = value->as_list()->front().as_string()) {
      *out = *first;
      return Status();
    }
  }
  ASSIGN_OR_RETURN(*out, conf.get_string(key, *out));
  return Status();
}
inline Status store(const ConfMap& conf, const char* key, std::vector<int64_t>* out, int64_t min, int64_t max) {
  const ConfValue* value = conf.find(key);
  if (value == nullptr || value->is_null()) return Status();
  auto wrong = [&] {
    return Status::malformed("conf {} = {}; expected a list of integers from {} to {}", key, escape(print_json(*value)),
                             min, max);
  };
  if (value->as_list() == nullptr) return wrong();
  out->clear();
  for (const ConfValue& element : *value->as_list()) {
    if (element.as_int() == nullptr || *element.as_int() < min || *element.as_int() > max) return wrong();
    out->push_back(*element.as_int());
  }
  return Status();
}

}  // namespace option_internal

/// Writes the option's value into `owner` when `conf` has it under the name or the Storm key (the name wins).
template <typename Owner>
Status load_option(const Option<Owner>& option, const ConfMap& conf, Owner* owner) {
  for (const char* key : {option.storm_key, option.name}) {
    if (*key == '\0') continue;
    RETURN_IF_ERROR(std::visit(
        [&](auto member) { return option_internal::store(conf, key, &(owner->*member), option.min, option.max); },
        option.member));
  }
  return Status();
}

/// Sets the default of every option.
template <typename Owner>
Status load_option_defaults(std::span<const Option<Owner>> options, Owner* owner) {
  for (const Option<Owner>& option : options) {
    if (*option.fallback == '\0') continue;
    ASSIGN_OR_RETURN(ConfMap conf, parse_yaml_map(fmt::format("{}: {}", option.name, option.fallback), option.name));
    RETURN_IF_ERROR(load_option(option, conf, owner));
  }
  return Status();
}

}  // namespace petrel
