// HostLinks: the links of this host (docs/links.md) as the runtime of the host sees them: tuples and ack records for
// tasks of other hosts go down, sections of other hosts and news of credit come up.
//
// It exists only when the plan has more than one host, from before the runtime's boot
// until the process ends. With it comes the stream manager of the container when that has no process of its own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "native/config/conf_value.h"
#include "native/container/peer_book.h"
#include "native/ledger/ack_record.h"
#include "native/links/host_endpoint.h"
#include "native/links/link_client.h"
#include "native/links/route_table.h"
#include "native/stream_manager/stream_manager.h"
#include "proto/control.pb.h"

namespace petrel {

/// What comes up: the JVM's side of the links (jni_links.h is the real one; tests have a fake).
/// Thread: the loop `petrel-links`, which is attached to the JVM.
class LinkSink {
 public:
  virtual ~LinkSink() = default;
  /// Everything that arrived in one turn of the loop, in its order: one upcall. Bytes live as long as a section's
  /// `frame`. Each section is consumed() later, by its flow and its bytes.size().
  virtual void deliver(std::span<const InSection> sections) = 0;
  /// Source executors (by their first task) that were refused and may try again.
  virtual void credit(std::span<const int32_t> executors) = 0;
  /// What all other hosts together ask to be held back; absolute.
  virtual void pressure(uint16_t bits) { (void)bits; }
};

struct HostLinksOptions {
  std::string topology_id;
  std::string secret;
  int32_t container = 0;
  uint32_t incarnation = 0;
  uint32_t slot = 0;
  bool in_host = true;              // the stream manager is ours; else it listens on `unix_endpoint`
  uint32_t moves = 0;               // of the stream manager of the container, so far
  Endpoint unix_endpoint;           // process: container_paths.h, data_socket_name
  Endpoint listen{"127.0.0.1", 0};  // in_host: where other containers find us
  std::vector<int32_t> executors;   // first tasks of this host's executors
  uint64_t pool_bytes = 4u << 20;   // per receiving executor
  HostEndpointOptions endpoint;     // slot and incarnation are filled from above
  /// What a link to the stream manager goes through before it is used; for tests that put faults on it.
  std::function<std::unique_ptr<Link>(std::unique_ptr<Link>)> through = nullptr;
};

/// The pool of one receiving executor: together they take at most an eighth of the heap; 256 KiB to 4 MiB each.
/// heap_bytes 0: unknown.
uint64_t receive_pool_bytes(int64_t heap_bytes, size_t executors);

/// The largest section: petrel.max.tuple.bytes of the topology, and what a batch has beside the tuple. kMalformed.
Result<uint64_t> section_limit_bytes(const ConfMap& conf);

/// Where news go that are not the runtime's: all must be set. Called on the links loop, on_acks also on the caller of
/// acks().
struct HostLinksEvents {
  std::function<void(const Endpoint&)> on_listening;  // in_host
  std::function<void(uint64_t plan_epoch)> on_links_up;
  std::function<void(std::span<const std::byte> records, bool more)> on_acks;  // for the ledger of this host
  std::function<void(uint32_t slot, uint32_t loss_number)> on_host_lost;
  std::function<void(proto::LinkSample)> on_sample;  // once a second
};

/// Thread: start(), set_peers(), place() and the destructor on the loop of `loop`; the rest from any thread.
/// Limits: those of HostEndpoint; what waits for a turn's deliver() was granted as credit before.
class HostLinks : private EndpointHandler, private LinkClientHandler {
 public:
  HostLinks(Reactor& loop, HostLinksOptions options, std::shared_ptr<const RouteTable> routes,
            const PackingPlan& packing, HostLinksEvents events);
  ~HostLinks() override;

  /// Listens or dials. `sink` outlives us.
  Status start(LinkSink& sink);
  /// in_host: the stream managers of the other containers.
  void set_peers(const proto::DataEndpoints& endpoints);
  /// The stream manager of the container has moved. Into a process: we go on with ours until that has a link for us.
  /// Nothing is lost: what was under way is asked for again (docs/links.md). News with no more moves than known change
  /// nothing. Errors: those of StreamManager::start; then we go on as before.
  Status place(bool in_host, uint32_t moves);

  // --- from the runtime's threads ------------------------------------------------------------------------------------

  /// kTaken: the section is moved from. kNoCredit: keep it; LinkSink::credit names the executor later.
  Admit offer(int32_t source_executor, OutSection&& section, bool more = false) {
    return endpoint_.offer(source_executor, std::move(section), more);
  }
  void offered() { endpoint_.offered(); }
  /// The executor took `bytes` of this flow out of its inbox. Once per batch.
  void consumed(const FlowId& flow, uint64_t bytes) { endpoint_.consumed(flow, bytes); }
  /// Ack records as the border has them (n * 32 bytes): those of spout tasks of this host go to its ledger, others to
  /// the host of their spout task; those of unknown tasks are counted and dropped. kMalformed: the size.
  /// `more`: the writer goes on, and says offered() within a moment; the records for other hosts may wait for it. What
  /// is for this host goes to on_acks with the same word.
  Status acks(std::span<const std::byte> records, bool more = false);
  /// Fill of the task's inbox as of the last credit frame, 0..65535; 0 for local and unknown tasks.
  uint16_t load_of(int32_t task) const { return endpoint_.load_of(task); }
  /// To be stamped on every ack record (AckRecord::loss_number).
  uint32_t loss_number() const { return endpoint_.loss_number(); }
  /// Slot of the task's host: bit (slot % 64) of AckRecord::host_mask. Nothing for unknown tasks.
  const RouteTable& routes() const { return *routes_; }

  /// What this host asks the others to hold back (docs/links.md, Pressure); absolute.
  void set_pressure(uint16_t bits) { endpoint_.set_pressure(bits); }

  // --- for gauges and tests, on the loop -----------------------------------------------------------------------------

  HostEndpoint& endpoint() { return endpoint_; }
  /// nullptr: it has a process of its own.
  StreamManager* stream_manager() { return stream_manager_.get(); }

  uint64_t dropped_acks() const { return dropped_acks_.load(std::memory_order_relaxed); }

 private:
  void on_section(const InSection& section) override;
  void on_credit(const std::vector<int32_t>& executors) override;
  void on_acks(std::string_view records) override;
  void on_host_lost(uint32_t slot, uint32_t loss_number) override;
  void on_links_up(uint64_t plan_epoch) override;
  void on_pressure(uint16_t bits) override { sink_->pressure(bits); }
  void on_link(std::unique_ptr<FrameLink> link) override;
  void on_refused(const Status& reason) override;
  void flush();
  Status start_in_host();
  Status listen();
  void start_dialling();
  void attach(std::unique_ptr<Link> link);
  void tick();
  proto::LinkSample sample() const;

  Reactor& loop_;
  const HostLinksOptions options_;
  const std::shared_ptr<const RouteTable> routes_;
  const HostLinksEvents events_;
  LinkSink* sink_ = nullptr;
  std::vector<InSection> arrived_;  // in this turn
  bool flush_posted_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::atomic<uint64_t> dropped_acks_{0};
  Reactor::TimerId timer_ = 0;
  uint32_t moves_;
  uint32_t link_epoch_ = 0;  // of our last hello to a stream manager process
  PeerBook book_;
  HostEndpoint endpoint_;
  std::unique_ptr<StreamManager>
      stream_manager_;                  // in_host; retired when it has moved, since its port says that we live
  std::unique_ptr<LinkClient> client_;  // process
};

}  // namespace petrel
