// The four messages that open a link (docs/wire-format.md). The server challenges, the client says who it is and proves
// the topology's secret, the server proves it too or refuses with a sentence.
//
//   challenge = u32 magic, u16 least version, u16 greatest version, 32 bytes nonce
//   hello     = u32 magic, u16 version, u32 must-understand, u32 features, u8 role, i32 container, u32 slot,
//               u32 incarnation, u32 link epoch, str topology id, 32 bytes nonce, 32 bytes proof
//   welcome   = u16 version, u32 features, i32 container, u32 incarnation, u32 link epoch, 32 bytes proof
//   refused   = str reason
//   str       = u16 length, bytes
//
// proof of the hello   = HMAC-SHA256(secret, "petrel-link-hello" | challenge | hello without its proof)
// proof of the welcome = HMAC-SHA256(secret, "petrel-link-welcome" | challenge | hello | welcome without its proof)
// Thread: values and pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "native/base/status.h"

namespace petrel {

inline constexpr uint32_t kLinkMagic = 0x4C525450;  // the bytes "PTRL"
inline constexpr uint16_t kLinkVersionMin = 1;
inline constexpr uint16_t kLinkVersionMax = 1;
inline constexpr size_t kNonceBytes = 32;
inline constexpr size_t kProofBytes = 32;
inline constexpr size_t kMaxTopologyIdBytes = 1024;
inline constexpr size_t kMaxReasonBytes = 200;

enum class LinkRole : uint8_t { kHost = 1, kStreamManager = 2 };
/// "host", "stream manager"; "?" for a number that is no role.
const char* to_string(LinkRole role);

struct Challenge {
  uint16_t min_version = kLinkVersionMin;
  uint16_t max_version = kLinkVersionMax;
  std::string nonce;
};
struct Hello {
  uint16_t version = kLinkVersionMax;
  uint32_t must_understand = 0;  // bits of what the client will do and the server has to know
  uint32_t features = 0;         // bits of what the client can do
  LinkRole role = LinkRole::kHost;
  int32_t container = 0;
  uint32_t slot = 0;  // of a host
  uint32_t incarnation = 0;
  uint32_t link_epoch = 0;  // of the client's process: greater with each hello, at least 1
  std::string topology_id;
  std::string nonce;
  std::string proof;
};
struct Welcome {
  uint16_t version = kLinkVersionMax;
  uint32_t features = 0;  // what both can do
  int32_t container = 0;
  uint32_t incarnation = 0;
  uint32_t link_epoch = 0;  // the client's
  std::string proof;
};

std::string encode_challenge(const Challenge& challenge);
/// `proof` is appended as it is.
std::string encode_hello(const Hello& hello);
std::string encode_welcome(const Welcome& welcome);
/// Cut to kMaxReasonBytes.
std::string encode_refused(std::string_view reason);

/// The sentence of two ends without a common version: it names both ranges.
Status version_mismatch(uint16_t peer_min, uint16_t peer_max, uint16_t own_min, uint16_t own_max);

/// Magic first. A challenge of versions outside of [min, max] may have any size, and its nonce is left empty: the
/// caller names both ranges.
Result<Challenge> parse_challenge(std::string_view body, uint16_t min_version = kLinkVersionMin,
                                  uint16_t max_version = kLinkVersionMax);
/// Magic, then version against [min, max] (the sentence names both), then the rest.
Result<Hello> parse_hello(std::string_view body, uint16_t min_version = kLinkVersionMin,
                          uint16_t max_version = kLinkVersionMax);
Result<Welcome> parse_welcome(std::string_view body);
/// The reason as it came: escape() it before it is shown.
Result<std::string> parse_refused(std::string_view body);

/// `..._unproved`: encoded without the proof (encode_... with an empty one); `hello_body`: whole.
std::string hello_proof_of(std::string_view secret, std::string_view challenge_body, std::string_view hello_unproved);
std::string welcome_proof_of(std::string_view secret, std::string_view challenge_body, std::string_view hello_body,
                             std::string_view welcome_unproved);

}  // namespace petrel
