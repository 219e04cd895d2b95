#include "native/container/container_paths.h"

#include <filesystem>

#include "native/artifacts/artifact_store.h"
#include "native/base/escape.h"
#include "native/base/file.h"

namespace petrel {
namespace {

constexpr size_t kSpecBytesMax = 4 * 1024 * 1024;
constexpr size_t kNameBytesMax = 200;

/// One path component that is not hidden.
bool is_name(const std::string& text) {
  return !text.empty() && text.size() <= kNameBytesMax && text[0] != '.' && text.find('/') == std::string::npos &&
         text.find('\0') == std::string::npos;
}

Status check_name(const char* what, const std::string& text) {
  if (is_name(text)) return Status();
  return Status::malformed("{} '{}' cannot name a file: 1 to {} bytes, no '/', no '.' in front", what, escape(text),
                           kNameBytesMax);
}

Status check_dir(const char* what, const std::string& text) {
  if (!text.empty() && text[0] == '/' && text.size() < 2000 && text.find('\0') == std::string::npos) return Status();
  return Status::malformed("{} '{}' must be an absolute path", what, escape(text));
}

}  // namespace

ContainerPaths ContainerPaths::of(const HomePaths& home, const std::string& topology_id, int32_t container_id) {
  return {fmt::format("{}/{}/{}", home.containers(), topology_id, container_id)};
}

ContainerPaths ContainerPaths::of_spec_file(const std::string& spec_file) {
  const size_t slash = spec_file.rfind('/');
  return {slash == std::string::npos ? "." : spec_file.substr(0, slash)};
}

const char* process_name(int kind) {
  switch (kind) {
    case proto::PROCESS_TOPOLOGY_MASTER:
      return "topology-master";
    case proto::PROCESS_JVM_HOST:
      return "jvm-host";
    case proto::PROCESS_NATIVE_HOST:
      return "native-host";
    case proto::PROCESS_STREAM_MANAGER:
      return "stream-manager";
    default:
      return nullptr;
  }
}

std::string data_socket_name(const std::string& spec_file) {
  // The path holds home, topology and container, but may be longer than the 107 bytes that a name may have.
  std::error_code error;
  std::filesystem::path path = std::filesystem::weakly_canonical(spec_file, error);
  if (error) path = std::filesystem::absolute(spec_file, error);
  return "@petrel-" + sha256_hex(path.lexically_normal().string()).substr(0, 40);
}

std::string listen_address(const proto::ContainerSpec& spec) {
  return spec.bind_address().empty() ? "127.0.0.1" : spec.bind_address();
}

SpecDirs::SpecDirs(const proto::ContainerSpec& spec)
    : code(spec.local_dir() + "/supervisor/stormdist/" + spec.topology_id()),
      worker(spec.local_dir() + "/workers/" + spec.worker_id()),
      pids(worker + "/pids"),
      tmp(worker + "/tmp"),
      topology_logs(spec.log_dir() + "/workers-artifacts/" + spec.topology_id()),
      artifacts(topology_logs + "/" + std::to_string(spec.port())) {}

Status check_container_spec(const proto::ContainerSpec& spec) {
  RETURN_IF_ERROR(check_name("topology id", spec.topology_id()));
  RETURN_IF_ERROR(check_dir("local_dir", spec.local_dir()));
  RETURN_IF_ERROR(check_dir("log_dir", spec.log_dir()));
  if (spec.container_id() < 0) return Status::malformed("container id {} is negative", spec.container_id());
  if (spec.port() < 0 || spec.port() > 65535) return Status::malformed("port {} is not 0 to 65535", spec.port());
  bool host = spec.test_processes_size() > 0;
  for (int kind : spec.processes()) {
    if (process_name(kind) == nullptr) return Status::malformed("process kind {} is unknown to this petrel", kind);
    if (kind != proto::PROCESS_TOPOLOGY_MASTER) host = true;
  }
  if (host) RETURN_IF_ERROR(check_name("worker id", spec.worker_id()));
  for (const proto::Artifact& artifact : spec.artifacts()) RETURN_IF_ERROR(check_name("artifact", artifact.name()));
  for (const proto::TestProcess& process : spec.test_processes()) {
    RETURN_IF_ERROR(check_name("test process", process.name()));
    if (process.argv().empty()) return Status::malformed("test process '{}' has no argv", escape(process.name()));
  }
  return Status();
}

Result<proto::ContainerSpec> load_container_spec(const std::string& file) {
  ASSIGN_OR_RETURN(std::string bytes, read_small_file(file, kSpecBytesMax));
  proto::ContainerSpec spec;
  if (!spec.ParseFromString(bytes)) return Status::error(StatusCode::kCorrupt, "{} is not a container spec", file);
  Status checked = check_container_spec(spec);
  if (!checked.ok()) return checked.with_context("{}", file);
  return spec;
}

Status write_exit_file(const std::string& stem, int code) {
  return write_small_file(stem + ".exit", fmt::format("{}\n", code));
}

}  // namespace petrel
