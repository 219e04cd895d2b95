// cluster_verbs: up, down, status: the cluster of this machine.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "Nimbus.h"  // generated
#include "native/base/clock.h"
#include "native/base/escape.h"
#include "native/base/log.h"
#include "native/bin/nimbus_access.h"
#include "native/bin/verbs.h"
#include "native/container/container_paths.h"
#include "native/container/proc_table.h"
#include "native/container/process_launcher.h"
#include "native/container/root.h"
#include "native/state_store/store_registry.h"
#include "native/state_store/topology_state.h"
#include "native/transport/control_client.h"

namespace petrel::cli {
namespace fs = std::filesystem;
namespace {

constexpr int kStepMs = 50;

bool process_lives(pid_t pid) {
  return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM);
}

/// The process that "<stem>.pid" names, and whether it is still that process: a pid may have a new owner.
struct KnownProcess {
  pid_t pid = 0;  // 0: no file
  bool lives = false;
};

KnownProcess known_process(const std::string& stem) {
  const Result<PidFile> file = read_pid_file(stem + ".pid");
  if (!file.ok()) return {};
  const std::optional<ProcEntry> entry = proc_entry(file->process.pid);
  return {file->process.pid,
          entry && entry->start_time == file->process.start_time && entry->state != 'Z' && entry->state != 'X'};
}

/// A home whose run files we may not read looks like one where nothing runs.
Status check_home_is_ours(const std::string& home) {
  const std::string run = HomePaths(home).run();
  if (::access(run.c_str(), R_OK | W_OK | X_OK) == 0 || errno != EACCES) return Status();
  return Status::error(StatusCode::kIo,
                       "{} may not be read or written by this user; be the user who runs the cluster, or choose "
                       "another home with --home or PETREL_HOME",
                       run);
}

/// Can nobody else listen there? Free, or why not.
Status check_port_free(const std::string& host, int64_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const std::string service = std::to_string(port);
  if (const int error = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &found); error != 0) {
    return Status::malformed("nimbus host '{}': {}; set nimbus.host in petrel.yaml", escape(host),
                             ::gai_strerror(error));
  }
  Status status;
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd, 1) != 0) {
    status = Status::error(StatusCode::kUnavailable,
                           "port {} on {} is taken ({}); end what uses it, or choose another with "
                           "-c nimbus.thrift.port=N",
                           port, host, std::strerror(errno));
  }
  ::close(fd);
  ::freeaddrinfo(found);
  return status;
}

Result<NimbusEndpoint> ask_leader(const Settings& settings) {
  NimbusClientOptions options;
  options.connect_timeout = Millis(500);
  options.call_timeout = Millis(2000);
  options.follow_leader = false;  // this machine's Nimbus is meant, whatever it calls itself
  ASSIGN_OR_RETURN(
      const auto client,
      NimbusClient::connect({{settings.nimbus_host, static_cast<uint16_t>(settings.nimbus_port)}}, options));
  return client->endpoint();
}

/// The last lines of a log, for "it did not start".
std::string log_end(const std::string& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
    if (lines.size() > 5) lines.erase(lines.begin());
  }
  std::string out;
  for (const std::string& line : lines) out += "\n  " + line;
  return out;
}

Status wait_for_nimbus(const Settings& settings, pid_t root) {
  constexpr Nanos kPatience = Seconds(30);
  const Clock& clock = SystemClock::instance();
  const MonoTime deadline = clock.now() + kPatience;
  Status last;
  while (clock.now() < deadline && process_lives(root)) {
    last = ask_leader(settings).status();
    if (last.ok()) return Status();
    pause_ms(kStepMs);
  }
  return Status::error(StatusCode::kTimeout, "Nimbus does not answer at {}:{} ({}). The end of its logs:{}{}",
                       settings.nimbus_host, settings.nimbus_port, last.message(),
                       log_end(settings.home + "/logs/root.log"), log_end(settings.home + "/logs/nimbus.log"));
}

void print_next_steps(const Call& call, pid_t root, bool fresh) {
  const Settings& s = call.settings;
  fmt::print("Petrel {} (pid {}): Nimbus at {}:{}, home {}\n", fresh ? "is up" : "was up already", root, s.nimbus_host,
             s.nimbus_port, s.home);
  fmt::print(
      "Next:\n  petrel jar x.jar Main args   submit a topology\n  petrel list                  what runs\n"
      "  petrel status                containers and processes\n  petrel logs [NAME] -f        follow logs\n"
      "  petrel down                  end everything\n");
}

