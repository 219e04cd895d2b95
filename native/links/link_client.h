// LinkClient: the dialling end of one link. It stays at it: looks the endpoints up anew before each attempt, and dials
// again when the link has ended, with a link epoch greater than before.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "native/links/link_server.h"

namespace petrel {

struct LinkClientOptions {
  LinkIdentity identity;
  LinkLimits limits;
  std::shared_ptr<LeaseDelays> delays;  // as in LinkServerOptions
  /// Whom we expect to meet; another container, or an older incarnation, is not accepted.
  std::optional<int32_t> expected_container;
  uint32_t least_incarnation = 0;
  Nanos connect_timeout = Seconds(2);
  Nanos backoff_min = Millis(20);
  Nanos backoff_max = Seconds(1);
  /// Of the first hello. A second client of the same identity in one process continues with link_epoch() + 1 of the
  /// first, else the server takes it for a late one.
  uint32_t first_link_epoch = 1;
  uint16_t min_version = kLinkVersionMin;
  uint16_t max_version = kLinkVersionMax;
  uint32_t must_understand = 0;
  uint32_t features = 0;
  std::function<std::string(size_t)> random_bytes = system_random_bytes;
};

/// Calls come on the loop. A handler may call any method of the client, and may destroy it.
class LinkClientHandler {
 public:
  virtual ~LinkClientHandler() = default;
  /// Call link->start() before returning. When the link ends (or is destroyed), the client dials again.
  virtual void on_link(std::unique_ptr<FrameLink> link) = 0;
  /// The hello failed by the last of the endpoints: the peer refused us, has other versions, did not prove the secret,
  /// is somebody else. The client tries on, with the greatest back-off. `reason` is escaped.
  virtual void on_refused(const Status& reason) = 0;
  /// Nobody listens at the last of the endpoints (connection refused). The client tries on.
  virtual void on_no_listener() {}
};

/// Thread: loop of the reactor only.
class LinkClient {
 public:
  /// Ways to one and the same peer, the best first: what comes to nothing by one is tried by the next at once, and
  /// after the last by the first again, with a back-off before it. None: as an error, asked again after a back-off.
  using EndpointSource = std::function<Result<std::vector<Endpoint>>()>;
  LinkClient(Reactor& reactor, LinkClientOptions options, EndpointSource find, LinkClientHandler& handler);
  /// The link that was given away lives on.
  ~LinkClient();
  LinkClient(const LinkClient&) = delete;

  void start();
  /// No attempts any more; the link that was given away lives on.
  void stop();
  /// The endpoints have changed: an attempt that waits is made now.
  void retry_now();
  /// Of the last hello that was sent; first_link_epoch - 1 before the first.
  uint32_t link_epoch() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace petrel
