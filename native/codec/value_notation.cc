#include "native/codec/value_notation.h"

#include <bit>
#include <fstream>

#include "native/base/check.h"

namespace petrel::testing {
namespace {

void skip_blanks(const std::string& text, size_t& at) {
  while (at < text.size() && text[at] == ' ') ++at;
}

bool take(const std::string& text, size_t& at, const std::string& word) {
  skip_blanks(text, at);
  if (text.compare(at, word.size(), word) != 0) return false;
  at += word.size();
  return true;
}

std::string token(const std::string& text, size_t& at) {
  const size_t end = std::min(text.find_first_of(" ,]}=", at), text.size());
  std::string result = text.substr(at, end - at);
  at = end;
  return result;
}

std::u16string quoted(const std::string& text, size_t& at) {
  std::u16string result;
  while (text.at(at) != '"') {
    if (text[at] == '\\') {
      result.push_back(static_cast<char16_t>(std::stoul(text.substr(at + 2, 4), nullptr, 16)));
      at += 6;
    } else {
      result.push_back(static_cast<unsigned char>(text[at++]));
    }
  }
  ++at;
  return result;
}

Value list(const std::string& text, size_t& at) {
  Value::List values;
  while (!take(text, at, "]")) {
    values.push_back(parse_notation(text, at));
    take(text, at, ",");
  }
  return {std::move(values)};
}

Value map(const std::string& text, size_t& at) {
  Value::Map entries;
  while (!take(text, at, "}")) {
    entries.flat.push_back(parse_notation(text, at));
    CHECK(take(text, at, "="));
    entries.flat.push_back(parse_notation(text, at));
    take(text, at, ",");
  }
  return {std::move(entries)};
}

}  // namespace

Value parse_notation(const std::string& text, size_t& at) {
  if (take(text, at, "null")) return {};
  if (take(text, at, "true")) return {true};
  if (take(text, at, "false")) return {false};
  if (take(text, at, "i:")) return {static_cast<int32_t>(std::stoll(token(text, at)))};
  if (take(text, at, "l:")) return {static_cast<int64_t>(std::stoll(token(text, at)))};
  if (take(text, at, "d:")) return {std::bit_cast<double>(std::stoull(token(text, at), nullptr, 16))};
  if (take(text, at, "s:\"")) return {quoted(text, at)};
  if (take(text, at, "b:")) return {Value::Bytes{from_hex(token(text, at))}};
  if (take(text, at, "k:")) return {Value::Opaque{from_hex(token(text, at))}};
  if (take(text, at, "[")) return list(text, at);
  if (take(text, at, "{")) return map(text, at);
  CHECK(false && "unknown notation");
}

Value parse_notation(const std::string& text) {
  size_t at = 0;
  Value value = parse_notation(text, at);
  skip_blanks(text, at);
  CHECK(at == text.size());
  return value;
}

std::string from_hex(const std::string& hex) {
  std::string digits;
  for (const char c : hex) {
    if (c != ' ') digits.push_back(c);
  }
  CHECK(digits.size() % 2 == 0);
  std::string bytes;
  for (size_t i = 0; i < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::vector<std::pair<std::string, std::string>> read_vectors(const std::string& file) {
  std::ifstream in(std::string(PETREL_SOURCE_DIR) + "/tests/vectors/" + file);
  CHECK(in.good());
  std::vector<std::pair<std::string, std::string>> vectors;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t arrow = line.rfind(" => ");
    CHECK(arrow != std::string::npos);
    vectors.emplace_back(line.substr(0, arrow), line.substr(arrow + 4));
  }
  CHECK(!vectors.empty());
  return vectors;
}

}  // namespace petrel::testing
