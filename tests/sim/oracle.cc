#include "tests/sim/oracle.h"

#include <fmt/format.h>

#include <algorithm>

#include "native/base/check.h"

namespace petrel::sim {

Oracle::Oracle(SimWorld& world, const SimPlan& plan) : world_(world), plan_(plan), paused_(plan.hosts.size()) {
  for (const SimComponent& component : plan.components) {
    if (component.role != SimRole::kSpout) continue;
    for (int32_t task = component.first_task; task < component.first_task + component.tasks; ++task) {
      spouts_[task].slot = plan.slot_of(task);
    }
  }
}

uint32_t Oracle::next_number(int32_t spout_task) {
  Spout& spout = spouts_.at(spout_task);
  if (!spout.full()) return spout.again[spout.again_from];
  if (!new_roots_ || spout.roots.size() >= plan_.roots_most) return 0;
  return static_cast<uint32_t>(spout.roots.size()) + 1;
}

void Oracle::emitted(uint64_t root, int32_t spout_task, uint32_t number) {
  Spout& spout = spouts_.at(spout_task);
  if (!spout.full() && spout.again[spout.again_from] == number) {
    ++spout.again_from;
    ++counts_.replayed;
  } else {
    CHECK(number == spout.roots.size() + 1);
    spout.roots.push_back(Fate::kNotSent);
    ++spout.undone;
    ++counts_.roots;
  }
  spout.roots[number - 1] = plan_.acking ? Fate::kWaiting : Fate::kDone;
  if (!plan_.acking) --spout.undone;
  Attempt attempt;
  attempt.spout_task = spout_task;
  attempt.number = number;
  attempt.emitted = world_.now();
  attempt.paused_before = paused_[spout.slot];
  attempt.expected = plan_.expected(spout_task, number);
  attempt.killed_before = killed_;
  expected_leaves_ += static_cast<int64_t>(attempt.expected.leaves);
  const bool fresh = attempts_.emplace(root, std::move(attempt)).second;
  if (!fresh) return world_.fail("ALO8", fmt::format("root id {:x} was given out twice", root));
  roots_.push_back(root);
  ++counts_.attempts;
  if (plan_.acking) ++pending_;
  world_.trace("emit", root, static_cast<uint64_t>(spout_task), number);
}

std::string Oracle::text_of(uint64_t root, const Attempt& attempt) const {
  return fmt::format("root {:x} (spout task {}, number {}, emitted at {} ms; {} of {} leaves{}{})", root,
                     attempt.spout_task, attempt.number,
                     std::chrono::duration_cast<Millis>(attempt.emitted - world_.now()).count() + world_.now_ms(),
                     attempt.leaves, attempt.expected.leaves, attempt.forgotten ? ", forgotten" : "",
                     attempt.failed ? ", failed by a bolt" : "");
}

void Oracle::completed(uint64_t root, CompletionKind kind) {
  auto found = attempts_.find(root);
  if (found == attempts_.end()) return world_.fail("ALO1", fmt::format("completion of root {:x}, never emitted", root));
  Attempt& attempt = found->second;
  world_.trace("completed", root, static_cast<uint64_t>(kind));
  if (attempt.ended) return world_.fail("ALO1", text_of(root, attempt) + " ended twice");
  attempt.ended = true;
  --pending_;
  Spout& spout = spouts_.at(attempt.spout_task);
  if (kind == CompletionKind::kAck) {
    ++counts_.acked;
    if (attempt.forgotten || attempt.failed || attempt.leaves != attempt.expected.leaves ||
        attempt.paths_sum != attempt.expected.paths_sum) {
      return world_.fail("ALO2", text_of(root, attempt) + " was acked before all of its leaves");
    }
    spout.roots[attempt.number - 1] = Fate::kDone;
    --spout.undone;
    return;
  }
  check_fail(attempt, root, kind);
  spout.roots[attempt.number - 1] = Fate::kAgain;
  spout.again.push_back(attempt.number);
}

void Oracle::check_fail(const Attempt& attempt, uint64_t root, CompletionKind kind) {
  const Nanos age = world_.now() - attempt.emitted;
  if (kind == CompletionKind::kFail) {
    ++counts_.failed;
    if (!attempt.failed) world_.fail("ALO4", text_of(root, attempt) + " failed, and no bolt failed it");
  } else if (kind == CompletionKind::kHostLost) {
    ++counts_.host_lost;
    // News of a loss may be late at an emitter whose links were cut at that time.
    if (killed_ == 0) world_.fail("ALO4", text_of(root, attempt) + " failed for a lost host, and none was killed");
    if (killed_ == attempt.killed_before && attempt.emitted > last_loss_ + Seconds(20)) {
      world_.fail("ALO4",
                  text_of(root, attempt) + " failed for a host, whose loss was heard of more than 20 s before it");
    }
  } else if (kind == CompletionKind::kTimeout) {
    ++counts_.timed_out;
    if (age < plan_.timeout) world_.fail("ALO4", text_of(root, attempt) + " timed out before its time");
    const Nanos paused = paused_[spouts_.at(attempt.spout_task).slot] - attempt.paused_before;
    if (age > plan_.timeout + Seconds(1) + paused) {
      world_.fail("ALO5", fmt::format("{} timed out after {} ms; the time-out is {} ms", text_of(root, attempt),
                                      std::chrono::duration_cast<Millis>(age).count(), plan_.timeout.count()));
    }
    // Every tuple lost with *one* host is known to the ledger by mask and loss number; two losses may be seen in
    // another order by others, and then some roots wait for their time-out.
    // Roots that fail at once again and again (an emitter is cut off from the news of a loss) are sent again at once,
    // and what is left of them keeps the bolts busy.
    const bool flooded = counts_.host_lost > 4ULL * plan_.max_pending * static_cast<uint64_t>(plan_.spout_tasks());
    const bool held_up = flooded || disturbance_ + Seconds(4) > plan_.timeout;
    if (!attempt.forgotten && killed_ < 2 && !held_up) {
      world_.fail("ALO4", text_of(root, attempt) + " timed out, and nothing can have lost it");
    }
  }
}

void Oracle::sent(int32_t source_task, uint32_t source_incarnation, int32_t destination, uint32_t serial) {
  sent_[{source_task, destination, source_incarnation}].push_back(serial);
}

// 0: it was never sent there. What comes is mostly the next one.
size_t Oracle::number_of(const TupleFacts& facts, const Link& link) const {
  const auto found = sent_.find({facts.source_task, facts.destination_task, facts.source_incarnation});
  if (found == sent_.end()) return 0;
  const std::vector<uint32_t>& serials = found->second;
  const size_t next = facts.source_incarnation == link.source_incarnation ? link.number : 0;
  if (next < serials.size() && serials[next] == facts.serial) return next + 1;
  const auto at = std::lower_bound(serials.begin(), serials.end(), facts.serial);
  return at == serials.end() || *at != facts.serial ? 0 : static_cast<size_t>(at - serials.begin()) + 1;
}

void Oracle::received(const TupleFacts& facts, uint32_t incarnation) {
  ++counts_.received;
  world_.trace("take", facts.root,
               static_cast<uint64_t>(facts.source_task) << 32 | static_cast<uint32_t>(facts.destination_task),
               facts.serial);
  Link& link = links_[{facts.source_task, facts.destination_task}];
  const size_t number = number_of(facts, link);
  if (number == 0 || attempts_.count(facts.root) == 0) {
    return world_.fail(
        "ALO6",
        fmt::format("task {} got emit {} of task {} (incarnation {}, root {:x}), never sent to it",
                    facts.destination_task, facts.serial, facts.source_task, facts.source_incarnation, facts.root));
  }
  const auto text = [&](const Link& before) {
    return fmt::format(
        "task {} (incarnation {}) got number {} of task {} (incarnation {}) after number {} (incarnation {})",
        facts.destination_task, incarnation, number, facts.source_task, facts.source_incarnation, before.number,
        before.source_incarnation);
  };
  if (facts.source_incarnation < link.source_incarnation) {
    world_.fail("ORD3", text(link));
  } else if (facts.source_incarnation == link.source_incarnation && incarnation == link.destination_incarnation) {
    if (number <= link.number) world_.fail("ORD1", text(link));
    if (number > link.number + 1) world_.fail("ORD1", text(link) + ": a hole");
  } else if (killed_ == 0 && number != 1) {
    world_.fail("ORD1", text(link) + ": a hole");
  }
  link = {facts.source_incarnation, incarnation, number};
}

void Oracle::leaf(uint64_t root, uint64_t path) {
  Attempt& attempt = attempts_.at(root);
  if (std::find(attempt.paths.begin(), attempt.paths.end(), path) != attempt.paths.end()) {
    return world_.fail("AMO1", fmt::format("{} reached path {:x} twice", text_of(root, attempt), path));
  }
  attempt.paths.push_back(path);
  ++attempt.leaves;
  ++leaves_;
  attempt.paths_sum += SimPlan::leaf_hash(path);
  if (attempt.leaves > attempt.expected.leaves) {
    world_.fail("ALO6", text_of(root, attempt) + ": more leaves than its tree has");
  }
}

void Oracle::forgotten(uint64_t root) {
  attempts_.at(root).forgotten = true;
}
void Oracle::failed(uint64_t root) {
  attempts_.at(root).failed = true;
}

void Oracle::host_killed(uint32_t slot) {
  ++killed_;
  last_loss_ = world_.now();
  for (auto& [task, spout] : spouts_) {
    if (spout.slot != slot) continue;
    // The source of a spout survives: what was not acked is sent again by the next incarnation, in order.
    spout.again.clear();
    spout.again_from = 0;
    for (uint32_t number = 1; number <= spout.roots.size(); ++number) {
      Fate& fate = spout.roots[number - 1];
      if (fate == Fate::kWaiting) --pending_;
      if (fate == Fate::kDone) continue;
      fate = Fate::kAgain;
      spout.again.push_back(number);
    }
  }
  for (const uint64_t root : roots_) {
    Attempt& attempt = attempts_.at(root);
    if (spouts_.at(attempt.spout_task).slot == slot) attempt.ended = true;
  }
}

bool Oracle::finished() const {
  if (new_roots_ || pending_ != 0) return false;
  return std::all_of(spouts_.begin(), spouts_.end(),
                     [](const auto& entry) { return entry.second.full() && entry.second.undone == 0; });
}

void Oracle::check_end() {
  if (plan_.acking) {
    for (const auto& [task, spout] : spouts_) {
      if (spout.undone != 0) {
        world_.fail("ALO1", fmt::format("spout task {}: {} of {} roots have no end; {} attempts pending", task,
                                        spout.undone, spout.roots.size(), pending_));
      }
    }
    return;
  }
  if (killed_ != 0) return;
  for (const uint64_t root : roots_) {
    const Attempt& attempt = attempts_.at(root);
    if (attempt.leaves != attempt.expected.leaves || attempt.paths_sum != attempt.expected.paths_sum) {
      return world_.fail("AMO3", text_of(root, attempt) + ", and no host was killed");
    }
  }
}

}  // namespace petrel::sim
