// The hello of a link as functions of bytes, without connections: what each end answers, and what it refuses.
// docs/wire-format.md has the exchange.
#pragma once

#include <string>
#include <string_view>

#include "native/links/link_client.h"

namespace petrel {

/// Client: the hello that answers a challenge. Errors (a sentence for the user): no common version, a malformed
/// challenge.
Result<std::string> answer_challenge(const LinkClientOptions& options, uint32_t link_epoch,
                                     std::string_view challenge_body);

/// Server: who says hello. The proof is checked; whether this peer may have a link now is not.
Result<Hello> check_hello(const LinkServerOptions& options, std::string_view challenge_body,
                          std::string_view hello_body);

/// Server: the welcome that proves the secret to the client.
std::string make_welcome(const LinkServerOptions& options, const Hello& hello, std::string_view challenge_body,
                         std::string_view hello_body);

/// Client: whether the welcome is from whom we wanted.
Result<Welcome> check_welcome(const LinkClientOptions& options, std::string_view challenge_body,
                              std::string_view hello_body, std::string_view welcome_body);

/// LinkPeer::text.
std::string describe_peer(const LinkPeer& peer, const std::string& address);

}  // namespace petrel
