#include "storm-compat/nimbus/topology_book.h"

#include <filesystem>

#include "native/base/escape.h"
#include "native/base/log.h"
#include "native/container/container_paths.h"

namespace petrel {
namespace {
const Logger logger("nimbus");
constexpr int64_t kMaxConfBytes = int64_t{16} << 20;

const char* status_name(proto::TopologyStatus status) {
  switch (status) {
    case proto::STATUS_ACTIVE:
      return "ACTIVE";
    case proto::STATUS_INACTIVE:
      return "INACTIVE";
    case proto::STATUS_KILLED:
      return "KILLED";
    default:
      return "UNKNOWN";
  }
}
}  // namespace

const char* TopologyEntry::status() const {
  return status_name(base.status());
}

const proto::Artifact* TopologyEntry::artifact(const std::string& name) const {
  for (const proto::Artifact& artifact : base.artifacts()) {
    if (artifact.name() == name) return &artifact;
  }
  return nullptr;
}

TopologyBook::TopologyBook(StateStore& store, Scheduler& scheduler, const ArtifactStore& artifacts, MasterLink& masters,
                           Clock& clock)
    : state_(store), scheduler_(scheduler), artifacts_(artifacts), masters_(masters), clock_(clock) {}

TopologyBook::NameClaim::~NameClaim() {
  if (book_ == nullptr) return;
  const std::lock_guard lock(book_->mutex_);
  book_->claimed_.erase(name_);
}

// --- reading ---------------------------------------------------------------------------------------------------------

std::vector<TopologyPtr> TopologyBook::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<TopologyPtr> out;
  for (const auto& [id, entry] : by_id_) out.push_back(entry);
  return out;
}

TopologyPtr TopologyBook::by_id(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : it->second;
}

TopologyPtr TopologyBook::by_name(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto it = id_by_name_.find(name);
  return it == id_by_name_.end() ? nullptr : by_id_.at(it->second);
}

void TopologyBook::publish(std::shared_ptr<TopologyEntry> entry) {
  const std::lock_guard lock(mutex_);
  id_by_name_[entry->name()] = entry->id();
  by_id_[entry->id()] = std::move(entry);
}

// --- start -----------------------------------------------------------------------------------------------------------

Status TopologyBook::load() {
  const std::lock_guard writing(write_mutex_);
  ASSIGN_OR_RETURN(const std::vector<TopologyId> ids, state_.topologies());
  for (const TopologyId& id : ids) load_one(id);
  return Status();
}

void TopologyBook::load_one(const TopologyId& id) {
  const auto base = state_.base(id);
  if (!base.ok()) {
    // Without the base even the name is unknown: leave the files alone and say so.
    logger.error("topology {} cannot be read and is not served: {}", escape(id.get()), base.status().message());
    unreadable_ = true;
    return;
  }
  auto entry = std::make_shared<TopologyEntry>();
  entry->base = base->value;
  entry->version = base->version;
  if (const Status filled = fill(*entry); !filled.ok()) {
    entry->problem = filled.message();
    logger.error("topology {} is incomplete: {}", escape(id.get()), entry->problem);
  }
  const bool killed = entry->base.status() == proto::STATUS_KILLED;
  if (!killed) {
    const Status launched = scheduler_.launch({entry->base.specs().begin(), entry->base.specs().end()});
    if (!launched.ok()) logger.error("topology {} cannot be launched: {}", escape(id.get()), launched.message());
  }
  logger.info("topology {} resumed, {}", escape(id.get()), entry->status());
  publish(std::move(entry));
}

Status TopologyBook::fill(TopologyEntry& entry) const {
  ASSIGN_OR_RETURN(const auto plan_record, state_.plan(TopologyId(entry.id())));
  ASSIGN_OR_RETURN(PhysicalPlan plan, PhysicalPlan::from_proto(plan_record.value));
  entry.plan = std::make_shared<const PhysicalPlan>(std::move(plan));
  const proto::Artifact* conf = entry.artifact("stormconf.json");
  if (conf == nullptr) return Status::error(StatusCode::kCorrupt, "its record names no stormconf.json");
  ASSIGN_OR_RETURN(const std::string json, artifacts_.read(conf->digest(), kMaxConfBytes));
  ConfLimits limits;
  limits.bytes = kMaxConfBytes;
  ASSIGN_OR_RETURN(ConfMap map, parse_json_map(json, "stored topology conf", limits));
  entry.conf = std::make_shared<const ConfMap>(std::move(map));
  return Status();
}

