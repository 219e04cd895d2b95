#include "jvm-bridge/native/jvm_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>

#include "native/base/escape.h"

namespace petrel {
namespace {

constexpr size_t kMaxOptions = 2000;
constexpr size_t kMaxOptionBytes = 32 * 1024;
constexpr std::string_view kBlanks = " \t\r\n\f\v";

// Flags of older JDKs in Storm's default worker.childopts: every worker has them, so a warning would be noise.
constexpr std::array<std::string_view, 7> kStormDefaultFlags = {
    "PrintGCDetails",     "PrintGCDateStamps", "PrintGCTimeStamps",          "UseGCLogFileRotation",
    "NumberOfGCLogFiles", "GCLogFileSize",     "IgnoreUnrecognizedVMOptions"};

// Launcher options whose value is the next word; as a JavaVMOption they are one word with '='.
constexpr std::array<std::string_view, 8> kTwoWordOptions = {
    "--add-opens",     "--add-exports",         "--add-reads",    "--add-modules",
    "--limit-modules", "--upgrade-module-path", "--patch-module", "--enable-native-access"};

// Launcher options with a value that an embedded JVM has no use for.
constexpr std::array<std::string_view, 7> kDroppedWithValue = {"-cp", "-classpath", "--class-path",     "-jar",
                                                               "-m",  "--module",   "--describe-module"};

// Launcher options without a value.
constexpr std::array<std::string_view, 16> kDropped = {"-version",
                                                       "--version",
                                                       "-showversion",
                                                       "--show-version",
                                                       "-help",
                                                       "--help",
                                                       "-h",
                                                       "-?",
                                                       "-X",
                                                       "--help-extra",
                                                       "--list-modules",
                                                       "--dry-run",
                                                       "-fullversion",
                                                       "--full-version",
                                                       "--validate-modules",
                                                       "-Xdiag"};

// Flags by which a user has chosen how the heap is collected or laid out, beside those with a collector's name in them.
constexpr std::array<std::string_view, 22> kMemoryFlags = {"MaxGCPauseMillis",
                                                           "GCTimeRatio",
                                                           "InitiatingHeapOccupancyPercent",
                                                           "NewSize",
                                                           "MaxNewSize",
                                                           "NewRatio",
                                                           "SurvivorRatio",
                                                           "InitialSurvivorRatio",
                                                           "MinSurvivorRatio",
                                                           "TargetSurvivorRatio",
                                                           "MaxTenuringThreshold",
                                                           "InitialTenuringThreshold",
                                                           "MaxHeapSize",
                                                           "InitialHeapSize",
                                                           "MinHeapSize",
                                                           "MaxRAMPercentage",
                                                           "InitialRAMPercentage",
                                                           "InitialRAMFraction",
                                                           "AggressiveHeap",
                                                           "UseAdaptiveSizePolicy",
                                                           "Flags",
                                                           "VMOptionsFile"};

// Between these. Above, a full collection takes seconds on two cores; below, the generations are too small to be fixed.
constexpr int64_t kLeastHeap = int64_t{16} << 20;
constexpr int64_t kSmallHeap = int64_t{1} << 30;
constexpr int64_t kYoungShare = 7;
constexpr unsigned kSerialProcessors = 2;

// Prefixes that the VM itself understands.
constexpr std::array<std::string_view, 13> kVmPrefixes = {
    "-D",  "-X",   "-XX:", "-agentlib:", "-agentpath:",       "-javaagent:",       "-ea",
    "-da", "-esa", "-dsa", "-verbose",   "-enableassertions", "-disableassertions"};

template <size_t N>
bool contains(const std::array<std::string_view, N>& set, std::string_view value) {
  return std::find(set.begin(), set.end(), value) != set.end();
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

std::string substitute(std::string text, const WorkerIdentity& worker, int64_t heap_mb) {
  // %LIMIT-MEM% is heap and off-heap together; nothing of ours is off the heap by plan.
  std::string heap = std::to_string(heap_mb);
  replace_all(text, "%ID%", std::to_string(worker.port));
  replace_all(text, "%WORKER-ID%", worker.worker_id);
  replace_all(text, "%TOPOLOGY-ID%", worker.topology_id);
  replace_all(text, "%WORKER-PORT%", std::to_string(worker.port));
  replace_all(text, "%HEAP-MEM%", heap);
  replace_all(text, "%OFF-HEAP-MEM%", "0");
  replace_all(text, "%LIMIT-MEM%", heap);
  return text;
}

void split_blanks(const std::string& text, std::vector<std::string>& out) {
  size_t at = 0;
  while ((at = text.find_first_not_of(kBlanks, at)) != std::string::npos) {
    size_t end = text.find_first_of(kBlanks, at);
    if (end == std::string::npos) end = text.size();
    out.push_back(text.substr(at, end - at));
    at = end;
  }
}

std::string library_path(const ConfMap& conf, const WorkerIdentity& worker, const std::string& configured) {
  (void)conf;
#if defined(__x86_64__)
  constexpr const char* kArch = "Linux-amd64";
#elif defined(__aarch64__)
  constexpr const char* kArch = "Linux-aarch64";
#else
  constexpr const char* kArch = "Linux-unknown";
#endif
  std::string resources = worker.code_dir + "/resources";
  return resources + "/" + kArch + ":" + resources + (configured.empty() ? "" : ":" + configured);
}

Result<std::string> configured_library_path(const ConfMap& conf) {
  return conf.get_string("java.library.path", "/usr/local/lib:/opt/local/lib:/usr/lib:/usr/lib64");
}

Result<std::vector<std::string>> system_properties(const ConfMap& conf, const WorkerIdentity& worker) {
  ASSIGN_OR_RETURN(std::string sensitivity, conf.get_string("topology.logging.sensitivity", "S3"));
  ASSIGN_OR_RETURN(std::string user_logging, conf.get_string("topology.logging.config", ""));
  ASSIGN_OR_RETURN(std::string artifacts,
                   conf.get_string("storm.workers.artifacts.dir", worker.log_dir + "/workers-artifacts"));
  if (!artifacts.starts_with('/')) artifacts = worker.log_dir + "/" + artifacts;
  std::string logging = "classpath:petrel-worker.xml";
  if (!user_logging.empty()) logging += "," + user_logging;
  return std::vector<std::string>{
      "-Dlogging.sensitivity=" + sensitivity,
      "-Dlogfile.name=worker.log",
      "-Dstorm.home=" + worker.petrel_home,
      "-Dworkers.artifacts=" + artifacts,
      "-Dstorm.id=" + worker.topology_id,
      "-Dworker.id=" + worker.worker_id,
      "-Dworker.port=" + std::to_string(worker.port),
      "-Dstorm.log.dir=" + worker.log_dir,
      "-Dstorm.local.dir=" + worker.local_dir,
      "-Dstorm.conf.file=",
      "-Dstorm.options=",
      "-DLog4jContextSelector=org.apache.logging.log4j.core.selector.BasicContextSelector",
      "-Dlog4j.configurationFile=" + logging,
      "-Djava.io.tmpdir=" + worker.worker_dir + "/tmp",
  };
}

// "-XX:+UseG1GC" -> "UseG1GC", "-XX:MaxRAM=1g" -> "MaxRAM"; empty for anything else.
std::string_view flag_name(std::string_view option) {
  if (!option.starts_with("-XX:")) return {};
  option.remove_prefix(4);
  if (option.starts_with('+') || option.starts_with('-')) option.remove_prefix(1);
  return option.substr(0, option.find_first_of("=:"));
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t up = row[j];
      bool same =
          std::tolower(static_cast<unsigned char>(a[i - 1])) == std::tolower(static_cast<unsigned char>(b[j - 1]));
      row[j] = std::min({up + 1, row[j - 1] + 1, diagonal + (same ? 0 : 1)});
      diagonal = up;
    }
  }
  return row[b.size()];
}

// The known flag within three letters of `name`, or empty.
std::string nearest_flag(std::string_view name, const std::vector<std::string>& all_flags) {
  if (name.size() > 100) return "";
  size_t best = 4;
  std::string found;
  for (const std::string& flag : all_flags) {
    size_t gap = flag.size() > name.size() ? flag.size() - name.size() : name.size() - flag.size();
    if (gap >= best) continue;
    size_t distance = edit_distance(name, flag);
    if (distance < best) {
      best = distance;
      found = flag;
    }
  }
  return found;
}

// -XX:[+-]Flag without value is checked against the VM; these are handled before the flag table, so it lacks them.
bool handled_before_table(std::string_view name) {
  static const std::set<std::string_view> kNames = {"Flags", "VMOptionsFile", "NativeMemoryTracking",
                                                    "IgnoreUnrecognizedVMOptions", "OnError"};
  return kNames.contains(name);
}

}  // namespace

