#include "tests/sim/sim_network.h"

#include <algorithm>
#include <optional>

#include "native/base/check.h"

namespace petrel::sim {
namespace {
constexpr size_t kReadBytes = 64 * 1024;
}  // namespace

class SimConnection : public std::enable_shared_from_this<SimConnection> {
 public:
  struct End {
    std::shared_ptr<ProcessGate> gate;
    int machine = 0;
    int pid = 0;
    std::string name;
    bool started = false;
    bool gone = false;     // the process closed it, or was told of its end
    bool ended = false;    // the end is known here; told after what has arrived before it
    Status reason;         // with `ended`
    bool reading = false;  // a read is put, or waits in the gate
    std::deque<std::string> received;
    // Shared with the call that runs: the stream may go away inside.
    std::shared_ptr<const std::function<void(std::string_view)>> on_bytes;
    std::shared_ptr<const std::function<void()>> on_written;
    std::function<void(Status)> on_closed;
    bool written_put = false;
  };
  struct Pipe {  // from end i to end 1 - i
    std::deque<std::string> outbox;
    size_t outbox_bytes = 0;
    struct Piece {
      std::string bytes;
    };
    std::deque<std::string> wire;
    size_t wire_bytes = 0;  // wire and received, not yet read
    size_t arrivals_put = 0;
    MonoTime last_arrival{};
    MonoTime stalled_until{};
    bool pumping = false;
    bool closed = false;      // nothing is sent into it any more
    bool black_hole = false;  // what is sent never arrives
    bool finish = false;      // the end of the stream comes after what is on the wire
    Status finish_reason;
  };

  SimConnection(SimNetwork& network, uint64_t id, bool tcp) : network_(network), id_(id), tcp_(tcp) {}

  End ends[2];
  Pipe pipes[2];
  bool tcp() const { return tcp_; }
  bool open() const { return !ends[0].gone && !ends[1].gone; }
  uint64_t id() const { return id_; }

  void send(int end, std::string bytes) {
    Pipe& pipe = pipes[end];
    if (ends[end].gone || pipe.closed || bytes.empty()) return;
    pipe.outbox_bytes += bytes.size();
    pipe.outbox.push_back(std::move(bytes));
    pump(end);
  }

  void start(int end, std::function<void(std::string_view)> on_bytes, std::function<void(Status)> on_closed) {
    End& e = ends[end];
    CHECK(!e.started);
    e.started = true;
    e.on_bytes = std::make_shared<const std::function<void(std::string_view)>>(std::move(on_bytes));
    e.on_closed = std::move(on_closed);
    put_read(end);
  }

  // The process let go of its stream: its outbox is lost, what is on the wire arrives, then the other end learns.
  void close(int end) {
    End& e = ends[end];
    if (e.gone) return;
    e.gone = true;
    e.on_bytes = nullptr;
    e.on_closed = nullptr;
    e.on_written = nullptr;
    network_.world().trace("close", id_, static_cast<uint64_t>(end));
    const bool unread = pipes[1 - end].wire_bytes > 0;
    lose_tail(1 - end, true);
    // A socket closed with unread bytes resets: the peer may lose the last of what was on its way.
    if (unread && network_.rng().below(2) == 0) {
      lose_tail(end, false);
      finish(end, Status(StatusCode::kIo, "connection reset by peer"));
    } else {
      finish(end, Status());
    }
  }

  void cut() {
    network_.world().trace("cut", id_);
    for (int end : {0, 1}) {
      lose_tail(end, false);
      finish(end, Status(StatusCode::kIo, "connection reset by peer"));
    }
  }

  void half_open(int learner, Nanos learns_after) {
    network_.world().trace("half open", id_, static_cast<uint64_t>(learner));
    for (int end : {0, 1}) {
      lose_tail(end, false);
      pipes[end].black_hole = true;
    }
    network_.world().after(learns_after, [self = shared_from_this(), learner] {
      self->end_known(learner, Status(StatusCode::kIo, "connection timed out"));
    });
  }

