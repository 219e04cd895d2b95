// For tests: the notation of tests/vectors/README.md, read into values.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "native/codec/value_codec.h"

namespace petrel::testing {

/// Reads one value at `at` and moves it past the value. Aborts on a notation that it does not know.
Value parse_notation(const std::string& text, size_t& at);
Value parse_notation(const std::string& text);
/// Hex digits, blanks ignored.
std::string from_hex(const std::string& hex);
/// The lines `<left> => <right>` of a file under tests/vectors; comments and empty lines left out. Aborts when it is
/// missing.
std::vector<std::pair<std::string, std::string>> read_vectors(const std::string& file);

}  // namespace petrel::testing
