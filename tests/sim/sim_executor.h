// SimExecutor: a small model of an executor: spouts with a pending table and replay, bolts that fan out, joins, sinks.
// It keeps the rules of the real ones: refused sections stay, in order, and nothing is taken in meanwhile.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "native/ledger/ack_record.h"
#include "native/links/host_endpoint.h"
#include "tests/sim/oracle.h"

namespace petrel::sim {

class SimHost;

/// A tuple as it travels, followed by `filler` bytes.
struct WireTuple {
  uint64_t root = 0;
  uint64_t edge = 0;
  uint64_t path = 0;
  uint64_t check = 0;  // of everything else
  uint32_t number = 0;
  int32_t source_task = 0;
  uint32_t source_incarnation = 0;
  int32_t destination_task = 0;
  uint32_t link_number = 0;
  uint32_t turns = 0;
  uint32_t filler = 0;
  uint32_t zero = 0;
};
static_assert(sizeof(WireTuple) == 64);

/// Thread: the host's loop.
class SimExecutor {
 public:
  SimExecutor(SimHost& host, const SimExecutorPlan& plan);

  void start();
  void deliver(const InSection& section);
  void deliver_local(int32_t source_task, uint8_t lane, std::string bytes);
  /// Room again: at a destination in another host, or in this one.
  void wake();
  void complete(const Completion& completion);
  void set_slow(uint32_t factor) { slow_ = factor; }

  int32_t first_task() const { return plan_.first; }
  bool full() const { return local_sections_ >= kLocalSections; }
  bool blocked() const { return waiting_sections_ > 0; }
  bool idle() const { return inbox_.empty() && waiting_.empty(); }
  size_t inbox_sections() const { return inbox_.size(); }
  uint64_t waiting_sections() const { return waiting_sections_; }
  /// Bytes of lane 0 from other hosts that were delivered and not consumed.
  uint64_t remote_bytes() const { return remote_bytes_; }

 private:
  static constexpr size_t kLocalSections = 64;
  static constexpr uint32_t kBurst = 32;
  using TaskPair = std::pair<int32_t, int32_t>;  // source, destination

  struct Entry {
    std::shared_ptr<const std::string> keeper;
    std::string_view bytes;
    int32_t source_task = 0;
    uint8_t lane = 0;
    bool remote = false;
    FlowId flow{};
  };
  struct Staged {
    std::string bytes;
    uint32_t count = 0;
    uint8_t lane = 0;
  };
  struct Task {
    explicit Task(Rng r) : rng(r) {}
    Rng rng;  // edges
    uint64_t roots = 0;
    uint32_t turn = 0;  // shuffle
    std::map<int32_t, uint32_t> link_numbers;
    std::unordered_map<uint64_t, uint32_t> pending;  // spouts: root -> number; looked up only
  };
  struct Half {
    uint64_t edge = 0;
    uint64_t path = 0;
    int32_t source_component = 0;
  };
  struct Emission {
    uint64_t root = 0;
    uint32_t number = 0;
    uint64_t edges = 0;
    uint64_t mask = 0;
  };

  void schedule(Nanos delay);
  void run();
  uint32_t run_spout();
  uint32_t run_bolt();
  void take_section(const Entry& entry);
  void execute(int32_t task, const WireTuple& tuple);
  void emit_children(int32_t task, uint64_t path, uint32_t turns, Emission& emission);
  void emit(int32_t task, const SimEdge& edge, int32_t to, uint64_t path, uint32_t turns, bool anchored,
            Emission& emission);
  int32_t choose(int32_t task, const SimEdge& edge, uint64_t root, uint64_t path);
  void record(const AckRecord& record);
  void flush();
  bool send(int32_t source_task, int32_t destination_task, OutSection& section);
  void retry();
  void add_waiter(SimExecutor* executor);

  SimHost& host_;
  const SimExecutorPlan plan_;
  const SimComponent& component_;
  Rng rng_;
  std::map<int32_t, Task> tasks_;
  std::deque<Entry> inbox_;
  std::map<TaskPair, Staged> staged_;
  std::map<TaskPair, std::deque<OutSection>> waiting_;
  uint64_t waiting_sections_ = 0;  // on lane 0
  std::map<std::pair<int32_t, uint64_t>, Half> joining_;
  std::vector<AckRecord> records_;
  std::vector<SimExecutor*> waiters_;  // executors of this host that wait for room in our inbox
  std::vector<SimChild> children_;
  uint32_t loss_number_ = 0;  // read before the first emit of a run
  bool scheduled_ = false;
  MonoTime busy_until_{};
  uint32_t slow_ = 1;
  uint64_t remote_bytes_ = 0;
  size_t local_sections_ = 0;  // in the inbox, from this host
};

}  // namespace petrel::sim
