#include "native/base/status.h"

#include <gtest/gtest.h>

namespace petrel {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return Status::malformed("{} is odd", n);
  return n / 2;
}

Result<int> quarter(int n) {
  ASSIGN_OR_RETURN(int h, half(n));
  return half(h);
}

TEST(Status, OkIsSmallAndPrints) {
  Status s;
  EXPECT_TRUE(s.ok());
  EXPECT_EQ(s.to_string(), "OK");
  EXPECT_EQ(s.with_context("never shown").to_string(), "OK");
}

TEST(Status, ContextIsPutInFront) {
  Status s = Status::malformed("bad {}", 7).with_context("read {}", "x");
  EXPECT_EQ(s.code(), StatusCode::kMalformed);
  EXPECT_EQ(s.to_string(), "MALFORMED: read x: bad 7");
}

TEST(Status, ErrnoNamesTheFile) {
  EXPECT_EQ(Status::from_errno(ENOENT, "open /x").to_string(), "NOT_FOUND: open /x: No such file or directory");
}

TEST(Result, PassesValuesAndErrorsThrough) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).status().message(), "3 is odd");
}

}  // namespace
}  // namespace petrel
