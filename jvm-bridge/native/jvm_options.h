// The options of the embedded JVM: what Storm's supervisor would have put on the worker's command line, turned into
// JavaVMOption strings. Pure functions: no file is read here.
//
// Order (the last one wins in a JVM, so the user's value beats ours): our heap size and stack defaults, Storm's system
// properties, worker.childopts, topology.worker.childopts, gc childopts, then what nobody may change (class path,
// java.library.path, as Storm puts it last).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "native/base/status.h"
#include "native/config/conf_value.h"

namespace petrel {

/// Who the worker is and where its folders are. Paths are absolute.
struct WorkerIdentity {
  std::string topology_id;
  std::string worker_id;
  int32_t port = 0;
  std::string petrel_home;   // Storm's storm.home
  std::string local_dir;     // storm.local.dir
  std::string log_dir;       // storm.log.dir
  std::string worker_dir;    // current directory of the host: artifacts/, resources/, tmp/
  std::string code_dir;      // stormdist/<id>
  int64_t memory_bytes = 0;  // of the container in the packing plan; 0 = nothing asked
};

struct JvmOptions {
  std::vector<std::string> options;   // for JNI_CreateJavaVM, without the class path
  std::vector<std::string> warnings;  // one sentence each, for the log
};

/// Heap of the worker in MB when childopts do not say: the container's memory of the plan, at least
/// topology.worker.max.heap.size.mb (one container holds what Storm spreads over several workers); without a plan
/// worker.heap.memory.mb.
Result<int64_t> heap_mb(const ConfMap& conf, const WorkerIdentity& worker);

/// A string is split at white space, a list is taken item by item (Storm's rules); blanks vanish; %...% is replaced.
/// kMalformed: neither string nor list of strings, NUL inside, more than 2,000 options or 32 KiB in one.
Result<std::vector<std::string>> childopts(const ConfMap& conf, std::string_view key, const WorkerIdentity& worker,
                                           int64_t heap_mb);

/// Launcher options do not exist for an embedded JVM: two-word module options become one word, the class path and jar
/// options, -server, -version and the like are left out, each with a warning (-server silently).
void translate_launcher_options(const std::vector<std::string>& options, JvmOptions& out);

/// Everything of the head comment. `java_heap_given` options such as -Xmx in childopts win over our default.
Result<JvmOptions> worker_jvm_options(const ConfMap& conf, const WorkerIdentity& worker);

/// The collector of a heap of 16 MB to a gigabyte, where neither `options` nor `environment` (what a JVM reads from
/// JAVA_TOOL_OPTIONS and the like) chooses one, tunes one or sizes a generation or the first heap; else empty. To be
/// put before `options`. `processors`: how many this process may use, 0 if that is not known
/// (docs/decisions/collector-of-small-heaps.md).
std::vector<std::string> default_collector(const std::vector<std::string>& options, std::string environment,
                                           unsigned processors);

/// What the last -Xmx says; 0 when there is none that can be read.
int64_t max_heap_bytes(const std::vector<std::string>& options);

/// One warning for each -XX option whose name `known` denies, with the nearest known name from `all` when one is near.
/// Options that Storm's own default childopts hold (flags of older JDKs) are not reported.
std::vector<std::string> warn_unknown_flags(const std::vector<std::string>& options,
                                            const std::vector<std::string>& all_flags);

/// topology.environment as NAME=value pairs plus LD_LIBRARY_PATH, as Storm gives them to a worker.
Result<std::vector<std::pair<std::string, std::string>>> worker_environment(const ConfMap& conf,
                                                                            const WorkerIdentity& worker);

}  // namespace petrel
