// NimbusClient: calls a Nimbus (ours or Storm's) from C++, as the command line does.
// Errors: kUnavailable when nobody answers, kTimeout, and for exceptions that Nimbus declares kNotFound (NotAlive,
// KeyNotFound), kAlreadyExists (AlreadyAlive, KeyAlreadyExists), kMalformed (InvalidTopology), kDenied (Authorization);
// kInternal for anything else that Nimbus answers. The message is what Nimbus said.
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "native/base/clock.h"
#include "native/base/status.h"

namespace storm {
class NimbusClient;
}

namespace petrel {

struct NimbusEndpoint {
  std::string host;
  uint16_t port = 6627;
};

struct NimbusClientOptions {
  Millis connect_timeout{5'000};
  Millis call_timeout{60'000};
  uint32_t max_answer_bytes = 64u << 20;
  bool follow_leader = true;  // ask getLeader and go where it points, as Storm's clients do
};

class NimbusClient {
 public:
  /// Tries the seeds in order until one names a leader that can be reached.
  static Result<std::unique_ptr<NimbusClient>> connect(const std::vector<NimbusEndpoint>& seeds,
                                                       const NimbusClientOptions& options = {});
  ~NimbusClient();

  /// Runs `body` with the generated client and turns what it throws into a Status:
  ///   client->call([&](storm::NimbusClient& nimbus) { nimbus.getTopologySummaries(summaries); })
  Status call(const std::function<void(storm::NimbusClient&)>& body);

  const NimbusEndpoint& endpoint() const;

 private:
  struct Connection;
  explicit NimbusClient(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

}  // namespace petrel
