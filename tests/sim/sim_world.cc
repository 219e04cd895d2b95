#include "tests/sim/sim_world.h"

#include <fmt/format.h>

#include <algorithm>

#include "native/base/check.h"

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

SimWorld::EventId SimWorld::at(MonoTime when, Callback callback) {
  uint32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  Slot& s = slots_[slot];
  s.callback = std::move(callback);
  s.used = true;
  ++s.generation;
  heap_.push_back({std::max(when, now()), next_order_++, slot, s.generation});
  std::push_heap(heap_.begin(), heap_.end(), Later());
  return (static_cast<uint64_t>(s.generation) << 32) | (slot + 1);
}

void SimWorld::cancel(EventId event) {
  const uint32_t slot = static_cast<uint32_t>(event) - 1;
  if (event == 0 || slot >= slots_.size()) return;
  Slot& s = slots_[slot];
  if (!s.used || s.generation != static_cast<uint32_t>(event >> 32)) return;
  s.used = false;  // its heap entry frees the slot when its time comes
  Callback gone = std::move(s.callback);
  s.callback = nullptr;
}

bool SimWorld::run_one(MonoTime end) {
  if (failed()) return false;
  while (!heap_.empty()) {
    const Due due = heap_.front();
    if (due.when > end) break;
    std::pop_heap(heap_.begin(), heap_.end(), Later());
    heap_.pop_back();
    Slot& s = slots_[due.slot];
    const bool run = s.used;
    Callback callback = std::move(s.callback);
    s.callback = nullptr;
    s.used = false;
    free_slots_.push_back(due.slot);
    if (!run) continue;
    clock_.advance(due.when - now());
    mix(static_cast<uint64_t>(now().time_since_epoch().count()));
    ++events_run_;
    callback();
    return !failed();
  }
  if (end > now()) clock_.advance(end - now());
  return false;
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
