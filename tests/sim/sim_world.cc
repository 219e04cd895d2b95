#include "tests/sim/sim_world.h"

#include <fmt/format.h>

#include <algorithm>

namespace petrel::sim {
namespace {
constexpr MonoTime kStart{Seconds(1000)};
}  // namespace

SimWorld::SimWorld(uint64_t seed, size_t kept_lines) : seed_(seed), ring_(kept_lines) {
  clock_.advance(kStart - clock_.now());
}

int64_t SimWorld::now_ms() const {
  return std::chrono::duration_cast<Millis>(now() - kStart).count();
}

SimWorld::~SimWorld() {
  for (const auto& slot : slots_) {
    if (slot->used) slot->destroy(slot->room);
  }
}

uint32_t SimWorld::take_slot() {
  if (free_slots_.empty()) {
    slots_.push_back(std::make_unique<Slot>());
    return static_cast<uint32_t>(slots_.size() - 1);
  }
  const uint32_t index = free_slots_.back();
  free_slots_.pop_back();
  return index;
}

SimWorld::EventId SimWorld::put(MonoTime when, uint32_t index) {
  Slot& slot = *slots_[index];
  slot.used = true;
  ++slot.generation;
  if (when <= now()) {
    due_now_.push_back(index);
  } else {
    heap_.push_back({when, next_order_++, index});
    std::push_heap(heap_.begin(), heap_.end(), Later());
  }
  return (static_cast<uint64_t>(slot.generation) << 32) | (index + 1);
}

void SimWorld::cancel(EventId event) {
  const uint32_t index = static_cast<uint32_t>(event) - 1;
  if (event == 0 || index >= slots_.size()) return;
  Slot& slot = *slots_[index];
  if (!slot.used || slot.generation != static_cast<uint32_t>(event >> 32)) return;
  slot.used = false;
  slot.destroy(slot.room);
  if (++cancelled_ > 64 && cancelled_ > heap_.size() / 2) drop_cancelled();
}

void SimWorld::drop_cancelled() {
  std::erase_if(heap_, [this](const Due& due) {
    if (slots_[due.slot]->used) return false;
    free_slot(due.slot);
    return true;
  });
  std::make_heap(heap_.begin(), heap_.end(), Later());
  cancelled_ = 0;
}

// The next one that is to run until `end`, whose time it becomes.
bool SimWorld::next_slot(MonoTime end, uint32_t& index) {
  for (;;) {
    if (!heap_.empty() && (due_now_.empty() || heap_.front().when <= now())) {
      const Due due = heap_.front();
      if (due.when > end) return false;
      std::pop_heap(heap_.begin(), heap_.end(), Later());
      heap_.pop_back();
      index = due.slot;
      if (slots_[index]->used && due.when > now()) clock_.advance(due.when - now());
    } else if (!due_now_.empty() && now() <= end) {
      index = due_now_.front();
      due_now_.pop_front();
    } else {
      return false;
    }
    if (slots_[index]->used) return true;
    free_slot(index);
  }
}

bool SimWorld::run_one(MonoTime end) {
  if (failed()) return false;
  uint32_t index = 0;
  if (!next_slot(end, index)) {
    if (end > now()) clock_.advance(end - now());
    return false;
  }
  mix(static_cast<uint64_t>(now().time_since_epoch().count()));
  ++events_run_;
  Slot& slot = *slots_[index];
  slot.used = false;  // cannot be cancelled any more
  slot.run(slot.room);
  slot.destroy(slot.room);
  free_slot(index);
  return !failed();
}

void SimWorld::run_until(MonoTime end) {
  while (run_one(end)) {
  }
}

void SimWorld::mix(uint64_t value) {
  hash_ = (hash_ ^ value) * 0x9e3779b97f4a7c15ULL;
  hash_ ^= hash_ >> 29;
}

void SimWorld::trace(const char* kind, uint64_t a, uint64_t b, uint64_t c) {
  mix(static_cast<uint64_t>(static_cast<unsigned char>(kind[0])) | a << 8);
  mix(b);
  mix(c);
  const int64_t at_us = std::chrono::duration_cast<std::chrono::microseconds>(now() - kStart).count();
  ring_[lines_++ % ring_.size()] = {at_us, kind, a, b, c};
}

std::string SimWorld::last_events(size_t count) const {
  std::string text;
  const uint64_t kept = std::min<uint64_t>({lines_, ring_.size(), count});
  for (uint64_t i = lines_ - kept; i < lines_; ++i) {
    const Line& line = ring_[i % ring_.size()];
    text += fmt::format("{:>10}.{:03} ms  {:<24} {} {} {}\n", line.at_us / 1000, line.at_us % 1000, line.kind, line.a,
                        line.b, line.c);
  }
  return text;
}

void SimWorld::fail(const std::string& rule, const std::string& text) {
  if (failed()) return;
  failure_ = fmt::format("{} at {} ms: {}", rule, now_ms(), text);
  trace("FAILED");
}

void SimWorld::process_started(int pid) {
  processes_[pid];
}

void SimWorld::process_ended(int pid) {
  auto found = processes_.find(pid);
  if (found == processes_.end()) return;
  std::vector<Callback> waiting = std::move(found->second);
  processes_.erase(found);
  for (Callback& callback : waiting) at(now(), std::move(callback));
}

void SimWorld::when_process_ends(int pid, Callback callback) {
  auto found = processes_.find(pid);
  if (found == processes_.end()) {
    at(now(), std::move(callback));
  } else {
    found->second.push_back(std::move(callback));
  }
}

}  // namespace petrel::sim
