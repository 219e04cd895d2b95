#include "native/config/settings.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "native/base/escape.h"
#include "native/config/option.h"
#include "native/config/topology_settings.h"

namespace petrel {
namespace {

using SettingsOption = Option<Settings>;

std::span<const SettingsOption> settings_options() {
  static const SettingsOption options[] = {
      {"petrel.home", "", &Settings::home, "", 0, 0, "",
       "State, logs and run files of this machine. Default: $PETREL_HOME, else ~/.petrel."},
      {"nimbus.host", "nimbus.seeds", &Settings::nimbus_host, "localhost", 0, 0, "",
       "Where Nimbus listens and what it calls itself. Loopback unless set. Of nimbus.seeds the first entry counts."},
      {"nimbus.thrift.port", "nimbus.thrift.port", &Settings::nimbus_port, "6627", 0, 65535, "port",
       "Nimbus Thrift port; 0 takes a free one."},
      {"petrel.nimbus.allow.remote", "", &Settings::nimbus_allow_remote, "false", 0, 0, "",
       "Whether other machines may call Nimbus. There is no authentication yet: whoever may call can run code here."},
      {"nimbus.max.frame.bytes", "", &Settings::nimbus_max_frame_bytes, "67108864", 1024, 2147483647, "bytes",
       "Largest request that Nimbus reads."},
      {"nimbus.max.connections", "", &Settings::nimbus_max_connections, "1024", 1, 65535, "",
       "Connections that Nimbus holds at once."},
      {"nimbus.upload.expiration.secs", "nimbus.file.copy.expiration.secs", &Settings::upload_expiry_s, "600", 1, 86400,
       "s", "An upload without a new chunk for so long is dropped."},
      {"nimbus.upload.max.bytes", "", &Settings::upload_max_bytes, "2147483648", 1, INT64_MAX, "bytes", "Largest jar."},
      {"nimbus.upload.quota.bytes", "", &Settings::upload_quota_bytes, "8589934592", 1, INT64_MAX, "bytes",
       "All unfinished uploads together."},
      {"supervisor.slots.ports", "supervisor.slots.ports", &Settings::slots_ports, "[6700, 6701, 6702, 6703]", 1, 65535,
       "port", "Slots: one container each."},
      {"java.home", "", &Settings::java_home, "", 0, 0, "",
       "JDK of hosts and of `jar`. Default: $JAVA_HOME, else the newest JDK from 17 up."},
      {"petrel.java.dir", "", &Settings::java_dir, "", 0, 0, "",
       "Folder with host/ and storm-2.8/. Default: $PETREL_JAVA_DIR, else beside the binary."},
      {"storm.local.dir", "storm.local.dir", &Settings::local_dir, "", 0, 0, "",
       "Code and working folders of workers. Default: <petrel.home>/local."},
      {"storm.log.dir", "storm.log.dir", &Settings::log_dir, "", 0, 0, "",
       "Logs in Storm's layout. Default: <petrel.home>/logs."},
      {"supervisor.worker.shutdown.sleep.secs", "supervisor.worker.shutdown.sleep.secs",
       &Settings::worker_shutdown_sleep_s, "3", 0, 3600, "s", "Between the request to end and SIGKILL."},
      {"petrel.bind.address", "", &Settings::bind_address, "127.0.0.1", 0, 0, "",
       "Where the stream managers of new topologies listen for other containers: one IP address of this machine, by "
       "which the others reach it. Peers prove the secret of the topology; what travels is not encrypted."},
  };
  return options;
}

Result<std::string> read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Status::from_errno(errno, "open " + path);
  std::string text;
  const size_t limit = ConfLimits().bytes + 1;
  char buffer[65536];
  while (text.size() < limit && (in.read(buffer, sizeof(buffer)) || in.gcount() > 0)) {
    text.append(buffer, static_cast<size_t>(in.gcount()));
  }
  return text;
}

bool exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

std::string variable_or(const SettingsEnvironment& environment, const std::string& name, const std::string& fallback) {
  std::optional<std::string> value = environment.variable(name);
  return value && !value->empty() ? *value : fallback;
}

/// "" when there is none.
std::string find_storm_yaml(const SettingsEnvironment& environment) {
  for (const auto& [name, suffix] : {std::pair{"STORM_CONF_DIR", "/storm.yaml"},
                                     {"STORM_HOME", "/conf/storm.yaml"},
                                     {"HOME", "/.storm/storm.yaml"}}) {
    std::string folder = variable_or(environment, name, "");
    if (!folder.empty() && exists(folder + suffix)) return folder + suffix;
  }
  return "";
}

std::string find_petrel_yaml(const SettingsEnvironment& environment, const std::string& home, Status* status) {
  std::string named = variable_or(environment, "PETREL_CONF", "");
  if (!named.empty()) {
    if (!exists(named))
      *status = Status::error(StatusCode::kNotFound, "PETREL_CONF names {}, which is not a file", escape(named));
    return named;
  }
  for (const std::string& path : {home + "/petrel.yaml", environment.working_dir + "/petrel.yaml"}) {
    if (exists(path)) return path;
  }
  return "";
}

/// One source over the settings and into the cluster conf.
Status apply(const ConfMap& conf, const std::string& source, Settings* settings) {
  for (const SettingsOption& option : settings_options()) {
    Status status = load_option(option, conf, settings);
    if (!status.ok()) return status.with_context("{}", source);
  }
  settings->cluster_conf = merge(std::move(settings->cluster_conf), conf);
  settings->sources.push_back(source);
  return Status();
}

Status apply_file(const std::string& path, Settings* settings) {
  ASSIGN_OR_RETURN(std::string text, read_text(path));
  ASSIGN_OR_RETURN(ConfMap conf, parse_yaml_map(text, path));
  return apply(conf, path, settings);
}

/// A relative or `~` path becomes absolute, so that daemons with another working folder agree on it.
std::string absolute(const SettingsEnvironment& environment, std::string path) {
  if (path.rfind("~/", 0) == 0) path = variable_or(environment, "HOME", "") + path.substr(1);
  return (std::filesystem::path(environment.working_dir) / path).lexically_normal().string();
}

}  // namespace

