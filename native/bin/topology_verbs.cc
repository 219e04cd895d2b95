// topology_verbs: jar, list, kill, activate, deactivate, with Storm's options, exit codes and output.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "Nimbus.h"  // generated
#include "native/base/escape.h"
#include "native/bin/client_files.h"
#include "native/bin/java_launch.h"
#include "native/bin/nimbus_access.h"
#include "native/bin/verbs.h"
#include "storm-compat/nimbus/jar_check.h"

namespace petrel::cli {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> split_commas(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string environment_or_empty(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Conf folders behind the jar on the class path: where Storm looks for the user's, then ours with the logging
/// fallback.
std::vector<std::string> conf_dirs(const std::string& client_dir) {
  std::vector<std::string> dirs;
  const std::string user = environment_or_empty("HOME") + "/.storm";
  const std::string cluster = environment_or_empty("STORM_CONF_DIR");
  std::error_code error;
  if (fs::is_regular_file(user + "/storm.yaml", error)) {
    dirs.push_back(user);
  } else if (!cluster.empty()) {
    dirs.push_back(cluster);
  }
  dirs.push_back(client_dir);
  return dirs;
}

Status check_readable(const std::string& jar, const char* what) {
  if (::access(jar.c_str(), R_OK) != 0) return Status::from_errno(errno, fmt::format("{} {}", what, escape(jar)));
  return Status();
}

Result<JarRun> jar_run(const Call& call) {
  JarRun run;
  const auto environment = SettingsEnvironment::of_process().variable;
  run.jar = call.args.words[0];
  run.main_class = call.args.words[1];
  run.args.assign(call.args.words.begin() + 2, call.args.words.end());
  run.extra_jars = split_commas(call.args.get("--jars"));
  RETURN_IF_ERROR(check_readable(run.jar, "topology jar"));
  // Java would only say that it does not find the main class.
  RETURN_IF_ERROR(check_jar(run.jar).status().with_context("{}", escape(run.jar)));
  for (const std::string& jar : run.extra_jars) RETURN_IF_ERROR(check_readable(jar, "--jars"));
  if (!call.args.get("--artifacts").empty()) {
    return Status::malformed("--artifacts is not supported yet: download the jars of '{}' and give them with --jars",
                             escape(call.args.get("--artifacts")));
  }
  ASSIGN_OR_RETURN(run.java_home, find_java_home(call.settings.java_home, environment));
  const fs::path exe_dir = fs::path(this_executable()).parent_path();
  ASSIGN_OR_RETURN(const fs::path java_dir, find_java_dir(call.settings.java_dir, environment, exe_dir));
  ASSIGN_OR_RETURN(run.storm_jars, jars_of(java_dir / "storm-2.8"));
  ASSIGN_OR_RETURN(run.jvm_options, shell_words(environment_or_empty("STORM_JAR_JVM_OPTS")));
  run.ext_classpath = environment_or_empty("STORM_EXT_CLASSPATH");
  // -c travels as storm.options; the file is shared by all runs and must not depend on one of them.
  ASSIGN_OR_RETURN(const Settings lasting,
                   load_settings(SettingsEnvironment::of_process(), {}, call.args.get("--home")));
  ASSIGN_OR_RETURN(const ClientFiles files, write_client_files(lasting));
  run.storm_options = call.args.all("-c");
  run.conf_file = call.args.has("--config") ? fs::absolute(call.args.get("--config")).string() : files.storm_yaml;
  run.conf_dirs = conf_dirs(files.directory);
  run.storm_home = call.settings.home;
  run.log_dir = call.settings.log_dir;
  return run;
}

int run_jar(const Call& call) {
  const Result<JarRun> run = jar_run(call);
  if (!run.ok()) return fail(call, run.status());
  const std::vector<std::string> command = java_command(*run);
  if (call.as_storm() || call.args.has("--verbose")) {
    fmt::print("Running:");
    for (const std::string& word : command) fmt::print(" {}", word);
    fmt::print("\n");
    std::fflush(stdout);
  }
  return fail(call, become(command));
}

int run_list(const Call& call) {
  std::vector<storm::TopologySummary> topologies;
  const Status status =
      with_nimbus(call, [&](storm::NimbusClient& nimbus) { nimbus.getTopologySummaries(topologies); });
  if (!status.ok()) return fail_like_storm(call, status);
  fmt::print("{}", topologies_table(topologies));
  return 0;
}

int run_kill(const Call& call) {
  storm::KillOptions options;
  if (call.args.has("--wait")) {
    const Result<int> wait = parse_whole("-w", call.args.get("--wait"), 0, INT32_MAX);
    if (!wait.ok()) return fail(call, wait.status());
    options.__set_wait_secs(*wait);
  }
  int failures = 0;
  for (const std::string& name : call.args.words) {
    const Status status =
        with_nimbus(call, [&](storm::NimbusClient& nimbus) { nimbus.killTopologyWithOpts(name, options); });
    if (status.ok()) {
      fmt::print("Killed topology: {}\n", name);
      continue;
    }
    ++failures;
    fail_like_storm(call, status);
    if (!call.args.has("--ignore-errors")) return 1;
  }
  return failures == 0 ? 0 : 1;
}

int change(const Call& call, const char* done, void (storm::NimbusClient::*method)(const std::string&)) {
  const std::string& name = call.args.words[0];
  const Status status = with_nimbus(call, [&](storm::NimbusClient& nimbus) { (nimbus.*method)(name); });
  if (!status.ok()) return fail_like_storm(call, status);
  fmt::print("{} topology: {}\n", done, name);
  return 0;
}
int run_activate(const Call& call) {
  return change(call, "Activated", &storm::NimbusClient::activate);
}
int run_deactivate(const Call& call) {
  return change(call, "Deactivated", &storm::NimbusClient::deactivate);
}

constexpr Flag kJarFlags[] = {
    {"--jars", "A.JAR,B.JAR", "more jars to ship with the topology"},
    {"--artifacts", "LIST", "Maven artifacts to ship (not supported yet)"},
    {"--artifactRepositories", "LIST", "accepted for --artifacts"},
    {"--mavenLocalRepositoryDirectory", "DIR", "accepted for --artifacts"},
    {"--proxyUrl", "URL", "accepted for --artifacts"},
    {"--proxyUsername", "NAME", "accepted for --artifacts"},
    {"--proxyPassword", "WORD", "accepted for --artifacts"},
    {"--storm-server-classpath", nullptr, "accepted without effect: there are no server jars"},
    {"--verbose", nullptr, "print the JVM's command line"},
};
constexpr Flag kKillFlags[] = {
    {"-w,--wait", "SECS", "from stopping the spouts to the end (default: topology.message.timeout.secs)"},
    {"-i,--ignore-errors", nullptr, "go on with the next name after an error"},
};

const Verb kVerbs[] = {
    {.name = "jar",
     .words = "JAR MAIN-CLASS [ARGS...]",
     .summary = "run a topology's main class, which submits it",
     .details = "The main class runs in a JVM with the published storm-client; its exit code is ours. Its own "
                "arguments follow it;\n"
                "options of this command are taken out wherever they stand, as Storm does; `--` ends them.\n"
                "Environment: JAVA_HOME, STORM_CONF_DIR, STORM_JAR_JVM_OPTS, STORM_EXT_CLASSPATH, PETREL_JAVA_DIR.",
     .flags = kJarFlags,
     .min_words = 2,
     .max_words = SIZE_MAX,
     .free_after_words = 2,
     .in_storm = true,
     .run = run_jar},
    {.name = "list",
     .words = "",
     .summary = "list the topologies",
     .details = "",
     .flags = {},
     .in_storm = true,
     .run = run_list},
    {.name = "kill",
     .words = "NAME...",
     .summary = "stop a topology's spouts, wait, and remove it",
     .details = "",
     .flags = kKillFlags,
     .min_words = 1,
     .max_words = SIZE_MAX,
     .in_storm = true,
     .run = run_kill},
    {.name = "activate",
     .words = "NAME",
     .summary = "start the spouts of a deactivated topology",
     .details = "",
     .flags = {},
     .min_words = 1,
     .max_words = 1,
     .in_storm = true,
     .run = run_activate},
    {.name = "deactivate",
     .words = "NAME",
     .summary = "stop the spouts of a topology",
     .details = "",
     .flags = {},
     .min_words = 1,
     .max_words = 1,
     .in_storm = true,
     .run = run_deactivate},
};

}  // namespace

std::span<const Verb> topology_verbs() {
  return kVerbs;
}

}  // namespace petrel::cli
