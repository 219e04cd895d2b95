#include "native/codec/hello.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "native/codec/frame.h"
#include "native/codec/value_notation.h"

namespace petrel {
namespace {

using ::petrel::testing::from_hex;
using ::petrel::testing::read_vectors;
using ::testing::HasSubstr;

/// The bodies of the hello in tests/vectors/frames.txt by their kind.
std::map<FrameKind, std::string> vector_bodies() {
  std::map<FrameKind, std::string> bodies;
  for (const auto& [text, hex] : read_vectors("frames.txt")) {
    const std::string bytes = from_hex(hex);
    auto frame = parse_frame(std::string_view(bytes).substr(kFrameLengthBytes));
    if (is_handshake(frame->header.kind)) bodies[frame->header.kind] = frame->body;
  }
  return bodies;
}

TEST(Hello, ProofsOfTheVectors) {
  auto bodies = vector_bodies();
  const std::string secret = "0123456789abcdef0123456789abcdef";
  const std::string& challenge = bodies[FrameKind::kChallenge];
  const std::string& hello = bodies[FrameKind::kHello];
  const std::string& welcome = bodies[FrameKind::kWelcome];
  const std::string_view hello_unproved = std::string_view(hello).substr(0, hello.size() - kProofBytes);
  const std::string_view welcome_unproved = std::string_view(welcome).substr(0, welcome.size() - kProofBytes);
  EXPECT_EQ(hello_proof_of(secret, challenge, hello_unproved), parse_hello(hello)->proof);
  EXPECT_EQ(welcome_proof_of(secret, challenge, hello, welcome_unproved), parse_welcome(welcome)->proof);
}

// S11: no bit of what was said can change, and neither proof serves as the other.
TEST(Hello, ProofsAreBoundToEveryBitOfTheTalk) {
  auto bodies = vector_bodies();
  const std::string challenge = bodies[FrameKind::kChallenge];
  const std::string hello = bodies[FrameKind::kHello];
  const std::string welcome = bodies[FrameKind::kWelcome];
  const std::string hello_proof = hello_proof_of("secret", challenge, hello);
  const std::string welcome_proof = welcome_proof_of("secret", challenge, hello, welcome);
  EXPECT_NE(hello_proof_of("secreT", challenge, hello), hello_proof);
  EXPECT_NE(welcome_proof_of("secreT", challenge, hello, welcome), welcome_proof);
  EXPECT_NE(hello_proof_of("secret", challenge, hello + welcome), welcome_proof);
  auto flipped = [](std::string text, size_t bit) {
    text[bit / 8] ^= static_cast<char>(1 << bit % 8);
    return text;
  };
  for (size_t bit = 0; bit < 8 * challenge.size(); ++bit) {
    ASSERT_NE(hello_proof_of("secret", flipped(challenge, bit), hello), hello_proof) << bit;
    ASSERT_NE(welcome_proof_of("secret", flipped(challenge, bit), hello, welcome), welcome_proof) << bit;
  }
  for (size_t bit = 0; bit < 8 * hello.size(); ++bit) {
    ASSERT_NE(hello_proof_of("secret", challenge, flipped(hello, bit)), hello_proof) << bit;
    ASSERT_NE(welcome_proof_of("secret", challenge, flipped(hello, bit), welcome), welcome_proof) << bit;
  }
  for (size_t bit = 0; bit < 8 * welcome.size(); ++bit) {
    ASSERT_NE(welcome_proof_of("secret", challenge, hello, flipped(welcome, bit)), welcome_proof) << bit;
  }
}

TEST(Hello, EveryPrefixIsRefused) {
  auto bodies = vector_bodies();
  for (const auto& [kind, body] : bodies) {
    for (size_t size = 0; size < body.size(); ++size) {
      const std::string_view part = std::string_view(body).substr(0, size);
      switch (kind) {
        case FrameKind::kChallenge:
          EXPECT_FALSE(parse_challenge(part).ok()) << size;
          break;
        case FrameKind::kHello:
          EXPECT_FALSE(parse_hello(part).ok()) << size;
          break;
        case FrameKind::kWelcome:
          EXPECT_FALSE(parse_welcome(part).ok()) << size;
          break;
        default:
          EXPECT_FALSE(parse_refused(part).ok()) << size;
      }
    }
  }
}

// S2: a challenge of versions to come is read as far as its versions, whatever its size.
TEST(Hello, BothVersionsCanBeNamed) {
  std::string later = encode_challenge({2, 3, std::string(kNonceBytes, 'n')}) + "more than version 1 has";
  auto challenge = parse_challenge(later);
  ASSERT_TRUE(challenge.ok()) << challenge.status().to_string();
  EXPECT_EQ(challenge->min_version, 2);
  EXPECT_EQ(challenge->max_version, 3);
  EXPECT_THAT(version_mismatch(2, 3, 1, 1).message(), HasSubstr("wire version 2 to 3 of the peer, 1 here"));
  Hello hello;
  hello.version = 9;
  hello.nonce = std::string(kNonceBytes, 'n');
  EXPECT_THAT(parse_hello(encode_hello(hello), 2, 3).status().message(),
              HasSubstr("wire version 9 of the peer, 2 to 3 here"));
}

TEST(Hello, ReasonsAreCut) {
  EXPECT_EQ(*parse_refused(encode_refused(std::string(1000, 'r'))), std::string(kMaxReasonBytes, 'r'));
  EXPECT_EQ(*parse_refused(encode_refused("")), "");
}

}  // namespace
}  // namespace petrel