SettingsEnvironment SettingsEnvironment::of_process() {
  SettingsEnvironment environment;
  environment.variable = [](const std::string& name) -> std::optional<std::string> {
    if (const char* value = std::getenv(name.c_str()); value != nullptr) return std::string(value);
    // As a shell's ~: services often start without HOME, and the working folder is no home.
    const passwd* user = name == "HOME" ? ::getpwuid(::getuid()) : nullptr;
    if (user == nullptr || user->pw_dir == nullptr) return std::nullopt;
    return std::string(user->pw_dir);
  };
  std::error_code error;
  std::filesystem::path current = std::filesystem::current_path(error);
  environment.working_dir = error ? "/" : current.string();
  return environment;
}

Result<Settings> load_settings(const SettingsEnvironment& environment,
                               const std::vector<std::pair<std::string, std::string>>& overrides,
                               const std::string& home) {
  Settings settings;
  RETURN_IF_ERROR(load_option_defaults(settings_options(), &settings));
  std::string default_home =
      variable_or(environment, "PETREL_HOME", variable_or(environment, "HOME", environment.working_dir) + "/.petrel");
  settings.home = home.empty() ? default_home : home;

  std::string storm_yaml = find_storm_yaml(environment);
  if (!storm_yaml.empty()) RETURN_IF_ERROR(apply_file(storm_yaml, &settings));
  Status found;
  std::string petrel_yaml = find_petrel_yaml(environment, absolute(environment, settings.home), &found);
  RETURN_IF_ERROR(found);
  if (!petrel_yaml.empty()) RETURN_IF_ERROR(apply_file(petrel_yaml, &settings));
  if (!overrides.empty()) {
    ConfMap conf;
    for (const auto& [key, text] : overrides) {
      Result<ConfValue> value = parse_json(text);
      conf.set(key, value.ok() ? *value : ConfValue(text));
    }
    RETURN_IF_ERROR(apply(conf, "-c", &settings));
  }
  if (!home.empty()) settings.home = home;

  settings.home = absolute(environment, settings.home);
  settings.local_dir =
      settings.local_dir.empty() ? settings.home + "/local" : absolute(environment, settings.local_dir);
  settings.log_dir = settings.log_dir.empty() ? settings.home + "/logs" : absolute(environment, settings.log_dir);
  return settings;
}

std::string settings_markdown() {
  std::string out =
      "# Settings\n\n"
      "Later wins: the defaults below; `storm.yaml` from `$STORM_CONF_DIR`, else `$STORM_HOME/conf`, else `~/.storm`; "
      "`petrel.yaml` (`$PETREL_CONF`, else `$PETREL_HOME/petrel.yaml`, else `./petrel.yaml`); `-c key=value`.\n"
      "Both files are YAML. Keys of Storm that are not in this table go into the cluster conf, as in Storm.\n\n"
      "| option | in storm.yaml | default | bounds | what it is |\n|---|---|---|---|---|\n";
  for (const SettingsOption& option : settings_options()) {
    bool number = !std::holds_alternative<std::string Settings::*>(option.member) &&
                  !std::holds_alternative<bool Settings::*>(option.member);
    std::string unit = *option.unit == '\0' ? "" : fmt::format(" {}", option.unit);
    std::string bounds = number ? fmt::format("{} to {}{}", option.min, option.max, unit) : "";
    std::string storm = *option.storm_key == '\0' ? "" : fmt::format("`{}`", option.storm_key);
    std::string fallback = *option.fallback == '\0' ? "" : fmt::format("`{}`", option.fallback);
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", option.name, storm, fallback, bounds, option.doc);
  }
  return out + topology_settings_markdown();
}

}  // namespace petrel
