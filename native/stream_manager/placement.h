// The incarnation by which a stream manager is known on links. Processes count their starts each for itself, so those
// of a host and of a stream manager process cannot be compared: how often the stream manager of the container has moved
// from the one to the other goes before.
#pragma once

#include <algorithm>
#include <cstdint>

#include "native/base/mutant.h"

namespace petrel {

inline constexpr uint32_t kStarts = 1U << 20;  // of one process; a crash loop reaches it after months
inline constexpr uint32_t kMovesMax = 4095;

/// Grows with each move, and with each start of the process between two moves.
inline uint32_t manager_incarnation(uint32_t moves, uint32_t process_incarnation) {
  if (PETREL_MUTANT("moves left out of the incarnation of a stream manager")) moves = 0;
  return std::min(moves, kMovesMax) * kStarts + std::min(process_incarnation, kStarts - 1);
}
inline uint32_t process_incarnation(uint32_t manager_incarnation) {
  return manager_incarnation % kStarts;
}
inline uint32_t moves_of(uint32_t manager_incarnation) {
  return manager_incarnation / kStarts;
}

}  // namespace petrel
