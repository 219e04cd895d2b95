#include "tests/sim/cluster.h"

#include <fmt/format.h>

#include <algorithm>

#include "native/base/check.h"

namespace petrel::sim {

Cluster::Cluster(const SimSurroundings& around, SimNetwork& network)
    : around_(around), network_(network), rng_(around.world->rng(11)) {
  const auto add = [&](bool is_host, uint32_t slot, int32_t container) {
    Process& process = processes_.emplace_back();
    process.is_host = is_host;
    process.slot = slot;
    process.container = container;
  };
  for (const SimContainerPlan& container : around.plan->containers) {
    if (!container.in_host) add(false, 0, container.id);
    for (const uint32_t slot : container.slots) add(true, slot, container.id);
  }
}

Cluster::~Cluster() {
  for (Process& process : processes_) end_process(process);
}

std::string Cluster::name(size_t index) const {
  const Process& process = processes_[index];
  return process.is_host ? fmt::format("host {}", process.slot) : fmt::format("stream manager {}", process.container);
}

void Cluster::start() {
  for (size_t i = 0; i < processes_.size(); ++i) {
    around_.world->after(Millis(static_cast<int64_t>(rng_.below(200))), [this, i] { start_process(i); });
  }
  watch_start();
}

void Cluster::start_process(size_t index) {
  Process& process = processes_[index];
  CHECK(!process.alive());
  ++process.incarnation;
  around_.world->trace(process.is_host ? "host starts" : "manager starts",
                       process.is_host ? process.slot : static_cast<uint64_t>(process.container), process.incarnation);
  process.reactor = std::make_unique<SimReactor>(*around_.world, network_, process.container, next_pid_++);
  if (process.is_host) {
    process.host = std::make_unique<SimHost>(around_, *process.reactor, process.slot, process.incarnation);
    process.host->boot(around_.plan->physical);
    if (executors_started_) process.host->start_executors();
  } else {
    process.manager = std::make_unique<SimManager>(around_, *process.reactor, process.container, process.incarnation);
    process.manager->start();
  }
  if (has_manager(process)) put_news();
}

void Cluster::end_process(Process& process) {
  if (!process.alive()) return;
  network_.process_dies(*process.reactor->gate());
  process.reactor->gate()->die();
  const int pid = process.reactor->pid();
  process.host.reset();
  process.manager.reset();
  process.reactor.reset();
  process.paused = false;
  around_.world->process_ended(pid);
}

bool Cluster::has_manager(const Process& process) const {
  return !process.is_host || around_.plan->containers[static_cast<size_t>(process.container) - 1].in_host;
}

// The topology master tells every stream manager of all others; news arrive at each at a time of their own.
void Cluster::put_news() {
  around_.world->after(Millis(1 + static_cast<int64_t>(rng_.below(30))), [this] { tell_peers(); });
}

void Cluster::tell_peers() {
  for (Process& process : processes_) {
    if (!process.alive() || !has_manager(process)) continue;
    // What it is told is what is so then: on one connection news do not overtake each other.
    process.reactor->after(Millis(static_cast<int64_t>(rng_.below(20))), [this, &process] {
      const proto::DataEndpoints peers = endpoints();
      if (process.host && has_manager(process)) process.host->set_peers(peers);
      if (process.manager) process.manager->set_peers(peers);
    });
  }
}

proto::DataEndpoints Cluster::endpoints() const {
  proto::DataEndpoints all;
  for (const Process& process : processes_) {
    if (!process.alive() || !has_manager(process)) continue;
    const Endpoint at = process.is_host ? process.host->tcp_endpoint() : process.manager->tcp_endpoint();
    proto::DataEndpoint& one = *all.add_endpoints();
    one.set_container_id(process.container);
    one.set_incarnation(process.incarnation);
    one.set_host(at.host);
    one.set_port(at.port);
  }
  return all;
}

// StartExecutors: once all hosts have said that their links are up.
void Cluster::watch_start() {
  around_.world->after(Millis(5), [this] {
    const bool ready = std::all_of(processes_.begin(), processes_.end(),
                                   [](const Process& p) { return !p.is_host || (p.alive() && p.host->links_up()); });
    if (!ready) return watch_start();
    around_.world->trace("executors start");
    executors_started_ = true;
    for (Process& process : processes_) {
      if (process.host) process.host->start_executors();
    }
  });
}

void Cluster::kill(size_t index, Nanos away) {
  Process& process = processes_[index];
  CHECK(process.alive());
  around_.world->trace(process.is_host ? "kill host" : "kill manager",
                       process.is_host ? process.slot : static_cast<uint64_t>(process.container));
  if (process.is_host) around_.oracle->host_killed(process.slot);
  end_process(process);
  around_.world->after(away, [this, index] { start_process(index); });
}

void Cluster::pause(size_t index, Nanos time, bool timers_first, bool io_first) {
  Process& process = processes_[index];
  CHECK(process.alive() && !process.paused);
  around_.world->trace(process.is_host ? "pause host" : "pause manager",
                       process.is_host ? process.slot : static_cast<uint64_t>(process.container));
  process.paused = true;
  if (process.is_host) around_.oracle->host_paused(process.slot, time);
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
    if (process.manager) process.manager->set_stale_routes();
  });
}

bool Cluster::quiet() const {
  return std::all_of(processes_.begin(), processes_.end(), [](const Process& process) {
    return process.alive() && !process.paused && (!process.host || (process.host->links_up() && process.host->idle()));
  });
}

std::string Cluster::describe() const {
  std::string text;
  for (size_t i = 0; i < processes_.size(); ++i) {
    const Process& process = processes_[i];
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
