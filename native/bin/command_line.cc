#include <fmt/format.h>
#include <poll.h>
#include <thrift/TOutput.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "native/base/escape.h"
#include "native/bin/verbs.h"

namespace petrel::cli {
namespace {

constexpr Flag kCommonFlags[] = {
    {"--home", "DIR", "state, logs and run files (default: $PETREL_HOME, else ~/.petrel)"},
    {"-c", "KEY=VALUE", "override a setting; may be repeated"},
    {"--config", "FILE", "a storm.yaml to use instead of the one that Storm would find"},
    {"-h,--help", nullptr, "this text"},
};

std::vector<const Verb*> all_verbs(bool storm) {
  std::vector<const Verb*> verbs;
  for (const auto group : {cluster_verbs(), topology_verbs(), log_verbs(), about_verbs(), daemon_verbs()}) {
    for (const Verb& verb : group) {
      if (!storm || verb.in_storm) verbs.push_back(&verb);
    }
  }
  return verbs;
}

// Storm's other commands, so that the answer is a reason and not "unknown".
constexpr const char* kNotYet[] = {"rebalance",
                                   "monitor",
                                   "local",
                                   "blobstore",
                                   "upload-credentials",
                                   "set_log_level",
                                   "get-errors",
                                   "drpc-client",
                                   "sql",
                                   "shell",
                                   "repl",
                                   "admin",
                                   "heartbeats",
                                   "kill_workers",
                                   "node-health-check",
                                   "dev-zookeeper",
                                   "localconfvalue",
                                   "remoteconfvalue",
                                   "classpath",
                                   "server_classpath",
                                   "ui",
                                   "logviewer",
                                   "drpc",
                                   "pacemaker"};

std::string overview(const std::string& program) {
  const bool storm = program == "storm";
  std::string out = storm ? "storm (Petrel): Storm's commands against a Petrel cluster\n\n"
                          : "petrel: runs Apache Storm topologies on a native engine\n\n";
  out += fmt::format("Usage: {} VERB [options] [arguments]\n\n", program);
  for (const Verb* verb : all_verbs(storm)) {
    if (verb->run != nullptr) out += fmt::format("  {:<20}{}\n", verb->name, verb->summary);
  }
  return out + fmt::format("\n`{} VERB --help` says more about one of them.\n", program);
}

std::string verb_help(const std::string& program, const Verb& verb) {
  std::string out = fmt::format("Usage: {} {} [options]{}{}\n\n{}\n", program, verb.name,
                                *verb.words == '\0' ? "" : " ", verb.words, verb.summary);
  if (*verb.details != '\0') out += fmt::format("\n{}\n", verb.details);
  std::vector<Flag> flags(verb.flags.begin(), verb.flags.end());
  flags.insert(flags.end(), std::begin(kCommonFlags), std::end(kCommonFlags));
  return out + "\nOptions:\n" + flags_help(flags);
}

int usage_error(const std::string& program, const std::string& sentence) {
  fmt::print(stderr, "{}: {}\n", program, sentence);
  return 2;
}

int unknown_verb(const std::string& program, const std::string& word) {
  const bool storm = program == "storm";
  if (storm && (word == "nimbus" || word == "supervisor")) {
    fmt::print(stderr, "storm: '{}' is not a daemon to start by itself here: `petrel up` starts the cluster\n", word);
    return 1;
  }
  for (const char* name : kNotYet) {
    if (storm && word == name) {
      fmt::print(stderr, "storm: '{}' is not supported by Petrel yet; `storm help` lists what is\n", word);
      return 1;
    }
  }
  std::vector<std::string> names{"help"};
  for (const Verb* verb : all_verbs(storm)) names.emplace_back(verb->name);
  const std::string near = nearest(word, names);
  return usage_error(program, fmt::format("unknown verb '{}'{}", escape(word),
                                          near.empty() ? fmt::format("; `{} help` lists them", program)
                                                       : fmt::format("; did you mean `{} {}`?", program, near)));
}

/// A file named by --config counts like a storm.yaml, below -c.
Result<std::vector<std::pair<std::string, std::string>>> overrides_of(const Parsed& args) {
  std::vector<std::pair<std::string, std::string>> overrides;
  if (args.has("--config")) {
    const std::string path = args.get("--config");
    std::ifstream in(path, std::ios::binary);
    if (!in) return Status::from_errno(errno, "open --config " + escape(path));
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    ASSIGN_OR_RETURN(const ConfMap conf, parse_yaml_map(text, path));
    for (const ConfEntry& entry : conf.entries()) overrides.emplace_back(entry.key, print_json(entry.value));
  }
  ASSIGN_OR_RETURN(const auto given, split_overrides(args.all("-c")));
  overrides.insert(overrides.end(), given.begin(), given.end());
  return overrides;
}

Status load(Call& call) {
  ASSIGN_OR_RETURN(const auto overrides, overrides_of(call.args));
  ASSIGN_OR_RETURN(call.settings, load_settings(SettingsEnvironment::of_process(), overrides, call.args.get("--home")));
  for (const std::string& value : call.args.all("-c")) {
    call.passed_on.emplace_back("-c");
    call.passed_on.push_back(value);
  }
  if (call.args.has("--config")) {
    call.passed_on.emplace_back("--config");
    call.passed_on.push_back(std::filesystem::absolute(call.args.get("--config")).string());
  }
  return Status();
}

int run_verb(const std::string& program, const Verb& verb, const std::vector<std::string>& args) {
  std::vector<Flag> flags(verb.flags.begin(), verb.flags.end());
  flags.insert(flags.end(), std::begin(kCommonFlags), std::end(kCommonFlags));
  Call call;
  call.program = program;
  Result<Parsed> parsed = parse_args(flags, args, verb.free_after_words);
  if (!parsed.ok()) return usage_error(program, parsed.status().message());
  call.args = std::move(parsed).value();
  if (call.args.has("--help")) {
    fmt::print("{}", verb_help(program, verb));
    return 0;
  }
  const size_t words = call.args.words.size();
  if (words < verb.min_words || words > verb.max_words) {
    return usage_error(program, fmt::format("{} takes {}, and {} given; `{} {} --help` says more", verb.name,
                                            *verb.words == '\0' ? "no arguments" : verb.words,
                                            words == 1 ? "1 was" : fmt::format("{} were", words), program, verb.name));
  }
  if (const Status loaded = load(call); !loaded.ok()) return fail(call, loaded);
  return verb.run(call);
}

}  // namespace

int fail(const Call& call, const Status& status) {
  fmt::print(stderr, "{}: {}\n", call.program, status.message());
  return 1;
}

std::string this_executable() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

void pause_ms(int ms) {
  ::poll(nullptr, 0, ms);
}

int run_command_line(const std::string& program, const std::vector<std::string>& args) {
  // The Thrift library prints what it also reports; say things once.
  apache::thrift::GlobalOutput.setOutputFunction([](const char*) {});
  if (args.empty()) {
    fmt::print(stderr, "{}", overview(program));
    return program == "storm" ? 1 : 2;
  }
  const std::string& word = args[0];
  const std::vector<std::string> rest(args.begin() + 1, args.end());
  const std::vector<const Verb*> verbs = all_verbs(program == "storm");
  const auto find = [&](const std::string& name) -> const Verb* {
    for (const Verb* verb : verbs) {
      if (name == verb->name) return verb;
    }
    return nullptr;
  };
  if (word == "help" || word == "--help" || word == "-h") {
    const Verb* verb = rest.empty() ? nullptr : find(rest[0]);
    if (!rest.empty() && (verb == nullptr || verb->run == nullptr)) return unknown_verb(program, rest[0]);
    fmt::print("{}", verb == nullptr ? overview(program) : verb_help(program, *verb));
    return 0;
  }
  const Verb* verb = find(word == "--version" ? "version" : word);
  if (verb == nullptr) return unknown_verb(program, word);
  return verb->run_raw != nullptr ? verb->run_raw(rest) : run_verb(program, *verb, rest);
}

}  // namespace petrel::cli
