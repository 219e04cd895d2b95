// vm_flags: the names of all -XX flags of a loaded libjvm, read from the tables that it exports for debuggers.
#pragma once

#include <string>
#include <vector>

namespace petrel {

/// `library` is a dlopen handle of libjvm. Empty when the tables are not there or not as expected (never an error: the
/// list serves warnings only).
std::vector<std::string> vm_flag_names(void* library);

}  // namespace petrel
