// UTF-16 as Java has it, UTF-8 as C++ users want it. Unpaired surrogates, which Java's strings may hold, become the
// three bytes that UTF-8 would give them, and back: nothing is lost on the way through a native component.
#pragma once

#include <string>
#include <string_view>

#include "native/base/status.h"

namespace petrel {

std::string to_utf8(std::u16string_view text);
/// Errors: kMalformed with the offset: not UTF-8 (overlong, cut off, above U+10FFFF).
Result<std::u16string> to_utf16(std::string_view text);

}  // namespace petrel
