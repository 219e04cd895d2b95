#include "native/container/root.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <map>
#include <set>

#include "native/base/escape.h"
#include "native/base/file.h"
#include "native/base/log.h"
#include "native/container/container_files.h"
#include "native/container/container_paths.h"
#include "native/container/proc_table.h"
#include "native/container/session_record.h"
#include "native/container/signals.h"
#include "native/container/supervisor.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace {

namespace fs = std::filesystem;
const Logger logger("root");

constexpr Nanos kReconcileEvery = Millis(200);
constexpr Nanos kAgentGrace = Seconds(65);    // above the longest grace that an agent gives its processes
constexpr Nanos kLeftoverGrace = Seconds(5);  // for processes whose agent is dead

std::string own_executable() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).string();
}

std::vector<std::string> own_environment() {
  std::vector<std::string> env;
  for (char** at = environ; *at != nullptr; ++at) env.emplace_back(*at);
  return env;
}

/// Specs by "<topology id>/<container>".
using Specs = std::map<std::string, proto::ContainerSpec>;

Specs read_specs(const std::string& directory, const std::string& leaf, std::set<std::string>& bad) {
  Specs specs;
  std::error_code error;
  for (const auto& topology : fs::directory_iterator(directory, error)) {
    const std::string id = topology.path().filename();
    if (id.starts_with('.')) continue;
    std::error_code inner;
    for (const auto& entry : fs::directory_iterator(topology.path(), inner)) {
      const bool is_dir = !leaf.empty();
      if (!is_dir && entry.path().extension() != ".spec") continue;
      const std::string file = is_dir ? entry.path().string() + "/" + leaf : entry.path().string();
      const std::string key = id + "/" + entry.path().stem().string();
      auto spec = load_container_spec(file);
      if (spec.ok() && key == fmt::format("{}/{}", spec->topology_id(), spec->container_id())) {
        specs[key] = std::move(spec).value();
        bad.erase(file);
      } else if (spec.status().code() != StatusCode::kNotFound && bad.insert(file).second) {
        logger.error("ignored {}: {}", file, spec.ok() ? "it lies under another name" : spec.status().message());
      }
    }
  }
  return specs;
}

/// Thread: its reactor's loop.
class Root {
 public:
  Root(Reactor& reactor, SystemLauncher& launcher, RootOptions options)
      : reactor_(reactor),
        launcher_(launcher),
        options_(std::move(options)),
        home_(options_.home),
        supervisor_(reactor, launcher, supervisor_options()) {}

  void start() {
    if (options_.nimbus) add_nimbus();
    reconcile();
    tend();
  }
  void stop(std::function<void()> done) {
    reactor_.cancel(reconcile_timer_);
    stopping_ = true;
    supervisor_.remove_all([this, done = std::move(done)] { end_orphans(50, done); });
  }

