// log_verbs: the logs of a topology's workers, or of the daemons. Reads files only; no Nimbus is needed.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>

#include "native/base/escape.h"
#include "native/bin/verbs.h"

namespace petrel::cli {
namespace fs = std::filesystem;
namespace {

constexpr int kFollowMs = 200;

/// The counter in "<name>-<counter>-<seconds>", -1 when `id` is not a run of `name`.
int64_t run_of(const std::string& id, const std::string& name) {
  if (id == name) return INT64_MAX;  // a full id was given
  if (!id.starts_with(name + "-")) return -1;
  int64_t counter = -1, seconds = -1;
  const char* end = id.data() + id.size();
  const auto first = std::from_chars(id.data() + name.size() + 1, end, counter);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') return -1;
  const auto second = std::from_chars(first.ptr + 1, end, seconds);
  return second.ec == std::errc() && second.ptr == end ? counter : -1;
}

/// Log files of the newest run of a topology.
Result<std::vector<fs::path>> topology_logs(const Settings& settings, const std::string& name) {
  const fs::path root = fs::path(settings.log_dir) / "workers-artifacts";
  fs::path newest;
  int64_t newest_run = -1;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root, error)) {
    const int64_t run = run_of(entry.path().filename().string(), name);
    if (run > newest_run) {
      newest_run = run;
      newest = entry.path();
    }
  }
  if (newest.empty()) {
    return Status::error(StatusCode::kNotFound, "no logs of '{}' below {}; `petrel list` shows the topologies",
                         escape(name), root.string());
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(newest, error)) {
    const fs::path& path = entry.path();
    const std::string file = path.filename().string();
    const bool log = file == "worker.log.err" || file == "worker.log.out" ||
                     (path.extension() == ".log" && file != "gc.log");  // of the JVM's, not of the topology's
    if (entry.is_regular_file(error) && log) files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// Where the last `lines` lines of the file begin.
int64_t tail_offset(const fs::path& file, int lines) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  int64_t at = in ? static_cast<int64_t>(in.tellg()) : 0;
  int seen = 0;
  char block[4096];
  while (at > 0) {
    const int64_t n = std::min<int64_t>(at, sizeof block);
    at -= n;
    in.seekg(at);
    in.read(block, n);
    for (int64_t i = n - 1; i >= 0; --i) {
      if (block[i] == '\n' && seen++ == lines) return at + i + 1;
    }
  }
  return 0;
}

/// Prints from `offset` to the end; returns the new offset. A file that shrank was rolled: it is read from its start.
int64_t print_from(const fs::path& file, int64_t offset) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return offset;
  if (static_cast<int64_t>(in.tellg()) < offset) offset = 0;
  in.seekg(offset);
  char block[65536];
  while (in.read(block, sizeof block) || in.gcount() > 0) {
    std::fwrite(block, 1, static_cast<size_t>(in.gcount()), stdout);
    offset += in.gcount();
  }
  std::fflush(stdout);
  return offset;
}

int run_logs(const Call& call) {
  const Result<int> lines = parse_whole("-n", call.args.get("--lines", "40"), 0, 1'000'000);
  if (!lines.ok()) return fail(call, lines.status());
  std::vector<fs::path> files = {fs::path(call.settings.home) / "logs/root.log",
                                 fs::path(call.settings.home) / "logs/nimbus.log"};
  if (!call.args.words.empty()) {
    Result<std::vector<fs::path>> found = topology_logs(call.settings, call.args.words[0]);
    if (!found.ok()) return fail(call, found.status());
    files = std::move(found).value();
  }
  std::map<fs::path, int64_t> offsets;
  for (const fs::path& file : files) {
    std::error_code error;
    if (fs::file_size(file, error) == 0 || error) continue;
    fmt::print("==> {} <==\n", file.string());
    offsets[file] = print_from(file, tail_offset(file, *lines));
  }
  if (offsets.empty())
    fmt::print("nothing is written yet in {}\n",
               files.empty() ? call.settings.log_dir : files[0].parent_path().string());
  fs::path last = offsets.empty() ? fs::path() : offsets.rbegin()->first;
  while (call.args.has("--follow")) {  // until a signal ends us
    pause_ms(kFollowMs);
    for (const fs::path& file : files) {
      int64_t& offset = offsets[file];
      std::error_code error;
      const auto size = static_cast<int64_t>(fs::file_size(file, error));
      if (error || size == offset) continue;
      if (file != last) fmt::print("==> {} <==\n", file.string());
      last = file;
      offset = print_from(file, offset);
    }
  }
  return 0;
}

constexpr Flag kFlags[] = {
    {"-f,--follow", nullptr, "go on printing what is added"},
    {"-n,--lines", "N", "of each file (default: 40)"},
};

const Verb kVerbs[] = {
    {.name = "logs",
     .words = "[NAME]",
     .summary = "the end of a topology's logs, or of the daemons' without a name",
     .details = "NAME is a topology's name (its newest run) or a full topology id. gc.log is left out.",
     .flags = kFlags,
     .max_words = 1,
     .run = run_logs},
};

}  // namespace

std::span<const Verb> log_verbs() {
  return kVerbs;
}

}  // namespace petrel::cli
