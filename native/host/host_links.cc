#include "native/host/host_links.h"

#include <algorithm>
#include <cstring>

#include "native/base/log.h"
#include "native/codec/tuple_batch.h"
#include "native/container/link_sample.h"
#include "native/links/loop_link.h"
#include "native/stream_manager/placement.h"

namespace petrel {
namespace {

const Logger logger("links");

HostEndpointOptions endpoint_options(const HostLinksOptions& options) {
  HostEndpointOptions out = options.endpoint;
  out.slot = options.slot;
  out.incarnation = options.incarnation;
  return out;
}

}  // namespace

uint64_t receive_pool_bytes(int64_t heap_bytes, size_t executors) {
  constexpr uint64_t kLeast = 256u << 10;
  constexpr uint64_t kMost = 4u << 20;
  if (heap_bytes <= 0 || executors == 0) return kMost;
  return std::clamp(static_cast<uint64_t>(heap_bytes) / 8 / executors, kLeast, kMost);
}

Result<uint64_t> section_limit_bytes(const ConfMap& conf) {
  ASSIGN_OR_RETURN(const int64_t tuple, conf.get_int("petrel.max.tuple.bytes", TupleBatchView::kMaxTupleBytes, 1024,
                                                     TupleBatchView::kMostTupleBytes));
  return static_cast<uint64_t>(tuple) + TupleBatchView::kExtraBytes;
}

HostLinks::HostLinks(Reactor& loop, HostLinksOptions options, std::shared_ptr<const RouteTable> routes,
                     const PackingPlan& packing, HostLinksEvents events)
    : loop_(loop),
      options_(std::move(options)),
      routes_(std::move(routes)),
      events_(std::move(events)),
      moves_(options_.moves),
      book_(options_.container),
      endpoint_(loop, endpoint_options(options_), *this) {
  book_.set_plan(packing);
}

HostLinks::~HostLinks() {
  *alive_ = false;
  loop_.cancel(timer_);
}

Status HostLinks::start(LinkSink& sink) {
  sink_ = &sink;
  endpoint_.set_routes(routes_);
  for (int32_t executor : options_.executors) endpoint_.add_executor(executor, options_.pool_bytes);
  if (options_.in_host) {
    RETURN_IF_ERROR(start_in_host());
  } else {
    start_dialling();
  }
  tick();
  return Status();
}

Status HostLinks::listen() {
  const uint32_t incarnation = manager_incarnation(moves_, options_.incarnation);
  if (stream_manager_) {
    stream_manager_->serve(incarnation);
    return Status();
  }
  StreamManagerOptions manager;
  manager.container = options_.container;
  manager.incarnation = incarnation;
  manager.topology_id = options_.topology_id;
  manager.secret = options_.secret;
  manager.tcp_endpoint = options_.listen;
  auto made = std::make_unique<StreamManager>(loop_, manager);
  RETURN_IF_ERROR(made->start());
  stream_manager_ = std::move(made);
  stream_manager_->set_routes(routes_);
  stream_manager_->set_peers(book_.peers());
  return Status();
}

Status HostLinks::start_in_host() {
  RETURN_IF_ERROR(listen());
  LinkPeer host;
  host.role = LinkRole::kHost;
  host.container = options_.container;
  host.slot = options_.slot;
  host.incarnation = options_.incarnation;
  host.text = fmt::format("host {} in this process", options_.slot);
  LinkPeer other = host;
  other.role = LinkRole::kStreamManager;
  other.slot = 0;
  other.text = "the stream manager in this process";
  auto [ours, theirs] = make_loop_link(loop_, host, other);
  stream_manager_->add_local(std::move(theirs));
  attach(std::move(ours));
  logger.info("stream manager of container {} in this host on port {}", options_.container,
              stream_manager_->tcp_endpoint().port);
  events_.on_listening(stream_manager_->tcp_endpoint());
  return Status();
}

void HostLinks::start_dialling() {
  LinkClientOptions client;
  client.identity = {options_.topology_id, options_.secret, LinkRole::kHost,
                     options_.container,   options_.slot,   options_.incarnation};
  client.expected_container = options_.container;
  client.first_link_epoch = link_epoch_ + 1;
  LinkClientHandler& handler = *this;
  auto find = [this] { return std::vector{options_.unix_endpoint}; };
  client_ = std::make_unique<LinkClient>(loop_, client, find, handler);
  client_->start();
}

Status HostLinks::place(bool in_host, uint32_t moves) {
  if (moves <= moves_) return Status();
  moves_ = moves;
  if (!in_host) {
    if (!client_) start_dialling();
    return Status();
  }
  RETURN_IF_ERROR(start_in_host());
  if (client_) link_epoch_ = client_->link_epoch();
  client_.reset();
  return Status();
}

void HostLinks::on_link(std::unique_ptr<FrameLink> link) {
  logger.info("link to {}", link->peer().text);
  attach(std::move(link));
  if (stream_manager_) stream_manager_->retire();
}

void HostLinks::attach(std::unique_ptr<Link> link) {
  endpoint_.attach(options_.through ? options_.through(std::move(link)) : std::move(link));
}

void HostLinks::on_refused(const Status& reason) {
  logger.warn("the stream manager of container {}: {}", options_.container, reason.message());
}

void HostLinks::set_peers(const proto::DataEndpoints& endpoints) {
  if (book_.take(endpoints) && stream_manager_) stream_manager_->set_peers(book_.peers());
}

void HostLinks::tick() {
  timer_ = loop_.after(Seconds(1), [this] { tick(); });
  events_.on_sample(sample());
}

proto::LinkSample HostLinks::sample() const {
  proto::LinkSample sample;
  if (stream_manager_) add_sent(stream_manager_->counters(), options_.container, sample);
  add_accepted(endpoint_.accepted_tuples(), *routes_, options_.container, sample);
  return sample;
}

// --- up --------------------------------------------------------------------------------------------------------------

void HostLinks::on_section(const InSection& section) {
  arrived_.push_back(section);
  if (std::exchange(flush_posted_, true)) return;
  loop_.post([this, alive = alive_] {
    if (*alive) flush();
  });
}

void HostLinks::flush() {
  flush_posted_ = false;
  sink_->deliver(arrived_);
  arrived_.clear();
}

void HostLinks::on_credit(const std::vector<int32_t>& executors) {
  sink_->credit(executors);
}

void HostLinks::on_acks(std::string_view records) {
  events_.on_acks({reinterpret_cast<const std::byte*>(records.data()), records.size()}, false);
}

void HostLinks::on_host_lost(uint32_t slot, uint32_t loss_number) {
  logger.warn("host {} is lost, loss number {}", slot, loss_number);
  events_.on_host_lost(slot, loss_number);
}

void HostLinks::on_links_up(uint64_t plan_epoch) {
  events_.on_links_up(plan_epoch);
}

// --- down ------------------------------------------------------------------------------------------------------------

Status HostLinks::acks(std::span<const std::byte> records, bool more) {
  if (records.size() % sizeof(AckRecord) != 0) {
    return Status::malformed("{} bytes of ack records; a record has {} bytes", records.size(), sizeof(AckRecord));
  }
  const auto spout_of = [&](size_t at) {
    uint64_t root = 0;
    std::memcpy(&root, records.data() + at, sizeof root);
    return RootId::spout_task(root);
  };
  std::vector<AckRecord> remote;
  std::vector<std::byte> local;
  // By runs of one spout task: most batches are a single one.
  for (size_t at = 0, end = 0; at < records.size(); at = end) {
    const auto spout = spout_of(at);
    while (end < records.size() && spout_of(end) == spout) end += sizeof(AckRecord);
    const std::span<const std::byte> run = records.subspan(at, end - at);
    const size_t count = run.size() / sizeof(AckRecord);
    const TaskRoute* route = routes_->find(spout);
    if (route == nullptr) {
      dropped_acks_.fetch_add(count, std::memory_order_relaxed);
    } else if (route->slot != options_.slot) {
      remote.resize(remote.size() + count);
      std::memcpy(remote.data() + remote.size() - count, run.data(), run.size());
    } else if (run.size() == records.size()) {
      events_.on_acks(run, more);
    } else {
      local.insert(local.end(), run.begin(), run.end());
    }
  }
  if (!local.empty()) events_.on_acks(local, more);
  if (!remote.empty()) endpoint_.acks(remote, more);
  return Status();
}

}  // namespace petrel
