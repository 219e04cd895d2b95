// Rng: the only source of randomness. A seed makes a run repeatable; seeds of different owners are split, never shared.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace petrel {

/// xoshiro256** (Blackman, Vigna 2018), seeded through splitmix64. Thread: one owner.
class Rng {
 public:
  explicit Rng(uint64_t seed);
  uint64_t next();
  /// Uniform in [0, bound); bound > 0.
  uint64_t below(uint64_t bound);
  /// A generator for another owner whose sequence does not depend on how far this one has run.
  Rng split(uint64_t owner) const;

 private:
  uint64_t seed_;
  std::array<uint64_t, 4> state_;
};

/// 64 bits from the kernel, for seeds and secrets.
uint64_t system_entropy();
/// n random bytes from the kernel, for secrets and tokens.
std::string system_random_bytes(size_t n);

}  // namespace petrel
