#include "storm-compat/thrift/thrift_scan.h"

#include <algorithm>
#include <bitset>
#include <cstring>

#include "native/base/escape.h"
#include "storm-compat/thrift/storm_schema.h"

namespace petrel {
namespace schema {

const SchemaStruct* find_struct(std::string_view name) {
  for (const SchemaStruct& row : kStructs) {
    if (row.size != 0 && name == row.name) return &row;
  }
  return nullptr;
}

const SchemaStruct* find_arguments(std::string_view method) {
  auto row = std::lower_bound(std::begin(kMethods), std::end(kMethods), method,
                              [](const SchemaMethod& left, std::string_view right) { return left.name < right; });
  return row != std::end(kMethods) && method == row->name ? &kStructs[row->arguments] : nullptr;
}

}  // namespace schema

namespace {

using schema::SchemaField;
using schema::SchemaStruct;
using schema::SchemaType;

enum Wire {
  kStop = 0,
  kBool = 2,
  kByte = 3,
  kDouble = 4,
  kI16 = 6,
  kI32 = 8,
  kI64 = 10,
  kString = 11,
  kStruct = 12,
  kMap = 13,
  kSet = 14,
  kList = 15
};

constexpr size_t kMaxMethodBytes = 256;
constexpr size_t kMaxFieldsOfStruct = 64;
constexpr int64_t kNodeBytes = 48;  // what a tree node costs beside its value

/// Fewest bytes that a value of this type takes; 0 for a type that does not exist.
size_t least_bytes(int wire) {
  switch (wire) {
    case kBool:
    case kByte:
    case kStruct:
      return 1;
    case kI16:
      return 2;
    case kI32:
    case kString:
      return 4;
    case kI64:
    case kDouble:
      return 8;
    case kSet:
    case kList:
      return 5;
    case kMap:
      return 6;
    default:
      return 0;
  }
}

const char* wire_name(int wire) {
  switch (wire) {
    case kBool:
      return "bool";
    case kByte:
      return "byte";
    case kDouble:
      return "double";
    case kI16:
      return "i16";
    case kI32:
      return "i32";
    case kI64:
      return "i64";
    case kString:
      return "string";
    case kStruct:
      return "struct";
    case kMap:
      return "map";
    case kSet:
      return "set";
    case kList:
      return "list";
    default:
      return "no type of Thrift";
  }
}

bool is_utf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    auto byte = [&](size_t at) { return at < text.size() ? static_cast<uint8_t>(text[at]) : 0u; };
    uint32_t first = byte(i);
    int more = first < 0x80                    ? 0
               : first >= 0xc2 && first < 0xe0 ? 1
               : (first & 0xf0) == 0xe0        ? 2
               : first >= 0xf0 && first < 0xf5 ? 3
                                               : -1;
    if (more < 0) return false;
    for (int k = 1; k <= more; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    }
    uint32_t second = byte(i + 1);
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return false;  // overlong, surrogate
    if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return false;  // overlong, > 10ffff
    i += static_cast<size_t>(more) + 1;
  }
  return true;
}

/// Where the scan is, linked on the stack; spelled out only for an error.
struct Place {
  const Place* up;
  const char* field;     // name of a field, or nullptr
  int64_t number;        // field id or index when there is no name; -1: none
  std::string_view key;  // of a map with string keys
};

std::string spell(const Place* place) {
  if (place == nullptr) return "";
  std::string before = spell(place->up);
  if (place->field != nullptr) return before.empty() ? place->field : before + "." + place->field;
  if (!place->key.empty()) return before + "[\"" + escape(place->key, 40) + "\"]";
  return before + (before.empty() ? "" : ".") + std::to_string(place->number);
}

class Scanner {
 public:
  Scanner(std::string_view bytes, const ScanLimits& limits)
      : bytes_(bytes),
        limits_(limits),
        budget_(limits.max_decoded_base + limits.decoded_per_byte * static_cast<int64_t>(bytes.size())) {}

  /// Struct of type `type` (nullptr: any) at the current position.
  bool structure(const SchemaStruct* type, int depth, const Place* place);
  bool skip(int wire, int depth, const Place* place) { return value(nullptr, wire, depth, place); }
  bool field_header(int* wire, int16_t* id, const Place* place);

  size_t at() const { return at_; }
  Status status() const { return status_; }
  bool expect_end() {
    if (at_ == bytes_.size()) return true;
    return fail(nullptr, "{} bytes follow after the end of the message; send one message per frame",
                bytes_.size() - at_);
  }

