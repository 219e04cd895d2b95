#include "native/container/agent.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "native/base/escape.h"
#include "native/base/file.h"
#include "native/base/log.h"
#include "native/container/container_files.h"
#include "native/container/signals.h"
#include "native/container/supervisor.h"
#include "native/state_store/store_registry.h"
#include "native/state_store/topology_state.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace {

namespace fs = std::filesystem;
const Logger logger("agent");

/// This executable; beside it lie petrel-jvm-host and petrel-native-host.
std::string own_executable() {
  std::error_code error;
  fs::path path = fs::read_symlink("/proc/self/exe", error);
  return path.string();
}

std::vector<std::string> own_environment() {
  std::vector<std::string> env;
  for (char** at = environ; *at != nullptr; ++at) env.emplace_back(*at);
  return env;
}

/// Replaces "K=..." or appends.
void set_variable(std::vector<std::string>& env, const std::string& assignment) {
  const std::string key = assignment.substr(0, assignment.find('=') + 1);
  std::erase_if(env, [&](const std::string& entry) { return entry.starts_with(key); });
  env.push_back(assignment);
}

// As process_name() spells them.
constexpr const char* kTopologyMaster = "topology-master";
constexpr const char* kStreamManager = "stream-manager";
constexpr const char* kNativeHost = "native-host";

/// One agent: Thread: its reactor's loop.
class Agent {
 public:
  /// `store` may be null (tests): then the spec alone says what runs.
  Agent(Reactor& reactor, SystemLauncher& launcher, proto::ContainerSpec spec, std::string spec_file, StateStore* store)
      : reactor_(reactor),
        launcher_(launcher),
        spec_(std::move(spec)),
        spec_file_(std::move(spec_file)),
        paths_(ContainerPaths::of_spec_file(spec_file_)),
        dirs_(spec_),
        conf_(read_container_conf(dirs_.code)),
        store_(store),
        supervisor_(reactor, launcher, options()) {}

  void start() {
    const auto& kinds = spec_.processes();
    const auto& tests = spec_.test_processes();
    stream_manager_wanted_ =
        std::find(kinds.begin(), kinds.end(), proto::PROCESS_STREAM_MANAGER) != kinds.end() ||
        std::any_of(tests.begin(), tests.end(), [](const auto& test) { return test.name() == kStreamManager; });
    if (store_ != nullptr && spec_.container_id() > 0) watch_plan();
    place_stream_manager();
    for (int kind : kinds) {
      if (process_name(kind) != nullptr && kind != proto::PROCESS_STREAM_MANAGER) add(process_name(kind));
    }
    for (const proto::TestProcess& process : tests) {
      if (process.name() != kStreamManager) add(process.name());
    }
    tend();
  }
  /// TERM, grace, KILL, for the processes and then for what they left behind.
  void stop(std::function<void()> done) {
    stopping_ = true;
    plan_watch_.reset();
    supervisor_.remove_all([this, done = std::move(done)] {
      if (const size_t left = launcher_.tend_orphans(SIGKILL); left > 0) logger.warn("killed {} orphans", left);
      done();
    });
  }

