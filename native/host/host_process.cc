#include "native/host/host_process.h"

#include "native/base/file.h"
#include "native/base/log.h"
#include "native/container/container_paths.h"

namespace petrel {
namespace {

constexpr const char* kSystemComponent = "__system";

}  // namespace

HostProcess::HostProcess(const Clock& clock, Reactor& reactor, StateStore& store, HostProcessOptions options,
                         proto::ContainerSpec spec)
    : clock_(clock),
      reactor_(reactor),
      state_(store),
      options_(std::move(options)),
      spec_(std::move(spec)),
      lease_(options_.spec_file),
      exit_(reactor, errors_, ContainerPaths::of_spec_file(options_.spec_file).process_stem(to_string(options_.kind)),
            [this] {
              if (session_) session_->send_errors();
            }),
      no_runtime_(exit_) {
  const SpecDirs dirs(spec_);
  identity_ = {spec_.container_id(),
               options_.incarnation,
               spec_.host(),
               spec_.port(),
               spec_.worker_id(),
               dirs.code,
               dirs.pids,
               0};
  for (const proto::HostPlan& host : spec_.plan().hosts()) {
    if (static_cast<HostKind>(host.kind()) != options_.kind) continue;
    identity_.slot = host.slot();
    planned_ = true;
  }
}

Status HostProcess::read_conf() {
  ASSIGN_OR_RETURN(conf_json_, read_small_file(identity_.code_dir + "/stormconf.json", kMaxConfBytes));
  ConfLimits limits;
  limits.bytes = kMaxConfBytes;
  ASSIGN_OR_RETURN(conf_, parse_json_map(conf_json_, "stormconf.json", limits));
  return {};
}

Millis HostProcess::stop_grace() const {
  Result<int64_t> seconds = conf_.get_int("supervisor.worker.shutdown.sleep.secs", 3, 0, 3600);
  return Millis((seconds.ok() ? *seconds : 3) * 1000);
}

void HostProcess::start_session(HostRuntime* runtime, HostSessionLinks links) {
  HostSessionOptions options;
  options.topology_id = spec_.topology_id();
  options.host = identity_;
  options.lease = Seconds(kLeaseSeconds);
  options.stop_grace = stop_grace();
  links.send = [this](const proto::Envelope& message) { return client_->send(message); };
  links.somebody_cares = [this] { return lease_.agent_alive() || lease_.root_alive(); };
  links.fail = [this](const Status& why) { fail(why); };
  session_ = std::make_unique<HostSession>(reactor_, options, std::move(links),
                                           runtime == nullptr ? no_runtime_ : *runtime, errors_);

  ControlClientOptions client;
  client.identity = {spec_.topology_id(),  spec_.secret(),       proto::ROLE_HOST,
                     spec_.container_id(), options_.incarnation, identity_.slot};
  auto find_master = [this]() -> Result<Endpoint> {
    ASSIGN_OR_RETURN(proto::MasterEndpoint master, state_.master(TopologyId(spec_.topology_id())));
    return Endpoint{master.host(), static_cast<uint16_t>(master.port())};
  };
  client_ = std::make_unique<ControlClient>(reactor_, client, find_master, *session_);
  client_->start();
}

void HostProcess::run(const Status& ready) {
  if (ready.ok()) {
    session_->start();
  } else {
    reactor_.post([this, ready] { session_->fail(ready); });
  }
  reactor_.run();
}

void HostProcess::report(const std::string& component, const std::string& text, int64_t wall_ms) {
  proto::ErrorEntry entry;
  entry.set_component(component);
  entry.set_text(text);
  entry.set_time_s(static_cast<int32_t>(wall_ms / 1000));
  entry.set_host(spec_.host());
  entry.set_port(spec_.port());
  errors_.push(std::move(entry));
  reactor_.post([this] {
    if (session_) session_->send_errors();
  });
}

void HostProcess::fail(const Status& why) {
  Logger(to_string(options_.kind)).error("this host cannot run: {}", why.message());
  report(kSystemComponent, options_.title + " cannot run: " + why.message(), clock_.wall_ms());
  session_->send_errors();
  if (failed_) return;
  failed_ = true;
  if (end_) return end_(kCannotRun);
  // The connection may not be up yet: a short wait is all that the report costs.
  end_when_reported(clock_.now() + Seconds(2));
}

void HostProcess::end_when_reported(MonoTime deadline) {
  const bool over = errors_.size() == 0 || clock_.now() >= deadline;
  reactor_.after(Millis(20), [this, over, deadline] {
    if (over) exit_.end_now(kCannotRun);  // one turn after the last send, so that its bytes are out
    end_when_reported(deadline);
  });
}

}  // namespace petrel
