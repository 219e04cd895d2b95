#include "tests/sim/sim_workers.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <sstream>
#include <string>
#include <type_traits>

#include "native/base/check.h"

namespace petrel::sim {
namespace {

/// What a worker sends, before the failure and the "sometimes" points.
struct Head {
  uint64_t seed = 0;
  uint64_t trace_hash = 0;
  uint64_t events = 0;
  int64_t simulated_ms = 0;
  Oracle::Counts counts;
  uint64_t counted = 0;
  uint64_t failure_bytes = 0;
  uint64_t reached_bytes = 0;
};
static_assert(std::is_trivially_copyable_v<Head>);

bool read_all(int fd, void* to, size_t bytes) {
  auto* at = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t n = ::read(fd, at, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n;
    bytes -= static_cast<size_t>(n);
  }
  return true;
}

bool write_all(int fd, const void* from, size_t bytes) {
  const auto* at = static_cast<const char*>(from);
  while (bytes > 0) {
    const ssize_t n = ::send(fd, at, bytes, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n;
    bytes -= static_cast<size_t>(n);
  }
  return true;
}

bool write_result(int fd, const ScheduleResult& result) {
  std::string reached;
  for (const auto& [point, times] : result.reached) reached += fmt::format("{} {}\n", times, point);
  Head head;
  head.seed = result.seed;
  head.trace_hash = result.trace_hash;
  head.events = result.events;
  head.simulated_ms = result.simulated_ms;
  head.counts = result.counts;
  head.counted = result.counted ? 1 : 0;
  head.failure_bytes = result.failure.size();
  head.reached_bytes = reached.size();
  return write_all(fd, &head, sizeof(head)) && write_all(fd, result.failure.data(), result.failure.size()) &&
         write_all(fd, reached.data(), reached.size());
}

bool read_result(int fd, ScheduleResult& result) {
  Head head;
  if (!read_all(fd, &head, sizeof(head))) return false;
  result.seed = head.seed;
  result.trace_hash = head.trace_hash;
  result.events = head.events;
  result.simulated_ms = head.simulated_ms;
  result.counts = head.counts;
  result.counted = head.counted != 0;
  result.failure.resize(head.failure_bytes);
  std::string reached(head.reached_bytes, '\0');
  if (!read_all(fd, result.failure.data(), result.failure.size())) return false;
  if (!read_all(fd, reached.data(), reached.size())) return false;
  std::istringstream lines(reached);
  uint64_t times = 0;
  std::string point;
  while (lines >> times && std::getline(lines >> std::ws, point)) result.reached[point] = times;
  return true;
}

}  // namespace

SimWorkers::SimWorkers(unsigned jobs, const ScheduleOptions& options, Schedule schedule)
    : options_(options), schedule_(schedule), workers_(std::max(1U, jobs)) {
  for (Worker& worker : workers_) fork_worker(worker);
}

SimWorkers::~SimWorkers() {
  for (const Worker& worker : workers_) ::close(worker.fd);
  for (const Worker& worker : workers_) ::waitpid(worker.pid, nullptr, 0);
}

void SimWorkers::fork_worker(Worker& worker) {
  int ends[2];
  CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  std::fflush(stdout);
  worker.pid = ::fork();
  CHECK(worker.pid >= 0);
  if (worker.pid == 0) {
    ::close(ends[0]);
    // The end of those that the parent talks to must be seen when the parent ends.
    for (const Worker& other : workers_) {
      if (&other != &worker && other.fd >= 0) ::close(other.fd);
    }
    work(ends[1]);
  }
  ::close(ends[1]);
  worker.fd = ends[0];
  worker.busy = false;
}

void SimWorkers::work(int fd) const {
  uint64_t seed = 0;
  while (read_all(fd, &seed, sizeof(seed)) && write_result(fd, schedule_(seed, options_))) {
  }
  ::_exit(0);
}

bool SimWorkers::start(uint64_t seed) {
  const auto idle = std::find_if(workers_.begin(), workers_.end(), [](const Worker& worker) { return !worker.busy; });
  if (idle == workers_.end()) return false;
  idle->busy = true;
  idle->seed = seed;
  // When it has died meanwhile, wait() finds that.
  [[maybe_unused]] const bool sent = write_all(idle->fd, &seed, sizeof(seed));
  return true;
}

size_t SimWorkers::running() const {
  return static_cast<size_t>(
      std::count_if(workers_.begin(), workers_.end(), [](const Worker& worker) { return worker.busy; }));
}

ScheduleResult SimWorkers::wait() {
  CHECK(running() > 0);
  std::vector<pollfd> polled;
  for (const Worker& worker : workers_) polled.push_back({worker.busy ? worker.fd : -1, POLLIN, 0});
  while (::poll(polled.data(), polled.size(), -1) < 0) CHECK(errno == EINTR);
  const auto ready =
      std::find_if(polled.begin(), polled.end(), [](const pollfd& one) { return one.fd >= 0 && one.revents != 0; });
  CHECK(ready != polled.end());
  return take(workers_[static_cast<size_t>(ready - polled.begin())]);
}

ScheduleResult SimWorkers::take(Worker& worker) {
  ScheduleResult result;
  worker.busy = false;
  if (read_result(worker.fd, result)) return result;
  int status = 0;
  CHECK(::waitpid(worker.pid, &status, 0) == worker.pid);
  ::close(worker.fd);
  ScheduleResult failed;
  failed.seed = worker.seed;
  failed.failure = WIFSIGNALED(status) ? fmt::format("its process died of signal {}", WTERMSIG(status))
                                       : fmt::format("its process ended with code {}", WEXITSTATUS(status));
  fork_worker(worker);
  return failed;
}

}  // namespace petrel::sim
