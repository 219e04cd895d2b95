#include "native/container/supervisor.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "native/base/escape.h"
#include "native/base/file.h"
#include "native/base/log.h"

namespace petrel {
namespace {

const Logger logger("supervisor");

double seconds(Nanos duration) {
  return std::chrono::duration<double>(duration).count();
}

/// What an adopted process left behind: "<code>\n".
std::optional<int> read_exit_file(const std::string& stem) {
  auto text = read_small_file(stem + ".exit", 64);
  if (!text.ok()) return std::nullopt;
  int code = 0;
  auto parsed = std::from_chars(text->data(), text->data() + text->size(), code);
  if (parsed.ec != std::errc()) return std::nullopt;
  return code;
}

uint32_t incarnation_of(const std::string& note) {
  uint32_t value = 0;
  std::from_chars(note.data(), note.data() + note.size(), value);
  return value;
}

}  // namespace

Result<Incarnation> next_incarnation(const std::string& file) {
  uint32_t last = 0;
  auto text = read_small_file(file, 64);
  if (text.ok()) {
    auto parsed = std::from_chars(text->data(), text->data() + text->size(), last);
    if (parsed.ec != std::errc()) {
      return Status::error(StatusCode::kCorrupt, "{} does not hold a number: '{}'", file, escape(*text, 60));
    }
  } else if (text.status().code() != StatusCode::kNotFound) {
    return text.status();
  }
  if (last == UINT32_MAX) return Status::error(StatusCode::kLimit, "{}: no incarnation is left", file);
  RETURN_IF_ERROR(write_small_file(file, fmt::format("{}\n", last + 1)));
  return Incarnation(last + 1);
}

struct Supervisor::Entry {
  SupervisedProcess config;
  ProcessState state;
  uint64_t life = 0;  // counts starts and adoptions, so that a late exit of an earlier life is known as such
  MonoTime since;
  Nanos backoff{};
  Reactor::TimerId restart_timer = 0;
  Reactor::TimerId kill_timer = 0;
  bool removing = false;
  std::vector<std::function<void()>> on_removed;
};

Supervisor::Supervisor(Reactor& reactor, ProcessLauncher& launcher, SupervisorOptions options)
    : reactor_(reactor), launcher_(launcher), options_(options) {}

Supervisor::~Supervisor() {
  *living_ = false;
  for (auto& [name, entry] : entries_) {
    reactor_.cancel(entry->restart_timer);
    reactor_.cancel(entry->kill_timer);
  }
}

void Supervisor::add(SupervisedProcess process) {
  CHECK(!entries_.contains(process.name));
  auto owned = std::make_unique<Entry>();
  Entry& entry = *owned;
  entry.config = std::move(process);
  entry.state.name = entry.config.name;
  entry.backoff = options_.backoff_min;
  entries_.emplace(entry.config.name, std::move(owned));
  if (!adopt(entry)) start(entry);
}

bool Supervisor::adopt(Entry& entry) {
  auto file = read_pid_file(entry.config.stem + ".pid");
  if (!file.ok()) return false;
  const uint64_t life = ++entry.life;
  Status adopted = launcher_.adopt(file->process,
                                   [this, living = living_, name = entry.config.name, life](const ExitStatus& status) {
                                     if (*living) ended(name, life, status);
                                   });
  if (!adopted.ok()) return false;
  entry.state.incarnation = Incarnation(incarnation_of(file->note));
  logger.info("adopted {} pid={} incarnation={}", entry.config.name, file->process.pid, entry.state.incarnation);
  started(entry, file->process);
  return true;
}

Result<ProcessId> Supervisor::spawn(Entry& entry) {
  const std::string& stem = entry.config.stem;
  ASSIGN_OR_RETURN(entry.state.incarnation, next_incarnation(stem + ".incarnation"));
  ::unlink((stem + ".exit").c_str());
  ASSIGN_OR_RETURN(ProcessSpec spec, entry.config.make_spec(entry.state.incarnation));
  spec.pid_file = stem + ".pid";
  spec.pid_note = fmt::format("{}", entry.state.incarnation);
  const uint64_t life = ++entry.life;
  return launcher_.spawn(spec, [this, living = living_, name = entry.config.name, life](const ExitStatus& status) {
    if (*living) ended(name, life, status);
  });
}

void Supervisor::start(Entry& entry) {
  auto process = spawn(entry);
  if (!process.ok()) {
    entry.state.last_exit = process.status().to_string();
    logger.error("cannot start {}: {}", entry.config.name, process.status().message());
    return schedule_restart(entry);
  }
  ++entry.state.starts;
  logger.info("started {} pid={} incarnation={}", entry.config.name, process->pid, entry.state.incarnation);
  started(entry, *process);
}

void Supervisor::started(Entry& entry, const ProcessId& process) {
  entry.state.running = true;
  entry.state.process = process;
  entry.since = reactor_.clock().now();
  if (entry.config.on_started) entry.config.on_started(process);
}

void Supervisor::ended(const std::string& name, uint64_t life, ExitStatus status) {
  auto found = entries_.find(name);
  if (found == entries_.end() || found->second->life != life) return;
  Entry& entry = *found->second;
  if (!status.code && !status.signal) status.code = read_exit_file(entry.config.stem);
  entry.state.running = false;
  entry.state.last_exit = status.to_string();
  const Nanos lived = reactor_.clock().now() - entry.since;
  logger.info("ended {} pid={} incarnation={} after {:.1f} s: {}", name, entry.state.process.pid,
              entry.state.incarnation, seconds(lived), entry.state.last_exit);
  ::unlink((entry.config.stem + ".pid").c_str());
  if (entry.config.on_ended) entry.config.on_ended(status);
  if (entry.removing) return finish_removal(entry);
  if (lived >= options_.reset_after) entry.backoff = options_.backoff_min;
  schedule_restart(entry);
}

void Supervisor::schedule_restart(Entry& entry) {
  if (entry.removing) return finish_removal(entry);
  logger.info("restarting {} in {:.1f} s", entry.config.name, seconds(entry.backoff));
  entry.restart_timer = reactor_.after(entry.backoff, [this, name = entry.config.name] {
    auto found = entries_.find(name);
    if (found == entries_.end()) return;
    found->second->restart_timer = 0;
    start(*found->second);
  });
  entry.backoff = std::min(entry.backoff * 2, options_.backoff_max);
}

void Supervisor::remove(const std::string& name, std::function<void()> done) {
  auto found = entries_.find(name);
  if (found == entries_.end()) return reactor_.post(std::move(done));
  Entry& entry = *found->second;
  entry.on_removed.push_back(std::move(done));
  if (std::exchange(entry.removing, true)) return;
  reactor_.cancel(std::exchange(entry.restart_timer, 0));
  if (!entry.state.running) {
    return reactor_.post([this, living = living_, name] {
      if (!*living) return;
      auto entry_found = entries_.find(name);
      if (entry_found != entries_.end()) finish_removal(*entry_found->second);
    });
  }
  logger.info("ending {} pid={}", name, entry.state.process.pid);
  // A process that is gone shows through its exit callback.
  (void)launcher_.signal(entry.state.process, SIGTERM).ok();
  entry.kill_timer = reactor_.after(options_.grace, [this, name] {
    auto entry_found = entries_.find(name);
    if (entry_found == entries_.end()) return;
    entry_found->second->kill_timer = 0;
    logger.warn("killing {} pid={}: it did not end in {:.1f} s", name, entry_found->second->state.process.pid,
                seconds(options_.grace));
    (void)launcher_.signal(entry_found->second->state.process, SIGKILL).ok();
  });
}

void Supervisor::finish_removal(Entry& entry) {
  reactor_.cancel(entry.kill_timer);
  auto callbacks = std::move(entry.on_removed);
  entries_.erase(std::string(entry.config.name));
  for (auto& callback : callbacks) callback();
}

void Supervisor::remove_all(std::function<void()> done) {
  if (entries_.empty()) return reactor_.post(std::move(done));
  auto left = std::make_shared<size_t>(entries_.size());
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  for (const std::string& name : names) {
    remove(name, [left, done] {
      if (--*left == 0) done();
    });
  }
}

bool Supervisor::has(const std::string& name) const {
  return entries_.contains(name);
}

std::vector<ProcessState> Supervisor::list() const {
  std::vector<ProcessState> states;
  for (const auto& [name, entry] : entries_) states.push_back(entry->state);
  return states;
}

}  // namespace petrel