Result<int64_t> heap_mb(const ConfMap& conf, const WorkerIdentity& worker) {
  ASSIGN_OR_RETURN(double topology, conf.get_double("topology.worker.max.heap.size.mb", 768));
  ASSIGN_OR_RETURN(double cluster, conf.get_double("worker.heap.memory.mb", topology));
  double planned = static_cast<double>(worker.memory_bytes) / (1024.0 * 1024.0);
  double megabytes = std::ceil(worker.memory_bytes > 0 ? std::max(planned, topology) : cluster);
  constexpr double kMostMb = 1 << 24;  // 16 TiB
  if (!(megabytes >= 2 && megabytes <= kMostMb)) {
    return Status::malformed(
        "heap of the worker: {} MB is outside 2 .. {}; set topology.worker.max.heap.size.mb or "
        "worker.heap.memory.mb to a number of megabytes",
        megabytes, kMostMb);
  }
  return static_cast<int64_t>(megabytes);
}

Result<std::vector<std::string>> childopts(const ConfMap& conf, std::string_view key, const WorkerIdentity& worker,
                                           int64_t heap_mb) {
  std::vector<std::string> options;
  const ConfValue* value = conf.find(key);
  if (value == nullptr || value->is_null()) return options;
  if (const std::string* text = value->as_string()) {
    split_blanks(substitute(*text, worker, heap_mb), options);
  } else if (const ConfList* list = value->as_list()) {
    for (const ConfValue& item : *list) {
      const std::string* word = item.as_string();
      if (word == nullptr) {
        return Status::malformed("{}: the list holds {}; every item must be a string with one JVM option", key,
                                 item.type_name());
      }
      std::string option = substitute(*word, worker, heap_mb);
      if (option.find_first_not_of(kBlanks) != std::string::npos) options.push_back(std::move(option));
    }
  } else {
    return Status::malformed("{}: {} is not allowed; give a string of JVM options or a list of strings", key,
                             value->type_name());
  }
  if (options.size() > kMaxOptions) {
    return Status::malformed("{}: {} options; at most {} are allowed", key, options.size(), kMaxOptions);
  }
  for (const std::string& option : options) {
    if (option.size() > kMaxOptionBytes) {
      return Status::malformed("{}: the option '{}' has {} bytes; at most {} are allowed", key, escape(option),
                               option.size(), kMaxOptionBytes);
    }
    if (option.find('\0') != std::string::npos) {
      return Status::malformed("{}: the option '{}' holds a NUL byte; remove it", key, escape(option));
    }
  }
  return options;
}