int run_up(const Call& call) {
  const Settings& settings = call.settings;
  if (const Status ours = check_home_is_ours(settings.home); !ours.ok()) return fail(call, ours);
  std::vector<std::string> nimbus_args = call.passed_on;
  const Result<pid_t> running = running_root(settings.home);
  if (!running.ok()) {
    // A Nimbus that outlived its root keeps the port; the new root adopts it.
    const bool ours = known_process(HomePaths(settings.home).nimbus_stem()).lives;
    if (const Status free = ours ? Status() : check_port_free(settings.nimbus_host, settings.nimbus_port); !free.ok())
      return fail(call, free);
  } else if (call.args.has("--foreground")) {
    return fail(call,
                Status::error(StatusCode::kAlreadyExists, "it runs already (pid {}); `petrel down` ends it", *running));
  }
  if (call.args.has("--foreground")) {
    configure_log(LogLevel::kInfo);
    std::vector<std::string> args = {"--home", settings.home};
    if (!nimbus_args.empty()) args.emplace_back("--");
    args.insert(args.end(), nimbus_args.begin(), nimbus_args.end());
    return root_main(args);
  }
  pid_t root = running.ok() ? *running : 0;
  if (!running.ok()) {
    RootOptions options;
    options.home = settings.home;
    options.executable = this_executable();
    options.nimbus_args = nimbus_args;
    const Result<pid_t> started = start_root_daemon(options);
    if (!started.ok()) return fail(call, started.status());
    root = *started;
  }
  if (const Status answered = wait_for_nimbus(settings, root); !answered.ok()) return fail(call, answered);
  print_next_steps(call, root, !running.ok());
  return 0;
}

int run_down(const Call& call) {
  const Result<int> patience = parse_whole("--timeout", call.args.get("--timeout", "30"), 1, 3600);
  if (!patience.ok()) return fail(call, patience.status());
  if (const Status ours = check_home_is_ours(call.settings.home); !ours.ok()) return fail(call, ours);
  const Result<ShutdownReport> report = shutdown_all(call.settings.home, Seconds(*patience));
  if (!report.ok()) return fail(call, report.status());
  for (const std::string& line : report->killed) fmt::print("killed {}\n", line);
  for (const std::string& line : report->left) fmt::print(stderr, "petrel: still there: {}\n", line);
  if (!report->left.empty()) return 1;
  fmt::print("{}; nothing is left running\n",
             report->root_was_running || !report->killed.empty() ? "Petrel is down" : "Petrel was not up");
  return 0;
}

// --- status ----------------------------------------------------------------------------------------------------------

std::string process_text(const std::string& what, const std::string& stem) {
  const KnownProcess process = known_process(stem);
  if (process.pid == 0) return what + " not running";
  return fmt::format("{} pid {}{}", what, process.pid, process.lives ? "" : " (dead)");
}

/// By the plan: the stream manager may have moved since the spec was written.
void print_container(const HomePaths& home, const proto::ContainerSpec& spec, bool stream_manager) {
  const ContainerPaths paths = ContainerPaths::of(home, spec.topology_id(), spec.container_id());
  std::string line =
      fmt::format("    container {}: {}", spec.container_id(), process_text("agent", paths.agent_stem()));
  if (stream_manager) {
    line += ", " + process_text("stream-manager", paths.process_stem(process_name(proto::PROCESS_STREAM_MANAGER)));
  }
  for (const int kind : spec.processes()) {
    const char* name = process_name(kind);
    if (name != nullptr && kind != proto::PROCESS_STREAM_MANAGER)
      line += ", " + process_text(name, paths.process_stem(name));
  }
  fmt::print("{}\n", line);
}

/// Containers whose stream manager is a process.
std::set<int32_t> stream_manager_processes(const TopologyState& state, const proto::TopologyBase& base) {
  std::set<int32_t> containers;
  const auto plan = state.plan(TopologyId(base.topology_id()));
  if (!plan.ok()) return containers;
  for (const proto::ContainerPlan& container : plan->value.packing().containers()) {
    if (container.stream_manager() == proto::STREAM_MANAGER_PROCESS) containers.insert(container.container_id());
  }
  return containers;
}

