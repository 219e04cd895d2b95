// The other half of root.h: starting and ending the root from outside.
#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "native/base/file.h"
#include "native/container/container_paths.h"
#include "native/container/process_launcher.h"
#include "native/container/root.h"
#include "native/container/session_record.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace {

namespace fs = std::filesystem;

constexpr Nanos kStartPatience = Seconds(15);
constexpr Nanos kKillPatience = Seconds(5);

/// Polls until `done` or the time is over; returns done().
bool wait_for(const std::function<bool()>& done, Nanos timeout) {
  AsioReactor reactor;
  return reactor.run_until(done, timeout);
}

/// The last line of a log, for the error sentence of a start that failed.
std::string last_line(const std::string& file) {
  auto text = read_small_file(file, 64 * 1024 * 1024);
  if (!text.ok() || text->empty()) return "it left no log";
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return text->substr(text->rfind('\n') + 1);
}

std::string describe(const ProcEntry& process) {
  return fmt::format("pid {} {}", process.pid, process.name);
}

std::vector<std::string> describe_all(const std::vector<ProcEntry>& processes) {
  std::vector<std::string> out;
  for (const ProcEntry& process : processes) out.push_back(describe(process));
  return out;
}

/// Without a root nobody hands the wish on: Nimbus and the agents get it directly, and end their processes in order.
void terminate_daemons(const HomePaths& home) {
  std::vector<std::string> files = {home.nimbus_stem() + ".pid"};
  std::error_code error;
  for (fs::recursive_directory_iterator it(home.containers(), error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename() == "agent.pid") files.push_back(it->path().string());
  }
  for (const std::string& file : files) {
    auto process = read_pid_file(file);
    if (!process.ok()) continue;
    auto entry = proc_entry(process->process.pid);
    if (entry && entry->start_time == process->process.start_time) ::kill(entry->pid, SIGTERM);
  }
}

}  // namespace

Result<pid_t> running_root(const std::string& home_dir) {
  const HomePaths home(home_dir);
  if (!FileLock::held(home.root_lock())) return Status(StatusCode::kNotFound, "no root runs for " + home_dir);
  ASSIGN_OR_RETURN(PidFile file, read_pid_file(home.root_pid()));
  return file.process.pid;
}

Result<pid_t> start_root_daemon(const RootOptions& options) {
  const HomePaths home(options.home);
  if (auto running = running_root(options.home); running.ok()) return running;
  RETURN_IF_ERROR(make_directories(home.run()));
  RETURN_IF_ERROR(make_directories(home.logs()));
  std::error_code error;
  ProcessSpec spec;
  const std::string executable =
      options.executable.empty() ? fs::read_symlink("/proc/self/exe", error).string() : options.executable;
  spec.argv = {executable, "root", "--home", options.home, "--executable", executable};
  if (!options.nimbus) spec.argv.push_back("--no-nimbus");
  spec.argv.push_back("--");
  spec.argv.insert(spec.argv.end(), options.nimbus_args.begin(), options.nimbus_args.end());
  for (char** at = environ; *at != nullptr; ++at) spec.env.emplace_back(*at);
  spec.cwd = "/";
  spec.stdout_file = home.logs() + "/root.log";
  spec.new_session = true;
  AsioReactor reactor;
  SystemLauncher launcher(reactor);
  ASSIGN_OR_RETURN(ProcessId root, launcher.spawn(spec, nullptr));
  bool ready = false;
  wait_for(
      [&] {
        auto running = running_root(options.home);
        ready = running.ok() && *running == root.pid;
        return ready || !launcher.alive(root);
      },
      kStartPatience);
  if (ready) return root.pid;
  if (auto other = running_root(options.home); other.ok()) return other;  // two `up` at once: the other one won
  return Status::error(StatusCode::kUnavailable, "the root did not start: {} ({})", last_line(spec.stdout_file),
                       spec.stdout_file);
}

Result<ShutdownReport> shutdown_all(const std::string& home_dir, Nanos timeout) {
  const HomePaths home(home_dir);
  ShutdownReport report;
  const std::vector<SessionRecord> sessions = read_sessions(home.sessions());
  auto root = running_root(home_dir);
  report.root_was_running = root.ok();
  if (root.ok()) {
    if (::kill(*root, SIGTERM) != 0 && errno != ESRCH) return Status::from_errno(errno, "signal the root");
  } else {
    terminate_daemons(home);
  }
  const auto all_ended = [&] { return !FileLock::held(home.root_lock()) && processes_of(sessions).empty(); };
  // With the root gone nobody ends what has lost its agent, so waiting longer for it is of no use.
  const auto root_ended = [&] { return all_ended() || (report.root_was_running && !FileLock::held(home.root_lock())); };
  wait_for(root_ended, timeout);
  wait_for(all_ended, Millis(500));
  for (const ProcEntry& process : processes_of(sessions)) {
    report.killed.push_back(describe(process));
    ::kill(process.pid, SIGKILL);
  }
  wait_for(all_ended, kKillPatience);
  report.left = describe_all(processes_of(sessions));
  if (report.left.empty()) ::unlink(home.sessions().c_str());
  return report;
}

}  // namespace petrel
