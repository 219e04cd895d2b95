#include "native/codec/hello.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "native/codec/wire.h"

namespace petrel {
namespace {

void append_text(WireWriter& writer, std::string_view text) {
  writer.u16(static_cast<uint16_t>(text.size()));
  writer.bytes(text);
}

std::string read_text(WireReader& reader, size_t max_bytes, const char* what) {
  const uint16_t size = reader.u16();
  if (reader.ok() && size > max_bytes) {
    reader.fail(Status::error(StatusCode::kLimit, "{} of {} bytes, the limit is {}", what, size, max_bytes));
  }
  return std::string(reader.view(reader.ok() ? size : 0, what));
}

/// Nothing may stand behind the last field.
Status finish(const WireReader& reader, const char* what) {
  RETURN_IF_ERROR(reader.status().with_context("{}", what));
  if (reader.remaining() == 0) return Status();
  return Status::malformed("{} bytes behind the end of the {}", reader.remaining(), what);
}

Status check_magic(WireReader& reader) {
  const uint32_t magic = reader.u32();
  RETURN_IF_ERROR(reader.status());
  if (magic == kLinkMagic) return Status();
  return Status::malformed("the magic number is {:08x}, not {:08x} (\"PTRL\"); is the peer a petrel process?", magic,
                           kLinkMagic);
}

std::string range(uint16_t min, uint16_t max) {
  return min == max ? fmt::format("{}", min) : fmt::format("{} to {}", min, max);
}

std::string hmac(std::string_view secret, std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  const unsigned char* done = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                                   reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &length);
  CHECK(done != nullptr && length == kProofBytes);
  return std::string(reinterpret_cast<const char*>(digest), length);
}

}  // namespace

const char* to_string(LinkRole role) {
  switch (role) {
    case LinkRole::kHost:
      return "host";
    case LinkRole::kStreamManager:
      return "stream manager";
  }
  return "?";
}

std::string encode_challenge(const Challenge& challenge) {
  CHECK(challenge.nonce.size() == kNonceBytes);
  std::string out;
  WireWriter writer(out);
  writer.u32(kLinkMagic);
  writer.u16(challenge.min_version);
  writer.u16(challenge.max_version);
  writer.bytes(challenge.nonce);
  return out;
}

std::string encode_hello(const Hello& hello) {
  CHECK(hello.nonce.size() == kNonceBytes && hello.topology_id.size() <= kMaxTopologyIdBytes);
  std::string out;
  WireWriter writer(out);
  writer.u32(kLinkMagic);
  writer.u16(hello.version);
  writer.u32(hello.must_understand);
  writer.u32(hello.features);
  writer.u8(static_cast<uint8_t>(hello.role));
  writer.u32(static_cast<uint32_t>(hello.container));
  writer.u32(hello.slot);
  writer.u32(hello.incarnation);
  writer.u32(hello.link_epoch);
  append_text(writer, hello.topology_id);
  writer.bytes(hello.nonce);
  writer.bytes(hello.proof);
  return out;
}

std::string encode_welcome(const Welcome& welcome) {
  std::string out;
  WireWriter writer(out);
  writer.u16(welcome.version);
  writer.u32(welcome.features);
  writer.u32(static_cast<uint32_t>(welcome.container));
  writer.u32(welcome.incarnation);
  writer.u32(welcome.link_epoch);
  writer.bytes(welcome.proof);
  return out;
}

std::string encode_refused(std::string_view reason) {
  std::string out;
  WireWriter writer(out);
  append_text(writer, reason.substr(0, kMaxReasonBytes));
  return out;
}

Status version_mismatch(uint16_t peer_min, uint16_t peer_max, uint16_t own_min, uint16_t own_max) {
  return Status::malformed("wire version {} of the peer, {} here; run one version of petrel", range(peer_min, peer_max),
                           range(own_min, own_max));
}

Result<Challenge> parse_challenge(std::string_view body, uint16_t min_version, uint16_t max_version) {
  WireReader reader(body);
  RETURN_IF_ERROR(check_magic(reader).with_context("challenge"));
  Challenge challenge;
  challenge.min_version = reader.u16();
  challenge.max_version = reader.u16();
  RETURN_IF_ERROR(reader.status().with_context("challenge"));
  if (challenge.min_version > challenge.max_version) {
    return Status::malformed("challenge: least version {} above greatest version {}", challenge.min_version,
                             challenge.max_version);
  }
  // Only versions that we speak too have a size that we know.
  if (challenge.min_version > max_version || challenge.max_version < min_version) return challenge;
  challenge.nonce = reader.view(kNonceBytes, "a nonce");
  RETURN_IF_ERROR(finish(reader, "challenge"));
  return challenge;
}

Result<Hello> parse_hello(std::string_view body, uint16_t min_version, uint16_t max_version) {
  WireReader reader(body);
  RETURN_IF_ERROR(check_magic(reader).with_context("hello"));
  Hello hello;
  hello.version = reader.u16();
  RETURN_IF_ERROR(reader.status().with_context("hello"));
  if (hello.version < min_version || hello.version > max_version) {
    return version_mismatch(hello.version, hello.version, min_version, max_version);
  }
  hello.must_understand = reader.u32();
  hello.features = reader.u32();
  const uint8_t role = reader.u8();
  hello.role = static_cast<LinkRole>(role);
  hello.container = static_cast<int32_t>(reader.u32());
  hello.slot = reader.u32();
  hello.incarnation = reader.u32();
  hello.link_epoch = reader.u32();
  hello.topology_id = read_text(reader, kMaxTopologyIdBytes, "a topology id");
  hello.nonce = reader.view(kNonceBytes, "a nonce");
  hello.proof = reader.view(kProofBytes, "a proof");
  RETURN_IF_ERROR(finish(reader, "hello"));
  if (role != static_cast<uint8_t>(LinkRole::kHost) && role != static_cast<uint8_t>(LinkRole::kStreamManager)) {
    return Status::malformed("role {} is unknown; 1 is a host, 2 a stream manager", role);
  }
  if (hello.link_epoch == 0) return Status::malformed("link epoch 0; link epochs count from 1");
  return hello;
}

Result<Welcome> parse_welcome(std::string_view body) {
  WireReader reader(body);
  Welcome welcome;
  welcome.version = reader.u16();
  welcome.features = reader.u32();
  welcome.container = static_cast<int32_t>(reader.u32());
  welcome.incarnation = reader.u32();
  welcome.link_epoch = reader.u32();
  welcome.proof = reader.view(kProofBytes, "a proof");
  RETURN_IF_ERROR(finish(reader, "welcome"));
  return welcome;
}

Result<std::string> parse_refused(std::string_view body) {
  WireReader reader(body);
  std::string reason = read_text(reader, kMaxReasonBytes, "a reason");
  RETURN_IF_ERROR(finish(reader, "refusal"));
  return reason;
}

std::string hello_proof_of(std::string_view secret, std::string_view challenge_body, std::string_view hello_unproved) {
  std::string text = "petrel-link-hello";
  text.append(challenge_body).append(hello_unproved);
  return hmac(secret, text);
}

std::string welcome_proof_of(std::string_view secret, std::string_view challenge_body, std::string_view hello_body,
                             std::string_view welcome_unproved) {
  std::string text = "petrel-link-welcome";
  text.append(challenge_body).append(hello_body).append(welcome_unproved);
  return hmac(secret, text);
}

}  // namespace petrel
