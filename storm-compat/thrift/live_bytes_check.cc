// Linked into a test program: no case of it leaves more than 10 MiB behind, by the allocator's own figure. Bad inputs
// are many of these cases, so this is their bound.
#include <gtest/gtest.h>

#include "storm-compat/thrift/thrift_test_util.h"

namespace petrel::thrift_test {
namespace {

constexpr int64_t kLeftMax = 10 << 20;

class LiveBytesCheck : public ::testing::EmptyTestEventListener {
  void OnTestStart(const ::testing::TestInfo&) override { before_ = live_bytes(); }
  void OnTestEnd(const ::testing::TestInfo&) override {
    EXPECT_LT(live_bytes() - before_, kLeftMax) << "bytes that the case has left behind";
  }
  int64_t before_ = 0;
};

// gtest owns the listener; before main, so that the printer comes after it.
const bool kInstalled = [] {
  ::testing::TestEventListeners& listeners = ::testing::UnitTest::GetInstance()->listeners();
  ::testing::TestEventListener* printer = listeners.Release(listeners.default_result_printer());
  listeners.Append(new LiveBytesCheck());
  listeners.Append(printer);
  return true;
}();

}  // namespace
}  // namespace petrel::thrift_test
