// run/sessions: the sessions that this home's roots founded. Everything that a cluster starts runs in one of them, so
// that `petrel down` can end all of it by session and never by name.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "native/base/status.h"
#include "native/container/proc_table.h"

namespace petrel {

struct SessionRecord {
  pid_t session = 0;
  uint64_t leader_start_time = 0;
};

/// Appends; at most 1000 are kept, the newest.
Status record_session(const std::string& file, const SessionRecord& session);
/// Empty when there is no file; lines that are no record are skipped.
std::vector<SessionRecord> read_sessions(const std::string& file);

/// Living processes of these sessions, without this process and its own session. A session id that was reused by a
/// stranger (its leader has another start time, or the process is older than the record) does not count.
std::vector<ProcEntry> processes_of(const std::vector<SessionRecord>& sessions);
std::vector<ProcEntry> select_processes(const std::vector<SessionRecord>& sessions,
                                        const std::vector<ProcEntry>& processes, pid_t own_pid, pid_t own_session);

}  // namespace petrel