// --- submit ----------------------------------------------------------------------------------------------------------

Result<TopologyBook::NameClaim> TopologyBook::claim(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (id_by_name_.contains(name) || !claimed_.insert(name).second) {
    return Status::error(StatusCode::kAlreadyExists, "{} is already active", escape(name));
  }
  return NameClaim(this, name);
}

Result<std::string> TopologyBook::next_id(const std::string& name) {
  const std::lock_guard writing(write_mutex_);
  ASSIGN_OR_RETURN(const uint64_t counter, state_.next_counter());
  return fmt::format("{}-{}-{}", name, counter, clock_.wall_ms() / 1000);
}

Status TopologyBook::add(const NameClaim& claim, proto::TopologyBase base, std::shared_ptr<const PhysicalPlan> plan,
                         std::shared_ptr<const ConfMap> conf) {
  CHECK(claim.name_ == base.name());
  const std::lock_guard writing(write_mutex_);
  const TopologyId id(base.topology_id());
  Status named = state_.claim_name(base.name(), id);
  if (named.code() == StatusCode::kAlreadyExists) {
    // We hold the claim and list no such topology, so the name was left by a submit that a crash cut off.
    ASSIGN_OR_RETURN(const TopologyId stale, state_.id_of(base.name()));
    logger.warn("name '{}' was still held by {}, whose submit was cut off", escape(base.name()), escape(stale.get()));
    RETURN_IF_ERROR(state_.release_name(base.name(), stale));
    named = state_.claim_name(base.name(), id);
  }
  RETURN_IF_ERROR(named.with_context("store the name '{}'", escape(base.name())));
  auto entry = std::make_shared<TopologyEntry>();
  const auto store = [&]() -> Status {
    RETURN_IF_ERROR(state_.put_plan(id, plan->to_proto(), 0).status());
    ASSIGN_OR_RETURN(entry->version, state_.put_base(id, base, 0));
    return scheduler_.launch({base.specs().begin(), base.specs().end()});
  };
  if (const Status stored = store(); !stored.ok()) {
    abandon(base);
    return stored.with_context("store topology {}", escape(base.topology_id()));
  }
  logger.info("topology {} submitted by {}: {} executors, {} tasks", escape(base.topology_id()), escape(base.owner()),
              base.executors(), base.tasks());
  entry->base = std::move(base);
  entry->plan = std::move(plan);
  entry->conf = std::move(conf);
  publish(std::move(entry));
  return Status();
}

void TopologyBook::abandon(const proto::TopologyBase& base) {
  const TopologyId id(base.topology_id());
  for (const Status& status : {scheduler_.kill(id), state_.remove_topology(id), state_.release_name(base.name(), id)}) {
    if (!status.ok() && status.code() != StatusCode::kNotFound) {
      logger.error("undo the submit of {}: {}", escape(id.get()), status.message());
    }
  }
}

// --- status ----------------------------------------------------------------------------------------------------------

Status TopologyBook::put_base(const TopologyEntry& now, const proto::TopologyBase& next) {
  ASSIGN_OR_RETURN(const uint64_t version, state_.put_base(TopologyId(now.id()), next, now.version));
  auto entry = std::make_shared<TopologyEntry>(now);
  entry->base = next;
  entry->version = version;
  publish(std::move(entry));
  return Status();
}

Status TopologyBook::change_status(const std::string& name, proto::TopologyStatus status) {
  TopologyPtr changed;
  {
    const std::lock_guard writing(write_mutex_);
    const TopologyPtr now = by_name(name);
    if (now == nullptr) return Status::error(StatusCode::kNotFound, "{} is not alive", escape(name));
    if (now->base.status() == proto::STATUS_KILLED) {
      return Status::error(StatusCode::kConflict, "{} was killed and cannot be set to {}", escape(name),
                           status_name(status));
    }
    if (now->base.status() == status) return Status();
    proto::TopologyBase next = now->base;
    next.set_status(status);
    RETURN_IF_ERROR(put_base(*now, next));
    changed = by_name(name);
    logger.info("topology {}: {} -> {}", escape(now->id()), now->status(), changed->status());
  }
  masters_.status_changed(changed->base);
  return Status();
}

