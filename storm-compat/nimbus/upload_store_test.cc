// U1-U6, U10, U11 of the catalogue of bad inputs, at the store. Through the Thrift surface: nimbus_service_test.cc.
#include "storm-compat/nimbus/upload_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <fstream>

#include "storm-compat/nimbus/nimbus_fixture.h"

namespace petrel {
namespace {

using ::testing::HasSubstr;
using testing::TempDir;

struct Store {
  explicit Store(UploadLimits limits = {})
      : store(dir.path() / "up", limits, clock, [] { return testing::Nimbus::token(); }) {
    EXPECT_TRUE(store.open().ok());
  }
  size_t files() const {
    size_t n = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path() / "up")) n += entry.is_regular_file();
    return n;
  }
  TempDir dir;
  ManualClock clock;
  UploadStore store;
};

TEST(UploadStore, KeepsWhatWasSent) {
  Store s;
  const std::string token = s.store.begin("me").value();
  ASSERT_TRUE(s.store.append(token, "me", "one ").ok());
  ASSERT_TRUE(s.store.append(token, "me", "two").ok());
  ASSERT_TRUE(s.store.finish(token, "me").ok());
  std::ifstream in(s.store.finished_file(token, "me").value());
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "one two");
  s.store.drop(token);
  EXPECT_EQ(s.files(), 0u);
  EXPECT_EQ(s.store.total_bytes(), 0);
}

TEST(UploadStore, U01_unknown_location_names_it) {
  Store s;
  const Status status = s.store.append("/etc/passwd\n", "me", "x");
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("'/etc/passwd\\x0a' is not an upload token"));
}

TEST(UploadStore, U02_U03_nothing_after_finish) {
  Store s;
  const std::string token = s.store.begin("me").value();
  ASSERT_TRUE(s.store.append(token, "me", "x").ok());
  EXPECT_EQ(s.store.finished_file(token, "me").status().code(), StatusCode::kConflict);
  ASSERT_TRUE(s.store.finish(token, "me").ok());
  EXPECT_EQ(s.store.append(token, "me", "y").code(), StatusCode::kConflict);
  EXPECT_EQ(s.store.finish(token, "me").code(), StatusCode::kConflict);
  EXPECT_TRUE(s.store.finished_file(token, "me").ok());
}

TEST(UploadStore, U04_another_owners_token_is_unknown) {
  Store s;
  const std::string token = s.store.begin("alice").value();
  EXPECT_EQ(s.store.append(token, "bob", "x").code(), StatusCode::kNotFound);
  EXPECT_EQ(s.store.finish(token, "bob").code(), StatusCode::kNotFound);
  ASSERT_TRUE(s.store.finish(token, "alice").ok());
  EXPECT_EQ(s.store.finished_file(token, "bob").status().code(), StatusCode::kNotFound);
}

TEST(UploadStore, U05_a_thousand_unfinished_uploads_expire_and_free_the_disk) {
  UploadLimits limits;
  limits.max_sessions = 1000;
  Store s(limits);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(s.store.append(s.store.begin("me").value(), "me", "some bytes").ok());
  EXPECT_EQ(s.files(), 1000u);
  EXPECT_EQ(s.store.begin("me").status().code(), StatusCode::kLimit);
  s.clock.advance(Seconds(31));  // now the longest idle one gives way
  EXPECT_TRUE(s.store.begin("me").ok());
  EXPECT_EQ(s.files(), 1000u);
  s.clock.advance(Seconds(601));
  s.store.expire();
  EXPECT_EQ(s.files(), 0u);
  EXPECT_EQ(s.store.sessions(), 0u);
  EXPECT_EQ(s.store.total_bytes(), 0);
  EXPECT_TRUE(s.store.begin("me").ok());
}