/// "MISSING" and who, by container, with the slots when a container has several hosts.
std::string missing_text(const proto::TopologyBase& base, const proto::StatsReply& stats) {
  std::string text;
  for (const int container : stats.missing_containers()) {
    std::string who = "the host";
    for (const proto::ContainerSpec& spec : base.specs()) {
      if (spec.container_id() != container || spec.plan().hosts_size() < 2) continue;
      who.clear();
      for (const proto::HostPlan& host : spec.plan().hosts()) {
        const auto& slots = stats.missing_slots();
        if (std::find(slots.begin(), slots.end(), host.slot()) == slots.end()) continue;
        who += fmt::format("{}{} (slot {})", who.empty() ? "" : " and ",
                           host.kind() == proto::HOST_NATIVE ? "native-host" : "jvm-host", host.slot());
      }
    }
    text += fmt::format(", MISSING: {} of container {}", who, container);
  }
  return text;
}

/// How late the leases came, by the upper ends of their classes; empty before the first.
std::string lease_text(const proto::PairCount& pair) {
  uint64_t all = 0;
  for (const uint64_t count : pair.lease_delays()) all += count;
  if (all == 0) return "";
  uint64_t seen = 0;
  int p99 = -1;
  int worst = 0;
  for (int i = 0; i < pair.lease_delays_size(); ++i) {
    seen += pair.lease_delays(i);
    if (p99 < 0 && seen * 100 >= all * 99) p99 = i;
    if (pair.lease_delays(i) != 0) worst = i;
  }
  const auto milliseconds = [&pair](int i) {
    return i > 0 && i + 1 == pair.lease_delays_size() ? fmt::format(">= {} ms", 1ULL << (i - 1))
                                                      : fmt::format("< {} ms", 1ULL << i);
  };
  return fmt::format("  leases late by: p99 {}, worst {}, in {} s", milliseconds(p99), milliseconds(worst), all);
}

/// What crossed, one line for each ordered pair: container:worker port of both ends, counts, pids of the stream
/// managers.
void print_links(const proto::TopologyBase& base, const proto::StatsReply& stats) {
  std::map<int32_t, int32_t> pids;  // as the topology master knows them, on whatever machine
  for (const proto::StreamManagerPlace& place : stats.stream_managers()) pids[place.container_id()] = place.pid();
  std::map<int32_t, const proto::ContainerSpec*> specs;
  for (const proto::ContainerSpec& spec : base.specs()) specs[spec.container_id()] = &spec;
  for (const proto::PairCount& pair : stats.links()) {
    const auto from = specs.find(pair.from_container());
    const auto to = specs.find(pair.to_container());
    if (from == specs.end() || to == specs.end()) continue;
    fmt::print("    {}:{} -> {}:{}  tuples {}  frames {}  bytes {}  stream-managers {},{}{}\n", from->first,
               from->second->port(), to->first, to->second->port(), pair.tuples(), pair.frames(), pair.bytes(),
               pids[from->first], pids[to->first], lease_text(pair));
  }
  for (const proto::StreamManagerPlace& place : stats.stream_managers()) {
    const bool in_host = place.placement() == proto::STREAM_MANAGER_IN_HOST;
    fmt::print("    stream manager {}: {} pid {} at {}:{}\n", place.container_id(), in_host ? "in_host" : "process",
               place.pid(), place.host().empty() ? "?" : escape(place.host()), place.port());
  }
}

std::string executor_name(const proto::ExecutorStats& executor) {
  return fmt::format("{}[{},{}]", executor.component(), executor.first_task(), executor.last_task());
}

/// What waits at each executor, and how long it had something to do and had to wait itself, by cause.
void print_flow(const proto::StatsReply& stats) {
  std::map<int32_t, std::string> names;
  for (const proto::ExecutorStats& executor : stats.executors()) names[executor.first_task()] = executor_name(executor);
  for (const proto::ExecutorStats& executor : stats.executors()) {
    std::string causes;
    for (const proto::BlockedCause& cause : executor.blocked_by()) {
      const auto name = names.find(cause.first_task());
      causes += fmt::format("{}{} {:.1f} s", causes.empty() ? ": " : ", ",
                            name == names.end() ? "pressure" : name->second, static_cast<double>(cause.ns()) / 1e9);
    }
    fmt::print("    {}  queue {} tuples, {} bytes  blocked {:.1f} s{}\n", executor_name(executor),
               executor.queue_depth(), executor.queue_bytes(), static_cast<double>(executor.blocked_ns()) / 1e9,
               causes);
  }
}

/// What `status` shows beside the usual.
struct Shown {
  bool links = false;
  bool flow = false;
};

