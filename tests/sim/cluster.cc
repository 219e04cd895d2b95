#include "tests/sim/cluster.h"

#include <fmt/format.h>

#include <algorithm>

#include "native/base/check.h"

namespace petrel::sim {
namespace {

constexpr Nanos kMasterComesBack = Millis(300);
constexpr Nanos kUserTriesAgain = Millis(200);

}  // namespace

/// One question of Nimbus to whoever is the topology master.
class Cluster::Question : private ControlClientHandler {
 public:
  using Done = std::function<void(const proto::PlaceStreamManagerReply&)>;
  Question(Reactor& loop, TopologyState& state, proto::PlaceStreamManager move, Done done)
      : done_(std::move(done)), client_(loop, options(), [&state] { return find(state); }, *this) {
    *request_.mutable_place_stream_manager() = std::move(move);
    request_.set_request_id(1);
    client_.start();
  }

 private:
  static ControlClientOptions options() {
    ControlClientOptions options;
    options.identity = {kSimTopology, kSimSecret, proto::ROLE_NIMBUS};
    return options;
  }
  static Result<Endpoint> find(const TopologyState& state) {
    ASSIGN_OR_RETURN(const proto::MasterEndpoint master, state.master(TopologyId(kSimTopology)));
    return Endpoint{master.host(), static_cast<uint16_t>(master.port())};
  }
  // A connection that ends before the answer is followed by another.
  void on_connected() override { CHECK(client_.send(request_).ok()); }
  void on_message(proto::Envelope message) override {
    if (message.request_id() == request_.request_id()) done_(message.place_stream_manager_reply());
  }
  void on_disconnected(const Status&) override {}
  void on_refused(const std::string&) override {}

