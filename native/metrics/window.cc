#include "native/metrics/window.h"

#include <algorithm>

#include "native/base/check.h"

namespace petrel {
namespace {

// A younger host's counters fit into the newest bucket.
constexpr Nanos kSeedAbove = Seconds(30);

// Order of the sums in a series.
enum OutputSum { kEmitted, kTransferred, kOutputAcked, kOutputFailed, kCompleteNs, kCompleteSamples, kOutputSums };
enum InputSum {
  kInputAcked,
  kInputFailed,
  kExecuted,
  kExecuteNs,
  kExecuteSamples,
  kProcessNs,
  kProcessSamples,
  kInputSums
};

double mean_ms(int64_t ns_sum, int64_t samples) {
  return samples <= 0 ? 0.0 : static_cast<double>(ns_sum) / static_cast<double>(samples) / 1e6;
}

std::vector<int64_t> sums_of(const proto::StreamCounts& counts) {
  return {counts.emitted(), counts.transferred(),     counts.acked(),
          counts.failed(),  counts.complete_ns_sum(), counts.complete_samples()};
}

std::vector<int64_t> sums_of(const proto::InputCounts& counts) {
  return {counts.acked(),           counts.failed(),         counts.executed(),       counts.execute_ns_sum(),
          counts.execute_samples(), counts.process_ns_sum(), counts.process_samples()};
}

void add_to(std::vector<int64_t>& sums, const std::vector<int64_t>& deltas) {
  for (size_t i = 0; i < sums.size(); ++i) sums[i] += deltas[i];
}

}  // namespace

WindowedSums::WindowedSums(size_t width, MonoTime start) : width_(width), all_time_(width, 0) {
  for (const WindowKind& kind : kWindows) {
    if (kind.seconds == 0) continue;
    Ring ring;
    ring.bucket = Nanos(Seconds(kind.seconds)) / kWindowBuckets;
    ring.bucket_start = start;
    ring.current.assign(width, 0);
    rings_.push_back(std::move(ring));
  }
}

void WindowedSums::rotate(Ring& ring, MonoTime now) {
  const int64_t passed = std::max<int64_t>((now - ring.bucket_start) / ring.bucket, 0);
  if (passed == 0) return;
  ring.bucket_start += passed * ring.bucket;
  // After a pause longer than the window only empty buckets are left.
  const size_t width = ring.current.size();
  ring.past.push_front(std::exchange(ring.current, std::vector<int64_t>(width, 0)));
  for (int64_t i = 1; i < std::min<int64_t>(passed, kWindowBuckets + 1); ++i) {
    ring.past.emplace_front(width, 0);
  }
  while (ring.past.size() > kWindowBuckets) ring.past.pop_back();
}

void WindowedSums::add(const std::vector<int64_t>& deltas, MonoTime now) {
  CHECK(deltas.size() == width_);
  add_to(all_time_, deltas);
  for (Ring& ring : rings_) {
    rotate(ring, now);
    add_to(ring.current, deltas);
  }
}

void WindowedSums::seed(const std::vector<int64_t>& sums, Nanos over, MonoTime now) {
  CHECK(sums.size() == width_);
  add_to(all_time_, sums);
  for (Ring& ring : rings_) {
    rotate(ring, now);
    const int64_t full = std::min<int64_t>(over / ring.bucket, kWindowBuckets);
    std::vector<int64_t> share(width_);
    for (size_t n = 0; n < width_; ++n) {
      share[n] = static_cast<int64_t>(static_cast<double>(sums[n]) * static_cast<double>(ring.bucket.count()) /
                                      static_cast<double>(std::max(over, ring.bucket).count()));
    }
    ring.past.assign(static_cast<size_t>(full), share);
    if (full == kWindowBuckets) continue;
    for (size_t n = 0; n < width_; ++n) ring.current[n] += sums[n] - full * share[n];
  }
}

std::vector<int64_t> WindowedSums::total(size_t window, MonoTime now) const {
  CHECK(window < kWindows.size());
  if (kWindows[window].seconds == 0) return all_time_;
  Ring ring = rings_[window];
  rotate(ring, now);
  std::vector<int64_t> sums = ring.current;
  const Nanos in_current = now - ring.bucket_start;
  for (size_t i = 0; i < ring.past.size(); ++i) {
    if (i + 1 < kWindowBuckets) {
      add_to(sums, ring.past[i]);
      continue;
    }
    // The oldest bucket leaves the window as the current one fills.
    const double share = 1.0 - static_cast<double>(in_current.count()) / static_cast<double>(ring.bucket.count());
    for (size_t n = 0; n < width_; ++n) sums[n] += static_cast<int64_t>(share * static_cast<double>(ring.past[i][n]));
  }
  return sums;
}

void ExecutorWindows::advance(Series& series, std::vector<int64_t> cumulative, Nanos seed_over, MonoTime now) {
  std::vector<int64_t> deltas(cumulative.size());
  for (size_t i = 0; i < cumulative.size(); ++i) {
    // Hostile or broken counters must not run backwards or overflow a sum.
    cumulative[i] = std::clamp<int64_t>(cumulative[i], 0, int64_t{1} << 55);
    deltas[i] = std::max<int64_t>(cumulative[i] - series.last[i], 0);
  }
  series.last = std::move(cumulative);
  if (seed_over > Nanos(0)) return series.sums.seed(deltas, seed_over, now);
  series.sums.add(deltas, now);
}

void ExecutorWindows::add(const proto::ExecutorSample& sample, uint32_t incarnation, MonoTime now, Nanos host_uptime) {
  const Nanos seed_over = incarnation_ == 0 && host_uptime > kSeedAbove ? host_uptime : Nanos(0);
  if (incarnation != incarnation_) {  // its counters began at zero again
    for (auto& [key, series] : outputs_) std::fill(series.last.begin(), series.last.end(), 0);
    for (auto& [key, series] : inputs_) std::fill(series.last.begin(), series.last.end(), 0);
  }
  incarnation_ = incarnation;
  spout_ = sample.spout();
  queue_depth_ = sample.queue_depth();
  pending_ = sample.pending();
  queue_bytes_ = sample.queue_bytes();
  blocked_ns_ = sample.blocked_ns();
  blocked_by_.clear();
  for (const proto::BlockedCause& cause : sample.blocked_by()) {
    if (blocked_by_.size() < kCausesMax) blocked_by_[cause.first_task()] = cause.ns();
  }
  for (const proto::StreamCounts& counts : sample.outputs()) {
    auto found = outputs_.find(counts.stream());
    if (found == outputs_.end()) {
      if (outputs_.size() >= kStreamsMax) continue;
      found = outputs_.try_emplace(counts.stream(), kOutputSums, start_).first;
    }
    advance(found->second, sums_of(counts), seed_over, now);
  }
  for (const proto::InputCounts& counts : sample.inputs()) {
    auto key = std::make_pair(counts.component(), counts.stream());
    auto found = inputs_.find(key);
    if (found == inputs_.end()) {
      if (inputs_.size() >= kInputsMax) continue;
      found = inputs_.try_emplace(std::move(key), kInputSums, start_).first;
    }
    advance(found->second, sums_of(counts), seed_over, now);
  }
}

void ExecutorWindows::fill(proto::ExecutorStats& stats, int64_t uptime_s, MonoTime now) const {
  stats.set_spout(spout_);
  stats.set_queue_depth(queue_depth_);
  stats.set_pending(pending_);
  stats.set_queue_bytes(queue_bytes_);
  stats.set_blocked_ns(blocked_ns_);
  for (const auto& [first_task, ns] : blocked_by_) {
    proto::BlockedCause& cause = *stats.add_blocked_by();
    cause.set_first_task(first_task);
    cause.set_ns(ns);
  }
  for (size_t index = 0; index < kWindows.size(); ++index) {
    proto::Window& window = *stats.add_windows();
    window.set_key(kWindows[index].key);
    for (const auto& [stream, series] : outputs_) {
      const std::vector<int64_t> sums = series.sums.total(index, now);
      proto::WindowedStream& out = *window.add_outputs();
      out.set_stream(stream);
      out.set_emitted(sums[kEmitted]);
      out.set_transferred(sums[kTransferred]);
      out.set_acked(sums[kOutputAcked]);
      out.set_failed(sums[kOutputFailed]);
      out.set_complete_ms(mean_ms(sums[kCompleteNs], sums[kCompleteSamples]));
    }
    int64_t executed = 0;
    int64_t execute_ns = 0;
    int64_t execute_samples = 0;
    for (const auto& [key, series] : inputs_) {
      const std::vector<int64_t> sums = series.sums.total(index, now);
      proto::WindowedInput& in = *window.add_inputs();
      in.set_component(key.first);
      in.set_stream(key.second);
      in.set_acked(sums[kInputAcked]);
      in.set_failed(sums[kInputFailed]);
      in.set_executed(sums[kExecuted]);
      in.set_execute_ms(mean_ms(sums[kExecuteNs], sums[kExecuteSamples]));
      in.set_process_ms(mean_ms(sums[kProcessNs], sums[kProcessSamples]));
      executed += sums[kExecuted];
      execute_ns += sums[kExecuteNs];
      execute_samples += sums[kExecuteSamples];
    }
    if (index == 0) stats.set_capacity(capacity(executed, mean_ms(execute_ns, execute_samples), uptime_s));
  }
}

double capacity(int64_t executed, double execute_ms, int64_t uptime_s) {
  const int64_t seconds = std::min<int64_t>(uptime_s, kWindows[0].seconds);
  if (seconds <= 0) return 0;
  return static_cast<double>(executed) * execute_ms / (1000.0 * static_cast<double>(seconds));
}

}  // namespace petrel