Status TopologyBook::kill(const std::string& name, Seconds wait) {
  TopologyPtr changed;
  {
    const std::lock_guard writing(write_mutex_);
    const TopologyPtr now = by_name(name);
    if (now == nullptr) return Status::error(StatusCode::kNotFound, "{} is not alive", escape(name));
    proto::TopologyBase next = now->base;
    if (next.status() != proto::STATUS_KILLED) next.set_status_before_kill(next.status());
    next.set_status(proto::STATUS_KILLED);
    next.set_kill_wait_s(static_cast<int32_t>(wait.count()));
    next.set_kill_deadline_ms(clock_.wall_ms() + wait.count() * 1000);
    RETURN_IF_ERROR(put_base(*now, next));
    changed = by_name(name);
    logger.info("topology {}: {} -> KILLED, gone in {} s", escape(now->id()), now->status(), wait.count());
  }
  masters_.status_changed(changed->base);
  return Status();
}

// --- end -------------------------------------------------------------------------------------------------------------

void TopologyBook::tick() {
  bool removed = false;
  for (const TopologyPtr& entry : all()) {
    if (entry->base.status() != proto::STATUS_KILLED || entry->base.kill_deadline_ms() > clock_.wall_ms()) continue;
    const std::lock_guard writing(write_mutex_);
    const TopologyPtr now = by_id(entry->id());
    if (now == nullptr || now->base.kill_deadline_ms() > clock_.wall_ms()) continue;  // killed again with a longer wait
    removed |= finish_kill(*now);
  }
  if (removed) collect_artifacts();
}

bool TopologyBook::finish_kill(const TopologyEntry& entry) {
  const TopologyId id(entry.id());
  // Every step may be repeated: a crash in between is continued at the next start, because the base record goes last.
  const auto end = [&]() -> Result<bool> {
    RETURN_IF_ERROR(scheduler_.kill(id));
    ASSIGN_OR_RETURN(const std::vector<ContainerRef> living, scheduler_.living(id));
    if (!living.empty()) return false;
    remove_files(entry);
    RETURN_IF_ERROR(state_.remove_topology(id));
    const Status released = state_.release_name(entry.name(), id);
    if (!released.ok() && released.code() != StatusCode::kNotFound) return released;
    return true;
  };
  const Result<bool> ended = end();
  if (!ended.ok()) {
    logger.error("end topology {}: {}; trying again", escape(entry.id()), ended.status().message());
    return false;
  }
  if (!*ended) return false;
  const std::lock_guard lock(mutex_);
  id_by_name_.erase(entry.name());
  by_id_.erase(entry.id());
  logger.info("topology {} is gone", id.get());
  return true;
}

void TopologyBook::remove_files(const TopologyEntry& entry) const {
  for (const proto::ContainerSpec& spec : entry.base.specs()) {
    if (!check_container_spec(spec).ok()) continue;  // never follow a damaged record to a folder
    const SpecDirs dirs(spec);
    for (const std::string& directory : {dirs.code, dirs.worker}) {
      std::error_code error;
      std::filesystem::remove_all(directory, error);
      if (error) logger.warn("remove {}: {}", directory, error.message());
    }
  }
}

void TopologyBook::collect_artifacts() {
  if (unreadable_) return;
  const std::unique_lock collecting(collect_mutex_, std::try_to_lock);
  if (!collecting) return;  // somebody is storing; the next removal collects
  std::set<std::string> keep;
  for (const TopologyPtr& entry : all()) {
    for (const proto::Artifact& artifact : entry->base.artifacts()) keep.insert(artifact.digest());
  }
  if (keep_also_) {
    const Result<std::set<std::string>> more = keep_also_();
    if (!more.ok()) {
      logger.warn("artifacts are not collected: {}", more.status().message());
      return;
    }
    keep.insert(more->begin(), more->end());
  }
  const Result<int> removed = artifacts_.remove_unreferenced(keep);
  if (!removed.ok()) logger.warn("collect artifacts: {}", removed.status().message());
}

}  // namespace petrel
