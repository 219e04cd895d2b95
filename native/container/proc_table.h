// The kernel's table of processes, read from /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace petrel {

struct ProcEntry {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  char state = '?';         // 'Z' zombie, 'X' dead
  uint64_t start_time = 0;  // ticks since boot
  std::string name;         // at most 15 bytes
};

/// nullopt when there is no such process.
std::optional<ProcEntry> proc_entry(pid_t pid);
std::vector<ProcEntry> all_processes();
std::vector<ProcEntry> children_of(pid_t parent);
/// Our own, by the kernel's list of them: it costs little where the table has hundreds of processes. One that comes or
/// ends meanwhile may be missing. From the table where the kernel keeps no such list.
std::vector<ProcEntry> own_children();

/// The same from a stat file; nullopt too when its process ends between open and read.
std::optional<ProcEntry> read_stat(const std::string& file);

/// The text of /proc/<pid>/stat; nullopt when it is none. The name may hold blanks and parentheses.
std::optional<ProcEntry> parse_stat(std::string_view text);
/// Only the start time, without allocating; 0 when the text is no stat line.
uint64_t start_time_of_stat(std::string_view text);

}  // namespace petrel
