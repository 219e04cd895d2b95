#include "native/codec/value_codec.h"

#include <algorithm>

#include "native/base/check.h"

namespace petrel {
namespace {

int32_t narrow_int(WireReader& reader) {
  return static_cast<int32_t>(unzigzag(reader.varint32()));
}

// Walks the elements of a list or map, so that the payload of the view is known to be well formed.
std::string_view read_elements(WireReader& reader, std::string_view rest, uint64_t values, int depth) {
  const size_t start = reader.offset();
  if (depth >= kMaxDepth) {
    reader.fail(Status::malformed("lists and maps nest deeper than {} at offset {}", kMaxDepth, start));
    return {};
  }
  for (uint64_t i = 0; i < values && reader.ok(); ++i) read_value(reader, depth + 1);
  return reader.ok() ? rest.substr(0, reader.offset() - start) : std::string_view();
}

void encode_text(const std::u16string& text, WireWriter& writer) {
  const bool latin1 = std::all_of(text.begin(), text.end(), [](char16_t unit) { return unit < 0x100; });
  writer.u8(static_cast<uint8_t>(latin1 ? ValueTag::kLatin1 : ValueTag::kUtf16));
  writer.varint(text.size());
  if (latin1) {
    for (const char16_t unit : text) writer.u8(static_cast<uint8_t>(unit));
  } else {
    writer.bytes({reinterpret_cast<const char*>(text.data()), text.size() * 2});
  }
}

class Encoder {
 public:
  explicit Encoder(std::string& out) : writer_(out) {}

  bool encode(const Value& value, int depth) {
    return std::visit([&](const auto& part) { return write(part, depth); }, value.data);
  }

 private:
  void tag(ValueTag tag) { writer_.u8(static_cast<uint8_t>(tag)); }
  bool sized(ValueTag of, const std::string& bytes) {
    tag(of);
    writer_.varint(bytes.size());
    writer_.bytes(bytes);
    return true;
  }
  bool write(std::monostate, int) {
    tag(ValueTag::kNull);
    return true;
  }
  bool write(bool value, int) {
    tag(value ? ValueTag::kTrue : ValueTag::kFalse);
    return true;
  }
  bool write(int32_t value, int) {
    tag(ValueTag::kInt);
    writer_.varint(static_cast<uint32_t>(zigzag(value)));
    return true;
  }
  bool write(int64_t value, int) {
    tag(ValueTag::kLong);
    writer_.varint(zigzag(value));
    return true;
  }
  bool write(double value, int) {
    tag(ValueTag::kDouble);
    writer_.u64(std::bit_cast<uint64_t>(value));
    return true;
  }
  bool write(const std::u16string& text, int) {
    encode_text(text, writer_);
    return true;
  }
  bool write(const Value::Bytes& value, int) { return sized(ValueTag::kBytes, value.data); }
  bool write(const Value::Opaque& value, int) { return sized(ValueTag::kOpaque, value.data); }
  bool write(const Value::List& list, int depth) {
    if (depth >= kMaxDepth) return false;
    tag(ValueTag::kList);
    writer_.varint(list.size());
    return std::all_of(list.begin(), list.end(), [&](const Value& value) { return encode(value, depth + 1); });
  }
  bool write(const Value::Map& map, int depth) {
    if (depth >= kMaxDepth) return false;
    tag(ValueTag::kMap);
    writer_.varint(map.flat.size() / 2);
    return std::all_of(map.flat.begin(), map.flat.end(), [&](const Value& value) { return encode(value, depth + 1); });
  }

  WireWriter writer_;
};

std::u16string text_of(const ValueView& view) {
  std::u16string text;
  if (view.tag == ValueTag::kUtf16) {
    text.resize(view.count);
    if (view.count > 0) std::memcpy(text.data(), view.payload.data(), view.payload.size());
  } else {
    text.reserve(view.payload.size());
    for (const char byte : view.payload) text.push_back(static_cast<unsigned char>(byte));
  }
  return text;
}

}  // namespace

ValueView read_value(WireReader& reader, int depth) {
  ValueView view;
  const size_t at = reader.offset();
  const uint8_t tag = reader.u8();
  view.tag = static_cast<ValueTag>(tag);
  switch (view.tag) {
    case ValueTag::kNull:
    case ValueTag::kTrue:
    case ValueTag::kFalse:
      break;
    case ValueTag::kInt:
      view.integer = narrow_int(reader);
      break;
    case ValueTag::kLong:
      view.integer = unzigzag(reader.varint64());
      break;
    case ValueTag::kDouble:
      view.number = std::bit_cast<double>(reader.u64());
      break;
    case ValueTag::kLatin1:
    case ValueTag::kBytes:
    case ValueTag::kOpaque:
      view.payload = reader.view(reader.count(1, "bytes"), "text or bytes");
      break;
    case ValueTag::kUtf16:
      view.count = reader.count(2, "UTF-16 units");
      view.payload = reader.view(size_t{view.count} * 2, "text");
      break;
    case ValueTag::kList:
      view.count = reader.count(1, "list elements");
      view.payload = read_elements(reader, reader.rest(), view.count, depth);
      break;
    case ValueTag::kMap:
      view.count = reader.count(2, "map entries");
      view.payload = read_elements(reader, reader.rest(), uint64_t{view.count} * 2, depth);
      break;
    default:
      reader.fail(Status::malformed("value tag {} at offset {} is not known; tags go from 0 to {}", tag, at,
                                    static_cast<int>(ValueTag::kOpaque)));
  }
  return view;
}

Status encode_value(const Value& value, std::string& out) {
  const size_t before = out.size();
  if (Encoder(out).encode(value, 0)) return Status();
  out.resize(before);
  return Status::malformed("a value nests lists or maps deeper than {}; flatten it or send it as opaque bytes",
                           kMaxDepth);
}

Result<Value> decode_value(std::string_view bytes) {
  WireReader reader(bytes);
  const ValueView view = read_value(reader);
  RETURN_IF_ERROR(reader.status());
  if (reader.remaining() != 0) {
    return Status::malformed("{} bytes follow the value that ends at offset {}", reader.remaining(), reader.offset());
  }
  return materialise(view);
}

Value materialise(const ValueView& view) {
  switch (view.tag) {
    case ValueTag::kNull:
      return {};
    case ValueTag::kTrue:
    case ValueTag::kFalse:
      return {view.tag == ValueTag::kTrue};
    case ValueTag::kInt:
      return {static_cast<int32_t>(view.integer)};
    case ValueTag::kLong:
      return {view.integer};
    case ValueTag::kDouble:
      return {view.number};
    case ValueTag::kLatin1:
    case ValueTag::kUtf16:
      return {text_of(view)};
    case ValueTag::kBytes:
      return {Value::Bytes{std::string(view.payload)}};
    case ValueTag::kOpaque:
      return {Value::Opaque{std::string(view.payload)}};
    case ValueTag::kList: {
      WireReader reader(view.payload);
      Value::List list;
      list.reserve(view.count);
      for (uint32_t i = 0; i < view.count; ++i) list.push_back(materialise(read_value(reader)));
      return {std::move(list)};
    }
    case ValueTag::kMap: {
      WireReader reader(view.payload);
      Value::Map map;
      map.flat.reserve(size_t{view.count} * 2);
      for (size_t i = 0; i < size_t{view.count} * 2; ++i) map.flat.push_back(materialise(read_value(reader)));
      return {std::move(map)};
    }
  }
  CHECK(false);
}

}  // namespace petrel
