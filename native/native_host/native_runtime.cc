#include "native/native_host/native_runtime.h"

#include <pthread.h>

#include "native/base/escape.h"
#include "native/base/log.h"
#include "native/codec/tuple_batch.h"

namespace petrel {
namespace {

const Logger logger("native-host");

constexpr Nanos kSweep = Millis(1);
constexpr Nanos kMaxSweep = Millis(20);
constexpr int kClockEvery = 16;  // steps between two looks at the clock

std::vector<int32_t> receiving(const HostInstance& instance) {
  std::vector<int32_t> executors;
  for (const auto& executor : instance.executors()) executors.push_back(executor->first_task());
  return executors;
}

// What keeps a component from running is shown with the component, where its user looks.
class ReportingFactory : public TaskFactory {
 public:
  ReportingFactory(TaskFactory& factory, const NativeRuntimeEvents& events) : factory_(factory), events_(events) {}
  Result<std::unique_ptr<BoltTask>> bolt(const Component& component, const ConfMap& conf) override {
    return reported(component, factory_.bolt(component, conf));
  }
  Result<std::unique_ptr<SpoutTask>> spout(const Component& component, const ConfMap& conf) override {
    return reported(component, factory_.spout(component, conf));
  }

 private:
  template <typename Task>
  Result<Task> reported(const Component& component, Result<Task> made) {
    if (!made.ok()) events_.report_error(component.name, component.first_task, made.status().message());
    return made;
  }

