#include "jvm-bridge/native/jvm_host.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "jvm-bridge/native/jni_error.h"
#include "jvm-bridge/native/jni_links.h"
#include "native/base/escape.h"
#include "native/base/file.h"
#include "native/base/log.h"
#include "native/container/container_paths.h"

namespace petrel {
namespace fs = std::filesystem;
namespace {

const Logger logger("jvm-host");

constexpr size_t kMaxTopologyBytes = 1u << 30;

std::string home_of(const std::string& spec_file) {
  // <home>/run/containers/<topology id>/<container>/container.spec
  return (fs::absolute(spec_file).parent_path() / "../../../..").lexically_normal().string();
}

std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find('\n'));
}

int g_signal_fd = -1;

// Async-signal-safe: one write.
void on_stop_signal(int) {
  uint64_t one = 1;
  int saved = errno;
  [[maybe_unused]] ssize_t written = write(g_signal_fd, &one, sizeof one);
  errno = saved;
}

/// What the JVM reads beside its options.
std::string jvm_environment() {
  std::string all;
  for (const char* name : {"JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"}) {
    if (const char* value = std::getenv(name); value != nullptr) all.append(value).append(" ");
  }
  return all;
}

}  // namespace

JvmHost::JvmHost(const Clock& clock, Reactor& reactor, Reactor& links_loop, StateStore& store, uint64_t entropy,
                 JvmHostOptions options, proto::ContainerSpec spec)
    : process_(clock, reactor, store, {HostKind::kJvm, options.spec_file, options.incarnation, "the worker"},
               std::move(spec)),
      reactor_(reactor),
      spec_(process_.spec()),
      entropy_(entropy),
      options_(std::move(options)),
      links_loop_(links_loop) {}

JvmHost::~JvmHost() {
  inbox_.stop();
  if (ledger_thread_.joinable()) ledger_thread_.join();
  links_loop_.stop();
  if (links_thread_.joinable()) links_thread_.join();
}

WorkerIdentity JvmHost::worker_identity() const {
  SpecDirs dirs(spec_);
  WorkerIdentity worker;
  worker.topology_id = spec_.topology_id();
  worker.worker_id = spec_.worker_id();
  worker.port = spec_.port();
  worker.petrel_home = home_of(options_.spec_file);
  worker.local_dir = spec_.local_dir();
  worker.log_dir = spec_.log_dir();
  worker.worker_dir = dirs.worker;
  worker.code_dir = process_.identity().code_dir;
  worker.memory_bytes = spec_.plan().resources().memory_bytes();
  return worker;
}

Status JvmHost::enter_worker_dir(const ConfMap& conf) {
  SpecDirs dirs(spec_);
  if (chdir(dirs.worker.c_str()) != 0) return Status::from_errno(errno, "enter the worker's folder " + dirs.worker);
  std::error_code error;
  // Storm's default childopts write artifacts/gc.log; without the folder the JVM does not start.
  if (!fs::exists("artifacts", error)) {
    return Status::error(StatusCode::kNotFound, "'{}' has no artifacts/; the container's agent makes it", dirs.worker);
  }
  fs::create_directories("tmp", error);
  ASSIGN_OR_RETURN(auto variables, worker_environment(conf, worker_identity()));
  // What the agent has set already (LD_LIBRARY_PATH with what it inherited) stays.
  for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), name == "LD_LIBRARY_PATH" ? 0 : 1);
  return {};
}

Result<JvmConfig> JvmHost::jvm_config(const ConfMap& conf) {
  ASSIGN_OR_RETURN(fs::path java_dir, find_java_dir(options_.java_dir, fs::read_symlink("/proc/self/exe")));
  ClassPathInput input{java_dir, process_.identity().code_dir, {}};
  for (const proto::Artifact& artifact : spec_.artifacts()) input.artifacts.push_back(artifact.name());
  ASSIGN_OR_RETURN(std::vector<std::string> class_path, worker_class_path(conf, input));
  ASSIGN_OR_RETURN(JvmOptions options, worker_jvm_options(conf, worker_identity()));
  for (const std::string& warning : options.warnings) logger.warn("{}", warning);
  heap_bytes_ = max_heap_bytes(options.options);
  JvmConfig config;
  std::string java_home = spec_.java_home().empty() ? options_.java_home : spec_.java_home();
  ASSIGN_OR_RETURN(config.libjvm, find_libjvm(java_home));
  config.options = default_collector(options.options, jvm_environment(), std::thread::hardware_concurrency());
  config.options.insert(config.options.end(), options.options.begin(), options.options.end());
  config.options.push_back("-Djava.class.path=" + join_class_path(class_path));
  return config;
}

