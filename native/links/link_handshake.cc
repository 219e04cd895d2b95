#include "native/links/link_handshake.h"

#include <algorithm>

#include "native/base/escape.h"
#include "native/transport/control_connection.h"

namespace petrel {
Result<std::string> answer_challenge(const LinkClientOptions& options, uint32_t link_epoch,
                                     std::string_view challenge_body) {
  ASSIGN_OR_RETURN(const Challenge challenge,
                   parse_challenge(challenge_body, options.min_version, options.max_version));
  if (challenge.min_version > options.max_version || challenge.max_version < options.min_version) {
    return version_mismatch(challenge.min_version, challenge.max_version, options.min_version, options.max_version);
  }
  const LinkIdentity& self = options.identity;
  Hello hello;
  hello.version = std::min(challenge.max_version, options.max_version);
  hello.must_understand = options.must_understand;
  hello.features = options.features;
  hello.role = self.role;
  hello.container = self.container;
  hello.slot = self.slot;
  hello.incarnation = self.incarnation;
  hello.link_epoch = link_epoch;
  hello.topology_id = self.topology_id;
  hello.nonce = options.random_bytes(kNonceBytes);
  const std::string unproved = encode_hello(hello);
  return unproved + hello_proof_of(self.secret, challenge_body, unproved);
}

Result<Hello> check_hello(const LinkServerOptions& options, std::string_view challenge_body,
                          std::string_view hello_body) {
  ASSIGN_OR_RETURN(Hello hello, parse_hello(hello_body, options.min_version, options.max_version));
  const uint32_t unknown = hello.must_understand & ~options.features;
  if (unknown != 0) {
    return Status::malformed("the peer needs the features {:#x}, which are unknown here; run one version of petrel",
                             unknown);
  }
  const LinkIdentity& self = options.identity;
  if (hello.topology_id != self.topology_id) {
    return Status::error(StatusCode::kDenied, "this is the {} of topology '{}', not of '{}'", to_string(self.role),
                         escape(self.topology_id, 60), escape(hello.topology_id, 60));
  }
  const std::string_view unproved = hello_body.substr(0, hello_body.size() - kProofBytes);
  if (!equal_constant_time(hello_proof_of(self.secret, challenge_body, unproved), hello.proof)) {
    return Status(StatusCode::kDenied, "the proof does not match: the peer has another secret");
  }
  return hello;
}

std::string make_welcome(const LinkServerOptions& options, const Hello& hello, std::string_view challenge_body,
                         std::string_view hello_body) {
  Welcome welcome;
  welcome.version = hello.version;
  welcome.features = hello.features & options.features;
  welcome.container = options.identity.container;
  welcome.incarnation = options.identity.incarnation;
  welcome.link_epoch = hello.link_epoch;
  const std::string unproved = encode_welcome(welcome);
  return unproved + welcome_proof_of(options.identity.secret, challenge_body, hello_body, unproved);
}

Result<Welcome> check_welcome(const LinkClientOptions& options, std::string_view challenge_body,
                              std::string_view hello_body, std::string_view welcome_body) {
  ASSIGN_OR_RETURN(Welcome welcome, parse_welcome(welcome_body));
  const std::string_view unproved = welcome_body.substr(0, welcome_body.size() - kProofBytes);
  const std::string proof = welcome_proof_of(options.identity.secret, challenge_body, hello_body, unproved);
  if (!equal_constant_time(proof, welcome.proof)) {
    return Status(StatusCode::kDenied, "the peer did not prove the secret of this topology");
  }
  if (options.expected_container && welcome.container != *options.expected_container) {
    return Status::error(StatusCode::kDenied, "the stream manager of container {} answers, {} was expected",
                         welcome.container, *options.expected_container);
  }
  if (welcome.incarnation < options.least_incarnation) {
    return Status::error(StatusCode::kConflict, "incarnation {} of container {} answers, {} is known",
                         welcome.incarnation, welcome.container, options.least_incarnation);
  }
  return welcome;
}

std::string describe_peer(const LinkPeer& peer, const std::string& address) {
  if (peer.role == LinkRole::kHost) {
    return fmt::format("host {} (container {}, incarnation {}) at {}", peer.slot, peer.container, peer.incarnation,
                       address);
  }
  return fmt::format("stream manager of container {} (incarnation {}) at {}", peer.container, peer.incarnation,
                     address);
}

}  // namespace petrel
