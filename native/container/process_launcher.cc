#include "native/container/process_launcher.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <set>

#include "native/base/escape.h"
#include "native/base/file.h"
#include "native/container/proc_table.h"

namespace petrel {
namespace {

int pidfd_open(pid_t pid) {
  return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

/// Everything that the child needs, made before fork: between fork and exec it only makes system calls.
struct ChildPlan {
  std::vector<char*> argv;
  std::vector<char*> env;
  const char* cwd;
  const char* out;
  const char* err;
  const char* pid_file;
  const char* pid_temp;
  const char* note;
  bool new_session;
  int report_fd;  // gets errno and a step letter when the child cannot start
};

[[noreturn]] void child_fails(const ChildPlan& plan, char step) {
  int report[2] = {errno, step};
  [[maybe_unused]] ssize_t n = ::write(plan.report_fd, report, sizeof report);
  ::_exit(127);
}

/// The 22nd field of /proc/self/stat; system calls only.
uint64_t own_start_time() {
  char buffer[1024];
  int fd = ::open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t n = ::read(fd, buffer, sizeof buffer - 1);
  ::close(fd);
  if (n <= 0) return 0;
  return start_time_of_stat({buffer, static_cast<size_t>(n)});
}

char* put_number(char* at, uint64_t value) {
  return std::to_chars(at, at + 20, value).ptr;
}

bool write_own_pid_file(const ChildPlan& plan) {
  char line[256];
  char* at = put_number(line, static_cast<uint64_t>(::getpid()));
  *at++ = ' ';
  at = put_number(at, own_start_time());
  *at++ = ' ';
  const size_t note = std::min(std::strlen(plan.note), size_t{100});
  std::memcpy(at, plan.note, note);
  at += note;
  *at++ = '\n';
  int fd = ::open(plan.pid_temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  const bool written = ::write(fd, line, static_cast<size_t>(at - line)) == at - line;
  ::close(fd);
  return written && ::rename(plan.pid_temp, plan.pid_file) == 0;
}

void redirect(const ChildPlan& plan, const char* file, int target) {
  int fd = ::open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fd < 0 || ::dup2(fd, target) < 0) child_fails(plan, 'o');
}

[[noreturn]] void run_child(const ChildPlan& plan) {
  sigset_t none;
  sigemptyset(&none);
  for (int number = 1; number < 32; ++number) ::signal(number, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (plan.new_session) ::setsid();
  int null = ::open("/dev/null", O_RDONLY);
  if (null < 0 || ::dup2(null, 0) < 0) child_fails(plan, 'o');
  redirect(plan, plan.out, 1);
  redirect(plan, plan.err, 2);
  ::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
  if (plan.cwd[0] != '\0' && ::chdir(plan.cwd) != 0) child_fails(plan, 'c');
  if (plan.pid_file[0] != '\0' && !write_own_pid_file(plan)) child_fails(plan, 'p');
  ::execve(plan.argv[0], plan.argv.data(), plan.env.data());
  child_fails(plan, 'x');
}

const char* step_text(int step) {
  switch (step) {
    case 'o':
      return "open the output files of";
    case 'c':
      return "enter the working directory of";
    case 'p':
      return "write the pid file of";
    default:
      return "execute";
  }
}

ExitStatus from_siginfo(const siginfo_t& info) {
  ExitStatus status;
  if (info.si_code == CLD_EXITED) {
    status.code = info.si_status;
  } else {
    status.signal = info.si_status;
  }
  return status;
}

}  // namespace

std::string ExitStatus::to_string() const {
  if (code) return fmt::format("exit code {}", *code);
  if (signal) return fmt::format("signal {} ({})", *signal, ::strsignal(*signal));
  return "unknown exit status";
}

Result<PidFile> read_pid_file(const std::string& file) {
  ASSIGN_OR_RETURN(std::string text, read_small_file(file, 1024));
  PidFile parsed;
  const char* end = text.data() + text.size();
  auto pid = std::from_chars(text.data(), end, parsed.process.pid);
  if (pid.ec != std::errc() || pid.ptr == end || *pid.ptr != ' ' || parsed.process.pid <= 1) {
    return Status::error(StatusCode::kCorrupt, "{} is not a pid file: '{}'", file, escape(text, 60));
  }
  auto start = std::from_chars(pid.ptr + 1, end, parsed.process.start_time);
  if (start.ec != std::errc() || start.ptr == end) {
    return Status::error(StatusCode::kCorrupt, "{} has no start time: '{}'", file, escape(text, 60));
  }
  if (*start.ptr == ' ') parsed.note = text.substr(static_cast<size_t>(start.ptr + 1 - text.data()));
  while (!parsed.note.empty() && parsed.note.back() == '\n') parsed.note.pop_back();
  return parsed;
}

Status write_pid_file(const std::string& file, const ProcessId& process, const std::string& note) {
  return write_small_file(file, fmt::format("{} {} {}\n", process.pid, process.start_time, note));
}

ProcessId current_process() {
  return {::getpid(), own_start_time()};
}

/// One process that is waited for.
struct SystemLauncher::Watched {
  ProcessId process;
  int pidfd = -1;
  OnExit on_exit;
  ~Watched() {
    if (pidfd >= 0) ::close(pidfd);
  }
};

SystemLauncher::SystemLauncher(Reactor& reactor) : reactor_(reactor) {}
SystemLauncher::~SystemLauncher() = default;

Result<ProcessId> SystemLauncher::spawn(const ProcessSpec& spec, OnExit on_exit) {
  if (spec.argv.empty()) return Status::malformed("a process needs an executable");
  const std::string out = spec.stdout_file.empty() ? "/dev/null" : spec.stdout_file;
  const std::string err = spec.stderr_file.empty() ? out : spec.stderr_file;
  const std::string temp = spec.pid_file + ".tmp";
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) return Status::from_errno(errno, "pipe");
  ChildPlan plan{pointers(spec.argv),   pointers(spec.env), spec.cwd.c_str(),      out.c_str(),      err.c_str(),
                 spec.pid_file.c_str(), temp.c_str(),       spec.pid_note.c_str(), spec.new_session, report[1]};
  const pid_t pid = ::fork();
  if (pid == 0) run_child(plan);
  const int fork_errno = errno;
  ::close(report[1]);
  if (pid < 0) {
    ::close(report[0]);
    return Status::from_errno(fork_errno, "fork");
  }
  // The pipe closes at exec: from then on the pid file is there and the process is what it is to be.
  int failure[2] = {0, 0};
  ssize_t n = 0;
  while ((n = ::read(report[0], failure, sizeof failure)) < 0 && errno == EINTR) {
  }
  ::close(report[0]);
  if (n == sizeof failure) {
    ::waitpid(pid, nullptr, 0);
    return Status::error(StatusCode::kIo, "cannot {} {}: {}", step_text(failure[1]), escape(spec.argv[0]),
                         std::strerror(failure[0]));
  }
  auto watched = std::make_shared<Watched>();
  watched->process.pid = pid;
  auto entry = proc_entry(pid);  // at least a zombie: nobody else reaps it
  if (entry) watched->process.start_time = entry->start_time;
  watched->pidfd = pidfd_open(pid);
  if (watched->pidfd < 0) return Status::from_errno(errno, "pidfd_open");
  watched->on_exit = std::move(on_exit);
  watch(watched);
  return watched->process;
}

Status SystemLauncher::adopt(const ProcessId& process, OnExit on_exit) {
  auto watched = std::make_shared<Watched>();
  watched->process = process;
  watched->pidfd = pidfd_open(process.pid);
  // The start time is compared after the pidfd was opened, so the pidfd is of this process and of no later one.
  if (watched->pidfd < 0 || !alive(process)) {
    return Status::error(StatusCode::kNotFound, "process {} is gone", process.pid);
  }
  watched->on_exit = std::move(on_exit);
  watch(std::move(watched));
  return Status();
}

void SystemLauncher::watch(std::shared_ptr<Watched> watched) {
  watched_[watched->process.pid] = watched;
  reactor_.when_readable(watched->pidfd, [this, weak = std::weak_ptr<Watched>(watched)] {
    auto ended = weak.lock();
    if (!ended) return;
    siginfo_t info{};
    ExitStatus status;
    // Of an adopted process we are not the parent (or became it as subreaper): then there is nothing to reap.
    if (::waitid(P_PIDFD, static_cast<id_t>(ended->pidfd), &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0) {
      status = from_siginfo(info);
    }
    watched_.erase(ended->process.pid);
    if (ended->on_exit) ended->on_exit(status);
  });
}

bool SystemLauncher::alive(const ProcessId& process) const {
  auto entry = proc_entry(process.pid);
  return entry && entry->state != 'Z' && entry->state != 'X' && entry->start_time == process.start_time;
}

Status SystemLauncher::signal(const ProcessId& process, int signal_number) {
  auto found = watched_.find(process.pid);
  int result = -1;
  errno = ESRCH;
  if (found != watched_.end() && found->second->process == process) {
    result = static_cast<int>(::syscall(SYS_pidfd_send_signal, found->second->pidfd, signal_number, nullptr, 0));
  } else if (alive(process)) {
    result = ::kill(process.pid, signal_number);
  }
  if (result == 0) return Status();
  if (errno == ESRCH) return Status::error(StatusCode::kNotFound, "process {} is gone", process.pid);
  return Status::from_errno(errno, fmt::format("signal process {}", process.pid));
}

Status SystemLauncher::become_subreaper() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return Status::from_errno(errno, "become subreaper");
  return Status();
}

size_t SystemLauncher::tend_orphans(int signal_number) {
  size_t living = 0;
  // Who only reaps looks again soon; who signals must not miss anybody.
  for (const ProcEntry& child : signal_number == 0 ? own_children() : children_of(::getpid())) {
    if (watched_.contains(child.pid)) continue;
    if (child.state == 'Z') {
      ::waitpid(child.pid, nullptr, WNOHANG);
      continue;
    }
    ++living;
    if (signal_number != 0) ::kill(child.pid, signal_number);
  }
  return living;
}

}  // namespace petrel
