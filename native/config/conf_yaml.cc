#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "native/base/escape.h"
#include "native/config/conf_value.h"

namespace petrel {
namespace {

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

std::string without_underscores(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c != '_') out.push_back(c);
  }
  return out;
}

/// Plain scalars that YAML 1.1 calls integers: 0b1, 010, 10_000, 0x1F, 1:30 (base 60). False: not an integer.
bool yaml_int(std::string_view plain, ConfValue* out) {
  std::string text = without_underscores(plain);
  bool negative = !text.empty() && text[0] == '-';
  std::string_view digits = text;
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.remove_prefix(1);
  if (digits.empty() || digits[0] < '0' || digits[0] > '9') return false;
  int base = 10;
  if (digits.size() > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'b')) {
    base = digits[1] == 'x' ? 16 : 2;
    digits.remove_prefix(2);
  } else if (digits.size() > 1 && digits[0] == '0') {
    base = 8;
    digits.remove_prefix(1);
  }
  std::string number = (negative ? "-" : "") + std::string(digits);
  int64_t value = 0;
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value, base);
  if (end != number.data() + number.size()) return false;
  if (error == std::errc::result_out_of_range) {
    if (base != 10) return false;
    *out = ConfValue(BigNumber{number});
    return true;
  }
  if (error != std::errc()) return false;
  *out = ConfValue(value);
  return true;
}

/// YAML 1.1 floats need a point: 1.5, 1.e+3, .inf, .nan. False: not a float.
bool yaml_float(std::string_view plain, ConfValue* out) {
  std::string text = without_underscores(plain);
  std::string_view body = text;
  bool negative = !body.empty() && body[0] == '-';
  if (!body.empty() && (body[0] == '-' || body[0] == '+')) body.remove_prefix(1);
  double infinity = std::numeric_limits<double>::infinity();
  if (one_of(body, {".inf", ".Inf", ".INF"})) {
    *out = ConfValue(negative ? -infinity : infinity);
    return true;
  }
  if (one_of(body, {".nan", ".NaN", ".NAN"})) {
    *out = ConfValue(std::nan(""));
    return true;
  }
  if (body.find('.') == std::string_view::npos) return false;
  double value = 0;
  auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), value);
  if (error != std::errc() || end != body.data() + body.size()) return false;
  *out = ConfValue(negative ? -value : value);
  return true;
}

ConfValue plain_scalar(const std::string& text) {
  if (one_of(text, {"", "~", "null", "Null", "NULL"})) return ConfValue();
  if (one_of(text, {"yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})) return ConfValue(true);
  if (one_of(text, {"no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})) return ConfValue(false);
  ConfValue value;
  if (yaml_int(text, &value) || yaml_float(text, &value)) return value;
  return ConfValue(text);
}

class YamlConverter {
 public:
  explicit YamlConverter(const ConfLimits& limits) : limits_(limits) {}

  Status convert(const YAML::Node& node, size_t depth, ConfValue* out) {
    if (depth > limits_.depth) {
      return Status::error(StatusCode::kLimit, "line {}: nested deeper than {}; flatten it", line(node), limits_.depth);
    }
    // Aliases are expanded here, so that this also bounds what a few lines of anchors may grow to.
    if (++values_ > limits_.values) {
      return Status::error(StatusCode::kLimit, "line {}: more than {} values, aliases expanded; use less", line(node),
                           limits_.values);
    }
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        *out = ConfValue();
        return Status();
      case YAML::NodeType::Scalar:
        return scalar(node, out);
      case YAML::NodeType::Sequence: {
        ConfList list;
        for (const YAML::Node& element : node) {
          ConfValue value;
          RETURN_IF_ERROR(convert(element, depth + 1, &value));
          list.push_back(std::move(value));
        }
        *out = ConfValue(std::move(list));
        return Status();
      }
      case YAML::NodeType::Map:
        return map(node, depth, out);
    }
    return Status();
  }

 private:
  static int line(const YAML::Node& node) { return node.Mark().line + 1; }

  Status scalar(const YAML::Node& node, ConfValue* out) {
    const std::string& tag = node.Tag();
    if (tag == "!" || tag == "tag:yaml.org,2002:str") {
      *out = ConfValue(node.Scalar());
    } else if (tag.empty() || tag == "?" || tag.rfind("tag:yaml.org,2002:", 0) == 0) {
      *out = plain_scalar(node.Scalar());
    } else {
      return Status::malformed("line {}: tag \"{}\" is not allowed; write a plain value", line(node), escape(tag));
    }
    return Status();
  }

  Status map(const YAML::Node& node, size_t depth, ConfValue* out) {
    ConfMap result;
    for (const auto& pair : node) {
      if (!pair.first.IsScalar()) {
        return Status::malformed("line {}: a key must be a plain string", line(pair.first));
      }
      ConfValue value;
      RETURN_IF_ERROR(convert(pair.second, depth + 1, &value));
      if (pair.first.Scalar() == "<<" && value.as_map() != nullptr) {
        for (const ConfEntry& entry : value.as_map()->entries()) {
          if (!result.contains(entry.key)) result.set(entry.key, entry.value);
        }
      } else {
        result.set(pair.first.Scalar(), std::move(value));
      }
    }
    *out = ConfValue(std::move(result));
    return Status();
  }

  ConfLimits limits_;
  size_t values_ = 0;
};

}  // namespace

Result<ConfMap> parse_yaml_map(std::string_view text, std::string_view what, const ConfLimits& limits) {
  if (text.size() > limits.bytes) {
    return Status::error(StatusCode::kLimit, "{}: {} bytes are over the limit of {}", what, text.size(), limits.bytes);
  }
  ConfValue value;
  try {
    YAML::Node node = YAML::Load(std::string(text));
    Status status = YamlConverter(limits).convert(node, 0, &value);
    if (!status.ok()) return status.with_context("{}", what);
  } catch (const YAML::Exception& e) {
    return Status::malformed("{}: not YAML at line {}, column {}: {}", what, e.mark.line + 1, e.mark.column + 1,
                             escape(e.msg));
  }
  if (value.is_null()) return ConfMap();
  if (value.as_map() == nullptr) {
    return Status::malformed("{} is {}; it must be a map of `key: value` lines", what, value.type_name());
  }
  return std::move(*value.as_map());
}

}  // namespace petrel
