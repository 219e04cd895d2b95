// ConfValue: one value of a configuration as Storm and Petrel exchange it (JSON, YAML), with its number type kept:
// 1 is an integer, 1.0 is a double, and a number that fits neither (30 digits, 1e999) stays the literal that was sent.
//
// Limits: see ConfLimits; every parse checks them before it allocates. Thread: values, no sharing rules.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "native/base/status.h"

namespace petrel {

class ConfValue;
struct ConfEntry;
using ConfList = std::vector<ConfValue>;

/// A number that neither int64 nor double holds, as it was written.
struct BigNumber {
  std::string literal;
  bool operator==(const BigNumber&) const = default;
};

/// String keys to values in the order of first insertion. Lookup is O(1).
class ConfMap {
 public:
  ConfMap();
  ConfMap(std::initializer_list<std::pair<std::string, ConfValue>> entries);
  ConfMap(const ConfMap&);
  ConfMap(ConfMap&&) noexcept;
  ConfMap& operator=(const ConfMap&);
  ConfMap& operator=(ConfMap&&) noexcept;
  ~ConfMap();

  size_t size() const;
  bool empty() const { return size() == 0; }
  bool contains(std::string_view key) const { return find(key) != nullptr; }
  /// nullptr when there is no such key (a key with value null is there).
  const ConfValue* find(std::string_view key) const;
  ConfValue* find(std::string_view key);
  /// Replaces in place or appends.
  void set(std::string_view key, ConfValue value);
  void erase(std::string_view key);
  const std::vector<ConfEntry>& entries() const { return entries_; }
  /// Same keys and values, order ignored (as Java maps compare).
  bool operator==(const ConfMap& other) const;

  // Typed getters. No key, or null: `fallback`. Another type or out of bounds: kMalformed that names key, value and
  // what is expected. Like Storm's ObjectReader, get_int takes a string of digits and an integral double.
  Result<int64_t> get_int(std::string_view key, int64_t fallback, int64_t min = INT32_MIN,
                          int64_t max = INT32_MAX) const;
  Result<double> get_double(std::string_view key, double fallback) const;
  Result<bool> get_bool(std::string_view key, bool fallback) const;
  Result<std::string> get_string(std::string_view key, std::string_view fallback) const;
  /// A list of strings, or one string (Storm allows both for options such as childopts).
  Result<std::vector<std::string>> get_strings(std::string_view key) const;

 private:
  std::vector<ConfEntry> entries_;
  std::unordered_map<std::string, size_t> index_;
};

class ConfValue {
 public:
  enum class Type { kNull, kBool, kInt, kDouble, kBigNumber, kString, kList, kMap };

  ConfValue() = default;
  ConfValue(std::nullptr_t) {}
  ConfValue(bool value) : data_(value) {}
  ConfValue(int value) : data_(int64_t{value}) {}
  ConfValue(int64_t value) : data_(value) {}
  ConfValue(double value) : data_(value) {}
  ConfValue(BigNumber value) : data_(std::move(value)) {}
  ConfValue(const char* value) : data_(std::string(value)) {}
  ConfValue(std::string value) : data_(std::move(value)) {}
  ConfValue(ConfList value) : data_(std::move(value)) {}
  ConfValue(ConfMap value) : data_(std::move(value)) {}

  Type type() const { return static_cast<Type>(data_.index()); }
  /// "an integer", "a string", ... for messages.
  const char* type_name() const;
  bool is_null() const { return type() == Type::kNull; }

  // Null pointers when the value has another type.
  const bool* as_bool() const { return std::get_if<bool>(&data_); }
  const int64_t* as_int() const { return std::get_if<int64_t>(&data_); }
  const double* as_double() const { return std::get_if<double>(&data_); }
  const BigNumber* as_big() const { return std::get_if<BigNumber>(&data_); }
  const std::string* as_string() const { return std::get_if<std::string>(&data_); }
  const ConfList* as_list() const { return std::get_if<ConfList>(&data_); }
  ConfList* as_list() { return std::get_if<ConfList>(&data_); }
  const ConfMap* as_map() const { return std::get_if<ConfMap>(&data_); }
  ConfMap* as_map() { return std::get_if<ConfMap>(&data_); }

  bool operator==(const ConfValue&) const = default;

 private:
  std::variant<std::monostate, bool, int64_t, double, BigNumber, std::string, ConfList, ConfMap> data_;
};

struct ConfEntry {
  std::string key;
  ConfValue value;
};

struct ConfLimits {
  size_t bytes = 4u << 20;   // of the text
  size_t depth = 100;        // nested lists and maps
  size_t values = 1u << 18;  // of all kinds; also what YAML aliases expand to
};

/// Strict JSON (no NaN, no comments). Of duplicate keys the last one wins, as in Storm. Errors name the byte.
Result<ConfValue> parse_json(std::string_view text, const ConfLimits& limits = {});
/// The same, and the top level must be a map; `what` names the text in errors ("topology conf").
Result<ConfMap> parse_json_map(std::string_view text, std::string_view what, const ConfLimits& limits = {});
/// YAML 1.1 as SnakeYAML reads it: plain yes/no/on/off are booleans, 010 is octal, quoted scalars stay strings.
/// An empty text is an empty map; the top level must be a map.
Result<ConfMap> parse_yaml_map(std::string_view text, std::string_view what, const ConfLimits& limits = {});

/// Compact JSON. Doubles keep a point or an exponent, so that they come back as doubles.
std::string print_json(const ConfValue& value);
std::string print_json(const ConfMap& map);
/// Indented by two, keys in their order: for files that people read.
std::string print_json_pretty(const ConfValue& value);

/// `base` with every key of `overlay` set over it (shallow, as Storm merges).
ConfMap merge(ConfMap base, const ConfMap& overlay);

}  // namespace petrel
