// Mutants: planted bugs by which the simulator shows that its checkers see. In every build but one of -DPETREL_MUTANTS
// the condition is the constant false and the compiler drops the code behind it.
#pragma once

#ifdef PETREL_MUTANTS

#include <string>
#include <string_view>

namespace petrel {

/// The one mutant that is on; empty: none. Set it before the first thread starts.
inline std::string& active_mutant() {
  static std::string name;
  return name;
}
inline bool mutant_is_active(std::string_view name) {
  return active_mutant() == name;
}

}  // namespace petrel

#define PETREL_MUTANT(name) (::petrel::mutant_is_active(name))

#else

#define PETREL_MUTANT(name) (false)

#endif
