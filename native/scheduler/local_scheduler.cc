#include "native/scheduler/local_scheduler.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "native/base/escape.h"
#include "native/base/file.h"

namespace petrel {
namespace {

namespace fs = std::filesystem;

constexpr size_t kIdBytesMax = 200;
constexpr size_t kSpecBytesMax = 4 * 1024 * 1024;
constexpr const char* kSuffix = ".spec";

Status check_id(const TopologyId& id) {
  const std::string& text = id.get();
  const bool plain = !text.empty() && text.size() <= kIdBytesMax && text[0] != '.' &&
                     text.find('/') == std::string::npos && text.find('\0') == std::string::npos;
  if (plain) return Status();
  return Status::malformed("topology id '{}' cannot name a directory: 1 to {} bytes, no '/', no '.' in front",
                           escape(text), kIdBytesMax);
}

Status io(const std::string& what, const std::error_code& error) {
  return Status::error(StatusCode::kIo, "{}: {}", what, error.message());
}

/// "3.spec" -> 3; -1 for anything else.
int32_t container_of(const std::string& file_name) {
  if (!file_name.ends_with(kSuffix)) return -1;
  const std::string digits = file_name.substr(0, file_name.size() - 5);
  if (digits.empty() || digits.size() > 7 || digits.find_first_not_of("0123456789") != std::string::npos) return -1;
  return std::stoi(digits);
}

std::string spec_name(int32_t container) {
  return std::to_string(container) + kSuffix;
}

Status remove_tree(const fs::path& directory) {
  std::error_code error;
  fs::remove_all(directory, error);
  return error ? io("remove " + directory.string(), error) : Status();
}

}  // namespace

LocalScheduler::LocalScheduler(std::string home, std::function<void(const char*)> at_step)
    : home_(std::move(home)), desired_(home_ + "/run/desired"), at_step_(std::move(at_step)) {}

void LocalScheduler::step(const char* name) const {
  if (at_step_) at_step_(name);
}

Status LocalScheduler::write_spec(const std::string& directory, const proto::ContainerSpec& spec) const {
  step("write spec");
  return write_small_file(directory + "/" + spec_name(spec.container_id()), spec.SerializeAsString(), 0600);
}

/// New topologies appear whole: the directory is filled aside and renamed. A directory that exists (a repeated call) is
/// brought in line file by file.
Status LocalScheduler::launch(const std::vector<proto::ContainerSpec>& specs) {
  if (specs.empty()) return Status::malformed("launch needs at least one container");
  const TopologyId id(specs[0].topology_id());
  RETURN_IF_ERROR(check_id(id));
  std::set<int32_t> containers;
  for (const proto::ContainerSpec& spec : specs) {
    if (spec.topology_id() != id.get()) return Status::malformed("launch takes the containers of one topology");
    if (spec.container_id() < 0 || !containers.insert(spec.container_id()).second) {
      return Status::malformed("container {} is negative or twice in one launch", spec.container_id());
    }
  }
  const std::string target = desired_ + "/" + id.get();
  const std::string aside = desired_ + "/.new-" + id.get();
  RETURN_IF_ERROR(make_directories(desired_));
  const bool exists = fs::is_directory(target);
  if (!exists) {
    step("clear");
    RETURN_IF_ERROR(remove_tree(aside));
    RETURN_IF_ERROR(make_directories(aside));
  }
  for (const proto::ContainerSpec& spec : specs) RETURN_IF_ERROR(write_spec(exists ? target : aside, spec));
  std::error_code error;
  if (!exists) {
    step("rename");
    fs::rename(aside, target, error);
    return error ? io("rename to " + target, error) : Status();
  }
  for (const auto& entry : fs::directory_iterator(target, error)) {
    const int32_t container = container_of(entry.path().filename());
    if (container < 0 || containers.contains(container)) continue;
    step("remove spec");
    fs::remove(entry.path(), error);
    if (error) return io("remove " + entry.path().string(), error);
  }
  return error ? io("list " + target, error) : Status();
}

/// One rename makes all specs disappear together.
Status LocalScheduler::kill(const TopologyId& topology) {
  RETURN_IF_ERROR(check_id(topology));
  const std::string aside = desired_ + "/.old-" + topology.get();
  step("clear");
  RETURN_IF_ERROR(remove_tree(aside));
  RETURN_IF_ERROR(remove_tree(desired_ + "/.new-" + topology.get()));
  step("rename");
  std::error_code error;
  fs::rename(desired_ + "/" + topology.get(), aside, error);
  if (error && error != std::errc::no_such_file_or_directory) return io("rename " + topology.get(), error);
  step("remove");
  return remove_tree(aside);
}

Status LocalScheduler::restart(const TopologyId& topology, ContainerId container) {
  RETURN_IF_ERROR(check_id(topology));
  const std::string directory = desired_ + "/" + topology.get();
  ASSIGN_OR_RETURN(std::string bytes, read_small_file(directory + "/" + spec_name(container.get()), kSpecBytesMax));
  proto::ContainerSpec spec;
  if (!spec.ParseFromString(bytes)) {
    return Status::error(StatusCode::kCorrupt, "{}/{} is not a container spec", directory, spec_name(container.get()));
  }
  spec.set_generation(spec.generation() + 1);
  return write_spec(directory, spec);
}

Result<std::vector<ContainerRef>> LocalScheduler::list() {
  std::vector<ContainerRef> found;
  std::error_code error;
  for (const auto& topology : fs::directory_iterator(desired_, error)) {
    const std::string id = topology.path().filename();
    if (id.starts_with('.')) continue;
    std::error_code inner;
    for (const auto& entry : fs::directory_iterator(topology.path(), inner)) {
      const int32_t container = container_of(entry.path().filename());
      if (container >= 0) found.push_back({TopologyId(id), ContainerId(container)});
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) return io("list " + desired_, error);
  std::sort(found.begin(), found.end());
  return found;
}

/// The root removes run/containers/<id>/<n> when the last process of a container that is not desired any more has
/// ended.
Result<std::vector<ContainerRef>> LocalScheduler::living(const TopologyId& topology) {
  RETURN_IF_ERROR(check_id(topology));
  std::vector<ContainerRef> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(home_ + "/run/containers/" + topology.get(), error)) {
    const int32_t container = container_of(entry.path().filename().string() + kSuffix);
    if (container >= 0) found.push_back({topology, ContainerId(container)});
  }
  if (error && error != std::errc::no_such_file_or_directory) return io("list containers", error);
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace petrel