 private:
  // The stream manager of a container may move while the topology runs: the stored plan says where it is, and the spec
  // only where it began.
  void watch_plan() {
    TopologyState state(*store_);
    const TopologyId id(spec_.topology_id());
    if (auto plan = state.plan(id); plan.ok()) take_plan(plan->value);
    auto watch = state.watch_plan(id, [this](const Result<proto::PhysicalPlan>& plan) {
      // Without a plan what runs goes on: the topology is being removed, or the record is damaged.
      if (!plan.ok()) return;
      take_plan(*plan);
      place_stream_manager();
    });
    if (!watch.ok()) return logger.warn("cannot watch the plan: {}", watch.status().message());
    plan_watch_ = std::move(watch).value();
  }
  bool process_lives(const std::string& stem) const {
    const auto file = read_pid_file(stem + ".pid");
    return file.ok() && launcher_.alive(file->process);
  }
  void take_plan(const proto::PhysicalPlan& plan) {
    for (const proto::ContainerPlan& container : plan.packing().containers()) {
      if (container.container_id() != spec_.container_id()) continue;
      stream_manager_wanted_ = container.stream_manager() == proto::STREAM_MANAGER_PROCESS;
    }
  }
  void place_stream_manager() {
    if (stopping_ || removing_stream_manager_) return;
    const bool there = supervisor_.has(kStreamManager);
    // One that a predecessor of ours left behind is adopted first.
    const bool left_over = !there && process_lives(paths_.process_stem(kStreamManager));
    if (stream_manager_wanted_ || left_over) {
      if (!there) add(kStreamManager);
    }
    if (stream_manager_wanted_ || !supervisor_.has(kStreamManager)) return;
    logger.info("the stream manager of container {} has moved into its host", spec_.container_id());
    removing_stream_manager_ = true;
    supervisor_.remove(kStreamManager, [this] {
      removing_stream_manager_ = false;
      place_stream_manager();
    });
  }

  SupervisorOptions options() const {
    SupervisorOptions options;
    options.grace = conf_.shutdown_grace;
    return options;
  }
  void add(const std::string& name) {
    SupervisedProcess process;
    process.name = name;
    process.stem = paths_.process_stem(name);
    process.make_spec = [this, name](Incarnation incarnation) { return make_spec(name, incarnation); };
    process.on_started = [this, name](const ProcessId& id) { note_pid(name, id); };
    process.on_ended = [this, name](const ExitStatus&) {
      if (!is_host(name)) return;
      // Children of a dead host (multilang processes) came to us; their parent will not come back.
      if (const size_t left = launcher_.tend_orphans(SIGKILL); left > 0) logger.info("killed {} orphans", left);
    };
    supervisor_.add(std::move(process));
  }
  Result<ProcessSpec> make_spec(const std::string& name, Incarnation incarnation) {
    ProcessSpec process;
    process.env = own_environment();
    const std::string number = fmt::format("{}", incarnation);
    if (is_host(name)) {
      fill_host(name, process);
      process.argv = {fs::path(own_executable()).parent_path().string() + "/petrel-" + name, spec_file_,
                      "--incarnation", number};
    } else {
      process.argv = {own_executable(), name, spec_file_, "--incarnation", number};
      process.stdout_file =
          fmt::format("{}/{}{}.log", dirs_.topology_logs,
                      name == kTopologyMaster ? "" : fmt::format("container-{}-", spec_.container_id()), name);
    }
    for (const proto::TestProcess& test : spec_.test_processes()) {
      if (test.name() == name) process.argv.assign(test.argv().begin(), test.argv().end());
    }
    if (is_worker(name)) clear_pids();
    return process;
  }
  /// User code runs in it: Storm's folder, environment and log files.
  void fill_host(const std::string& name, ProcessSpec& process) const {
    const std::string log = dirs_.artifacts + "/" + (is_worker(name) ? "worker" : name) + ".log";
    process.cwd = dirs_.worker;
    process.stdout_file = log + ".out";
    process.stderr_file = log + ".err";
    const std::string libraries = fmt::format("{0}/resources/Linux-amd64:{0}/resources", dirs_.code);
    const char* inherited = ::getenv("LD_LIBRARY_PATH");
    set_variable(process.env,
                 "LD_LIBRARY_PATH=" + libraries + (inherited != nullptr ? std::string(":") + inherited : ""));
    for (const std::string& assignment : conf_.environment) set_variable(process.env, assignment);
  }
  /// Holds executors; what tests start does too.
  static bool is_host(const std::string& name) { return name != kTopologyMaster && name != kStreamManager; }
  /// The process that Storm's tools take for the worker: the JVM, or the native host where there is no JVM.
  bool is_worker(const std::string& name) const {
    if (name != kNativeHost) return is_host(name);
    const auto& kinds = spec_.processes();
    const auto& tests = spec_.test_processes();
    return std::find(kinds.begin(), kinds.end(), proto::PROCESS_JVM_HOST) == kinds.end() &&
           std::none_of(tests.begin(), tests.end(), [](const auto& test) { return test.name() != kNativeHost; });
  }
  void clear_pids() {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(dirs_.pids, error)) fs::remove(entry.path(), error);
  }
  /// Where Storm's tools look for the pid of a worker.
  void note_pid(const std::string& name, const ProcessId& id) {
    if (!is_worker(name) || spec_.worker_id().empty()) return;
    for (const std::string& file : {dirs_.pids + "/" + std::to_string(id.pid), dirs_.artifacts + "/worker.pid"}) {
      const bool of_pids = file.starts_with(dirs_.pids);
      Status written = write_small_file(file, of_pids ? "" : std::to_string(id.pid), 0640);
      if (!written.ok()) logger.warn("{}", written.message());
    }
  }
  void tend() {
    launcher_.tend_orphans(0);
    reactor_.after(Seconds(1), [this] { tend(); });
  }

  Reactor& reactor_;
  SystemLauncher& launcher_;
  const proto::ContainerSpec spec_;
  const std::string spec_file_;
  const ContainerPaths paths_;
  const SpecDirs dirs_;
  const ContainerConf conf_;
  StateStore* const store_;
  std::unique_ptr<StateWatch> plan_watch_;
  bool stream_manager_wanted_ = false;
  bool removing_stream_manager_ = false;
  bool stopping_ = false;
  Supervisor supervisor_;
};

