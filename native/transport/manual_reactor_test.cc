#include "native/transport/manual_reactor.h"

#include <gtest/gtest.h>

#include <vector>

namespace petrel {
namespace {

TEST(ManualReactor, TimersRunInOrderEachAtItsTime) {
  ManualReactor reactor;
  std::vector<int64_t> at_ms;
  auto stamp = [&] {
    at_ms.push_back(std::chrono::duration_cast<Millis>(reactor.clock().now().time_since_epoch()).count());
  };
  reactor.after(Millis(20), stamp);
  reactor.after(Millis(10), [&] {
    stamp();
    reactor.after(Millis(5), stamp);
  });
  auto cancelled = reactor.after(Millis(12), stamp);
  reactor.cancel(cancelled);
  reactor.advance(Millis(18));
  EXPECT_EQ(at_ms, (std::vector<int64_t>{10, 15}));
  reactor.advance(Millis(2));
  EXPECT_EQ(at_ms, (std::vector<int64_t>{10, 15, 20}));
  EXPECT_EQ(reactor.timers(), 0u);
}

TEST(ManualReactor, PostedWorkRunsBeforeDueTimers) {
  ManualReactor reactor;
  std::string order;
  reactor.after(Nanos(0), [&] { order += "t"; });
  reactor.post([&] { order += "p"; });
  reactor.run();
  EXPECT_EQ(order, "pt");
}

}  // namespace
}  // namespace petrel
