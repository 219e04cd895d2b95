// Any bytes as the messages of a hello, at either end. Input: a byte that says which, then the message: 0 a challenge
// to a client, 1 a hello to a server, 2 the same with a right proof in its last 32 bytes, 3 a welcome, 4 the same with
// a right proof, 5 a refusal. Beside crashes and leaks: what is taken is written again byte for byte; without a right
// proof nothing is taken.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "native/base/check.h"
#include "native/links/link_handshake.h"

namespace petrel {
namespace {

const std::string kChallenge = encode_challenge({1, 1, std::string(kNonceBytes, 'n')});

LinkServerOptions server() {
  LinkServerOptions options;
  options.identity = {"words", std::string(32, 's'), LinkRole::kStreamManager, 1, 0, 1};
  options.features = 6;
  return options;
}
LinkClientOptions client() {
  LinkClientOptions options;
  options.identity = {"words", std::string(32, 's'), LinkRole::kHost, 1, 2, 3};
  options.expected_container = 1;
  options.least_incarnation = 2;
  options.random_bytes = [](size_t n) { return std::string(n, 'r'); };
  return options;
}

void sentence(const Status& status) {
  CHECK(!status.message().empty() && status.message().size() <= 300);
}

void run_challenge(std::string_view body) {
  const Result<Challenge> challenge = parse_challenge(body);
  if (challenge.ok() && !challenge->nonce.empty()) CHECK(encode_challenge(*challenge) == body);
  const Result<std::string> answer = answer_challenge(client(), 4, body);
  if (!answer.ok()) return sentence(answer.status());
  const Result<Hello> hello = check_hello(server(), body, *answer);
  CHECK(hello.ok() && hello->slot == 2 && hello->link_epoch == 4);
}

void run_hello(std::string body, bool proved) {
  if (proved && body.size() >= kProofBytes) {
    body.resize(body.size() - kProofBytes);
    body += hello_proof_of(server().identity.secret, kChallenge, body);
  }
  const Result<Hello> parsed = parse_hello(body);
  if (parsed.ok()) CHECK(encode_hello(*parsed) == body);
  const Result<Hello> hello = check_hello(server(), kChallenge, body);
  if (!hello.ok()) return sentence(hello.status());
  CHECK(proved && hello->topology_id == "words" && (hello->must_understand & ~6U) == 0);
#ifdef PETREL_PLANTED_BUG
  if (hello->role == LinkRole::kStreamManager && hello->must_understand == 4) std::abort();
#endif
  LinkPeer peer;
  peer.role = hello->role;
  CHECK(!describe_peer(peer, "fuzz").empty());
  CHECK(parse_welcome(make_welcome(server(), *hello, kChallenge, body)).ok());
}

void run_welcome(std::string body, bool proved) {
  const std::string hello = *answer_challenge(client(), 4, kChallenge);
  if (proved && body.size() >= kProofBytes) {
    body.resize(body.size() - kProofBytes);
    body += welcome_proof_of(client().identity.secret, kChallenge, hello, body);
  }
  const Result<Welcome> parsed = parse_welcome(body);
  if (parsed.ok()) CHECK(encode_welcome(*parsed) == body);
  const Result<Welcome> welcome = check_welcome(client(), kChallenge, hello, body);
  if (!welcome.ok()) return sentence(welcome.status());
  CHECK(proved);
}

void run_refused(std::string_view body) {
  const Result<std::string> reason = parse_refused(body);
  if (!reason.ok()) return sentence(reason.status());
  CHECK(encode_refused(*reason) == body);
}

}  // namespace
}  // namespace petrel

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string body(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0:
      petrel::run_challenge(body);
      break;
    case 1:
    case 2:
      petrel::run_hello(body, data[0] % 6 == 2);
      break;
    case 3:
    case 4:
      petrel::run_welcome(body, data[0] % 6 == 4);
      break;
    default:
      petrel::run_refused(body);
  }
  return 0;
}
