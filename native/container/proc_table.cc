#include "native/container/proc_table.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "native/base/file.h"

namespace petrel {
namespace {

constexpr size_t kStatBytes = 4096;  // 52 numbers and a name
constexpr size_t kChildrenBytes = 1U << 20;

/// Field `n` (from 1, as proc(5) counts) of what follows the name; fields are split by one blank.
std::string_view field_after_name(std::string_view rest, int n) {
  for (int field = 3; field < n; ++field) {
    const size_t blank = rest.find(' ');
    if (blank == std::string_view::npos) return {};
    rest.remove_prefix(blank + 1);
  }
  return rest.substr(0, rest.find_first_of(" \n"));
}

std::string_view after_name(std::string_view text) {
  const size_t close = text.rfind(") ");
  return close == std::string_view::npos ? std::string_view() : text.substr(close + 2);
}

template <typename T>
T number(std::string_view text) {
  T value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

uint64_t start_time_of_stat(std::string_view text) {
  return number<uint64_t>(field_after_name(after_name(text), 22));
}

std::optional<ProcEntry> parse_stat(std::string_view text) {
  const size_t open = text.find(" (");
  const std::string_view rest = after_name(text);
  if (open == std::string_view::npos || rest.empty()) return std::nullopt;
  ProcEntry entry;
  entry.pid = number<pid_t>(text.substr(0, open));
  entry.name = text.substr(open + 2, text.rfind(") ") - open - 2);
  entry.state = rest[0];
  entry.parent = number<pid_t>(field_after_name(rest, 4));
  entry.session = number<pid_t>(field_after_name(rest, 6));
  entry.start_time = start_time_of_stat(text);
  if (entry.pid <= 0 || entry.start_time == 0) return std::nullopt;
  return entry;
}

std::optional<ProcEntry> read_stat(const std::string& file) {
  const Result<std::string> text = read_small_file(file, kStatBytes);
  return text.ok() ? parse_stat(*text) : std::nullopt;
}

std::optional<ProcEntry> proc_entry(pid_t pid) {
  return read_stat("/proc/" + std::to_string(pid) + "/stat");
}

std::vector<ProcEntry> all_processes() {
  std::vector<ProcEntry> entries;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const pid_t pid = number<pid_t>(at->path().filename().string());
    if (pid <= 0) continue;
    if (auto found = proc_entry(pid)) entries.push_back(std::move(*found));
  }
  return entries;
}

std::vector<ProcEntry> children_of(pid_t parent) {
  std::vector<ProcEntry> entries = all_processes();
  std::erase_if(entries, [parent](const ProcEntry& entry) { return entry.parent != parent; });
  return entries;
}

std::vector<ProcEntry> own_children() {
  std::vector<ProcEntry> entries;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc/self/task", error), end; !error && at != end;
       at.increment(error)) {
    const Result<std::string> pids = read_small_file(at->path().string() + "/children", kChildrenBytes);
    if (!pids.ok() && std::filesystem::exists(at->path())) return children_of(::getpid());
    for (std::string_view left = pids.ok() ? std::string_view(*pids) : std::string_view(); !left.empty();) {
      const size_t blank = std::min(left.find(' '), left.size());
      if (auto found = proc_entry(number<pid_t>(left.substr(0, blank)))) entries.push_back(std::move(*found));
      left.remove_prefix(std::min(blank + 1, left.size()));
    }
  }
  return entries;
}

}  // namespace petrel