  TaskFactory& factory_;
  const NativeRuntimeEvents& events_;
};

void name_thread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace

struct NativeRuntime::ExecutorThread {
  explicit ExecutorThread(Executor& e) : executor(e) {}
  Executor& executor;
  std::thread thread;
  std::atomic<bool> ended{false};
};

NativeRuntime::NativeRuntime(const Clock& clock, Reactor& reactor, NativeRuntimeOptions options,
                             NativeRuntimeEvents events)
    : clock_(clock),
      reactor_(reactor),
      options_(std::move(options)),
      events_(std::move(events)),
      libraries_(options_.resources_dir) {}

NativeRuntime::~NativeRuntime() {
  if (stop_thread_.joinable()) stop_thread_.join();
  stopping_ = true;
  if (instance_) instance_->stop();
  for (auto& thread : threads_) {
    if (thread->thread.joinable()) thread->thread.join();
  }
  if (timer_thread_.joinable()) timer_thread_.join();
  inbox_.stop();
  if (ledger_thread_.joinable()) ledger_thread_.join();
  if (links_thread_.joinable()) {
    links_loop_->post([this] { links_loop_->stop(); });
    links_thread_.join();
  }
}

Result<std::string> NativeRuntime::encode(const proto::PhysicalPlan& plan, const HostIdentity&) {
  return plan.SerializeAsString();
}

Result<proto::HostSample> NativeRuntime::decode(const std::string& bytes) {
  proto::HostSample sample;
  if (!sample.ParseFromString(bytes)) return Status::malformed("a sample of this host does not parse");
  return sample;
}

void NativeRuntime::boot(std::string plan, Done done) {
  Status status = build(plan);
  reactor_.post([status, done = std::move(done)] { done(status); });
}

Status NativeRuntime::build(const std::string& plan_bytes) {
  proto::PhysicalPlan message;
  if (!message.ParseFromString(plan_bytes)) return Status::malformed("the plan does not parse");
  ASSIGN_OR_RETURN(PhysicalPlan plan, PhysicalPlan::from_proto(message));
  ASSIGN_OR_RETURN(RouteTable table, RouteTable::of(plan));
  auto routes = std::make_shared<const RouteTable>(std::move(table));
  std::vector<TaskPlace> places;
  for (const TaskRoute& route : routes->tasks) {
    const HostPlace* host = routes->host(route.slot);
    places.push_back({route.executor, route.slot, host == nullptr ? 0 : host->container});
  }
  ExecutorServices services;
  services.clock = &clock_;
  ASSIGN_OR_RETURN(services.table, TaskTable::of(plan.logical, std::move(places)));
  services.slot = options_.host.slot;
  services.incarnation = options_.host.incarnation;
  services.seed = options_.entropy;
  services.remote = routes->hosts.size() > 1 ? &port_ : nullptr;
  services.acks = this;
  services.events = this;
  HostInstanceOptions sizes;
  ASSIGN_OR_RETURN(const int64_t stuck, options_.conf.get_int(StuckCalls::kSetting, 60, 0));
  stuck_after_ = Seconds(stuck);
  sizes.queue_limit_bytes = kQueueBytes;
  ASSIGN_OR_RETURN(const uint64_t section, section_limit_bytes(options_.conf));
  sizes.outbox.max_tuple_bytes = section - TupleBatchView::kExtraBytes;
  ReportingFactory factory(libraries_, events_);
  ASSIGN_OR_RETURN(
      instance_,
      HostInstance::build(services, options_.conf, factory, [] { return std::make_unique<ThreadParker>(); }, sizes));
  logger.info("{} executors in slot {}, {} hosts in the plan", instance_->executors().size(), options_.host.slot,
              routes->hosts.size());
  start_ledger();
  if (routes->hosts.size() > 1) RETURN_IF_ERROR(make_links(plan, std::move(routes)));
  return {};
}

Status NativeRuntime::make_links(const PhysicalPlan& plan, std::shared_ptr<const RouteTable> routes) {
  const ContainerPlan* container = plan.packing.find(options_.host.container_id);
  if (container == nullptr) return Status::malformed("the plan has no container {}", options_.host.container_id);
  HostLinksOptions links;
  links.topology_id = options_.topology_id;
  links.secret = options_.secret;
  links.container = options_.host.container_id;
  links.incarnation = options_.host.incarnation;
  links.slot = options_.host.slot;
  links.in_host = container->stream_manager == StreamManagerPlacement::kInHost;
  links.moves = container->stream_manager_moves;
  links.listen.host = options_.listen_address;
  links.unix_endpoint = options_.data_endpoint;
  links.executors = receiving(*instance_);
  links.pool_bytes = kQueueBytes;
  ASSIGN_OR_RETURN(links.endpoint.flows.max_tuple_bytes, section_limit_bytes(options_.conf));
  HostLinksEvents events;
  events.on_listening = events_.listening;
  events.on_links_up = events_.links_up;
  events.on_acks = [this](std::span<const std::byte> records, bool) {
    Status status = inbox_.push(records);
    if (!status.ok()) logger.error("{}", status.message());
  };
  events.on_host_lost = [this](uint32_t slot, uint32_t loss_number) { inbox_.host_lost(slot, loss_number); };
  events.on_sample = [this](proto::LinkSample sample) {
    std::lock_guard lock(link_sample_mutex_);
    link_sample_ = std::move(sample);
  };
  links_loop_ = std::make_unique<AsioReactor>(clock_);
  links_ =
      std::make_unique<HostLinks>(*links_loop_, std::move(links), std::move(routes), plan.packing, std::move(events));
  port_.connect(*links_, *instance_);
  start_links();
  return {};
}

void NativeRuntime::start_links() {
  links_thread_ = std::thread([this] {
    name_thread("petrel-links");
    links_loop_->post([this] {
      Status status = links_->start(port_);
      if (!status.ok()) events_.fail(status.with_context("links"));
    });
    links_loop_->run();
    links_.reset();
  });
}

void NativeRuntime::set_peers(const proto::DataEndpoints& endpoints) {
  if (!links_loop_) return;
  links_loop_->post([this, endpoints] { links_->set_peers(endpoints); });
}

void NativeRuntime::place_stream_manager(const proto::ContainerPlan& container) {
  if (!links_loop_) return;
  const bool in_host = container.stream_manager() == proto::STREAM_MANAGER_IN_HOST;
  links_loop_->post([this, in_host, moves = container.stream_manager_moves()] {
    if (Status placed = links_->place(in_host, moves); !placed.ok()) logger.error("links: {}", placed.message());
  });
}

proto::LinkSample NativeRuntime::link_sample() const {
  std::lock_guard lock(link_sample_mutex_);
  return link_sample_;
}

void NativeRuntime::start_ledger() {
  ledger_thread_ = std::thread([this] {
    name_thread("petrel-ledger");
    AckLedgerOptions ledger;
    ledger.incarnation = Incarnation(options_.host.incarnation);
    ledger.hash_seed = options_.entropy;
    LedgerLoop loop(clock_, ledger, inbox_,
                    [this](std::span<const Completion> batch) { instance_->completions(batch); });
    loop.run();
  });
}

// --- life ------------------------------------------------------------------------------------------------------------

void NativeRuntime::start(bool active, Done done) {
  unprepared_ = instance_->executors().size();
  instance_->set_active(active);
  for (const auto& executor : instance_->executors()) {
    threads_.push_back(std::make_unique<ExecutorThread>(*executor));
    ExecutorThread& thread = *threads_.back();
    thread.thread = std::thread([this, &thread] { run_executor(thread); });
  }
  timer_thread_ = std::thread([this] { run_timer(); });
  // As in a JVM host: a topology that starts inactive is prepared when it is activated.
  if (!active || threads_.empty()) events_.prepared();
  reactor_.post([done = std::move(done)] { done(Status()); });
}

void NativeRuntime::set_active(bool active, Done done) {
  instance_->set_active(active);
  reactor_.post([done = std::move(done)] { done(Status()); });
}

void NativeRuntime::drain(uint64_t epoch) {
  instance_->drain(epoch);
  if (instance_->executors().empty()) events_.drained(epoch);
}

void NativeRuntime::sample(std::function<void(Result<std::string>)> done) {
  proto::HostSample sample;
  instance_->sample(sample);
  reactor_.post([bytes = sample.SerializeAsString(), done = std::move(done)] { done(bytes); });
}

void NativeRuntime::run_executor(ExecutorThread& thread) {
  const ExecutorSpec& spec = thread.executor.spec();
  name_thread(spec.component->name);
  Status status = await_active(thread) ? steps(thread) : Status();
  thread.ended = true;
  if (status.ok() || stopping_) return;
  logger.error("executor [{}, {}] of {} ends this host: {}", spec.tasks.first, spec.tasks.last,
               escape(spec.component->name), status.message());
  events_.die(spec.component->name, spec.tasks.first, status.message());
}

bool NativeRuntime::await_active(ExecutorThread& thread) {
  Executor& executor = thread.executor;
  while (!stopping_ && !executor.active()) {
    executor.waker().prepare();
    if (stopping_ || executor.active()) {
      executor.waker().cancel();
    } else {
      executor.waker().sleep(Seconds(1));
    }
  }
  return !stopping_;
}

Status NativeRuntime::steps(ExecutorThread& thread) {
  Executor& executor = thread.executor;
  RETURN_IF_ERROR(executor.init());
  if (--unprepared_ == 0) {
    logger.info("all {} executors are prepared", threads_.size());
    events_.prepared();
  }
  MonoTime now = clock_.now();
  for (int step = 1; !stopping_; ++step) {
    ASSIGN_OR_RETURN(bool worked, executor.run_once(now));
    if (!worked) executor.idle();
    // A step of a spout may be as cheap as a look at the clock.
    if (!worked || step % kClockEvery == 0) now = clock_.now();
  }
  return {};
}

void NativeRuntime::run_timer() {
  name_thread("petrel-timer");
  ThreadParker parker;
  Nanos every = kSweep;
  StuckCalls stuck(instance_->executors(), stuck_after_, *this);
  MonoTime next_look = clock_.now();
  while (!stopping_) {
    parker.park(every);
    every = instance_->sweep() ? kSweep : std::min(kMaxSweep, 2 * every);
    const MonoTime now = clock_.now();
    if (now < next_look) continue;
    next_look = now + Seconds(1);
    stuck.look(now);
  }
}

void NativeRuntime::stop(Millis grace, int exit_code) {
  if (stop_thread_.joinable()) return;
  events_.stopping(grace, exit_code);
  stop_thread_ = std::thread([this, grace, exit_code] {
    if (instance_) end_threads(grace);
    events_.stopped(exit_code);
  });
}

// Tasks whose thread has ended are closed; user code that does not return keeps its own.
void NativeRuntime::end_threads(Millis grace) {
  stopping_ = true;
  instance_->stop();
  const MonoTime deadline = clock_.now() + grace;
  ThreadParker parker;
  for (auto& thread : threads_) {
    while (!thread->ended && clock_.now() < deadline) parker.park(Millis(5));
    const ExecutorSpec& spec = thread->executor.spec();
    if (!thread->ended) {
      logger.warn("executor [{}, {}] of {} is still in user code after {} ms; not waiting for it", spec.tasks.first,
                  spec.tasks.last, escape(spec.component->name), grace.count());
      continue;
    }
    thread->executor.close();
  }
}

// --- ports -----------------------------------------------------------------------------------------------------------

void NativeRuntime::open(int32_t spout_task, int64_t timeout_ms) {
  inbox_.open(spout_task, timeout_ms);
}

void NativeRuntime::records(std::span<const AckRecord> records) {
  const auto bytes = std::as_bytes(records);
  Status status = links_ == nullptr ? inbox_.push(bytes) : links_->acks(bytes);
  if (!status.ok()) logger.error("{}", status.message());
}

bool NativeRuntime::may_report(const std::string& component) {
  Result<int64_t> most = options_.conf.get_int("topology.max.error.report.per.interval", 5);
  Result<int64_t> seconds = options_.conf.get_int("topology.error.throttle.interval.secs", 10);
  std::lock_guard lock(mutex_);
  ErrorWindow& window = error_windows_[component];
  const MonoTime now = clock_.now();
  if (window.errors == 0 || now - window.since > Seconds(seconds.ok() ? *seconds : 10)) window = {now, 0};
  return ++window.errors <= (most.ok() ? *most : 5);
}

void NativeRuntime::report_error(const std::string& component, int32_t task, const std::string& text) {
  if (may_report(component)) events_.report_error(component, task, text);
}

void NativeRuntime::drained(int32_t executor, uint64_t epoch) {
  {
    std::lock_guard lock(mutex_);
    drained_[executor] = epoch;
    if (epoch <= drained_told_) return;
    for (const auto& one : instance_->executors()) {
      auto at = drained_.find(one->first_task());
      if (at == drained_.end() || at->second < epoch) return;
    }
    drained_told_ = epoch;
  }
  events_.drained(epoch);
}

}  // namespace petrel
