// SimNetwork: connections between simulated processes, with latency, bandwidth, partial delivery and faults.
//
// A connection has two ends and a pipe for each direction. What an end sends waits in the pipe's outbox (the process's
// memory), moves into the wire (the kernels' buffers) as far as there is room, and arrives in pieces of any size.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "native/transport/reactor.h"
#include "tests/sim/sim_reactor.h"

namespace petrel::sim {

struct NetworkProfile {
  Nanos latency_min = std::chrono::microseconds(20);
  Nanos latency_max = std::chrono::microseconds(400);
  uint64_t bytes_per_second = 200'000'000;
  size_t buffer_bytes = 256 * 1024;  // of the kernels, per direction
  uint32_t split_percent = 10;       // share of the pieces that are cut at any byte
};

class SimConnection;

class SimNetwork {
 public:
  SimNetwork(SimWorld& world, NetworkProfile profile, Rng rng);
  ~SimNetwork();

  // What SimReactor calls. TCP endpoints are one name space; names with '@' belong to a machine.
  Result<std::unique_ptr<Acceptor>> listen(SimReactor& reactor, const Endpoint& endpoint,
                                           std::function<void(std::unique_ptr<ByteStream>)> on_accept);
  void connect(SimReactor& reactor, const Endpoint& endpoint, Nanos timeout,
               std::function<void(Result<std::unique_ptr<ByteStream>>)> on_done);

  // Faults. `which` counts the open connections in the order in which they were made.
  size_t open_connections();
  bool is_tcp(size_t which);
  /// Some of what is on the way arrives, then both ends learn of the end.
  void cut(size_t which);
  /// Nothing arrives any more in either direction; one end learns of it after `learns_after`, the other never does.
  void half_open(size_t which, bool first_learns, Nanos learns_after);
  /// Nothing arrives before now + `time`, in one direction (0, 1) or both (2); nothing is lost.
  void stall(size_t which, int direction, Nanos time);
  /// Two machines do not see each other for `time`: connects time out, what is on the way waits.
  void separate(int machine_a, int machine_b, Nanos time);
  /// Before a crashed process's streams are destroyed: part of what it sent last stays unsent.
  void process_dies(const ProcessGate& gate);

  SimWorld& world() { return world_; }
  const NetworkProfile& profile() const { return profile_; }
  Rng& rng() { return rng_; }
  Nanos latency();
  uint64_t bytes_arrived = 0;
  uint64_t refused_connects = 0;

 private:
  friend class SimAcceptor;
  struct Listener {
    std::shared_ptr<ProcessGate> gate;
    int machine = 0;
    int pid = 0;
    std::function<void(std::unique_ptr<ByteStream>)> on_accept;
  };
  using Key = std::tuple<int, std::string, uint16_t>;  // machine (names) or -1, host, port

  static Key key_of(int machine, const Endpoint& endpoint);
  void arrive_at_listener(SimReactor& reactor, const Key& key, const Endpoint& endpoint,
                          const std::shared_ptr<ProcessGate>& gate, MonoTime give_up,
                          std::function<void(Result<std::unique_ptr<ByteStream>>)> on_done);
  MonoTime separated_until(int a, int b) const;
  std::shared_ptr<SimConnection> find(size_t which);

  SimWorld& world_;
  const NetworkProfile profile_;
  Rng rng_;
  uint16_t next_port_ = 20000;
  uint64_t next_connection_ = 1;
  std::map<Key, std::shared_ptr<Listener>> listeners_;
  std::vector<std::weak_ptr<SimConnection>> connections_;
  std::map<std::pair<int, int>, MonoTime> separated_;
};

}  // namespace petrel::sim