namespace {

// Takes the option at `i`; returns how many words it used.
size_t translate_one(const std::vector<std::string>& options, size_t i, JvmOptions& out) {
  const std::string& option = options[i];
  auto warn = [&](const std::string& sentence) { out.warnings.push_back(sentence); };
  bool has_next = i + 1 < options.size();
  if (contains(kTwoWordOptions, option)) {
    if (!has_next) {
      warn(fmt::format("JVM option '{}' has no value; it is left out", option));
      return 1;
    }
    out.options.push_back(option + "=" + options[i + 1]);
    return 2;
  }
  if (option == "-p" || option == "--module-path") {
    if (has_next) out.options.push_back("--module-path=" + options[i + 1]);
    return has_next ? 2 : 1;
  }
  if (contains(kDroppedWithValue, option)) {
    warn(fmt::format("JVM option '{} {}' is left out: the class path of a worker is Storm's; use topology.classpath",
                     option, has_next ? escape(options[i + 1]) : ""));
    return has_next ? 2 : 1;
  }
  if (option.starts_with("--class-path=") || option.starts_with("-Djava.class.path=")) {
    warn(fmt::format("JVM option '{}' is left out: the class path of a worker is Storm's; use topology.classpath",
                     escape(option)));
    return 1;
  }
  if (option == "-server" || option == "-client" || option == "-d64" || option == "-d32") return 1;
  if (option.starts_with('@')) {
    warn(
        fmt::format("JVM option '{}' is left out: option files are a feature of the java launcher; write the options "
                    "into topology.worker.childopts",
                    escape(option)));
    return 1;
  }
  if (contains(kDropped, option) || option.starts_with("-splash:") || option.starts_with("-XshowSettings")) {
    warn(fmt::format("JVM option '{}' is left out: it belongs to the java launcher", escape(option)));
    return 1;
  }
  bool module_option = option == "--enable-preview" || option == "--illegal-access";
  size_t equals = option.find('=');
  if (option.starts_with("--") && equals != std::string::npos) {
    std::string_view name = std::string_view(option).substr(0, equals);
    module_option = contains(kTwoWordOptions, name) || name == "--module-path" || name == "--illegal-access";
  }
  bool known = module_option;
  for (std::string_view prefix : kVmPrefixes) known = known || option.starts_with(prefix);
  if (!known) {
    warn(fmt::format(
        "JVM option '{}' is left out: the JVM does not know it; options start with -D, -X, -XX:, -agentlib:, "
        "-agentpath:, -javaagent: or --add-...",
        escape(option)));
    return 1;
  }
  out.options.push_back(option);
  return 1;
}

// It names a collector, tunes one, sizes a generation or the first heap, or brings options that are not seen here.
bool chooses_memory(const std::string& option) {
  for (const std::string_view prefix : {"-Xmn", "-Xms", "-Xgc", "@"}) {
    if (option.starts_with(prefix)) return true;
  }
  const std::string_view name = flag_name(option);
  if (name.empty()) return false;
  if (name.starts_with("Use") && name.ends_with("GC")) return true;
  return name.starts_with("G1") || name.starts_with("Z") || name.starts_with("Shenandoah") ||
         contains(kMemoryFlags, name);
}

}  // namespace