 private:
  bool value(const SchemaType* type, int wire, int depth, const Place* place);
  bool string(const SchemaType* type, const Place* place, std::string_view* text = nullptr);
  bool number(const SchemaType* type, int wire, const Place* place);
  bool container(const SchemaType* type, int wire, int depth, const Place* place);
  bool map(const SchemaType* type, int depth, const Place* place);
  bool element_type(const SchemaType* type, int wire, int32_t size, const char* what, const Place* place);
  bool count(int32_t size, size_t least, int64_t each, const Place* place);
  bool check_required(const SchemaStruct& type, const std::bitset<kMaxFieldsOfStruct>& seen, const Place* place);
  bool charge(int64_t bytes, const Place* place);

  size_t left() const { return bytes_.size() - at_; }
  bool need(size_t n, const char* what, const Place* place) {
    if (left() >= n) return true;
    return fail(place, "the message ends inside {}: {} bytes needed, {} there; it was cut short or is not Thrift", what,
                n, left());
  }
  uint8_t byte() { return static_cast<uint8_t>(bytes_[at_++]); }
  int16_t i16() {
    uint32_t high = byte();
    return static_cast<int16_t>(high << 8 | byte());
  }
  int32_t i32() {
    uint32_t high = static_cast<uint16_t>(i16());
    return static_cast<int32_t>(high << 16 | static_cast<uint16_t>(i16()));
  }

  template <typename... Args>
  bool fail(const Place* place, fmt::format_string<Args...> format, Args&&... args) {
    std::string where = spell(place);
    if (where.size() > 300) where = "..." + where.substr(where.size() - 300);
    std::string sentence = fmt::format(format, std::forward<Args>(args)...);
    status_ = Status(StatusCode::kMalformed, where.empty() ? sentence : where + ": " + sentence);
    return false;
  }

  std::string_view bytes_;
  const ScanLimits& limits_;
  int64_t budget_;
  size_t at_ = 0;
  Status status_;
};

bool Scanner::charge(int64_t bytes, const Place* place) {
  budget_ -= bytes;
  if (budget_ >= 0) return true;
  return fail(place,
              "reading this message of {} bytes would take more than {} bytes of memory; send fewer elements per call",
              bytes_.size(), limits_.max_decoded_base + limits_.decoded_per_byte * static_cast<int64_t>(bytes_.size()));
}

bool Scanner::field_header(int* wire, int16_t* id, const Place* place) {
  if (!need(1, "a struct", place)) return false;
  *wire = byte();
  if (*wire == kStop) return true;
  if (!need(2, "a field id", place)) return false;
  *id = i16();
  if (least_bytes(*wire) != 0) return true;
  return fail(place, "field {} has type {}, which is no type of Thrift; types are 2, 3, 4, 6, 8, 10 to 15", *id, *wire);
}

bool Scanner::structure(const SchemaStruct* type, int depth, const Place* place) {
  if (depth > limits_.max_depth) {
    return fail(place, "structs and containers are nested {} deep, the limit is {}", depth, limits_.max_depth);
  }
  std::bitset<kMaxFieldsOfStruct> seen;
  while (true) {
    int wire = kStop;
    int16_t id = 0;
    if (!field_header(&wire, &id, place)) return false;
    if (wire == kStop) return type == nullptr || check_required(*type, seen, place);
    const SchemaField* field = nullptr;
    if (type != nullptr) {
      auto fields = schema::fields_of(*type);
      auto found = std::lower_bound(fields.begin(), fields.end(), id,
                                    [](const SchemaField& left, int16_t right) { return left.id < right; });
      if (found != fields.end() && found->id == id && schema::type_at(found->type).wire == wire) field = &*found;
      if (field != nullptr) {
        size_t index = static_cast<size_t>(found - fields.begin());
        if (seen.test(index)) {
          return fail(place, "field {} '{}' of {} is there twice; send every field at most once", id, field->name,
                      type->name);
        }
        seen.set(index);
      }
    }
    Place here{place, field != nullptr ? field->name : nullptr, id, {}};
    if (!value(field != nullptr ? &schema::type_at(field->type) : nullptr, wire, depth, &here)) return false;
  }
}

bool Scanner::check_required(const SchemaStruct& type, const std::bitset<kMaxFieldsOfStruct>& seen,
                             const Place* place) {
  size_t index = 0;
  for (const SchemaField& field : schema::fields_of(type)) {
    if (field.required && !seen.test(index)) {
      return fail(place, "required field {} '{}' ({}) of {} is missing; set it", field.id, field.name,
                  wire_name(schema::type_at(field.type).wire), type.name);
    }
    ++index;
  }
  return true;
}

