// Storm's metric windows over cumulative samples: "600", "10800", "86400" seconds in 20 buckets each, and ":all-time".
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "native/base/clock.h"
#include "proto/metrics.pb.h"

namespace petrel {

inline constexpr int kWindowBuckets = 20;
struct WindowKind {
  const char* key;
  int64_t seconds;  // 0: all time
};
inline constexpr std::array<WindowKind, 4> kWindows{
    {{"600", 600}, {"10800", 10800}, {"86400", 86400}, {":all-time", 0}}};

/// A fixed set of sums that grow together (emitted, transferred, ...), windowed. The oldest bucket counts by the share
/// of it that still lies in the window, as Storm approximates. Thread: one owner.  Limits: 3 x 20 buckets x `width`
/// numbers.
class WindowedSums {
 public:
  WindowedSums(size_t width, MonoTime start);
  /// Adds what was counted up to `now`; `now` must not go back.
  void add(const std::vector<int64_t>& deltas, MonoTime now);
  /// What was counted over the time `over` before `now` by somebody else: taken as an even rate. Before any add().
  void seed(const std::vector<int64_t>& sums, Nanos over, MonoTime now);
  /// Sums of kWindows[window] as of `now`.
  std::vector<int64_t> total(size_t window, MonoTime now) const;

 private:
  struct Ring {
    Nanos bucket{};
    MonoTime bucket_start;
    std::vector<int64_t> current;
    std::deque<std::vector<int64_t>> past;  // newest first, at most kWindowBuckets
  };
  static void rotate(Ring& ring, MonoTime now);

  size_t width_;
  std::vector<Ring> rings_;
  std::vector<int64_t> all_time_;
};

/// The windows of one executor.
/// Thread: one owner.  Limits: kStreamsMax outputs, kInputsMax inputs, kCausesMax causes; further ones are not counted.
class ExecutorWindows {
 public:
  static constexpr size_t kStreamsMax = 512;
  static constexpr size_t kInputsMax = 4096;
  static constexpr size_t kCausesMax = 4096;

  explicit ExecutorWindows(MonoTime start) : start_(start) {}
  /// `sample` is cumulative since its host `incarnation` started; a new incarnation counts from zero again.
  /// The first sample of a host that is up for a while (the topology master was restarted) is spread over its up-time.
  void add(const proto::ExecutorSample& sample, uint32_t incarnation, MonoTime now, Nanos host_uptime = Nanos(0));
  /// Fills windows, gauges and capacity; identity, host, port and up-time are the caller's. `uptime_s` of the executor
  /// bounds the capacity's denominator, as Storm's does.
  void fill(proto::ExecutorStats& stats, int64_t uptime_s, MonoTime now) const;

 private:
  struct Series {
    explicit Series(size_t width, MonoTime start) : last(width, 0), sums(width, start) {}
    std::vector<int64_t> last;  // cumulative, as last seen
    WindowedSums sums;
  };
  static void advance(Series& series, std::vector<int64_t> cumulative, Nanos seed_over, MonoTime now);

  MonoTime start_;
  uint32_t incarnation_ = 0;
  bool spout_ = false;
  int64_t queue_depth_ = 0;
  int64_t pending_ = 0;
  int64_t queue_bytes_ = 0;
  int64_t blocked_ns_ = 0;
  std::map<int32_t, int64_t> blocked_by_;
  std::map<std::string, Series> outputs_;
  std::map<std::pair<std::string, std::string>, Series> inputs_;
};

/// executed x execute latency / time, as Storm's page shows it; 0 for no time.
double capacity(int64_t executed, double execute_ms, int64_t uptime_s);

}  // namespace petrel