 private:
  static SupervisorOptions supervisor_options() {
    SupervisorOptions options;
    options.grace = kAgentGrace;
    return options;
  }
  void add_nimbus() {
    SupervisedProcess process;
    process.name = "nimbus";
    process.stem = home_.nimbus_stem();
    process.make_spec = [this](Incarnation) -> Result<ProcessSpec> {
      ProcessSpec spec;
      spec.argv = {options_.executable, "nimbus", "--home", options_.home};
      spec.argv.insert(spec.argv.end(), options_.nimbus_args.begin(), options_.nimbus_args.end());
      spec.env = own_environment();
      spec.stdout_file = home_.logs() + "/nimbus.log";
      return spec;
    };
    supervisor_.add(std::move(process));
  }
  /// Brings what runs in line with run/desired.
  void reconcile() {
    reconcile_timer_ = reactor_.after(kReconcileEvery, [this] { reconcile(); });
    const Specs desired = read_specs(home_.desired(), "", bad_);
    const Specs known = read_specs(home_.containers(), "container.spec", bad_);
    for (const auto& [key, spec] : desired) {
      if (busy_.contains(key)) continue;
      auto running = known.find(key);
      const bool same = running != known.end() && running->second.generation() == spec.generation();
      if (same && supervisor_.has(key)) continue;
      if (running != known.end() && !same) {
        end_agent(key, running->second, false);
      } else {
        start_agent(key, spec);
      }
    }
    for (const auto& [key, spec] : known) {
      if (!desired.contains(key) && !busy_.contains(key)) end_agent(key, spec, true);
    }
  }
  void start_agent(const std::string& key, const proto::ContainerSpec& spec) {
    const ContainerPaths paths = ContainerPaths::of(home_, spec.topology_id(), spec.container_id());
    Status made = make_directories(paths.run_dir);
    if (made.ok()) made = make_directories(SpecDirs(spec).topology_logs, 0750);
    if (made.ok()) made = write_small_file(paths.spec_file(), spec.SerializeAsString());
    if (!made.ok()) {
      if (bad_.insert(key).second) logger.error("cannot start the agent of {}: {}", key, made.message());
      return;
    }
    bad_.erase(key);
    add_agent(key, spec);
  }
  void add_agent(const std::string& key, const proto::ContainerSpec& spec) {
    const ContainerPaths paths = ContainerPaths::of(home_, spec.topology_id(), spec.container_id());
    SupervisedProcess process;
    process.name = key;
    process.stem = paths.agent_stem();
    process.make_spec = [this, paths,
                         log = fmt::format("{}/container-{}.log", SpecDirs(spec).topology_logs, spec.container_id())](
                            Incarnation) -> Result<ProcessSpec> {
      ProcessSpec agent;
      agent.argv = {options_.executable, "container", paths.spec_file()};
      agent.env = own_environment();
      agent.stdout_file = log;
      return agent;
    };
    supervisor_.add(std::move(process));
  }
  /// Ends the agent, which ends its processes; then those that an agent did not live to end. `for_good`: the files go
  /// too; else the next reconcile() starts the container anew.
  void end_agent(const std::string& key, const proto::ContainerSpec& spec, bool for_good) {
    busy_.insert(key);
    const ContainerPaths paths = ContainerPaths::of(home_, spec.topology_id(), spec.container_id());
    auto agent = read_pid_file(paths.agent_stem() + ".pid");
    if (!supervisor_.has(key) && agent.ok() && launcher_.alive(agent->process)) add_agent(key, spec);  // adopts it
    supervisor_.remove(key, [this, key, spec, for_good] {
      end_leftovers(key, spec, for_good, reactor_.clock().now() + kLeftoverGrace, SIGTERM);
    });
  }
  void end_leftovers(const std::string& key, const proto::ContainerSpec& spec, bool for_good, MonoTime kill_at,
                     int signal_number) {
    const ContainerPaths paths = ContainerPaths::of(home_, spec.topology_id(), spec.container_id());
    size_t living = 0;
    std::error_code error;
    if (reactor_.clock().now() >= kill_at) signal_number = SIGKILL;
    for (const auto& entry : fs::directory_iterator(paths.run_dir, error)) {
      if (entry.path().extension() != ".pid") continue;
      auto process = read_pid_file(entry.path().string());
      if (!process.ok() || !launcher_.alive(process->process)) continue;
      ++living;
      if (signal_number == 0) continue;
      logger.info("ending leftover {} pid={} of {}", entry.path().stem().string(), process->process.pid, key);
      (void)launcher_.signal(process->process, signal_number).ok();  // gone meanwhile: seen next time
    }
    if (living == 0) return ended(key, spec, paths, for_good);
    reactor_.after(Millis(100),
                   [this, key, spec, for_good, kill_at] { end_leftovers(key, spec, for_good, kill_at, 0); });
  }
  void ended(const std::string& key, const proto::ContainerSpec& spec, const ContainerPaths& paths, bool for_good) {
    busy_.erase(key);
    std::error_code error;
    if (!for_good) {  // the next generation is written by start_agent
      fs::remove(paths.spec_file(), error);
      return;
    }
    fs::remove_all(paths.run_dir, error);
    fs::path topology = fs::path(paths.run_dir).parent_path();
    const bool last = fs::is_empty(topology, error) && fs::remove(topology, error);
    Status removed = remove_container_files(spec, last);
    if (!removed.ok()) logger.warn("{}", removed.message());
    logger.info("removed container {}", key);
  }
  /// Orphans come to us when an agent dies and its processes live on, so they are only reaped here, never ended.
  void tend() {
    launcher_.tend_orphans(0);
    reactor_.after(Seconds(1), [this] { tend(); });
  }
  void end_orphans(int tries, const std::function<void()>& done) {
    const size_t living = launcher_.tend_orphans(tries > 10 ? SIGTERM : SIGKILL);
    if (living == 0 || tries == 0) return done();
    reactor_.after(Millis(100), [this, tries, done] { end_orphans(tries - 1, done); });
  }

