// What somebody speaks who does not speak framed Thrift, by the first bytes, for the log line that helps him.
#pragma once

#include <string_view>

namespace petrel {

/// "an HTTP request; ..." with the fix, or nullptr when the bytes look like nothing known. Four bytes are enough for
/// all but SASL, which needs six.
const char* name_foreign_protocol(std::string_view first_bytes);

}  // namespace petrel
