#include "native/metrics/window.h"

#include <gtest/gtest.h>

namespace petrel {
namespace {

proto::ExecutorSample sample(int64_t emitted, int64_t executed, int64_t execute_ns_each) {
  proto::ExecutorSample sample;
  sample.set_component("split");
  proto::StreamCounts& out = *sample.add_outputs();
  out.set_stream("default");
  out.set_emitted(emitted);
  out.set_transferred(emitted * 2);
  proto::InputCounts& in = *sample.add_inputs();
  in.set_component("lines");
  in.set_stream("default");
  in.set_executed(executed);
  in.set_execute_samples(executed);
  in.set_execute_ns_sum(executed * execute_ns_each);
  in.set_acked(executed);
  in.set_process_samples(executed);
  in.set_process_ns_sum(executed * execute_ns_each * 3);
  return sample;
}

class WindowTest : public testing::Test {
 protected:
  proto::ExecutorStats stats(int64_t uptime_s = 600) {
    proto::ExecutorStats filled;
    windows.fill(filled, uptime_s, clock.now());
    return filled;
  }
  int64_t emitted(const char* key) {
    const proto::ExecutorStats filled = stats();
    for (const proto::Window& window : filled.windows()) {
      if (window.key() == key) return window.outputs_size() == 0 ? 0 : window.outputs(0).emitted();
    }
    ADD_FAILURE() << "no window " << key;
    return -1;
  }
  ManualClock clock;
  ExecutorWindows windows{clock.now()};
};

TEST_F(WindowTest, StormsFourWindowsAreAlwaysThere) {
  auto filled = stats();
  ASSERT_EQ(filled.windows_size(), 4);
  EXPECT_EQ(filled.windows(0).key(), "600");
  EXPECT_EQ(filled.windows(1).key(), "10800");
  EXPECT_EQ(filled.windows(2).key(), "86400");
  EXPECT_EQ(filled.windows(3).key(), ":all-time");
}

TEST_F(WindowTest, CumulativeSamplesBecomeWindowSums) {
  for (int second = 1; second <= 10; ++second) {
    clock.advance(Seconds(1));
    windows.add(sample(second * 100, second * 50, 2'000'000), 1, clock.now());
  }
  for (const char* key : {"600", "10800", "86400", ":all-time"}) EXPECT_EQ(emitted(key), 1000) << key;
  const proto::Window window = stats().windows(0);
  EXPECT_EQ(window.outputs(0).transferred(), 2000);
  EXPECT_EQ(window.inputs(0).component(), "lines");
  EXPECT_EQ(window.inputs(0).executed(), 500);
  EXPECT_DOUBLE_EQ(window.inputs(0).execute_ms(), 2.0);
  EXPECT_DOUBLE_EQ(window.inputs(0).process_ms(), 6.0);
}

TEST_F(WindowTest, OldBucketsLeaveTheWindowTheOldestByShare) {
  windows.add(sample(1000, 0, 0), 1, clock.now());  // in the first bucket, 0 to 30 s
  clock.advance(Seconds(599));
  windows.add(sample(1000, 0, 0), 1, clock.now());
  EXPECT_EQ(emitted("600"), 1000);
  clock.advance(Seconds(16));  // 615 s: half of the first bucket lies before the window
  EXPECT_EQ(emitted("600"), 500);
  clock.advance(Seconds(15));
  EXPECT_EQ(emitted("600"), 0);
  EXPECT_EQ(emitted("10800"), 1000);
  EXPECT_EQ(emitted(":all-time"), 1000);
}

TEST_F(WindowTest, ASteadyRateShowsTheWindowsWorth) {
  int64_t total = 0;
  for (int second = 0; second < 3000; ++second) {
    clock.advance(Seconds(1));
    windows.add(sample(total += 10, 0, 0), 1, clock.now());
  }
  EXPECT_NEAR(static_cast<double>(emitted("600")), 6000, 20);
  EXPECT_EQ(emitted(":all-time"), 30'000);
}

TEST_F(WindowTest, ALongPauseEmptiesTheWindow) {
  windows.add(sample(1000, 0, 0), 1, clock.now());
  clock.advance(Seconds(7200));
  windows.add(sample(1005, 0, 0), 1, clock.now());
  EXPECT_EQ(emitted("600"), 5);
  EXPECT_EQ(emitted("10800"), 1005);
}

TEST_F(WindowTest, ANewIncarnationCountsFromZeroAgain) {
  windows.add(sample(1000, 0, 0), 1, clock.now());
  clock.advance(Seconds(1));
  windows.add(sample(1200, 0, 0), 2, clock.now());  // more than before, yet all of it is new
  EXPECT_EQ(emitted(":all-time"), 2200);
  clock.advance(Seconds(1));
  windows.add(sample(1300, 0, 0), 2, clock.now());
  EXPECT_EQ(emitted(":all-time"), 2300);
}

TEST_F(WindowTest, CountersThatRunBackwardsOrAreAbsurdDoNoHarm) {
  windows.add(sample(1000, 0, 0), 1, clock.now());
  windows.add(sample(10, 0, 0), 1, clock.now());
  windows.add(sample(-5, 0, 0), 1, clock.now());
  EXPECT_EQ(emitted(":all-time"), 1000);
  windows.add(sample(INT64_MAX / 4, 0, 0), 1, clock.now());
  windows.add(sample(0, 0, 0), 1, clock.now());
  windows.add(sample(INT64_MAX / 4, 0, 0), 1, clock.now());
  EXPECT_GT(emitted(":all-time"), 0);
}

TEST_F(WindowTest, TheFirstSampleOfAnOldHostIsSpreadOverItsUptime) {
  windows.add(sample(120'000, 0, 0), 3, clock.now(), Seconds(1200));
  EXPECT_EQ(emitted("600"), 60'000);
  EXPECT_EQ(emitted("10800"), 120'000);
  EXPECT_EQ(emitted(":all-time"), 120'000);
  clock.advance(Seconds(1));
  windows.add(sample(120'100, 0, 0), 3, clock.now(), Seconds(1201));
  EXPECT_EQ(emitted(":all-time"), 120'100);
}

TEST_F(WindowTest, StreamsAndInputsAreBounded) {
  proto::ExecutorSample many;
  for (int i = 0; i < 5000; ++i) {
    many.add_outputs()->set_stream(std::to_string(i));
    many.add_inputs()->set_stream(std::to_string(i));
  }
  windows.add(many, 1, clock.now());
  EXPECT_EQ(stats().windows(0).outputs_size(), static_cast<int>(ExecutorWindows::kStreamsMax));
  EXPECT_EQ(stats().windows(0).inputs_size(), static_cast<int>(ExecutorWindows::kInputsMax));
}

TEST_F(WindowTest, CapacityIsTheBusyShareOfTheLastTenMinutesOrOfTheUptime) {
  EXPECT_DOUBLE_EQ(capacity(300'000, 1.0, 3600), 0.5);
  EXPECT_DOUBLE_EQ(capacity(30'000, 1.0, 60), 0.5);
  EXPECT_DOUBLE_EQ(capacity(30'000, 1.0, 0), 0.0);
  clock.advance(Seconds(60));
  windows.add(sample(0, 30'000, 1'000'000), 1, clock.now());
  EXPECT_DOUBLE_EQ(stats(60).capacity(), 0.5);
}

}  // namespace
}  // namespace petrel
