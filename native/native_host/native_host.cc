#include "native/native_host/native_host.h"

#include "jvm-bridge/native/no_runtime.h"
#include "native/base/escape.h"
#include "native/base/file.h"
#include "native/base/log.h"
#include "native/container/container_paths.h"
#include "native/container/signals.h"

namespace petrel {
namespace {

const Logger logger("native-host");

constexpr const char* kSystemComponent = "__system";
constexpr int kFailed = 1;
constexpr size_t kMaxConfBytes = 64U << 20;

Result<ConfMap> read_conf(const std::string& file) {
  ASSIGN_OR_RETURN(const std::string text, read_small_file(file, kMaxConfBytes));
  ConfLimits limits;
  limits.bytes = kMaxConfBytes;
  return parse_json_map(text, "stormconf.json", limits);
}

}  // namespace

NativeHost::NativeHost(const Clock& clock, Reactor& reactor, StateStore& store, uint64_t entropy,
                       NativeHostOptions options, proto::ContainerSpec spec)
    : clock_(clock),
      reactor_(reactor),
      state_(store),
      entropy_(entropy),
      options_(std::move(options)),
      spec_(std::move(spec)),
      code_dir_(SpecDirs(spec_).code),
      lease_(options_.spec_file),
      exit_(reactor, errors_, ContainerPaths::of_spec_file(options_.spec_file).process_stem("native-host"), [this] {
        if (session_) session_->send_errors();
      }) {
  identity_ = {spec_.container_id(), options_.incarnation,
               spec_.host(),         spec_.port(),
               spec_.worker_id(),    code_dir_,
               SpecDirs(spec_).pids, 0};
}

Status NativeHost::make_runtime() {
  ASSIGN_OR_RETURN(ContainerPlan plan, container_plan_from_proto(spec_.plan()));
  const HostPlan* host = plan.find(HostKind::kNative);
  if (host == nullptr) {
    return Status::malformed("the plan of container {} has no native host", spec_.container_id());
  }
  identity_.slot = host->slot;
  ASSIGN_OR_RETURN(conf_, read_conf(code_dir_ + "/stormconf.json"));
  conf_.set("storm.id", spec_.topology_id());
  conf_.set("topology.name", spec_.topology_name());
  NativeRuntimeOptions runtime;
  runtime.host = identity_;
  runtime.topology_id = spec_.topology_id();
  runtime.secret = spec_.secret();
  runtime.data_endpoint = Endpoint{data_socket_name(options_.spec_file), 0};
  runtime.resources_dir = code_dir_ + "/resources";
  runtime.conf = conf_;
  runtime.entropy = entropy_;
  runtime_ = std::make_unique<NativeRuntime>(clock_, reactor_, std::move(runtime), runtime_events());
  return {};
}

NativeRuntimeEvents NativeHost::runtime_events() {
  NativeRuntimeEvents events;
  events.prepared = [this] { reactor_.post([this] { session_->prepared(); }); };
  events.report_error = [this](const std::string& component, int32_t task, const std::string& text) {
    logger.warn("component {} task {} reported: {}", escape(component), task, escape(text));
    push_error(component, text);
  };
  events.die = [this](const std::string& component, int32_t, const std::string& text) {
    push_error(component, text);
    exit_.end(kFailed);
  };
  events.fail = [this](const Status& why) { reactor_.post([this, why] { session_->fail(why); }); };
  events.listening = [this](const Endpoint& at) { reactor_.post([this, at] { session_->listening(at); }); };
  events.links_up = [this](uint64_t epoch) { reactor_.post([this, epoch] { session_->links_up(epoch); }); };
  events.drained = [this](uint64_t epoch) { reactor_.post([this, epoch] { session_->drained(epoch); }); };
  events.stopping = [this](Millis grace, int exit_code) { exit_.arm_watchdog(grace + Seconds(2), exit_code); };
  events.stopped = [this](int exit_code) { exit_.end(exit_code); };
  return events;
}

Millis NativeHost::stop_grace() const {
  Result<int64_t> seconds = conf_.get_int("supervisor.worker.shutdown.sleep.secs", 3, 0, 3600);
  return Millis((seconds.ok() ? *seconds : 3) * 1000);
}

void NativeHost::start_session(JavaHost& runner) {
  HostSessionOptions options;
  options.topology_id = spec_.topology_id();
  options.host = identity_;
  options.lease = Seconds(kLeaseSeconds);
  options.stop_grace = stop_grace();
  HostSessionLinks links;
  links.send = [this](const proto::Envelope& message) { return client_->send(message); };
  links.somebody_cares = [this] { return lease_.agent_alive() || lease_.root_alive(); };
  links.fail = [this](const Status& why) { fail(why); };
  links.endpoints = [this](const proto::DataEndpoints& endpoints) {
    if (runtime_) runtime_->set_peers(endpoints);
  };
  links.link_sample = [this] { return runtime_ ? runtime_->link_sample() : proto::LinkSample(); };
  session_ = std::make_unique<HostSession>(reactor_, options, links, runner, errors_);

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

void NativeHost::run() {
  // First of all: the threads that come later must not take the signals.
  Status status = end_on_signals(reactor_, [this](int) {
    if (session_) session_->stop("signal", 0);
  });
  if (status.ok()) status = make_runtime();
  if (!status.ok()) nothing_ = std::make_unique<NoRuntime>(exit_);
  start_session(status.ok() ? static_cast<JavaHost&>(*runtime_) : *nothing_);
  if (status.ok()) {
    session_->start();
  } else {
    reactor_.post([this, status] { session_->fail(status); });
  }
  reactor_.run();
}

void NativeHost::push_error(const std::string& component, const std::string& text) {
  const int64_t now_ms = clock_.wall_ms();
  proto::ErrorEntry entry;
  entry.set_component(component);
  entry.set_text(text);
  entry.set_time_s(static_cast<int32_t>(now_ms / 1000));
  entry.set_host(spec_.host());
  entry.set_port(spec_.port());
  errors_.push(std::move(entry));
  reactor_.post([this] {
    if (session_) session_->send_errors();
  });
}

// A host that cannot run says so to the topology master, where users look, and ends; its agent starts it again.
void NativeHost::fail(const Status& why) {
  logger.error("this host cannot run: {}", why.message());
  push_error(kSystemComponent, "the native host cannot run: " + why.message());
  session_->send_errors();
  if (failed_) return;
  failed_ = true;
  end_when_reported(clock_.now() + Seconds(2), kFailed);
}

void NativeHost::end_when_reported(MonoTime deadline, int exit_code) {
  const bool over = errors_.size() == 0 || clock_.now() >= deadline;
  reactor_.after(Millis(20), [this, over, deadline, exit_code] {
    if (over) exit_.end_now(exit_code);  // one turn after the last send, so that its bytes are out
    end_when_reported(deadline, exit_code);
  });
}

}  // namespace petrel