void print_master(TopologyState& state, const proto::TopologyBase& base, int64_t now_ms, Shown shown) {
  const TopologyId id(base.topology_id());
  const Result<proto::MasterEndpoint> master = state.master(id);
  if (!master.ok()) {
    fmt::print("    the topology master is not registered: {}\n", master.status().message());
    return;
  }
  const Result<proto::StatsReply> stats =
      request_stats({master->host(), static_cast<uint16_t>(master->port())}, id.get(), base.secret(), Millis(1000));
  if (!stats.ok()) {
    fmt::print("    the topology master does not answer: {}\n", stats.status().message());
    return;
  }
  fmt::print("    plan epoch {}, {} executors have reported, {} host {}{}\n", stats->epoch(), stats->executors_size(),
             stats->host_restarts(), stats->host_restarts() == 1 ? "restart" : "restarts", missing_text(base, *stats));
  for (int i = 0; i < std::min(stats->errors_size(), 3); ++i) {
    const proto::ErrorEntry& error = stats->errors(i);
    fmt::print("    error in {}, {} s ago on port {}: {}\n", error.component(),
               std::max<int64_t>(0, now_ms / 1000 - error.time_s()), error.port(),
               escape(error.text().substr(0, error.text().find('\n'))));
  }
  if (shown.links) print_links(base, *stats);
  if (shown.flow) print_flow(*stats);
}

/// `name` "": any.
bool print_topology(const HomePaths& home, TopologyState& state, const TopologyId& id, const std::string& name,
                    Shown shown) {
  const auto base = state.base(id);
  if (!base.ok()) {
    fmt::print("  {}: {}\n", id.get(), base.status().message());
    return false;
  }
  const proto::TopologyBase& b = base->value;
  if (!name.empty() && b.name() != name) return false;
  const int64_t now_ms = SystemClock::instance().wall_ms();
  std::string status = b.status() == proto::STATUS_ACTIVE     ? "ACTIVE"
                       : b.status() == proto::STATUS_INACTIVE ? "INACTIVE"
                                                              : "KILLED";
  if (b.status() == proto::STATUS_KILLED) {
    status += fmt::format(", gone in {} s", std::max<int64_t>(0, b.kill_deadline_ms() - now_ms) / 1000);
  }
  fmt::print("  {} ({}): {}, {} executors, {} tasks, up {} s\n", b.name(), id.get(), status, b.executors(), b.tasks(),
             (now_ms - b.submitted_ms()) / 1000);
  for (const std::string& warning : b.warnings()) fmt::print("    note: {}\n", escape(warning, 500));
  const std::set<int32_t> processes = stream_manager_processes(state, b);
  for (const proto::ContainerSpec& spec : b.specs()) {
    print_container(home, spec, processes.contains(spec.container_id()));
  }
  if (b.status() != proto::STATUS_KILLED) print_master(state, b, now_ms, shown);
  return true;
}

int run_status(const Call& call) {
  const Settings& settings = call.settings;
  if (const Status ours = check_home_is_ours(settings.home); !ours.ok()) return fail(call, ours);
  const HomePaths home(settings.home);
  const Result<pid_t> root = running_root(settings.home);
  if (root.ok()) {
    fmt::print("root    pid {}, home {}\n", *root, settings.home);
  } else {
    fmt::print("root    not running, home {}; `petrel up` starts it\n", settings.home);
  }
  const Result<NimbusEndpoint> leader = ask_leader(settings);
  fmt::print("nimbus  {}\n", leader.ok() ? fmt::format("answers at {}:{}, {}", leader->host, leader->port,
                                                       process_text("process", home.nimbus_stem()))
                                         : leader.status().message());
  if (!leader.ok() && root.ok() && known_process(home.nimbus_stem()).lives) {
    fmt::print("        but it runs: was `up` given another port with -c? Give the same -c here, or put it into {}\n",
               settings.home + "/petrel.yaml");
  }
  std::error_code error;
  if (fs::is_directory(settings.home + "/state", error)) {
    const Result<std::unique_ptr<StateStore>> store = open_store("file:" + settings.home + "/state", nullptr);
    if (!store.ok()) return fail(call, store.status());
    TopologyState state(**store);
    const Result<std::vector<TopologyId>> ids = state.topologies();
    if (!ids.ok()) return fail(call, ids.status());
    const std::string name = call.args.words.empty() ? "" : call.args.words[0];
    bool found = name.empty();
    if (name.empty()) fmt::print("{} {}\n", ids->size(), ids->size() == 1 ? "topology" : "topologies");
    const Shown shown{call.args.has("--links"), call.args.has("--flow")};
    for (const TopologyId& id : *ids) found |= print_topology(home, state, id, name, shown);
    if (!found) return fail(call, Status::error(StatusCode::kNotFound, "there is no topology '{}'", escape(name)));
  }
  return root.ok() && leader.ok() ? 0 : 1;
}

