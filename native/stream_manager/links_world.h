// LinksWorld: containers, hosts and stream managers of one topology in one process, on links that lose what is under
// way when they are cut. For tests; every choice comes from one Rng.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "native/base/rng.h"
#include "native/links/host_endpoint.h"
#include "native/stream_manager/stream_manager.h"
#include "native/transport/manual_reactor.h"

namespace petrel {

/// A connection whose frames wait until the test delivers them; lanes keep their order, each for itself.
class LossyWire : public std::enable_shared_from_this<LossyWire> {
 public:
  explicit LossyWire(Reactor& reactor) : reactor_(reactor) {}
  /// The end that sees `peer`.
  std::unique_ptr<Link> end(size_t index, LinkPeer peer);
  bool cut_off() const { return cut_; }
  /// What is under way is lost; both ends learn it in a later turn.
  void cut();
  size_t waiting() const;
  /// Delivers one frame, in a direction and lane chosen by `rng`. False: nothing waits.
  bool deliver_one(Rng& rng);

 private:
  class End;
  Reactor& reactor_;
  std::array<std::array<std::deque<Frame>, 2>, 2> queues_;  // towards the end, lane
  std::array<LinkHandler*, 2> handlers_{nullptr, nullptr};
  std::array<bool, 2> alive_{false, false};
  bool cut_ = false;
};

struct WorldOptions {
  uint64_t seed = 1;
  std::vector<int> hosts_of_container = {1, 1};
  int executors_per_host = 2;
  int tasks_per_executor = 2;
  FlowOptions flows;
  uint64_t pool_bytes = 4000;
  size_t max_section = 900;    // of most sections
  uint32_t large_one_in = 40;  // and one in so many is up to max_tuple_bytes
  int sections_per_source = 60;
  uint32_t cycle_one_in = 4;  // of the tasks: lane 1
  uint32_t marker_one_in = 20;
};

class LinksWorld {
 public:
  explicit LinksWorld(WorldOptions options);
  ~LinksWorld();

  /// One random step: produce, deliver, consume, let time pass. Faults only when asked.
  void step(bool faults);
  void produce();
  bool deliver();
  void consume();
  void cut_something();
  void reconnect_all();
  void restart_stream_manager(int container);
  void crash_host(uint32_t slot);  // and its next incarnation starts at once

  /// No faults any more: runs until everything has arrived. Empty, or what is wrong.
  std::string drain();
  /// Empty, or what is wrong so far.
  const std::string& error() const { return error_; }
  bool all_sent() const;

  uint64_t delivered() const { return delivered_; }
  uint64_t acks_delivered() const { return acks_delivered_; }
  uint64_t cuts() const { return cuts_; }
  HostEndpoint& endpoint(uint32_t slot);
  StreamManager& manager(int container) { return *managers_.at(container); }
  ManualReactor& reactor() { return reactor_; }
  EndpointCounters sum() const;

 private:
  struct Host;
  using Stream = std::tuple<uint32_t, uint32_t, int32_t, int32_t>;  // slot, incarnation, source executor, task

  void build_routes();
  void start_host(uint32_t slot);
  void attach_host(uint32_t slot);
  void link_managers(int a, int b);
  void try_offers(Host& host);
  void arrived(Host& host, const InSection& section);
  void acks_arrived(Host& host, std::string_view records);
  void produce_acks(Host& host);
  void check_bounds();
  void fail(std::string what) {
    if (error_.empty()) error_ = std::move(what);
  }

  WorldOptions options_;
  Rng rng_;
  ManualReactor reactor_;
  std::shared_ptr<const RouteTable> routes_;
  std::map<int, std::unique_ptr<StreamManager>> managers_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::map<uint32_t, std::shared_ptr<LossyWire>> host_wires_;
  std::map<std::pair<int, int>, std::shared_ptr<LossyWire>> peer_wires_;
  std::set<uint32_t> crashed_ever_;
  std::string error_;
  uint64_t delivered_ = 0;
  uint64_t acks_delivered_ = 0;
  uint64_t cuts_ = 0;
};

}  // namespace petrel