void translate_launcher_options(const std::vector<std::string>& options, JvmOptions& out) {
  for (size_t i = 0; i < options.size();) i += translate_one(options, i, out);
}

Result<JvmOptions> worker_jvm_options(const ConfMap& conf, const WorkerIdentity& worker) {
  ASSIGN_OR_RETURN(int64_t heap, heap_mb(conf, worker));
  JvmOptions out;
  out.options.push_back(fmt::format("-Xmx{}m", heap));
  // Strings are encoded by copying their bytes, which only who may look into java.lang gets at (CompactStrings).
  out.options.emplace_back("--add-opens=java.base/java.lang=ALL-UNNAMED");
  ASSIGN_OR_RETURN(std::vector<std::string> properties, system_properties(conf, worker));
  out.options.insert(out.options.end(), properties.begin(), properties.end());
  const ConfValue* own_gc = conf.find("topology.worker.gc.childopts");
  bool topology_gc = own_gc != nullptr && !own_gc->is_null();
  for (std::string_view key :
       {std::string_view("worker.childopts"), std::string_view("topology.worker.childopts"),
        topology_gc ? std::string_view("topology.worker.gc.childopts") : std::string_view("worker.gc.childopts")}) {
    ASSIGN_OR_RETURN(std::vector<std::string> options, childopts(conf, key, worker, heap));
    translate_launcher_options(options, out);
  }
  ASSIGN_OR_RETURN(std::string libraries, configured_library_path(conf));
  out.options.push_back("-Djava.library.path=" + library_path(conf, worker, libraries));
  return out;
}

