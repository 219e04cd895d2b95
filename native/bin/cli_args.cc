#include "native/bin/cli_args.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "native/base/escape.h"

namespace petrel::cli {
namespace {

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(separator, at), text.size());
    parts.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string key_of(const Flag& flag) {
  return split(flag.names, ',').back();
}

const Flag* find_flag(std::span<const Flag> flags, const std::string& name) {
  for (const Flag& flag : flags) {
    const std::vector<std::string> names = split(flag.names, ',');
    if (std::find(names.begin(), names.end(), name) != names.end()) return &flag;
  }
  return nullptr;
}

/// An argument taken apart: the flag it names and the value that is glued to it.
struct Match {
  const Flag* flag = nullptr;
  std::string name;
  std::string value;
  bool has_value = false;
};

Match match_flag(std::span<const Flag> flags, const std::string& arg) {
  Match match{.flag = find_flag(flags, arg), .name = arg, .value = {}};
  if (match.flag != nullptr) return match;
  if (const size_t equals = arg.find('='); arg.starts_with("--") && equals != std::string::npos) {
    match.name = arg.substr(0, equals);
    match.flag = find_flag(flags, match.name);
    match.value = arg.substr(equals + 1);
    match.has_value = true;
  } else if (!arg.starts_with("--") && arg.size() > 2) {  // -w5
    match.name = arg.substr(0, 2);
    match.flag = find_flag(flags, match.name);
    if (match.flag != nullptr && match.flag->value_name == nullptr) match.flag = nullptr;
    match.value = arg.substr(2);
    match.has_value = true;
  }
  return match;
}

Status unknown_flag(std::span<const Flag> flags, const std::string& arg) {
  std::vector<std::string> known{"--help"};
  for (const Flag& flag : flags) {
    for (std::string& name : split(flag.names, ',')) known.push_back(std::move(name));
  }
  const std::string near = nearest(arg.substr(0, arg.find('=')), known);
  return Status::malformed("unknown option '{}'{}", escape(arg),
                           near.empty() ? "; --help lists them" : "; did you mean " + near + "?");
}

}  // namespace

std::string Parsed::get(const std::string& name, const std::string& fallback) const {
  const auto it = flags.find(name);
  return it == flags.end() || it->second.empty() ? fallback : it->second.back();
}

std::vector<std::string> Parsed::all(const std::string& name) const {
  const auto it = flags.find(name);
  return it == flags.end() ? std::vector<std::string>{} : it->second;
}

Result<Parsed> parse_args(std::span<const Flag> flags, std::span<const std::string> args, size_t free_after_words) {
  Parsed parsed;
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (arg == "--") {
      parsed.words.insert(parsed.words.end(), args.begin() + static_cast<ptrdiff_t>(i) + 1, args.end());
      break;
    }
    if (arg.size() < 2 || arg[0] != '-') {
      parsed.words.push_back(arg);
      continue;
    }
    const bool free = parsed.words.size() >= free_after_words;
    Match match = match_flag(flags, arg);
    if (match.flag == nullptr) {
      if (!free) return unknown_flag(flags, arg);
      parsed.words.push_back(arg);
      continue;
    }
    if (match.flag->value_name == nullptr) {
      if (match.has_value)
        return Status::malformed("option {} takes no value, and '{}' was given", match.name, escape(match.value));
      parsed.flags[key_of(*match.flag)];
      continue;
    }
    if (!match.has_value) {
      if (i + 1 >= args.size())
        return Status::malformed("option {} needs {} behind it", match.name, match.flag->value_name);
      match.value = args[++i];
    }
    parsed.flags[key_of(*match.flag)].push_back(match.value);
  }
  return parsed;
}

std::string flags_help(std::span<const Flag> flags) {
  std::vector<std::string> heads;
  size_t width = 0;
  for (const Flag& flag : flags) {
    std::string head = "  ";
    for (const std::string& name : split(flag.names, ',')) head += (head.size() > 2 ? ", " : "") + name;
    if (flag.value_name != nullptr) head += std::string(" ") + flag.value_name;
    width = std::max(width, head.size());
    heads.push_back(std::move(head));
  }
  std::string out;
  for (size_t i = 0; i < flags.size(); ++i) out += fmt::format("{:<{}}  {}\n", heads[i], width, flags[i].help);
  return out;
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    std::vector<size_t> row(candidate.size() + 1);  // Levenshtein, one row at a time
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 1; i <= word.size(); ++i) {
      size_t diagonal = row[0];
      row[0] = i;
      for (size_t j = 1; j <= candidate.size(); ++j) {
        const size_t above = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (word[i - 1] != candidate[j - 1])});
        diagonal = above;
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

Result<std::vector<std::pair<std::string, std::string>>> split_overrides(const std::vector<std::string>& values) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& value : values) {
    const size_t equals = value.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Status::malformed("-c '{}' is not key=value", escape(value));
    }
    pairs.emplace_back(value.substr(0, equals), value.substr(equals + 1));
  }
  return pairs;
}

Result<int> parse_whole(const std::string& flag, const std::string& text, int min, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) {
    return Status::malformed("{} '{}' is not a whole number from {} to {}", flag, escape(text), min, max);
  }
  return value;
}

}  // namespace petrel::cli
