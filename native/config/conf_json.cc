// JSON by hand: a general parser rejects 1e999 and turns 30 digits into a double before we see the literal.
#include <charconv>
#include <cmath>

#include "native/base/escape.h"
#include "native/config/conf_value.h"

namespace petrel {
namespace {

class JsonReader {
 public:
  JsonReader(std::string_view text, const ConfLimits& limits) : text_(text), limits_(limits) {}

  Result<ConfValue> read() {
    ConfValue value;
    RETURN_IF_ERROR(read_value(0, &value));
    skip_space();
    if (at_ != text_.size()) return fail("expected the end of the text");
    return value;
  }

 private:
  Status fail(std::string_view what) const {
    return Status::malformed("not JSON at byte {}: {}, found {}", at_, what,
                             at_ < text_.size() ? fmt::format("\"{}\"", escape(text_.substr(at_, 20))) : "the end");
  }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
      ++at_;
    }
  }

  bool take(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool take_word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Status read_value(size_t depth, ConfValue* out) {
    if (depth > limits_.depth) {
      return Status::error(StatusCode::kLimit, "JSON at byte {} is nested deeper than {}; flatten it", at_,
                           limits_.depth);
    }
    if (++values_ > limits_.values) {
      return Status::error(StatusCode::kLimit, "JSON holds more than {} values; send less", limits_.values);
    }
    skip_space();
    if (at_ >= text_.size()) return fail("expected a value");
    switch (text_[at_]) {
      case '{':
        return read_map(depth, out);
      case '[':
        return read_list(depth, out);
      case '"': {
        std::string text;
        RETURN_IF_ERROR(read_string(&text));
        *out = ConfValue(std::move(text));
        return Status();
      }
      case 't':
        if (!take_word("true")) return fail("expected a value");
        *out = ConfValue(true);
        return Status();
      case 'f':
        if (!take_word("false")) return fail("expected a value");
        *out = ConfValue(false);
        return Status();
      case 'n':
        if (!take_word("null")) return fail("expected a value");
        *out = ConfValue();
        return Status();
      default:
        return read_number(out);
    }
  }

  Status read_map(size_t depth, ConfValue* out) {
    ++at_;
    ConfMap map;
    if (!take('}')) {
      do {
        skip_space();
        if (at_ >= text_.size() || text_[at_] != '"') return fail("expected a key in quotes");
        std::string key;
        RETURN_IF_ERROR(read_string(&key));
        if (!take(':')) return fail("expected ':' after the key");
        ConfValue value;
        RETURN_IF_ERROR(read_value(depth + 1, &value));
        map.set(key, std::move(value));
      } while (take(','));
      if (!take('}')) return fail("expected ',' or '}'");
    }
    *out = ConfValue(std::move(map));
    return Status();
  }

  Status read_list(size_t depth, ConfValue* out) {
    ++at_;
    ConfList list;
    if (!take(']')) {
      do {
        ConfValue value;
        RETURN_IF_ERROR(read_value(depth + 1, &value));
        list.push_back(std::move(value));
      } while (take(','));
      if (!take(']')) return fail("expected ',' or ']'");
    }
    *out = ConfValue(std::move(list));
    return Status();
  }

  bool digits() {
    size_t start = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ > start;
  }

  Status read_number(ConfValue* out) {
    size_t start = at_;
    bool fraction = false;
    if (at_ < text_.size() && text_[at_] == '-') ++at_;
    size_t first = at_;
    if (!digits()) {
      at_ = start;
      return fail("expected a value");
    }
    if (text_[first] == '0' && at_ > first + 1) {
      at_ = start;
      return fail("a number may not start with 0");
    }
    if (at_ < text_.size() && text_[at_] == '.') {
      fraction = true;
      ++at_;
      if (!digits()) return fail("expected digits after the point");
    }
    if (at_ < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
      fraction = true;
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      if (!digits()) return fail("expected digits in the exponent");
    }
    *out = number_of(text_.substr(start, at_ - start), fraction);
    return Status();
  }

  static ConfValue number_of(std::string_view literal, bool fraction) {
    const char* end = literal.data() + literal.size();
    if (!fraction) {
      int64_t integer = 0;
      if (std::from_chars(literal.data(), end, integer).ec == std::errc()) return ConfValue(integer);
    } else {
      double real = 0;
      if (std::from_chars(literal.data(), end, real).ec == std::errc()) return ConfValue(real);
    }
    return ConfValue(BigNumber{std::string(literal)});
  }

  bool hex4(uint32_t* out) {
    if (text_.size() - at_ < 4) return false;
    const char* begin = text_.data() + at_;
    auto [end, error] = std::from_chars(begin, begin + 4, *out, 16);
    if (error != std::errc() || end != begin + 4) return false;
    at_ += 4;
    return true;
  }

  static void append_utf8(uint32_t code, std::string* out) {
    if (code < 0x80) {
      out->push_back(static_cast<char>(code));
    } else if (code < 0x800) {
      out->push_back(static_cast<char>(0xC0 | (code >> 6)));
      out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
    } else if (code < 0x10000) {
      out->push_back(static_cast<char>(0xE0 | (code >> 12)));
      out->push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
      out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
    } else {
      out->push_back(static_cast<char>(0xF0 | (code >> 18)));
      out->push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
      out->push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
      out->push_back(static_cast<char>(0x80 | (code & 0x3F)));
    }
  }

  Status read_unicode(std::string* out) {
    uint32_t code = 0;
    if (!hex4(&code)) return fail("expected four hex digits after \\u");
    if (code >= 0xD800 && code < 0xDC00 && text_.substr(at_, 2) == "\\u") {
      size_t before = at_;
      at_ += 2;
      uint32_t low = 0;
      if (!hex4(&low)) return fail("expected four hex digits after \\u");
      if (low >= 0xDC00 && low < 0xE000) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else {
        at_ = before;
      }
    }
    if (code >= 0xD800 && code < 0xE000) code = 0xFFFD;  // a lone surrogate has no UTF-8
    append_utf8(code, out);
    return Status();
  }

  Status read_string(std::string* out) {
    ++at_;
    while (true) {
      size_t start = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<uint8_t>(text_[at_]) >= 0x20) {
        ++at_;
      }
      out->append(text_.substr(start, at_ - start));
      if (at_ >= text_.size()) return fail("the string does not end");
      char c = text_[at_];
      if (static_cast<uint8_t>(c) < 0x20) return fail("control characters in strings must be escaped");
      ++at_;
      if (c == '"') return Status();
      if (at_ >= text_.size()) return fail("the string does not end");
      char kind = text_[at_++];
      switch (kind) {
        case '"':
        case '\\':
        case '/':
          out->push_back(kind);
          break;
        case 'b':
          out->push_back('\b');
          break;
        case 'f':
          out->push_back('\f');
          break;
        case 'n':
          out->push_back('\n');
          break;
        case 'r':
          out->push_back('\r');
          break;
        case 't':
          out->push_back('\t');
          break;
        case 'u':
          RETURN_IF_ERROR(read_unicode(out));
          break;
        default:
          at_ -= 2;
          return fail("unknown escape");
      }
    }
  }