std::vector<std::string> default_collector(const std::vector<std::string>& options, std::string environment,
                                           unsigned processors) {
  std::erase_if(environment, [](char c) { return c == '"' || c == '\''; });  // the JVM takes them off too
  std::vector<std::string> outside;
  split_blanks(environment, outside);
  if (std::any_of(options.begin(), options.end(), chooses_memory)) return {};
  if (std::any_of(outside.begin(), outside.end(), chooses_memory)) return {};
  if (max_heap_bytes(outside) != 0) return {};
  const int64_t heap = max_heap_bytes(options);
  if (heap < kLeastHeap || heap > kSmallHeap) return {};
  // Without a first heap of ours it may be a small part of a small machine, and the young generation a third of that.
  // Left to adapt, the parallel collector shrinks the survivor spaces to nothing, and what waits in a queue fills the
  // old generation.
  const int64_t young_kb = heap / kYoungShare / 1024;
  std::vector<std::string> out = {fmt::format("-Xms{}k", 2 * young_kb), fmt::format("-XX:NewSize={}k", young_kb),
                                  fmt::format("-XX:MaxNewSize={}k", young_kb)};
  if (processors <= kSerialProcessors) {
    out.emplace_back("-XX:+UseSerialGC");
  } else {
    out.insert(out.end(), {"-XX:+UseParallelGC", "-XX:-UseAdaptiveSizePolicy"});
  }
  return out;
}

int64_t max_heap_bytes(const std::vector<std::string>& options) {
  constexpr std::string_view kOption = "-Xmx";
  int64_t bytes = 0;
  for (const std::string& option : options) {
    if (!option.starts_with(kOption)) continue;
    int64_t value = 0;
    const char* end = option.data() + option.size();
    auto [unit, error] = std::from_chars(option.data() + kOption.size(), end, value);
    if (error != std::errc() || value < 0 || end - unit > 1) continue;
    const std::string_view units = " kmgt";
    const size_t power = unit == end ? 0 : units.find(static_cast<char>(*unit | 0x20), 1);
    if (power == std::string_view::npos || value > (INT64_MAX >> (10 * power))) continue;
    bytes = value << (10 * power);
  }
  return bytes;
}

std::vector<std::string> warn_unknown_flags(const std::vector<std::string>& options,
                                            const std::vector<std::string>& all_flags) {
  std::vector<std::string> warnings;
  if (all_flags.empty()) return warnings;
  std::set<std::string_view> known(all_flags.begin(), all_flags.end());
  for (const std::string& option : options) {
    std::string_view name = flag_name(option);
    if (name.empty() || known.contains(name) || handled_before_table(name) || contains(kStormDefaultFlags, name)) {
      continue;
    }
    std::string near = nearest_flag(name, all_flags);
    warnings.push_back(fmt::format("JVM option '{}' has no effect: this JVM has no such flag{}", escape(option),
                                   near.empty() ? "" : "; did you mean " + near + "?"));
  }
  return warnings;
}

Result<std::vector<std::pair<std::string, std::string>>> worker_environment(const ConfMap& conf,
                                                                            const WorkerIdentity& worker) {
  std::vector<std::pair<std::string, std::string>> out;
  ASSIGN_OR_RETURN(std::string libraries, configured_library_path(conf));
  out.emplace_back("LD_LIBRARY_PATH", library_path(conf, worker, libraries));
  const ConfValue* value = conf.find("topology.environment");
  if (value == nullptr || value->is_null()) return out;
  const ConfMap* map = value->as_map();
  if (map == nullptr) {
    return Status::malformed("topology.environment: {} is not allowed; give a map of names to strings",
                             value->type_name());
  }
  for (const ConfEntry& entry : map->entries()) {
    bool bad_name =
        entry.key.empty() || entry.key.find('=') != std::string::npos || entry.key.find('\0') != std::string::npos;
    if (bad_name) {
      return Status::malformed(
          "topology.environment: '{}' is not a name of an environment variable; it must not be "
          "empty or hold '='",
          escape(entry.key));
    }
    const std::string* text = entry.value.as_string();
    out.emplace_back(entry.key, text != nullptr ? *text : print_json(entry.value));
  }
  return out;
}

}  // namespace petrel