TEST(UploadStore, U05_quota_over_all) {
  UploadLimits limits;
  limits.max_total_bytes = 100;
  Store s(limits);
  const std::string first = s.store.begin("me").value(), second = s.store.begin("me").value();
  ASSERT_TRUE(s.store.append(first, "me", std::string(80, 'a')).ok());
  const Status status = s.store.append(second, "me", std::string(30, 'b'));
  EXPECT_EQ(status.code(), StatusCode::kLimit);
  EXPECT_THAT(status.message(), HasSubstr("110 bytes, and 100 are allowed"));
  EXPECT_TRUE(s.store.append(first, "me", std::string(20, 'a')).ok());
}

TEST(UploadStore, U06_an_upload_that_stops_in_the_middle_expires) {
  Store s;
  const std::string token = s.store.begin("me").value();
  ASSERT_TRUE(s.store.append(token, "me", "half").ok());
  s.clock.advance(Seconds(599));
  s.store.expire();
  EXPECT_EQ(s.store.sessions(), 1u);
  s.clock.advance(Seconds(2));
  s.store.expire();
  EXPECT_EQ(s.files(), 0u);
  EXPECT_EQ(s.store.append(token, "me", "rest").code(), StatusCode::kNotFound);
}

TEST(UploadStore, U06_a_restart_removes_what_was_left) {
  TempDir dir;
  ManualClock clock;
  testing::write_file(dir.path() / "0123.part", "left");
  testing::write_file(dir.path() / "keep.txt", "not ours");
  UploadStore store(dir.path(), {}, clock, [] { return testing::Nimbus::token(); });
  ASSERT_TRUE(store.open().ok());
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "0123.part"));
  EXPECT_TRUE(std::filesystem::exists(dir.path() / "keep.txt"));
}

TEST(UploadStore, U10_too_large_is_said_before_the_disk_fills) {
  UploadLimits limits;
  limits.max_upload_bytes = 10;
  Store s(limits);
  const std::string token = s.store.begin("me").value();
  ASSERT_TRUE(s.store.append(token, "me", "1234567890").ok());
  const Status status = s.store.append(token, "me", "1");
  EXPECT_EQ(status.code(), StatusCode::kLimit);
  EXPECT_THAT(status.message(), HasSubstr("11 bytes are more than the 10"));
  EXPECT_EQ(s.files(), 0u);
}

TEST(UploadStore, U10_a_hundred_megabytes_pass) {
  Store s;
  const std::string token = s.store.begin("me").value();
  const std::string chunk(307'200, 'x');
  int64_t sent = 0;
  while (sent < 100'000'000) {
    ASSERT_TRUE(s.store.append(token, "me", chunk).ok());
    sent += static_cast<int64_t>(chunk.size());
  }
  ASSERT_TRUE(s.store.finish(token, "me").ok());
  EXPECT_EQ(static_cast<int64_t>(std::filesystem::file_size(s.store.finished_file(token, "me").value())), sent);
}

TEST(UploadStore, U11_a_failed_write_drops_the_upload_and_others_go_on) {
  Store s;
  const std::string small = s.store.begin("me").value(), large = s.store.begin("me").value();
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  auto* old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = old;
  tight.rlim_cur = 4096;  // the kernel refuses to let a file grow beyond: a real failing write
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  const Status failed = s.store.append(large, "me", std::string(10'000, 'x'));
  const Status passed = s.store.append(small, "me", "ok");
  ::setrlimit(RLIMIT_FSIZE, &old);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(failed.code(), StatusCode::kIo);
  EXPECT_THAT(failed.message(), HasSubstr("was dropped"));
  EXPECT_TRUE(passed.ok());
  EXPECT_EQ(s.files(), 1u);
  EXPECT_EQ(s.store.total_bytes(), 2);
}

TEST(UploadStore, U11_room_is_kept_on_the_disk) {
  UploadLimits limits;
  limits.min_free_bytes = INT64_MAX / 2;
  Store s(limits);
  const Status status = s.store.append(s.store.begin("me").value(), "me", "x");
  EXPECT_EQ(status.code(), StatusCode::kLimit);
  EXPECT_THAT(status.message(), HasSubstr("are kept for running topologies"));
}

}  // namespace
}  // namespace petrel
