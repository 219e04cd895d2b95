#include "native/container/container_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "native/base/escape.h"
#include "native/base/file.h"
#include "native/base/log.h"
#include "native/container/zip_extract.h"

namespace petrel {
namespace {

namespace fs = std::filesystem;
const Logger logger("container");

constexpr const char* kJar = "stormjar.jar";
constexpr const char* kConf = "stormconf.json";
constexpr size_t kConfBytesMax = 64 * 1024 * 1024;
constexpr size_t kEnvironmentMax = 1000;

Status io(const std::string& what, const std::error_code& error) {
  return Status::error(StatusCode::kIo, "{}: {}", what, error.message());
}

Status fetch_all(const proto::ContainerSpec& spec, ArtifactSource& source, const std::string& directory) {
  for (const proto::Artifact& artifact : spec.artifacts()) {
    Status fetched = source.fetch(artifact.digest(), directory + "/" + artifact.name());
    if (!fetched.ok()) return fetched.with_context("fetch {}", escape(artifact.name()));
  }
  RETURN_IF_ERROR(make_directories(directory + "/resources"));
  if (!fs::exists(directory + "/" + kJar)) return Status();
  ASSIGN_OR_RETURN(uint64_t files, extract_below(directory + "/" + kJar, "resources/", directory + "/resources"));
  if (files > 0) logger.info("extracted {} resource files topology={}", files, spec.topology_id());
  return Status();
}

/// A directory that is there is whole: it was filled aside and renamed.
Status prepare_code(const proto::ContainerSpec& spec, const SpecDirs& dirs, ArtifactSource& source) {
  if (fs::is_directory(dirs.code)) return Status();
  const std::string aside =
      fmt::format("{}/.new-{}-{}", fs::path(dirs.code).parent_path().string(), spec.topology_id(), ::getpid());
  std::error_code error;
  fs::remove_all(aside, error);
  RETURN_IF_ERROR(make_directories(aside));
  Status fetched = fetch_all(spec, source, aside);
  if (fetched.ok()) {
    fs::rename(aside, dirs.code, error);
    if (!error) return Status();
  }
  std::error_code ignored;
  fs::remove_all(aside, ignored);
  if (fetched.ok() && !fs::is_directory(dirs.code)) return io("rename to " + dirs.code, error);
  return fetched;  // another container of the topology was first
}

Status link_to(const std::string& target, const std::string& link) {
  std::error_code error;
  if (fs::is_symlink(fs::symlink_status(link, error)) && fs::read_symlink(link, error) == target) return Status();
  fs::remove(link, error);
  fs::create_symlink(target, link, error);
  return error ? io("link " + link, error) : Status();
}

/// A YAML scalar in double quotes; JSON's quoting is a subset of YAML's.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

/// Storm's log viewer asks this file who may read the logs.
Status write_worker_yaml(const proto::ContainerSpec& spec, const SpecDirs& dirs) {
  const std::string owner = spec.owner();
  const std::string users = owner.empty() ? "[]" : "[" + quoted(owner) + "]";
  return write_small_file(dirs.artifacts + "/worker.yaml",
                          fmt::format("worker-id: {}\ntopology.submitter.user: {}\nlogs.users: {}\nlogs.groups: []\n",
                                      quoted(spec.worker_id()), quoted(owner), users),
                          0640);
}

Status prepare_worker(const proto::ContainerSpec& spec, const SpecDirs& dirs) {
  for (const std::string& directory : {dirs.worker, dirs.pids, dirs.tmp}) RETURN_IF_ERROR(make_directories(directory));
  RETURN_IF_ERROR(make_directories(dirs.artifacts, 0750));
  RETURN_IF_ERROR(link_to(dirs.artifacts, dirs.worker + "/artifacts"));
  RETURN_IF_ERROR(link_to(dirs.code + "/resources", dirs.worker + "/resources"));
  return write_worker_yaml(spec, dirs);
}

bool only_topology_master(const proto::ContainerSpec& spec) {
  return spec.processes_size() == 1 && spec.processes(0) == proto::PROCESS_TOPOLOGY_MASTER &&
         spec.test_processes_size() == 0;
}

}  // namespace

Status prepare_container(const proto::ContainerSpec& spec, ArtifactSource& source) {
  const SpecDirs dirs(spec);
  RETURN_IF_ERROR(make_directories(dirs.topology_logs, 0750));
  // The topology master's container needs no code. Its spec names no artifacts, so a code directory made for it would
  // be taken for the whole one by the other containers of the machine.
  if (only_topology_master(spec)) return Status();
  RETURN_IF_ERROR(prepare_code(spec, dirs, source));
  if (spec.worker_id().empty()) return Status();  // the topology master's container hosts no components
  return prepare_worker(spec, dirs);
}

Status remove_container_files(const proto::ContainerSpec& spec, bool last_of_topology) {
  const SpecDirs dirs(spec);
  std::error_code error;
  if (!spec.worker_id().empty()) fs::remove_all(dirs.worker, error);
  if (error) return io("remove " + dirs.worker, error);
  if (last_of_topology) fs::remove_all(dirs.code, error);
  if (error) return io("remove " + dirs.code, error);
  return Status();
}

ContainerConf read_container_conf(const std::string& code_dir) {
  ContainerConf conf;
  auto text = read_small_file(code_dir + "/" + kConf, kConfBytesMax);
  if (!text.ok()) return conf;
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object()) return conf;
  auto grace = json.find("supervisor.worker.shutdown.sleep.secs");
  if (grace != json.end() && grace->is_number()) {
    conf.shutdown_grace = Seconds(static_cast<int64_t>(std::clamp(grace->get<double>(), 0.0, 60.0)));
  }
  auto loops = json.find("petrel.stream.manager.loops");
  if (loops != json.end() && loops->is_number()) {
    conf.stream_manager_loops = static_cast<size_t>(std::clamp(loops->get<double>(), 1.0, 64.0));
  }
  auto environment = json.find("topology.environment");
  if (environment == json.end() || !environment->is_object()) return conf;
  for (const auto& [key, value] : environment->items()) {
    if (conf.environment.size() == kEnvironmentMax || key.empty() || key.find('=') != std::string::npos) continue;
    const std::string text_value = value.is_string() ? value.get<std::string>() : value.dump();
    if ((key + text_value).find('\0') == std::string::npos) conf.environment.push_back(key + "=" + text_value);
  }
  return conf;
}

}  // namespace petrel
