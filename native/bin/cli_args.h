// cli_args: flags and words of one verb. `--name value`, `--name=value`, `-w 5`, `-w5`; `--` ends the flags.
// Errors name the flag, and the nearest known one when there is one. Thread: pure functions.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "native/base/status.h"

namespace petrel::cli {

struct Flag {
  const char* names;       // "-w,--wait": the last name is the key in Parsed::flags
  const char* value_name;  // nullptr: takes no value
  const char* help;
};

struct Parsed {
  std::map<std::string, std::vector<std::string>> flags;
  std::vector<std::string> words;

  bool has(const std::string& name) const { return flags.contains(name); }
  /// The last value given, or `fallback`.
  std::string get(const std::string& name, const std::string& fallback = "") const;
  std::vector<std::string> all(const std::string& name) const;
};

/// Known flags count wherever they stand, as in Storm's own parser. An unknown flag is an error, unless at least
/// `free_after_words` words stand before it: then it is a word (arguments of a user's main class), in its place.
Result<Parsed> parse_args(std::span<const Flag> flags, std::span<const std::string> args,
                          size_t free_after_words = SIZE_MAX);

/// "  -w, --wait SECS   help", one line per flag, aligned.
std::string flags_help(std::span<const Flag> flags);

/// The candidate nearest to `word` by edit distance, or "" when none is near (distance above 2 or a third of the word).
std::string nearest(std::string_view word, std::span<const std::string> candidates);

/// -c key=value, split at the first '='. Errors: no '=', empty key.
Result<std::vector<std::pair<std::string, std::string>>> split_overrides(const std::vector<std::string>& values);

/// A whole number within bounds; the error names flag, value and bounds.
Result<int> parse_whole(const std::string& flag, const std::string& text, int min, int max);

}  // namespace petrel::cli
