// escape: bytes from outside never reach a log line or an error message without passing here (CRLF injection, ANSI).
#pragma once

#include <string>
#include <string_view>

namespace petrel {

/// Printable ASCII and valid UTF-8 stay; control bytes and broken UTF-8 become \xNN; longer than `limit` bytes is cut
/// and ends in "...". Safe inside one log line and inside quotes.
std::string escape(std::string_view bytes, size_t limit = 200);

/// Whether the bytes are UTF-8 as RFC 3629 has it (Java and Protobuf agree on nothing else).
bool is_utf8(std::string_view bytes);

/// Lower-case hex of the bytes.
std::string to_hex(std::string_view bytes);

}  // namespace petrel
