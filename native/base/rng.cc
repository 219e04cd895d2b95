#include "native/base/rng.h"

#include <sys/random.h>

#include "native/base/check.h"

namespace petrel {
namespace {

uint64_t splitmix64(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

uint64_t rotl(uint64_t x, int k) {
  return (x << k) | (x >> (64 - k));
}

}  // namespace

Rng::Rng(uint64_t seed) : seed_(seed) {
  uint64_t state = seed;
  for (uint64_t& word : state_) word = splitmix64(state);
}

uint64_t Rng::next() {
  uint64_t result = rotl(state_[1] * 5, 7) * 9;
  uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = rotl(state_[3], 45);
  return result;
}

uint64_t Rng::below(uint64_t bound) {
  CHECK(bound > 0);
  uint64_t threshold = -bound % bound;  // rejects the uneven tail
  uint64_t draw = next();
  while (draw < threshold) draw = next();
  return draw % bound;
}

Rng Rng::split(uint64_t owner) const {
  uint64_t state = seed_ ^ (owner * 0xd1342543de82ef95ULL + 0x2545f4914f6cdd1dULL);
  return Rng(splitmix64(state));
}

uint64_t system_entropy() {
  std::string bytes = system_random_bytes(8);
  uint64_t value = 0;
  for (unsigned char byte : bytes) value = value << 8 | byte;
  return value;
}

std::string system_random_bytes(size_t n) {
  std::string bytes(n, '\0');
  size_t done = 0;
  while (done < n) {
    ssize_t got = getrandom(bytes.data() + done, n - done, 0);
    CHECK(got > 0);
    done += static_cast<size_t>(got);
  }
  return bytes;
}

}  // namespace petrel