  const Done done_;
  proto::Envelope request_;
  ControlClient client_;
};

Cluster::Cluster(const SimSurroundings& around, SimNetwork& network)
    : around_(around),
      network_(network),
      rng_(around.world->rng(11)),
      nimbus_loop_(*around.world, network, kMasterMachine, 1),
      nimbus_store_(*around.disk, nimbus_loop_),
      nimbus_(nimbus_store_) {
  const auto add = [&](Kind kind, uint32_t slot, int32_t container) {
    Process& process = processes_.emplace_back();
    process.kind = kind;
    process.slot = slot;
    process.container = container;
  };
  add(Kind::kMaster, 0, kMasterMachine);
  add(Kind::kMaster, 1, kMasterMachine);
  processes_[kSecondMaster].wanted = false;
  for (const SimContainerPlan& container : around.plan->containers) {
    add(Kind::kManager, 0, container.id);
    processes_.back().wanted = !container.in_host;
    moved_in_host_[container.id] = container.in_host;
    for (const uint32_t slot : container.slots) add(Kind::kHost, slot, container.id);
  }
  write_topology();
}

Cluster::~Cluster() {
  for (Process& process : processes_) end_process(process);
}

void Cluster::write_topology() {
  proto::TopologyBase base;
  base.set_topology_id(kSimTopology);
  base.set_name("sim");
  base.set_status(proto::STATUS_ACTIVE);
  CHECK(nimbus_.put_base(TopologyId(kSimTopology), base, 0).ok());
  CHECK(nimbus_.put_plan(TopologyId(kSimTopology), around_.plan->physical.to_proto(), 0).ok());
}

std::string Cluster::name(size_t index) const {
  const Process& process = processes_[index];
  switch (process.kind) {
    case Kind::kMaster:
      return index == kFirstMaster ? "topology master" : "second topology master";
    case Kind::kManager:
      return fmt::format("stream manager {}", process.container);
    case Kind::kHost:
      return fmt::format("host {}", process.slot);
  }
  CHECK(false);
}

void Cluster::trace(const char* what, const Process& process) {
  around_.world->trace(what, static_cast<uint64_t>(process.kind),
                       process.kind == Kind::kHost ? process.slot : static_cast<uint64_t>(process.container),
                       process.incarnation);
}

void Cluster::start() {
  for (size_t i = 0; i < processes_.size(); ++i) {
    if (!processes_[i].wanted) continue;
    around_.world->after(Millis(static_cast<int64_t>(rng_.below(200))), [this, i] { start_process(i); });
  }
}

void Cluster::start_process(size_t index) {
  Process& process = processes_[index];
  CHECK(!process.alive());
  ++process.incarnation;
  trace("start", process);
  const int machine = around_.one_machine ? kMasterMachine : process.container;
  process.reactor = std::make_unique<SimReactor>(*around_.world, network_, machine, next_pid_++);
  switch (process.kind) {
    case Kind::kMaster:
      return start_master(index);
    case Kind::kManager:
      process.manager = std::make_unique<SimManager>(around_, *process.reactor, process.container, process.incarnation,
                                                     process.memory);
      return process.manager->start();
    case Kind::kHost:
      process.host = std::make_unique<SimHost>(around_, *process.reactor, process.slot, process.incarnation);
      return process.host->start();
  }
}

// What cannot be read keeps it from starting: its agent tries again and again.
void Cluster::start_master(size_t index) {
  Process& process = processes_[index];
  process.master = std::make_unique<SimMaster>(around_, *process.reactor);
  const Status started = process.master->start();
  if (started.ok()) {
    around_.count(process.incarnation > 1 ? "topology master: started again" : "topology master: started");
    return;
  }
  around_.count("topology master: cannot start");
  end_process(process);
  around_.world->after(kMasterComesBack, [this, index] {
    if (processes_[index].wanted && !processes_[index].alive()) start_process(index);
  });
}

void Cluster::end_process(Process& process) {
  if (!process.alive()) return;
  network_.process_dies(*process.reactor->gate());
  process.reactor->gate()->die();
  const int pid = process.reactor->pid();
  process.host.reset();
  process.manager.reset();
  process.master.reset();
  process.reactor.reset();
  process.paused = false;
  around_.world->process_ended(pid);
}

bool Cluster::started() const {
  return std::all_of(processes_.begin(), processes_.end(),
                     [](const Process& p) { return p.kind != Kind::kHost || (p.alive() && p.host->started()); });
}

void Cluster::kill(size_t index, Nanos away) {
  Process& process = processes_[index];
  CHECK(process.alive());
  trace("kill", process);
  if (process.kind == Kind::kHost) around_.oracle->host_killed(process.slot);
  end_process(process);
  around_.world->after(away, [this, index] {
    if (processes_[index].wanted && !processes_[index].alive()) start_process(index);
  });
}

void Cluster::pause(size_t index, Nanos time, bool timers_first, bool io_first) {
  Process& process = processes_[index];
  CHECK(process.alive() && !process.paused);
  trace("pause", process);
  process.paused = true;
  if (process.kind == Kind::kHost) around_.oracle->host_paused(process.slot, time);
  process.reactor->gate()->pause();
  around_.world->after(time, [this, index, gate = process.reactor->gate(), timers_first, io_first] {
    if (!gate->alive()) return;
    processes_[index].paused = false;
    around_.world->trace("resume", index);
    gate->resume(timers_first, io_first);
  });
}

void Cluster::slow(size_t index, uint32_t factor, Nanos time) {
  Process& process = processes_[index];
  if (!process.host) return;
  around_.world->trace("slow", process.slot, factor);
  process.host->set_slow(factor);
  process.reactor->after(time, [&process] {
    if (process.host) process.host->set_slow(1);
  });
}

void Cluster::send_stale_plan(size_t index) {
  Process& process = processes_[index];
  around_.world->trace("stale plan", index);
  process.reactor->post([&process] {
    if (process.host) process.host->set_stale_routes();
    if (process.manager) process.manager->take_stale_plan();
  });
}

void Cluster::start_second_master(Nanos time) {
  Process& second = processes_[kSecondMaster];
  if (second.wanted) return;
  second.wanted = true;
  start_process(kSecondMaster);
  around_.world->after(time, [this, &second] {
    second.wanted = false;
    trace("kill", second);
    end_process(second);
  });
}

void Cluster::tear(Rng& rng, Nanos time) {
  for (Process& process : processes_) {
    if (!process.memory.empty() && rng.below(2) == 0) process.memory.resize(rng.below(process.memory.size()));
  }
  if (around_.disk->tear(rng)) around_.world->after(time, [this] { around_.disk->repair(); });
}

void Cluster::set_status(TopologyStatus status) {
  status_ = status;
  auto base = nimbus_.base(TopologyId(kSimTopology));
  if (!base.ok()) {  // torn: a user tries again
    nimbus_loop_.after(Millis(200), [this] { set_status(status_); });
    return;
  }
  around_.world->trace("set status", static_cast<uint64_t>(status));
  base->value.set_status(static_cast<proto::TopologyStatus>(status));
  CHECK(nimbus_.put_base(TopologyId(kSimTopology), base->value, base->version).ok());
}

void Cluster::move_manager(int32_t container) {
  bool& in_host = moved_in_host_.at(container);
  in_host = !in_host;
  around_.world->trace("ask for a move", static_cast<uint64_t>(container), in_host ? 1 : 0);
  proto::PlaceStreamManager move;
  move.set_container_id(container);
  move.set_placement(in_host ? proto::STREAM_MANAGER_IN_HOST : proto::STREAM_MANAGER_PROCESS);
  moves_.push_back(std::move(move));
  if (!agents_watch_) {
    auto watch = nimbus_.watch_plan(TopologyId(kSimTopology), [this](const Result<proto::PhysicalPlan>& plan) {
      if (plan.ok()) agents_see(*plan);
    });
    CHECK(watch.ok());
    agents_watch_ = std::move(*watch);
  }
  if (!question_) ask_next();
}

void Cluster::ask_next() {
  question_.reset();
  if (moves_.empty()) return;
  question_ = std::make_unique<Question>(
      nimbus_loop_, nimbus_, moves_.front(), [this](const proto::PlaceStreamManagerReply& reply) {
        // Refused while the plan on disk is torn: a user tries again.
        if (reply.refused().empty()) {
          const bool in_host = moves_.front().placement() == proto::STREAM_MANAGER_IN_HOST;
          if (reply.moved_size() > 0) around_.count(in_host ? "moved into a host" : "moved into a process");
          moves_.pop_front();
        }
        nimbus_loop_.after(reply.refused().empty() ? Nanos(0) : kUserTriesAgain, [this] { ask_next(); });
      });
}

// The agent of each container looks at the plan when its turn comes.
void Cluster::agents_see(const proto::PhysicalPlan& plan) {
  for (const proto::ContainerPlan& container : plan.packing().containers()) {
    for (size_t i = 0; i < processes_.size(); ++i) {
      Process& process = processes_[i];
      if (process.kind != Kind::kManager || process.container != container.container_id()) continue;
      process.wanted = container.stream_manager() == proto::STREAM_MANAGER_PROCESS;
      if (process.wanted == process.alive()) continue;
      around_.world->after(Millis(static_cast<int64_t>(rng_.below(300))), [this, i] { place_manager(i); });
    }
  }
}

void Cluster::place_manager(size_t index) {
  Process& process = processes_[index];
  if (process.wanted == process.alive()) return;
  if (process.wanted) return start_process(index);
  trace("kill", process);
  end_process(process);
}

bool Cluster::quiet() const {
  if (!moves_.empty()) return false;
  return std::all_of(processes_.begin(), processes_.end(), [](const Process& process) {
    if (!process.wanted) return true;
    return process.alive() && !process.paused && (!process.host || (process.host->links_up() && process.host->idle()));
  });
}

bool Cluster::drained() {
  uint64_t epoch = 0;
  for (const Process& process : processes_) {
    if (process.kind != Kind::kHost) continue;
    if (!process.host || process.host->drained_epoch() <= drained_) return false;
    if (epoch != 0 && process.host->drained_epoch() != epoch) return false;
    epoch = process.host->drained_epoch();
  }
  drained_ = epoch;
  return true;
}

std::string Cluster::describe() const {
  std::string text;
  for (size_t i = 0; i < processes_.size(); ++i) {
    const Process& process = processes_[i];
    if (!process.wanted && !process.alive()) continue;
    text += fmt::format("  {} incarnation {} {}{}\n", name(i), process.incarnation,
                        !process.alive() ? "down"
                        : process.paused ? "paused"
                                         : "runs",
                        process.host ? ": " + process.host->describe() : "");
  }
  return text;
}

void Cluster::report() {
  for (Process& process : processes_) {
    if (process.host) process.host->report();
    if (process.manager) process.manager->report();
  }
}

}  // namespace petrel::sim
