#include "native/native_host/native_host.h"

#include "native/base/escape.h"
#include "native/base/log.h"
#include "native/container/container_paths.h"
#include "native/container/signals.h"

namespace petrel {
namespace {

const Logger logger("native-host");

}  // namespace

NativeHost::NativeHost(const Clock& clock, Reactor& reactor, StateStore& store, uint64_t entropy,
                       NativeHostOptions options, proto::ContainerSpec spec)
    : process_(clock, reactor, store,
               {HostKind::kNative, std::move(options.spec_file), options.incarnation, "the native host"},
               std::move(spec)),
      entropy_(entropy) {}

Status NativeHost::make_runtime() {
  const proto::ContainerSpec& spec = process_.spec();
  if (!process_.planned()) {
    return Status::malformed("the plan of container {} has no native host", spec.container_id());
  }
  RETURN_IF_ERROR(process_.read_conf());
  NativeRuntimeOptions runtime;
  runtime.host = process_.identity();
  runtime.topology_id = spec.topology_id();
  runtime.secret = spec.secret();
  runtime.data_endpoint = Endpoint{data_socket_name(process_.spec_file()), 0};
  runtime.listen_address = listen_address(spec);
  runtime.resources_dir = process_.identity().code_dir + "/resources";
  runtime.conf = process_.conf();
  runtime.conf.set("storm.id", spec.topology_id());
  runtime.conf.set("topology.name", spec.topology_name());
  runtime.entropy = entropy_;
  runtime_ =
      std::make_unique<NativeRuntime>(process_.clock(), process_.reactor(), std::move(runtime), runtime_events());
  return {};
}

NativeRuntimeEvents NativeHost::runtime_events() {
  auto post = [this](std::function<void(HostSession&)> what) {
    process_.reactor().post([this, what = std::move(what)] { what(process_.session()); });
  };
  auto report = [this](const std::string& component, const std::string& text) {
    process_.report(component, text, process_.clock().wall_ms());
  };
  NativeRuntimeEvents events;
  events.prepared = [post] { post([](HostSession& session) { session.prepared(); }); };
  events.report_error = [report](const std::string& component, int32_t task, const std::string& text) {
    logger.warn("component {} task {} reported: {}", escape(component), task, escape(text));
    report(component, text);
  };
  events.die = [this, report](const std::string& component, int32_t, const std::string& text) {
    report(component, text);
    process_.exit().end(HostProcess::kCannotRun);
  };
  events.fail = [post](const Status& why) { post([why](HostSession& session) { session.fail(why); }); };
  events.listening = [post](const Endpoint& at) { post([at](HostSession& session) { session.listening(at); }); };
  events.links_up = [post](uint64_t epoch) { post([epoch](HostSession& session) { session.links_up(epoch); }); };
  events.drained = [post](uint64_t epoch) { post([epoch](HostSession& session) { session.drained(epoch); }); };
  events.stopping = [this](Millis grace, int code) { process_.exit().arm_watchdog(grace + Seconds(2), code); };
  events.stopped = [this](int exit_code) { process_.exit().end(exit_code); };
  return events;
}

void NativeHost::run() {
  // First of all: the threads that come later must not take the signals.
  Status status = end_on_signals(process_.reactor(), [this](int) { process_.session().stop("signal", 0); });
  if (status.ok()) status = make_runtime();
  HostSessionLinks links;
  links.endpoints = [this](const proto::DataEndpoints& endpoints) {
    if (runtime_) runtime_->set_peers(endpoints);
  };
  links.placement = [this](const proto::ContainerPlan& container) {
    if (runtime_) runtime_->place_stream_manager(container);
  };
  links.link_sample = [this] { return runtime_ ? runtime_->link_sample() : proto::LinkSample(); };
  process_.start_session(status.ok() ? runtime_.get() : nullptr, std::move(links));
  process_.run(status);
}

}  // namespace petrel
