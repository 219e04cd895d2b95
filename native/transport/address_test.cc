#include "native/transport/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace petrel {
namespace {

using ::testing::HasSubstr;

TEST(Address, LoopbackIsWhatOtherMachinesCannotReach) {
  for (const char* host : {"", "localhost", "127.0.0.1", "127.9.8.7", "::1"}) {
    EXPECT_TRUE(is_loopback_address(host)) << host;
    EXPECT_TRUE(check_listen_address(host).ok()) << host;
  }
  for (const char* host : {"10.0.0.1", "0.0.0.0", "128.0.0.1", "fe80::1", "example.org", "127.0.0.1.evil"}) {
    EXPECT_FALSE(is_loopback_address(host)) << host;
  }
}

TEST(Address, OneThatCannotBeDialledIsRefusedWithAReason) {
  EXPECT_TRUE(check_listen_address("10.1.2.3").ok());
  EXPECT_TRUE(check_listen_address("fd00::7").ok());
  EXPECT_THAT(check_listen_address("0.0.0.0").message(), HasSubstr("nobody can dial it"));
  EXPECT_THAT(check_listen_address("::").message(), HasSubstr("nobody can dial it"));
  EXPECT_THAT(check_listen_address("two\nlines").message(), HasSubstr("'two\\x0alines' is not an IP address"));
}

}  // namespace
}  // namespace petrel