Status prepare(const proto::ContainerSpec& spec) {
  ASSIGN_OR_RETURN(std::unique_ptr<ArtifactSource> source, open_artifact_source(spec.artifact_source()));
  return prepare_container(spec, *source);
}

int run(const std::string& spec_file) {
  auto spec = load_container_spec(spec_file);
  if (!spec.ok()) {
    logger.error("{}", spec.status().message());
    return 1;
  }
  auto lock = FileLock::take(ContainerPaths::of_spec_file(spec_file).agent_lock());
  if (!lock.ok()) {
    logger.error("{}", lock.status().message());
    return lock.status().code() == StatusCode::kConflict ? 3 : 1;
  }
  logger.info("agent of topology={} container={} pid={}", spec->topology_id(), spec->container_id(), ::getpid());
  if (Status prepared = prepare(*spec); !prepared.ok()) {
    logger.error("cannot prepare the container: {}", prepared.message());
    return 1;
  }
  AsioReactor reactor;
  SystemLauncher launcher(reactor);
  if (Status reaper = launcher.become_subreaper(); !reaper.ok()) logger.warn("{}", reaper.message());
  std::unique_ptr<StateStore> store;
  if (!spec->state_store().empty()) {
    auto opened = open_store(spec->state_store(), &reactor);
    if (!opened.ok()) logger.warn("state store: {}; the spec alone says what runs", opened.status().message());
    if (opened.ok()) store = std::move(opened).value();
  }
  Agent agent(reactor, launcher, *spec, spec_file, store.get());
  bool ending = false;
  Status signals = end_on_signals(reactor, [&](int number) {
    if (std::exchange(ending, true)) return;
    logger.info("ending on signal {}", number);
    agent.stop([&] { reactor.stop(); });
  });
  if (!signals.ok()) logger.warn("{}", signals.message());
  agent.start();
  reactor.run();
  logger.info("ended");
  return 0;
}

}  // namespace

int container_main(const std::vector<std::string>& args) {
  if (args.size() != 1 || args[0].empty() || args[0][0] == '-') {
    fmt::print(stderr, "usage: petrel container <spec file>   (started by petrel up)\n");
    return 2;
  }
  std::error_code error;
  return run(fs::absolute(args[0], error).string());
}

}  // namespace petrel
