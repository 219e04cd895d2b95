// about_verbs: what this is, what it can, and the name `storm`.
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "native/base/escape.h"
#include "native/bin/verbs.h"
#include "storm-compat/nimbus/rpc_table.h"

namespace petrel::cli {
namespace fs = std::filesystem;
namespace {

constexpr Flag kMarkdown[] = {{"--markdown", nullptr, "as the page in docs/"}};

int run_version(const Call&) {
  fmt::print("Storm {}\nPetrel {}\n", kStormVersion, kPetrelVersion);
  return 0;
}

int run_compat(const Call& call) {
  if (call.args.has("--markdown")) {
    fmt::print("{}", storm_compat_markdown());
    return 0;
  }
  for (const RpcRow& row : rpc_table()) fmt::print("{:<36}{:<9}{}\n", row.method, to_string(row.support), row.sentence);
  return 0;
}

int run_config(const Call& call) {
  if (call.args.has("--markdown")) {
    fmt::print("{}", settings_markdown());
    return 0;
  }
  const Settings& s = call.settings;
  fmt::print("home            {}\nnimbus          {}:{}\nstorm.local.dir {}\nstorm.log.dir   {}\n", s.home,
             s.nimbus_host, s.nimbus_port, s.local_dir, s.log_dir);
  for (const std::string& source : s.sources) fmt::print("read            {}\n", source);
  return 0;
}

/// Another `storm` on the PATH that is not this binary, or "".
std::string other_storm(const fs::path& ours) {
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const size_t colon = rest.find(':');
    const fs::path candidate = fs::path(rest.substr(0, colon)) / "storm";
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
    std::error_code error;
    if (fs::exists(candidate, error) && fs::canonical(candidate, error) != ours) return candidate.string();
  }
  return "";
}

int run_install(const Call& call) {
  const fs::path directory = call.args.words[0];
  const fs::path link = directory / "storm";
  const fs::path ours = this_executable();
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    return fail(call, Status::malformed("'{}' is not a folder", escape(directory.string())));
  }
  if (fs::exists(fs::symlink_status(link, error))) {
    if (fs::canonical(link, error) == ours) {
      fmt::print("{} is this Petrel already\n", link.string());
      return 0;
    }
    return fail(call,
                Status::error(StatusCode::kAlreadyExists,
                              "{} exists and is not this Petrel (a real Storm?); it stays as it is", link.string()));
  }
  if (const std::string other = other_storm(ours); !other.empty() && !call.args.has("--beside")) {
    return fail(call, Status::error(StatusCode::kAlreadyExists,
                                    "there is another storm, {}, which this one would shadow or hide behind; "
                                    "--beside installs it all the same",
                                    other));
  }
  fs::create_symlink(ours, link, error);
  if (error) return fail(call, Status::error(StatusCode::kIo, "create {}: {}", link.string(), error.message()));
  fmt::print("{} -> {}\n", link.string(), ours.string());
  return 0;
}

constexpr Flag kInstallFlags[] = {{"--beside", nullptr, "also when the PATH has another storm"}};

const Verb kVerbs[] = {
    {.name = "version",
     .words = "",
     .summary = "print the versions",
     .details = "",
     .flags = {},
     .in_storm = true,
     .run = run_version},
    {.name = "compat",
     .words = "",
     .summary = "which Nimbus calls of Storm are served, and why others are not",
     .details = "",
     .flags = kMarkdown,
     .run = run_compat},
    {.name = "config",
     .words = "",
     .summary = "the settings in effect",
     .details = "",
     .flags = kMarkdown,
     .run = run_config},
    {.name = "install-storm-name",
     .words = "DIR",
     .summary = "put a link `storm` to this binary into DIR",
     .details = "It never replaces a file that is there, and refuses while the PATH has another storm.",
     .flags = kInstallFlags,
     .min_words = 1,
     .max_words = 1,
     .run = run_install},
};

}  // namespace

std::span<const Verb> about_verbs() {
  return kVerbs;
}

}  // namespace petrel::cli