  std::string_view text_;
  ConfLimits limits_;
  size_t at_ = 0;
  size_t values_ = 0;
};

void print_string(std::string_view text, std::string* out) {
  out->push_back('"');
  for (char c : text) {
    switch (c) {
      case '"':
        *out += "\\\"";
        break;
      case '\\':
        *out += "\\\\";
        break;
      case '\n':
        *out += "\\n";
        break;
      case '\r':
        *out += "\\r";
        break;
      case '\t':
        *out += "\\t";
        break;
      default:
        if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) {
          *out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<uint8_t>(c)));
        } else {
          out->push_back(c);
        }
    }
  }
  out->push_back('"');
}

void print_double(double value, std::string* out) {
  if (!std::isfinite(value)) {
    *out += "null";  // as Storm's JSON library writes it
    return;
  }
  char buffer[40];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  *out += text;
  if (text.find_first_of(".e") == std::string_view::npos) *out += ".0";
}

/// indent < 0: compact.
void print(const ConfValue& value, int indent, std::string* out);

void new_line(int indent, std::string* out) {
  if (indent < 0) return;
  out->push_back('\n');
  out->append(static_cast<size_t>(indent) * 2, ' ');
}

void print_map(const ConfMap& map, int indent, std::string* out) {
  out->push_back('{');
  bool first = true;
  for (const ConfEntry& entry : map.entries()) {
    if (!first) out->push_back(',');
    first = false;
    new_line(indent < 0 ? -1 : indent + 1, out);
    print_string(entry.key, out);
    *out += indent < 0 ? ":" : ": ";
    print(entry.value, indent < 0 ? -1 : indent + 1, out);
  }
  if (!first) new_line(indent, out);
  out->push_back('}');
}

void print_list(const ConfList& list, int indent, std::string* out) {
  out->push_back('[');
  bool first = true;
  for (const ConfValue& element : list) {
    if (!first) out->push_back(',');
    first = false;
    new_line(indent < 0 ? -1 : indent + 1, out);
    print(element, indent < 0 ? -1 : indent + 1, out);
  }
  if (!first) new_line(indent, out);
  out->push_back(']');
}

void print(const ConfValue& value, int indent, std::string* out) {
  switch (value.type()) {
    case ConfValue::Type::kNull:
      *out += "null";
      break;
    case ConfValue::Type::kBool:
      *out += *value.as_bool() ? "true" : "false";
      break;
    case ConfValue::Type::kInt:
      *out += fmt::format("{}", *value.as_int());
      break;
    case ConfValue::Type::kDouble:
      print_double(*value.as_double(), out);
      break;
    case ConfValue::Type::kBigNumber:
      *out += value.as_big()->literal;
      break;
    case ConfValue::Type::kString:
      print_string(*value.as_string(), out);
      break;
    case ConfValue::Type::kList:
      print_list(*value.as_list(), indent, out);
      break;
    case ConfValue::Type::kMap:
      print_map(*value.as_map(), indent, out);
      break;
  }
}

}  // namespace

Result<ConfValue> parse_json(std::string_view text, const ConfLimits& limits) {
  if (text.size() > limits.bytes) {
    return Status::error(StatusCode::kLimit, "JSON of {} bytes is over the limit of {}; send less", text.size(),
                         limits.bytes);
  }
  return JsonReader(text, limits).read();
}

Result<ConfMap> parse_json_map(std::string_view text, std::string_view what, const ConfLimits& limits) {
  Result<ConfValue> value = parse_json(text, limits);
  if (!value.ok()) return value.status().with_context("{}", what);
  if (value->as_map() == nullptr) {
    return Status::malformed("{} is {}; it must be a JSON map, for example {{\"topology.workers\": 1}}", what,
                             value->type_name());
  }
  return std::move(*value->as_map());
}

std::string print_json(const ConfValue& value) {
  std::string out;
  print(value, -1, &out);
  return out;
}

std::string print_json(const ConfMap& map) {
  std::string out;
  print_map(map, -1, &out);
  return out;
}

std::string print_json_pretty(const ConfValue& value) {
  std::string out;
  print(value, 0, &out);
  out.push_back('\n');
  return out;
}

}  // namespace petrel