Status JvmHost::start_jvm() {
  RETURN_IF_ERROR(process_.read_conf());
  RETURN_IF_ERROR(enter_worker_dir(process_.conf()));
  ASSIGN_OR_RETURN(JvmConfig config, jvm_config(process_.conf()));
  logger.info("starting {} with {} options", config.libjvm, config.options.size());
  JvmHooks hooks;
  hooks.on_exit = [this](int code) { process_.exit().end(code); };
  ASSIGN_OR_RETURN(jvm_, Jvm::create(config, hooks));
  for (const std::string& warning : warn_unknown_flags(config.options, jvm_->flag_names())) logger.warn("{}", warning);
  return jvm_->run([this](JNIEnv* env) -> Status {
    ASSIGN_OR_RETURN(table_, JniTable::resolve(env));
    RETURN_IF_ERROR(register_native_calls(env, table_.native, this));
    return register_link_natives(env, table_.native, this);
  });
}

Status JvmHost::make_ledger() {
  RETURN_IF_ERROR(jvm_->run([this](JNIEnv* env) -> Status {
    completions_ = std::make_unique<JniCompletions>(env, table_);
    return Status();
  }));
  AckLedgerOptions options;
  options.incarnation = Incarnation(options_.incarnation);
  options.hash_seed = entropy_;
  ledger_ = std::make_unique<LedgerLoop>(process_.clock(), options, inbox_,
                                         [this](std::span<const Completion> batch) { completions_->deliver(batch); });
  return Status();
}

void JvmHost::start_ledger() {
  ledger_thread_ = std::thread([this] {
    Result<std::unique_ptr<JvmAttachment>> attachment = JvmAttachment::attach(jvm_->vm(), "petrel-ledger");
    if (!attachment.ok()) {
      reactor_.post([this, why = attachment.status()] { process_.session().fail(why); });
      return;
    }
    ledger_->run();
  });
}

HostSessionLinks JvmHost::session_links() {
  HostSessionLinks links;
  links.start_links = [this](const proto::PhysicalPlan& plan) { return start_links(plan); };
  links.booted = [this] {
    if (links_) links_thread_ = std::thread([this] { run_links(); });
  };
  links.endpoints = [this](const proto::DataEndpoints& endpoints) {
    if (links_) links_loop_.post([this, endpoints] { links_->set_peers(endpoints); });
  };
  links.placement = [this](const proto::ContainerPlan& container) { place_stream_manager(container); };
  links.link_sample = [this] { return link_sample_; };
  return links;
}

// --- links -----------------------------------------------------------------------------------------------------------

Status JvmHost::start_links(const proto::PhysicalPlan& message) {
  int hosts = 0;
  for (const proto::ContainerPlan& container : message.packing().containers()) hosts += container.hosts_size();
  if (hosts < 2) return Status();
  ASSIGN_OR_RETURN(const PhysicalPlan plan, PhysicalPlan::from_proto(message));
  const ContainerPlan* container = plan.packing.find(spec_.container_id());
  const HostPlan* host = container == nullptr ? nullptr : container->find(HostKind::kJvm);
  if (host == nullptr || host->slot != process_.identity().slot) {
    return Status::malformed("plan epoch {} has no jvm-host with slot {} in container {}", plan.epoch,
                             process_.identity().slot, spec_.container_id());
  }
  ASSIGN_OR_RETURN(RouteTable routes, RouteTable::of(plan));
  ASSIGN_OR_RETURN(HostLinksOptions options, links_options(*container, *host));
  links_ =
      std::make_unique<HostLinks>(links_loop_, std::move(options),
                                  std::make_shared<const RouteTable>(std::move(routes)), plan.packing, links_events());
  return Status();
}

Result<HostLinksOptions> JvmHost::links_options(const ContainerPlan& container, const HostPlan& host) const {
  HostLinksOptions options;
  options.topology_id = spec_.topology_id();
  options.secret = spec_.secret();
  options.container = spec_.container_id();
  options.incarnation = options_.incarnation;
  options.slot = host.slot;
  options.in_host = container.stream_manager == StreamManagerPlacement::kInHost;
  options.moves = container.stream_manager_moves;
  options.listen.host = listen_address(process_.spec());
  options.unix_endpoint = Endpoint{data_socket_name(options_.spec_file), 0};
  options.executors = host.executors;
  options.pool_bytes = receive_pool_bytes(heap_bytes_, host.executors.size());
  ASSIGN_OR_RETURN(options.endpoint.flows.max_tuple_bytes, section_limit_bytes(process_.conf()));
  return options;
}

void JvmHost::place_stream_manager(const proto::ContainerPlan& container) {
  if (!links_) return;
  const bool in_host = container.stream_manager() == proto::STREAM_MANAGER_IN_HOST;
  links_loop_.post([this, in_host, moves = container.stream_manager_moves()] {
    if (Status placed = links_->place(in_host, moves); !placed.ok()) logger.error("links: {}", placed.message());
  });
}