bool Scanner::value(const SchemaType* type, int wire, int depth, const Place* place) {
  switch (wire) {
    case kString:
      return string(type, place);
    case kStruct:
      return structure(type != nullptr ? &schema::struct_at(type->a) : nullptr, depth + 1, place);
    case kMap:
      return map(type, depth + 1, place);
    case kSet:
    case kList:
      return container(type, wire, depth + 1, place);
    default:
      return number(type, wire, place);
  }
}

bool Scanner::number(const SchemaType* type, int wire, const Place* place) {
  size_t size = least_bytes(wire);
  if (!need(size, wire_name(wire), place)) return false;
  if (wire != kI32 || type == nullptr || type->a < 0) {
    at_ += size;
    return true;
  }
  int32_t number = i32();
  const schema::SchemaEnum& kind = schema::kEnums[type->a];
  std::string known;
  for (const schema::SchemaEnumValue& row : schema::values_of(kind)) {
    if (row.value == number) return true;
  }
  for (const schema::SchemaEnumValue& row : schema::values_of(kind)) {
    known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", row.name, row.value);
  }
  return fail(place, "{} is no {}; known are {}", number, kind.name, known);
}

bool Scanner::string(const SchemaType* type, const Place* place, std::string_view* text) {
  if (!need(4, "a string length", place)) return false;
  int32_t size = i32();
  if (size < 0 || static_cast<size_t>(size) > left()) {
    return fail(place, "string length {} does not fit into the {} bytes that are left of the message", size, left());
  }
  std::string_view content = bytes_.substr(at_, static_cast<size_t>(size));
  at_ += content.size();
  if (type != nullptr && type->a == 1 && !is_utf8(content)) {
    return fail(place, "'{}' is not UTF-8; send text as UTF-8", escape(content, 120));
  }
  if (text != nullptr) *text = content;
  return true;
}

/// `size` is the number of elements: an empty container may leave its types open (0), never name one that is none.
bool Scanner::element_type(const SchemaType* type, int wire, int32_t size, const char* what, const Place* place) {
  if (size == 0 && wire == kStop) return true;
  if (least_bytes(wire) == 0) return fail(place, "{} type {} is no type of Thrift", what, wire);
  // Generated readers do not look at the declared element type: they read what the schema says.
  if (size == 0 || type == nullptr || type->wire == wire) return true;
  return fail(place, "{} type is {}, the contract says {}", what, wire_name(wire), wire_name(type->wire));
}

/// A container of `size` elements of at least `least` bytes on the wire and `each` bytes in memory.
bool Scanner::count(int32_t size, size_t least, int64_t each, const Place* place) {
  if (size < 0 || static_cast<uint64_t>(size) * least > left()) {
    return fail(place,
                "container size {} cannot be true: {} bytes are left of the message, an element takes {} or more", size,
                left(), least);
  }
  return charge(size * each, place);
}

int64_t decoded_bytes(const SchemaType* type) {
  if (type == nullptr) return 0;  // skipped, not kept
  switch (type->wire) {
    case kString:
      return sizeof(std::string);
    case kStruct:
      return static_cast<int64_t>(schema::struct_at(type->a).size);
    case kMap:
    case kSet:
    case kList:
      return 56;
    default:
      return 8;
  }
}

bool Scanner::container(const SchemaType* type, int wire, int depth, const Place* place) {
  if (depth > limits_.max_depth) {
    return fail(place, "structs and containers are nested {} deep, the limit is {}", depth, limits_.max_depth);
  }
  if (!need(5, wire_name(wire), place)) return false;
  int element = byte();
  int32_t size = i32();
  const SchemaType* element_schema = type != nullptr ? &schema::type_at(type->a) : nullptr;
  if (!element_type(element_schema, element, size, "element", place)) return false;
  int64_t node = type != nullptr && wire == kSet ? kNodeBytes : 0;
  if (!count(size, least_bytes(element), decoded_bytes(element_schema) + node, place)) return false;
  for (int32_t i = 0; i < size; ++i) {
    Place here{place, nullptr, i, {}};
    if (!value(element_schema, element, depth, &here)) return false;
  }
  return true;
}

