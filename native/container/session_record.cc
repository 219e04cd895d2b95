#include "native/container/session_record.h"

#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "native/base/file.h"

namespace petrel {
namespace {

constexpr size_t kSessionsMax = 1000;

}  // namespace

std::vector<SessionRecord> read_sessions(const std::string& file) {
  std::vector<SessionRecord> sessions;
  auto text = read_small_file(file, 1024 * 1024);
  if (!text.ok()) return sessions;
  std::istringstream lines(*text);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    SessionRecord record;
    if (fields >> record.session >> record.leader_start_time && record.session > 1) sessions.push_back(record);
  }
  return sessions;
}

Status record_session(const std::string& file, const SessionRecord& session) {
  std::vector<SessionRecord> sessions = read_sessions(file);
  sessions.push_back(session);
  if (sessions.size() > kSessionsMax) sessions.erase(sessions.begin(), sessions.end() - kSessionsMax);
  std::string text;
  for (const SessionRecord& record : sessions) text += fmt::format("{} {}\n", record.session, record.leader_start_time);
  return write_small_file(file, text);
}

std::vector<ProcEntry> select_processes(const std::vector<SessionRecord>& sessions,
                                        const std::vector<ProcEntry>& processes, pid_t own_pid, pid_t own_session) {
  const auto leader_is_stranger = [&](const SessionRecord& record) {
    return std::any_of(processes.begin(), processes.end(), [&](const ProcEntry& process) {
      return process.pid == record.session && process.start_time != record.leader_start_time;
    });
  };
  std::vector<ProcEntry> found;
  for (const ProcEntry& process : processes) {
    if (process.state == 'Z' || process.state == 'X') continue;
    if (process.pid == own_pid || process.session == own_session) continue;
    const bool ours = std::any_of(sessions.begin(), sessions.end(), [&](const SessionRecord& record) {
      return process.session == record.session && process.start_time >= record.leader_start_time &&
             !leader_is_stranger(record);
    });
    if (ours) found.push_back(process);
  }
  return found;
}

std::vector<ProcEntry> processes_of(const std::vector<SessionRecord>& sessions) {
  return select_processes(sessions, all_processes(), ::getpid(), ::getsid(0));
}

}  // namespace petrel
