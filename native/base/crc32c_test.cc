#include "native/base/crc32c.h"

#include <gtest/gtest.h>

#include <string>

#include "native/base/rng.h"

namespace petrel {
namespace {

// RFC 3720 appendix B.4, and the check value of every catalogue.
TEST(Crc32c, KnownVectors) {
  std::string rising;
  for (int i = 0; i < 32; ++i) rising.push_back(static_cast<char>(i));
  const std::string falling(rising.rbegin(), rising.rend());
  for (auto* crc : {&crc32c, &crc32c_by_table}) {
    EXPECT_EQ(crc("", 0), 0u);
    EXPECT_EQ(crc("123456789", 0), 0xE3069283u);
    EXPECT_EQ(crc(std::string(32, '\0'), 0), 0x8A9136AAu);
    EXPECT_EQ(crc(std::string(32, '\xff'), 0), 0x62A8AB43u);
    EXPECT_EQ(crc(rising, 0), 0x46DD794Eu);
    EXPECT_EQ(crc(falling, 0), 0x113FDB5Cu);
  }
}

TEST(Crc32c, InstructionAndTableAgreeAtEveryLengthAndSplit) {
  Rng rng(7);
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes.push_back(static_cast<char>(rng.next()));
  for (size_t start = 0; start < 9; ++start) {
    for (size_t length = 0; length + start <= bytes.size(); ++length) {
      const std::string_view part = std::string_view(bytes).substr(start, length);
      const uint32_t whole = crc32c(part);
      ASSERT_EQ(whole, crc32c_by_table(part));
      const size_t cut = length / 3;
      ASSERT_EQ(whole, crc32c(part.substr(cut), crc32c(part.substr(0, cut))));
      ASSERT_EQ(whole, crc32c_by_table(part.substr(cut), crc32c_by_table(part.substr(0, cut))));
    }
  }
}

// Long enough for what is read in several stripes at once, and for what is left behind them.
TEST(Crc32c, InstructionAndTableAgreeOnLongOnes) {
  Rng rng(8);
  std::string bytes(20'000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(rng.next());
  for (const size_t length : {3071U, 3072U, 3073U, 3079U, 6143U, 6144U, 9216U, 12'345U, 19'999U}) {
    const std::string_view part = std::string_view(bytes).substr(1, length);
    ASSERT_EQ(crc32c(part), crc32c_by_table(part)) << length;
    ASSERT_EQ(crc32c(part, 0xDEADBEEF), crc32c_by_table(part, 0xDEADBEEF)) << length;
  }
}

}  // namespace
}  // namespace petrel
