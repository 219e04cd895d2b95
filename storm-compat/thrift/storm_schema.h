// The structs of storm.thrift and the arguments of Nimbus as tables, for thrift_scan.cc only.
// Rows are derived (storm_schema.inc); indexes refer to the other tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "storm_types.h"

namespace petrel::schema {

struct SchemaEnumValue {
  int32_t value;
  const char* name;
};
struct SchemaEnum {
  const char* name;
  int16_t first_value;
  int16_t value_count;
};
/// wire 8 (i32): `a` is the enum or -1; 11 (string): `a` is 1 for text and 0 for binary; 12: `a` is the struct;
/// 14, 15 (set, list): `a` is the element type; 13 (map): `a` is the key type and `b` the value type.
struct SchemaType {
  int8_t wire;
  int16_t a;
  int16_t b;
};
struct SchemaField {
  int16_t id;
  int16_t type;
  bool required;
  const char* name;
};
/// `size`: of the generated C++ struct; 0 for arguments of a method. Fields are ordered by id.
struct SchemaStruct {
  const char* name;
  size_t size;
  int16_t first_field;
  int16_t field_count;
};
/// Ordered by name.
struct SchemaMethod {
  const char* name;
  int16_t arguments;
};

#include "storm-compat/thrift/storm_schema.inc"

inline const SchemaType& type_at(int index) {
  return kTypes[index];
}
inline const SchemaStruct& struct_at(int index) {
  return kStructs[index];
}
inline std::span<const SchemaField> fields_of(const SchemaStruct& type) {
  return {kFields + type.first_field, static_cast<size_t>(type.field_count)};
}
inline std::span<const SchemaEnumValue> values_of(const SchemaEnum& type) {
  return {kEnumValues + type.first_value, static_cast<size_t>(type.value_count)};
}

/// nullptr when there is none.
const SchemaStruct* find_struct(std::string_view name);
const SchemaStruct* find_arguments(std::string_view method);

}  // namespace petrel::schema
