// Emitter: what a task does when its collector is called: choose the targets, draw edges, hand over to the outbox, keep
// the books of the tuple trees, count. Twin of io.petrel.host.TaskWriter.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "native/base/rng.h"
#include "native/instance/ack_batch.h"
#include "native/instance/counters.h"
#include "native/instance/outbox.h"
#include "native/instance/tuple.h"
#include "native/routing/grouper.h"
#include "native/routing/task_table.h"

namespace petrel {

/// Where the tuples of one output stream go. One per executor and stream; its tasks share the groupers, as in Storm.
struct Route {
  struct Reader {
    const Component* component = nullptr;
    std::unique_ptr<Grouper> grouper;
  };
  const Stream* stream = nullptr;
  uint32_t index = 0;  // in the streams of the component
  std::vector<Reader> readers;
  bool direct = false;  // only emit_direct reaches a reader
  OutputCounts counts;
};

/// What the emitters of an executor share.
struct EmitterParts {
  const TaskTable* table = nullptr;
  const Component* component = nullptr;
  uint32_t slot = 0;
  Outbox* outbox = nullptr;
  AckBatch* acks = nullptr;  // nullptr: nothing is tracked
  RemotePort* remote = nullptr;
  std::deque<Route>* routes = nullptr;                 // by index of the stream
  const std::vector<int32_t>* destinations = nullptr;  // by task: index in the outbox, or -1
};

/// Thread: the executor's.
class Emitter {
 public:
  /// `edges`: a generator that no other task or thread draws from, else two tuples of a tree could cancel out.
  Emitter(const EmitterParts& parts, int32_t task, Rng edges) : parts_(parts), task_(task), edges_(edges) {}

  /// Appends the targets. `direct`: the target of emit_direct, or nothing. Errors: kMalformed with Storm's texts;
  /// kLimit for a tuple that is too large; kUnavailable when the host stops.
  Status emit(std::optional<int32_t> direct, std::string_view stream, std::span<const TuplePtr> anchors, Values values,
              std::vector<int32_t>& targets);
  /// A spout's emit; root 0: untracked. `route`: for the counts of its completion.
  Status emit_root(std::optional<int32_t> direct, std::string_view stream, Values values, uint64_t root,
                   std::vector<int32_t>& targets, Route** route);

  /// False: nothing is tracked, or the tuple has been acked or failed before.
  bool ack(TupleData& tuple);
  bool fail(TupleData& tuple);
  void reset_timeout(const TupleData& tuple);
  bool tracks() const { return parts_.acks != nullptr; }

 private:
  Result<Route*> route_of(std::string_view stream);
  Status choose(Route& route, std::optional<int32_t> direct, const Values& values, std::vector<int32_t>& targets);
  Status choose_direct(Route& route, int32_t target, std::vector<int32_t>& targets);
  Status send_anchored(const Route& route, int32_t target, std::span<const TuplePtr> anchors,
                       const std::shared_ptr<const Values>& values);
  Status send(const Route& route, int32_t target, std::vector<Anchor> anchors,
              const std::shared_ptr<const Values>& values);
  void remember(TupleData& anchor, uint64_t edge, uint64_t mask, uint32_t loss);
  uint64_t next_edge();
  /// The bit of the target's host when that is another one.
  uint64_t mask_of(int32_t target) const;
  uint32_t loss_number() const { return parts_.remote == nullptr ? 0 : parts_.remote->loss_number(); }
  void record(AckKind kind, uint64_t root, uint64_t edges, uint64_t mask, uint32_t loss);

  EmitterParts parts_;
  int32_t task_;
  Rng edges_;
};

}  // namespace petrel
