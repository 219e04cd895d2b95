#include "native/state_store/topology_state.h"

#include "native/base/escape.h"

namespace petrel {
namespace {

constexpr const char* kTopologies = "topologies";
constexpr const char* kCounter = "counter";
constexpr int kCounterTries = 100;

/// Names are one component; '/' cannot be in a Storm name but an error sentence is better than a deeper path.
std::string component_of(const std::string& name) {
  std::string out;
  for (char c : name) c == '/' ? out += "%2F" : c == '%' ? out += "%25" : out += c;
  return out;
}
std::string topology_path(const TopologyId& id) {
  return fmt::format("{}/{}", kTopologies, component_of(id.get()));
}
std::string base_path(const TopologyId& id) {
  return topology_path(id) + "/base";
}
std::string plan_path(const TopologyId& id) {
  return topology_path(id) + "/plan";
}
std::string master_path(const TopologyId& id) {
  return topology_path(id) + "/master";
}
std::string errors_prefix(const TopologyId& id) {
  return topology_path(id) + "/errors";
}
std::string errors_path(const TopologyId& id, const std::string& component) {
  return errors_prefix(id) + "/" + component_of(component);
}
std::string name_path(const std::string& name) {
  return "names/" + component_of(name);
}

std::string undo_component(const std::string& component) {
  std::string out;
  for (size_t i = 0; i < component.size(); ++i) {
    if (component.compare(i, 3, "%2F") == 0) {
      out += '/', i += 2;
    } else if (component.compare(i, 3, "%25") == 0) {
      out += '%', i += 2;
    } else {
      out += component[i];
    }
  }
  return out;
}

template <typename T>
Result<T> parse(const std::string& path, const std::string& bytes) {
  T message;
  if (!message.ParseFromString(bytes)) {
    return Status::error(StatusCode::kCorrupt, "state record '{}' is not a {}", escape(path), message.GetTypeName());
  }
  return message;
}

template <typename T>
Result<Versioned<T>> load(StateStore& store, const std::string& path) {
  ASSIGN_OR_RETURN(StoredRecord record, store.get(path));
  ASSIGN_OR_RETURN(T message, parse<T>(path, record.bytes));
  return Versioned<T>{std::move(message), record.version};
}

template <typename T>
Result<std::unique_ptr<StateWatch>> watch_record(StateStore& store, const std::string& path,
                                                 std::function<void(const Result<T>&)> on_change) {
  return store.watch(path, [path, on_change = std::move(on_change)](const Result<StoredRecord>& record) {
    if (!record.ok()) return on_change(record.status());
    on_change(parse<T>(path, record->bytes));
  });
}

}  // namespace

Result<Versioned<proto::TopologyBase>> TopologyState::base(const TopologyId& id) const {
  return load<proto::TopologyBase>(store_, base_path(id));
}

Result<uint64_t> TopologyState::put_base(const TopologyId& id, const proto::TopologyBase& base,
                                         uint64_t expected_version) {
  return store_.put_if(base_path(id), base.SerializeAsString(), expected_version);
}

Result<std::unique_ptr<StateWatch>> TopologyState::watch_base(
    const TopologyId& id, std::function<void(const Result<proto::TopologyBase>&)> on_change) {
  return watch_record<proto::TopologyBase>(store_, base_path(id), std::move(on_change));
}

Result<std::unique_ptr<StateWatch>> TopologyState::watch_plan(
    const TopologyId& id, std::function<void(const Result<proto::PhysicalPlan>&)> on_change) {
  return watch_record<proto::PhysicalPlan>(store_, plan_path(id), std::move(on_change));
}

Result<std::vector<TopologyId>> TopologyState::topologies() const {
  ASSIGN_OR_RETURN(std::vector<std::string> paths, store_.list(kTopologies));
  std::vector<TopologyId> ids;
  for (const std::string& path : paths) {
    const size_t start = std::string(kTopologies).size() + 1;
    const size_t end = path.find('/', start);
    if (end == std::string::npos || path.substr(end) != "/base") continue;
    ids.emplace_back(undo_component(path.substr(start, end - start)));
  }
  return ids;
}

Result<Versioned<proto::PhysicalPlan>> TopologyState::plan(const TopologyId& id) const {
  return load<proto::PhysicalPlan>(store_, plan_path(id));
}

Result<uint64_t> TopologyState::put_plan(const TopologyId& id, const proto::PhysicalPlan& plan,
                                         uint64_t expected_version) {
  return store_.put_if(plan_path(id), plan.SerializeAsString(), expected_version);
}

Result<proto::MasterEndpoint> TopologyState::master(const TopologyId& id) const {
  ASSIGN_OR_RETURN(auto master, load<proto::MasterEndpoint>(store_, master_path(id)));
  return std::move(master.value);
}

Result<std::unique_ptr<EphemeralRecord>> TopologyState::register_master(const TopologyId& id,
                                                                        const proto::MasterEndpoint& master) {
  return store_.create_ephemeral(master_path(id), master.SerializeAsString());
}

Result<Versioned<proto::ComponentErrors>> TopologyState::errors(const TopologyId& id,
                                                                const std::string& component) const {
  return load<proto::ComponentErrors>(store_, errors_path(id, component));
}

Result<uint64_t> TopologyState::put_errors(const TopologyId& id, const proto::ComponentErrors& errors,
                                           uint64_t expected_version) {
  return store_.put_if(errors_path(id, errors.component()), errors.SerializeAsString(), expected_version);
}

Result<std::vector<std::string>> TopologyState::components_with_errors(const TopologyId& id) const {
  const std::string prefix = errors_prefix(id);
  ASSIGN_OR_RETURN(std::vector<std::string> paths, store_.list(prefix));
  for (std::string& path : paths) path = undo_component(path.substr(prefix.size() + 1));
  return paths;
}

Status TopologyState::claim_name(const std::string& name, const TopologyId& id) {
  proto::NameEntry entry;
  entry.set_topology_id(id.get());
  auto version = store_.put_if(name_path(name), entry.SerializeAsString(), 0);
  if (version.status().code() == StatusCode::kConflict) {
    return Status::error(StatusCode::kAlreadyExists, "the name '{}' is taken by a topology that is alive",
                         escape(name));
  }
  return version.status();
}

Result<TopologyId> TopologyState::id_of(const std::string& name) const {
  ASSIGN_OR_RETURN(auto entry, load<proto::NameEntry>(store_, name_path(name)));
  return TopologyId(entry.value.topology_id());
}

Status TopologyState::release_name(const std::string& name, const TopologyId& id) {
  auto entry = load<proto::NameEntry>(store_, name_path(name));
  if (entry.status().code() == StatusCode::kNotFound) return Status();
  RETURN_IF_ERROR(entry.status());
  if (entry->value.topology_id() != id.get()) return Status();
  return store_.remove_if(name_path(name), entry->version);
}

Result<uint64_t> TopologyState::next_counter() {
  for (int i = 0; i < kCounterTries; ++i) {
    auto stored = load<proto::Counter>(store_, kCounter);
    if (!stored.ok() && stored.status().code() != StatusCode::kNotFound) return stored.status();
    proto::Counter next;
    next.set_value((stored.ok() ? stored->value.value() : 0) + 1);
    auto version = store_.put_if(kCounter, next.SerializeAsString(), stored.ok() ? stored->version : 0);
    if (version.ok()) return next.value();
    if (version.status().code() != StatusCode::kConflict) return version.status();
  }
  return Status(StatusCode::kUnavailable, "the topology counter is contended; try again");
}

Status TopologyState::remove_topology(const TopologyId& id) {
  ASSIGN_OR_RETURN(std::vector<std::string> paths, store_.list(topology_path(id)));
  // The base goes last.
  if (std::erase(paths, base_path(id)) > 0) paths.push_back(base_path(id));
  for (const std::string& path : paths) {
    auto record = store_.get(path);
    if (record.status().code() == StatusCode::kNotFound) continue;
    RETURN_IF_ERROR(record.status());
    Status removed = store_.remove_if(path, record->version);
    if (!removed.ok() && removed.code() != StatusCode::kNotFound) return removed;
  }
  return Status();
}

}  // namespace petrel