  Reactor& reactor_;
  SystemLauncher& launcher_;
  const RootOptions options_;
  const HomePaths home_;
  Supervisor supervisor_;
  std::set<std::string> busy_;  // ending
  std::set<std::string> bad_;   // complained about
  Reactor::TimerId reconcile_timer_ = 0;
  bool stopping_ = false;
};

Result<RootOptions> parse_args(const std::vector<std::string>& args) {
  RootOptions options;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--") {
      options.nimbus_args.assign(args.begin() + static_cast<std::ptrdiff_t>(i) + 1, args.end());
      break;
    }
    if (args[i] == "--no-nimbus") {
      options.nimbus = false;
    } else if (args[i] == "--home" && i + 1 < args.size()) {
      options.home = args[++i];
    } else if (args[i] == "--executable" && i + 1 < args.size()) {
      options.executable = args[++i];
    } else {
      return Status::malformed("argument '{}' is unknown or lacks its value", escape(args[i]));
    }
  }
  if (options.home.empty() || options.home[0] != '/') return Status::malformed("--home must be an absolute path");
  if (options.executable.empty()) options.executable = own_executable();
  return options;
}

/// The session is what `petrel down` ends, so it must be ours alone. The leader of a shell's job cannot found one: its
/// child does, and the parent waits for it and hands signals on. Returns in the process that goes on.
Status found_session() {
  if (::getsid(0) == ::getpid() || ::setsid() >= 0) return Status();
  sigset_t set;
  sigemptyset(&set);
  for (int number : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&set, number);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  const pid_t child = ::fork();
  if (child < 0) return Status::from_errno(errno, "fork");
  if (child == 0) {
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
    return ::setsid() >= 0 ? Status() : Status::from_errno(errno, "found a session");
  }
  for (;;) {
    int number = 0;
    ::sigwait(&set, &number);
    int status = 0;
    if (number != SIGCHLD) ::kill(child, SIGTERM);
    if (number == SIGCHLD && ::waitpid(child, &status, WNOHANG) == child) {
      ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
  }
}

Status write_root_files(const HomePaths& home) {
  const ProcessId self = current_process();
  RETURN_IF_ERROR(record_session(home.sessions(), {self.pid, self.start_time}));
  return write_pid_file(home.root_pid(), self, "");
}

int fail(const Status& status) {
  logger.error("{}", status.message());
  return status.code() == StatusCode::kConflict ? 3 : 1;
}

}  // namespace

int root_main(const std::vector<std::string>& args) {
  auto options = parse_args(args);
  if (!options.ok()) {
    fmt::print(stderr, "petrel root: {}\nusage: petrel root --home DIR [--no-nimbus] [-- nimbus arguments]\n",
               options.status().message());
    return 2;
  }
  const HomePaths home(options->home);
  if (Status founded = found_session(); !founded.ok()) return fail(founded);
  for (const std::string& directory : {home.desired(), home.containers(), home.logs()}) {
    if (Status made = make_directories(directory); !made.ok()) return fail(made);
  }
  auto lock = FileLock::take(home.root_lock());
  if (!lock.ok()) return fail(lock.status());
  if (Status written = write_root_files(home); !written.ok()) return fail(written);
  logger.info("root of {} pid={}", home.home, ::getpid());
  AsioReactor reactor;
  SystemLauncher launcher(reactor);
  if (Status reaper = launcher.become_subreaper(); !reaper.ok()) logger.warn("{}", reaper.message());
  Root root(reactor, launcher, *options);
  bool ending = false;
  Status signals = end_on_signals(reactor, [&](int number) {
    if (std::exchange(ending, true)) return;
    logger.info("ending on signal {}", number);
    root.stop([&] { reactor.stop(); });
  });
  if (!signals.ok()) return fail(signals);
  root.start();
  reactor.run();
  ::unlink(home.root_pid().c_str());
  logger.info("ended");
  return 0;
}

}  // namespace petrel