  void stall(int direction, MonoTime until) {
    network_.world().trace("stall", id_, static_cast<uint64_t>(direction));
    for (int end : {0, 1}) {
      if (direction == 2 || direction == end) pipes[end].stalled_until = std::max(pipes[end].stalled_until, until);
    }
  }

  // The sender of this pipe is killed: its own memory is lost, and the wire gets a random part of what it handed over.
  void sender_dies(int end) {
    Pipe& pipe = pipes[end];
    if (network_.rng().below(2) == 0) lose_tail(end, false);
    pipe.outbox.clear();
    pipe.outbox_bytes = 0;
  }

 private:
  // Keeps a random part (nothing, when `all`) of what is on the wire of pipe `end`, cut at any byte.
  void lose_tail(int end, bool all) {
    Pipe& pipe = pipes[end];
    pipe.outbox.clear();
    pipe.outbox_bytes = 0;
    pipe.closed = pipe.closed || all;
    size_t on_wire = 0;
    for (const std::string& piece : pipe.wire) on_wire += piece.size();
    size_t keep = all || on_wire == 0 ? 0 : network_.rng().below(on_wire + 1);
    while (on_wire > keep) {
      std::string& last = pipe.wire.back();
      const size_t drop = std::min(last.size(), on_wire - keep);
      on_wire -= drop;
      pipe.wire_bytes -= drop;
      if (drop == last.size()) {
        pipe.wire.pop_back();
      } else {
        last.resize(last.size() - drop);
      }
    }
  }

  void finish(int end, Status reason) {
    Pipe& pipe = pipes[end];
    pipe.outbox.clear();
    pipe.outbox_bytes = 0;
    pipe.closed = true;
    if (pipe.finish) return;
    pipe.finish = true;
    pipe.finish_reason = std::move(reason);
    const MonoTime when = std::max(pipe.last_arrival, network_.world().now() + network_.latency());
    pipe.last_arrival = when;
    put_finish(end, when);
  }

  void put_finish(int end, MonoTime when) {
    network_.world().at(when, [self = shared_from_this(), end] {
      Pipe& pipe = self->pipes[end];
      if (pipe.black_hole) return;
      if (pipe.stalled_until > self->network_.world().now()) return self->put_finish(end, pipe.stalled_until);
      self->end_known(1 - end, pipe.finish_reason);
    });
  }

  void end_known(int end, Status reason) {
    End& e = ends[end];
    if (e.gone || e.ended) return;
    e.ended = true;
    e.reason = std::move(reason);
    put_read(end);
  }