bool Scanner::map(const SchemaType* type, int depth, const Place* place) {
  if (depth > limits_.max_depth) {
    return fail(place, "structs and containers are nested {} deep, the limit is {}", depth, limits_.max_depth);
  }
  if (!need(6, "map", place)) return false;
  int key = byte();
  int element = byte();
  int32_t size = i32();
  const SchemaType* key_schema = type != nullptr ? &schema::type_at(type->a) : nullptr;
  const SchemaType* element_schema = type != nullptr ? &schema::type_at(type->b) : nullptr;
  if (!element_type(key_schema, key, size, "key", place) ||
      !element_type(element_schema, element, size, "value", place)) {
    return false;
  }
  int64_t each = type != nullptr ? decoded_bytes(key_schema) + decoded_bytes(element_schema) + kNodeBytes : 0;
  if (!count(size, least_bytes(key) + least_bytes(element), each, place)) return false;
  for (int32_t i = 0; i < size; ++i) {
    Place here{place, nullptr, i, {}};
    if (key == kString) {
      if (!string(key_schema, &here, &here.key)) return false;
    } else if (!value(key_schema, key, depth, &here)) {
      return false;
    }
    if (!value(element_schema, element, depth, &here)) return false;
  }
  return true;
}

uint32_t word_at(std::string_view bytes, size_t at) {
  auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[at + i])); };
  return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}

Status cut_header(std::string_view frame) {
  return Status::malformed("the message of {} bytes ends inside its header; a message has version, name, type and id",
                           frame.size());
}

}  // namespace

Result<MessageHeader> scan_header(std::string_view frame) {
  if (frame.size() < 4) return cut_header(frame);
  MessageHeader header;
  uint32_t first = word_at(frame, 0);
  bool strict = (first & 0x80000000u) != 0;
  if (strict && (first & 0xffff0000u) != 0x80010000u) {
    return Status::malformed("version word 0x{:08x} is not the binary protocol 1 (0x8001....); use TBinaryProtocol",
                             first);
  }
  size_t at = strict ? 8 : 4;
  if (frame.size() < at) return cut_header(frame);
  uint32_t name_bytes = strict ? word_at(frame, 4) : first;
  if (name_bytes > kMaxMethodBytes) {
    return Status::malformed("the method name takes {} bytes, the limit is {}; this is not framed Thrift, or no method",
                             static_cast<int32_t>(name_bytes), kMaxMethodBytes);
  }
  size_t tail = strict ? 4 : 5;
  if (frame.size() - at < name_bytes + tail) return cut_header(frame);
  header.method = frame.substr(at, name_bytes);
  at += name_bytes;
  header.type = strict ? static_cast<int>(first & 0xff) : static_cast<uint8_t>(frame[at++]);
  header.seqid = static_cast<int32_t>(word_at(frame, at));
  header.body_offset = at + 4;
  if (header.type < 1 || header.type > 4) {
    return Status::malformed("message type {} of '{}' does not exist; a call is type 1", header.type,
                             escape(header.method));
  }
  return header;
}

Status scan_arguments(std::string_view frame, const MessageHeader& header, const ScanLimits& limits) {
  Scanner scanner(frame.substr(header.body_offset), limits);
  const SchemaStruct* arguments = schema::find_arguments(header.method);
  Place method{nullptr, arguments != nullptr ? arguments->name : "arguments", -1, {}};
  if (!scanner.structure(arguments, 1, &method) || !scanner.expect_end()) return scanner.status();
  return Status();
}

Status scan_struct(std::string_view bytes, std::string_view struct_name, const ScanLimits& limits) {
  const SchemaStruct* type = schema::find_struct(struct_name);
  CHECK(type != nullptr);
  Scanner scanner(bytes, limits);
  Place root{nullptr, type->name, -1, {}};
  if (!scanner.structure(type, 1, &root) || !scanner.expect_end()) return scanner.status();
  return Status();
}

Status scan_untyped_struct(std::string_view bytes, const ScanLimits& limits) {
  Scanner scanner(bytes, limits);
  if (!scanner.structure(nullptr, 1, nullptr) || !scanner.expect_end()) return scanner.status();
  return Status();
}

Result<std::string_view> raw_field(std::string_view bytes, int16_t id) {
  ScanLimits limits;
  Scanner scanner(bytes, limits);
  while (true) {
    int wire = kStop;
    int16_t found = 0;
    if (!scanner.field_header(&wire, &found, nullptr)) return scanner.status();
    if (wire == kStop) return Status::error(StatusCode::kNotFound, "field {} is not in the struct", id);
    size_t begin = scanner.at();
    if (!scanner.skip(wire, 1, nullptr)) return scanner.status();
    if (found == id) return bytes.substr(begin, scanner.at() - begin);
  }
}

Result<std::string_view> raw_argument(std::string_view frame, int16_t id) {
  ASSIGN_OR_RETURN(MessageHeader header, scan_header(frame));
  return raw_field(frame.substr(header.body_offset), id);
}

}  // namespace petrel