HostLinksEvents JvmHost::links_events() {
  HostLinksEvents events;
  events.on_listening = [this](const Endpoint& endpoint) {
    reactor_.post([this, endpoint] { process_.session().listening(endpoint); });
  };
  events.on_links_up = [this](uint64_t epoch) { reactor_.post([this, epoch] { process_.session().links_up(epoch); }); };
  events.on_acks = [this](std::span<const std::byte> records, bool more) {
    // A whole number of records: both callers have checked.
    if (Status pushed = inbox_.push(records, true); !pushed.ok()) logger.error("{}", pushed.message());
    if (!more) ledger_->run_here();
  };
  events.on_host_lost = [this](uint32_t slot, uint32_t loss_number) { inbox_.host_lost(slot, loss_number); };
  events.on_sample = [this](proto::LinkSample sample) {
    reactor_.post([this, sample = std::move(sample)]() mutable { link_sample_ = std::move(sample); });
  };
  return events;
}

void JvmHost::run_links() {
  Result<std::unique_ptr<JvmAttachment>> attachment = JvmAttachment::attach(jvm_->vm(), "petrel-links");
  Status status = attachment.status();
  if (status.ok()) {
    JniLinks sink((*attachment)->env(), table_);
    status = links_->start(sink);
    if (status.ok()) return links_loop_.run();
  }
  reactor_.post([this, status] { process_.session().fail(status.with_context("links")); });
}

Status JvmHost::watch_signals() {
  signal_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (signal_fd_ < 0) return Status::from_errno(errno, "eventfd");
  g_signal_fd = signal_fd_;
  struct sigaction action{};
  action.sa_handler = &on_stop_signal;
  action.sa_flags = SA_RESTART;
  // After the JVM was created, so that these are ours; SIGQUIT (thread dump) and the faults stay the JVM's.
  for (int number : {SIGTERM, SIGINT, SIGHUP}) sigaction(number, &action, nullptr);
  reactor_.when_readable(signal_fd_, [this] { on_signal(); });
  return {};
}

void JvmHost::on_signal() {
  uint64_t count = 0;
  if (read(signal_fd_, &count, sizeof count) > 0) process_.session().stop("signal", 0);
  reactor_.when_readable(signal_fd_, [this] { on_signal(); });
}

void JvmHost::run() {
  signal(SIGPIPE, SIG_IGN);
  Status status = start_jvm();
  if (status.ok()) status = make_ledger();
  if (status.ok()) status = make_runtime();
  process_.start_session(runtime_.get(), session_links());
  if (status.ok()) {
    start_ledger();
    status = watch_signals();
  }
  process_.run(status);
}

Status JvmHost::make_runtime() {
  ASSIGN_OR_RETURN(std::string topology,
                   read_small_file(process_.identity().code_dir + "/topology.thrift", kMaxTopologyBytes));
  runtime_ = std::make_unique<JniHost>(*jvm_, table_, reactor_, process_.exit(),
                                       BootFiles{std::move(topology), process_.conf_json()});
  process_.end_by([this](int exit_code) { exit_java(exit_code); });
  return Status();
}

void JvmHost::exit_java(int exit_code) {
  process_.exit().arm_watchdog(process_.stop_grace() + Seconds(2), exit_code);
  jvm_->post([this, exit_code](JNIEnv* env) {
    env->CallStaticVoidMethod(table_.system, table_.exit, static_cast<jint>(exit_code));
  });
}

void JvmHost::ledger_open(int32_t spout_task, int64_t timeout_ms) {
  inbox_.open(spout_task, timeout_ms);
}

void JvmHost::ledger_records(std::span<const std::byte> records) {
  Status status = links_ ? links_->acks(records, true) : inbox_.push(records, true);
  if (!status.ok()) throw std::invalid_argument(status.message());
}

void JvmHost::ledger_recorded(bool here) {
  // First those that have a way to go.
  if (links_) links_->offered();
  if (here) {
    ledger_->run_here();
  } else {
    inbox_.wake();
  }
}

void JvmHost::prepared() {
  reactor_.post([this] { process_.session().prepared(); });
}

void JvmHost::drained(uint64_t epoch) {
  reactor_.post([this, epoch] { process_.session().drained(epoch); });
}

void JvmHost::report_error(std::string component, int32_t task, std::string text, int64_t wall_ms) {
  // worker.log has the stack; here one line says that something was reported.
  logger.warn("component {} task {} reported: {}", escape(component), task, escape(first_line(text)));
  process_.report(component, text, wall_ms);
}

void JvmHost::die(JNIEnv* env, std::string component, int32_t task, std::string text, int exit_code) {
  logger.error("component {} task {} ends the worker with code {}", escape(component), task, exit_code);
  report_error(std::move(component), task, std::move(text), process_.clock().wall_ms());
  process_.exit().arm_watchdog(process_.stop_grace() + Seconds(2), exit_code);
  env->CallStaticVoidMethod(table_.system, table_.exit, static_cast<jint>(exit_code));
}

}  // namespace petrel