// --- stream managers -------------------------------------------------------------------------------------------------

Result<proto::TopologyBase> base_of(TopologyState& state, const std::string& name) {
  ASSIGN_OR_RETURN(const TopologyId id, state.id_of(name));
  ASSIGN_OR_RETURN(auto base, state.base(id));
  return base.value;
}

Result<std::vector<int32_t>> place_stream_managers(const Settings& settings, const std::string& name,
                                                   const proto::PlaceStreamManager& request) {
  ASSIGN_OR_RETURN(const std::unique_ptr<StateStore> store, open_store("file:" + settings.home + "/state", nullptr));
  TopologyState state(*store);
  const Result<proto::TopologyBase> base = base_of(state, name);
  if (!base.ok()) return Status::error(StatusCode::kNotFound, "there is no topology '{}'", escape(name));
  const Result<proto::MasterEndpoint> master = state.master(TopologyId(base->topology_id()));
  if (!master.ok()) return master.status().with_context("the topology master is not registered");
  return request_placement({master->host(), static_cast<uint16_t>(master->port())}, base->topology_id(), base->secret(),
                           request, Seconds(10));
}

int run_stream_managers(const Call& call) {
  if (const Status ours = check_home_is_ours(call.settings.home); !ours.ok()) return fail(call, ours);
  const std::string& where = call.args.words[1];
  proto::PlaceStreamManager request;
  if (where == "in_host") request.set_placement(proto::STREAM_MANAGER_IN_HOST);
  if (where == "process") request.set_placement(proto::STREAM_MANAGER_PROCESS);
  if (request.placement() == proto::STREAM_MANAGER_UNSET) {
    return fail(call,
                Status::malformed("'{}' is no place for a stream manager; write in_host or process", escape(where)));
  }
  const Result<int> container = parse_whole("--container", call.args.get("--container", "0"), 0, 1 << 20);
  if (!container.ok()) return fail(call, container.status());
  request.set_container_id(*container);
  const Result<std::vector<int32_t>> moved = place_stream_managers(call.settings, call.args.words[0], request);
  if (!moved.ok()) return fail(call, moved.status());
  for (const int32_t id : *moved) fmt::print("the stream manager of container {} moves: {}\n", id, where);
  if (moved->empty()) fmt::print("nothing moves: {} already\n", where);
  return 0;
}

constexpr Flag kStreamManagersFlags[] = {{"--container", "ID", "only of this container (default: of all)"}};
constexpr Flag kUpFlags[] = {{"--foreground", nullptr, "do not become a daemon; logs go to the terminal"}};
constexpr Flag kDownFlags[] = {{"--timeout", "SECS", "for an orderly end, before processes are killed (default: 30)"}};
constexpr Flag kStatusFlags[] = {
    {"--links", nullptr, "what crossed from each container to each other one"},
    {"--flow", nullptr, "what waits at each executor, and how long it was blocked by whom"},
};

const Verb kVerbs[] = {
    {.name = "up",
     .words = "",
     .summary = "start the cluster of this machine",
     .details = "Starts one daemon, which starts and restarts Nimbus and the containers of topologies that were "
                "running. Does\n"
                "nothing when it is up already. -c and --config are handed to Nimbus.",
     .flags = kUpFlags,
     .run = run_up},
    {.name = "down",
     .words = "",
     .summary = "end everything that `up` started on this machine",
     .details = "Topologies stay known and run again after the next `up`; `kill` removes them.",
     .flags = kDownFlags,
     .run = run_down},
    {.name = "status",
     .words = "[NAME]",
     .summary = "daemons, topologies, containers, processes, and what is missing",
     .details = "Exit code 1 unless the root runs and Nimbus answers.",
     .flags = kStatusFlags,
     .max_words = 1,
     .run = run_status},
    {.name = "stream-managers",
     .words = "NAME in_host|process",
     .summary = "move the stream managers of a running topology into processes of their own, or into the hosts",
     .details = "Nothing is lost and nothing restarts. A container with two hosts keeps its process.",
     .flags = kStreamManagersFlags,
     .min_words = 2,
     .max_words = 2,
     .run = run_stream_managers},
};

}  // namespace

std::span<const Verb> cluster_verbs() {
  return kVerbs;
}

}  // namespace petrel::cli