  // From the outbox into the wire, as far as the kernels' buffers take it.
  void pump(int end) {
    Pipe& pipe = pipes[end];
    SimWorld& world = network_.world();
    const NetworkProfile& profile = network_.profile();
    // A kernel does not take a byte for every byte that left: a quarter of the buffer must be free.
    if (pipe.wire_bytes > profile.buffer_bytes - profile.buffer_bytes / 4) return;
    while (!pipe.outbox.empty() && pipe.wire_bytes < profile.buffer_bytes) {
      std::string& front = pipe.outbox.front();
      size_t n = std::min({front.size(), profile.buffer_bytes - pipe.wire_bytes, kReadBytes});
      if (n > 1 && network_.rng().below(100) < profile.split_percent) n = 1 + network_.rng().below(n - 1);
      std::string piece;
      if (n == front.size()) {
        piece = std::move(front);
        pipe.outbox.pop_front();
      } else {
        piece = front.substr(0, n);
        front.erase(0, n);
      }
      pipe.outbox_bytes -= n;
      pipe.wire_bytes += n;
      put_written(end);
      if (pipe.black_hole) continue;  // fills the buffers of the kernel, and never arrives
      const Nanos transfer(static_cast<int64_t>(n * 1'000'000'000ULL / profile.bytes_per_second));
      pipe.last_arrival = std::max(pipe.last_arrival, world.now() + network_.latency()) + transfer;
      pipe.wire.push_back(std::move(piece));
      put_arrival(end, pipe.last_arrival);
    }
  }

  void put_written(int end) {
    End& e = ends[end];
    if (!e.on_written || e.written_put) return;
    e.written_put = true;
    network_.world().after(Nanos(0), [self = shared_from_this(), end] {
      self->ends[end].gate->run(ProcessGate::Kind::kIo, [self, end] {
        End& written = self->ends[end];
        written.written_put = false;
        if (written.gone || !written.on_written) return;
        const auto on_written = written.on_written;
        (*on_written)();
      });
    });
  }

  void put_arrival(int end, MonoTime when) {
    network_.world().at(when, [self = shared_from_this(), end] { self->arrive(end); });
  }

  // One piece leaves the wire. A cut may have left fewer pieces than arrivals.
  void arrive(int end) {
    Pipe& pipe = pipes[end];
    SimWorld& world = network_.world();
    if (pipe.wire.empty() || pipe.black_hole) return;
    if (pipe.stalled_until > world.now()) return put_arrival(end, pipe.stalled_until);
    std::string piece = std::move(pipe.wire.front());
    pipe.wire.pop_front();
    End& to = ends[1 - end];
    if (to.gone) {
      pipe.wire_bytes -= piece.size();
      return;
    }
    world.trace("arrive", id_ * 2 + static_cast<uint64_t>(end), piece.size());
    network_.bytes_arrived += piece.size();
    to.received.push_back(std::move(piece));
    put_read(1 - end);
  }

  // Runs at once when the process can run.
  void put_read(int end) {
    End& e = ends[end];
    if (!e.started || e.gone || e.reading || (e.received.empty() && !e.ended)) return;
    e.reading = true;
    if (e.gate->paused()) {
      e.gate->run(ProcessGate::Kind::kIo, [self = shared_from_this(), end] { self->read(end); });
    } else {
      network_.world().after(Nanos(0), [self = shared_from_this(), end] {
        self->ends[end].gate->run(ProcessGate::Kind::kIo, [self, end] { self->read(end); });
      });
    }
  }

  void read(int end) {
    auto self = shared_from_this();  // the callbacks may destroy the stream
    End& e = ends[end];
    e.reading = false;
    while (!e.gone && !e.received.empty()) {
      std::string piece = std::move(e.received.front());
      e.received.pop_front();
      pipes[1 - end].wire_bytes -= piece.size();
      const auto on_bytes = e.on_bytes;
      (*on_bytes)(piece);
      if (!pipes[1 - end].closed) pump(1 - end);
    }
    if (e.gone || !e.ended) return;
    e.gone = true;
    network_.world().trace("closed", id_, static_cast<uint64_t>(end));
    finish(end, Status());  // both ends are gone when one has been told
    auto on_closed = std::move(e.on_closed);
    e.on_bytes = nullptr;
    e.on_closed = nullptr;
    e.on_written = nullptr;
    on_closed(e.reason);
  }

  SimNetwork& network_;
  const uint64_t id_;
  const bool tcp_;
};

namespace {

class SimStream : public ByteStream {
 public:
  SimStream(std::shared_ptr<SimConnection> connection, int end) : connection_(std::move(connection)), end_(end) {}
  ~SimStream() override { connection_->close(end_); }
  void start(std::function<void(std::string_view)> on_bytes, std::function<void(Status)> on_closed) override {
    connection_->start(end_, std::move(on_bytes), std::move(on_closed));
  }
  void send(std::string bytes) override { connection_->send(end_, std::move(bytes)); }
  size_t queued_bytes() const override { return connection_->pipes[end_].outbox_bytes; }
  void on_written(std::function<void()> callback) override {
    connection_->ends[end_].on_written = std::make_shared<const std::function<void()>>(std::move(callback));
  }
  std::string peer() const override { return connection_->ends[1 - end_].name; }
  int peer_pid() const override { return connection_->tcp() ? 0 : connection_->ends[1 - end_].pid; }

 private:
  std::shared_ptr<SimConnection> connection_;
  const int end_;
};

}  // namespace

class SimAcceptor : public Acceptor {
 public:
  SimAcceptor(SimNetwork& network, SimNetwork::Key key, Endpoint endpoint)
      : network_(network), key_(std::move(key)), endpoint_(std::move(endpoint)) {}
  ~SimAcceptor() override { network_.listeners_.erase(key_); }
  Endpoint endpoint() const override { return endpoint_; }

 private:
  SimNetwork& network_;
  const SimNetwork::Key key_;
  const Endpoint endpoint_;
};

SimNetwork::SimNetwork(SimWorld& world, NetworkProfile profile, Rng rng)
    : world_(world), profile_(profile), rng_(rng) {}
SimNetwork::~SimNetwork() = default;

Nanos SimNetwork::latency() {
  const auto span = static_cast<uint64_t>((profile_.latency_max - profile_.latency_min).count()) + 1;
  return profile_.latency_min + Nanos(static_cast<int64_t>(rng_.below(span)));
}

SimNetwork::Key SimNetwork::key_of(int machine, const Endpoint& endpoint) {
  const bool name = !endpoint.host.empty() && endpoint.host[0] == '@';
  return {name ? machine : -1, endpoint.host, endpoint.port};
}

Result<std::unique_ptr<Acceptor>> SimNetwork::listen(SimReactor& reactor, const Endpoint& endpoint,
                                                     std::function<void(std::unique_ptr<ByteStream>)> on_accept) {
  Endpoint own = endpoint;
  Key key = key_of(reactor.machine(), own);
  if (std::get<0>(key) == -1 && own.port == 0) {
    own.port = next_port_++;
    key = key_of(reactor.machine(), own);
  }
  if (listeners_.count(key) != 0) {
    return Status::error(StatusCode::kIo, "listen on {}:{}: Address already in use", own.host, own.port);
  }
  auto listener = std::make_shared<Listener>();
  listener->gate = reactor.gate();
  listener->machine = reactor.machine();
  listener->pid = reactor.pid();
  listener->on_accept = std::move(on_accept);
  listeners_[key] = std::move(listener);
  return std::unique_ptr<Acceptor>(std::make_unique<SimAcceptor>(*this, key, own));
}

void SimNetwork::connect(SimReactor& reactor, const Endpoint& endpoint, Nanos timeout,
                         std::function<void(Result<std::unique_ptr<ByteStream>>)> on_done) {
  const Key key = key_of(reactor.machine(), endpoint);
  world_.after(latency(), [this, &reactor, key, endpoint, gate = reactor.gate(), give_up = world_.now() + timeout,
                           on_done = std::move(on_done)]() mutable {
    // The kernel connects, whether the process runs or not; dead processes connect no more.
    if (gate->alive()) arrive_at_listener(reactor, key, endpoint, gate, give_up, std::move(on_done));
  });
}

void SimNetwork::arrive_at_listener(SimReactor& reactor, const Key& key, const Endpoint& endpoint,
                                    const std::shared_ptr<ProcessGate>& gate, MonoTime give_up,
                                    std::function<void(Result<std::unique_ptr<ByteStream>>)> on_done) {
  const std::string what = fmt::format("connect to {}:{}", endpoint.host, endpoint.port);
  auto tell = [gate](auto done, Result<std::unique_ptr<ByteStream>> result) {
    auto shared = std::make_shared<Result<std::unique_ptr<ByteStream>>>(std::move(result));
    gate->run(ProcessGate::Kind::kIo, [done = std::move(done), shared] { done(std::move(*shared)); });
  };
  auto found = listeners_.find(key);
  const MonoTime apart =
      found == listeners_.end() ? MonoTime{} : separated_until(reactor.machine(), found->second->machine);
  if (apart > world_.now()) {
    const bool late = apart > give_up;
    world_.at(std::min(apart, give_up),
              [this, &reactor, key, endpoint, gate, give_up, late, what, tell, on_done = std::move(on_done)]() mutable {
                if (!gate->alive()) return;
                if (!late) return arrive_at_listener(reactor, key, endpoint, gate, give_up, std::move(on_done));
                tell(std::move(on_done), Status::error(StatusCode::kTimeout, "{}: no answer in time", what));
              });
    return;
  }
  if (found == listeners_.end()) {
    if (std::get<0>(key) == -1) ++refused_connects;  // most names are refused: those of other machines
    world_.trace("connect refused", static_cast<uint64_t>(reactor.pid()), endpoint.port);
    tell(std::move(on_done), Status::error(StatusCode::kUnavailable, "{}: Connection refused", what));
    return;
  }
  std::shared_ptr<Listener> listener = found->second;
  auto connection = std::make_shared<SimConnection>(*this, next_connection_++, std::get<0>(key) == -1);
  world_.trace("connect", connection->id(), static_cast<uint64_t>(reactor.pid()), static_cast<uint64_t>(listener->pid));
  SimConnection::End& from = connection->ends[0];
  from.gate = gate;
  from.machine = reactor.machine();
  from.pid = reactor.pid();
  from.name = fmt::format("pid {}", reactor.pid());
  SimConnection::End& to = connection->ends[1];
  to.gate = listener->gate;
  to.machine = listener->machine;
  to.pid = listener->pid;
  to.name = fmt::format("{}:{}", endpoint.host, endpoint.port);
  connections_.push_back(connection);
  if (separated_until(from.machine, to.machine) > world_.now()) {
    connection->stall(2, separated_until(from.machine, to.machine));
  }
  auto accepted = std::make_shared<std::unique_ptr<ByteStream>>(std::make_unique<SimStream>(connection, 1));
  listener->gate->run(ProcessGate::Kind::kIo, [this, key, listener, accepted] {
    auto current = listeners_.find(key);
    // The acceptor may be gone by now: the stream goes with it.
    if (current == listeners_.end() || current->second != listener) return accepted->reset();
    auto on_accept = listener->on_accept;
    on_accept(std::move(*accepted));
  });
  tell(std::move(on_done), std::unique_ptr<ByteStream>(std::make_unique<SimStream>(connection, 0)));
}

size_t SimNetwork::open_connections() {
  std::erase_if(connections_, [](const auto& weak) {
    auto connection = weak.lock();
    return connection == nullptr || !connection->open();
  });
  return connections_.size();
}

std::shared_ptr<SimConnection> SimNetwork::find(size_t which) {
  CHECK(which < connections_.size());
  return connections_[which].lock();
}

bool SimNetwork::is_tcp(size_t which) {
  auto connection = find(which);
  return connection != nullptr && connection->tcp();
}

void SimNetwork::cut(size_t which) {
  if (auto connection = find(which)) connection->cut();
}

void SimNetwork::half_open(size_t which, bool first_learns, Nanos learns_after) {
  if (auto connection = find(which)) connection->half_open(first_learns ? 0 : 1, learns_after);
}

void SimNetwork::stall(size_t which, int direction, Nanos time) {
  if (auto connection = find(which)) connection->stall(direction, world_.now() + time);
}

void SimNetwork::separate(int machine_a, int machine_b, Nanos time) {
  MonoTime& until = separated_[std::minmax(machine_a, machine_b)];
  until = std::max(until, world_.now() + time);
  open_connections();
  for (const auto& weak : connections_) {
    auto connection = weak.lock();
    const int a = connection->ends[0].machine;
    const int b = connection->ends[1].machine;
    if (std::minmax(a, b) == std::minmax(machine_a, machine_b)) connection->stall(2, until);
  }
}

MonoTime SimNetwork::separated_until(int a, int b) const {
  auto found = separated_.find(std::minmax(a, b));
  return found == separated_.end() ? MonoTime{} : found->second;
}

void SimNetwork::process_dies(const ProcessGate& gate) {
  for (const auto& weak : connections_) {
    auto connection = weak.lock();
    if (connection == nullptr) continue;
    for (int end : {0, 1}) {
      if (connection->ends[end].gate.get() == &gate && !connection->ends[end].gone) connection->sender_dies(end);
    }
  }
}

}  // namespace petrel::sim
