#include "storm-compat/nimbus/submit_handlers.h"

#include <pwd.h>
#include <unistd.h>

#include "native/base/escape.h"
#include "native/base/log.h"
#include "storm-compat/nimbus/thrift_errors.h"
#include "storm-compat/nimbus/topology_views.h"
#include "storm-compat/submit/topology_reader.h"
#include "storm-compat/thrift/thrift_scan.h"

namespace petrel {
namespace {
const Logger logger("nimbus");

/// Without a principal the owner is who runs Nimbus, as in Storm.
std::string submitter(const Caller& caller) {
  if (!caller.principal.empty()) return caller.principal;
  const passwd* user = ::getpwuid(::geteuid());
  return user != nullptr ? user->pw_name : std::to_string(::geteuid());
}

/// The bytes of the topology as they came: the generated structs drop fields that this IDL does not know.
std::string raw_topology(const storm::StormTopology& topology) {
  constexpr int16_t kTopologyArgument = 4;
  if (current_frame().empty()) return print_topology(topology);  // a call inside the process
  return std::string(value_or_throw(raw_argument(current_frame(), kTopologyArgument)));
}

}  // namespace

bool SubmitHandlers::is_name_allowed(const std::string& name) {
  return check_topology_name(name).ok() && parts_.book.by_name(name) == nullptr;
}

std::string SubmitHandlers::begin_upload(const std::string& owner) {
  return value_or_throw(parts_.uploads.begin(owner));
}

void SubmitHandlers::upload_chunk(const std::string& location, const std::string& owner, const std::string& chunk) {
  throw_unless_ok(parts_.uploads.append(location, owner, chunk));
}

void SubmitHandlers::finish_upload(const std::string& location, const std::string& owner) {
  throw_unless_ok(parts_.uploads.finish(location, owner));
}

std::vector<Slot> SubmitHandlers::slots() const {
  std::vector<proto::ContainerSpec> used;
  for (const TopologyPtr& entry : parts_.book.all()) {
    used.insert(used.end(), entry->base.specs().begin(), entry->base.specs().end());
  }
  return free_slots(parts_.settings, used, 1);
}

void SubmitHandlers::submit(const std::string& name, const std::string& location, const std::string& json_conf,
                            const storm::StormTopology& topology, const storm::SubmitOptions* options,
                            const Caller& caller) {
  if (const Status named = check_topology_name(name); !named.ok()) throw_invalid_topology(named.message());
  Result<TopologyBook::NameClaim> claim = parts_.book.claim(name);
  if (!claim.ok()) throw_already_alive(name);
  if (options != nullptr && options->__isset.creds && !options->creds.creds.empty()) {
    throw_invalid_topology("credentials are not handed to workers yet; submit without them");
  }
  const auto jar = parts_.uploads.finished_file(location, owner_of(caller));
  if (!jar.ok()) throw_invalid_topology("uploadedJarLocation: " + jar.status().message());

  SubmitRequest request;
  request.topology_id = value_or_throw(parts_.book.next_id(name));
  request.name = name;
  request.owner = submitter(caller);
  request.jar = *jar;
  request.json_conf = json_conf;
  request.topology = &topology;
  const std::string raw = raw_topology(topology);
  request.raw_topology = raw;
  request.active = options == nullptr || options->initial_status == storm::TopologyInitialStatus::ACTIVE;

  const std::lock_guard one_at_a_time(submit_mutex_);
  request.slots = slots();

  const auto hold = parts_.book.hold_artifacts();
  Result<PreparedTopology> prepared = parts_.builder.prepare(request);
  if (!prepared.ok()) {
    logger.info("submit of {} refused: {}", escape(name), escape(prepared.status().message(), 1000));
    const StatusCode code = prepared.status().code();
    if (code == StatusCode::kMalformed || code == StatusCode::kLimit)
      throw_invalid_topology(prepared.status().message());
    throw_status(prepared.status());
  }
  for (const std::string& warning : prepared->base.warnings())
    logger.warn("{}: {}", escape(name), escape(warning, 1000));
  throw_unless_ok(parts_.book.add(*claim, std::move(prepared->base), prepared->plan, prepared->conf));
  parts_.uploads.drop(location);
}

Seconds SubmitHandlers::kill_wait(const std::string& name, const storm::KillOptions* options) {
  if (options != nullptr && options->__isset.wait_secs) {
    if (options->wait_secs < 0) {
      throw_internal(fmt::format("wait_secs is {}, and must be 0 (kill at once) or more", options->wait_secs));
    }
    return Seconds(options->wait_secs);
  }
  constexpr int64_t kStormDefault = 30;
  const TopologyPtr entry = parts_.book.by_name(name);
  if (entry == nullptr) throw_not_alive(name);
  if (entry->conf == nullptr) return Seconds(kStormDefault);
  const Result<int64_t> wait = entry->conf->get_int("topology.message.timeout.secs", kStormDefault, 0);
  return Seconds(wait.ok() ? *wait : kStormDefault);
}

void SubmitHandlers::kill(const std::string& name, const storm::KillOptions* options) {
  if (parts_.book.by_name(name) == nullptr) throw_not_alive(name);
  const Status killed = parts_.book.kill(name, kill_wait(name, options));
  if (killed.code() == StatusCode::kNotFound) throw_not_alive(name);
  throw_unless_ok(killed);
}

void SubmitHandlers::activate(const std::string& name) {
  set_status(name, proto::STATUS_ACTIVE);
}

void SubmitHandlers::deactivate(const std::string& name) {
  set_status(name, proto::STATUS_INACTIVE);
}

void SubmitHandlers::set_status(const std::string& name, proto::TopologyStatus status) {
  const Status changed = parts_.book.change_status(name, status);
  if (changed.code() == StatusCode::kNotFound) throw_not_alive(name);
  throw_unless_ok(changed);
}

}  // namespace petrel
