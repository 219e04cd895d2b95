// U9: what is not a whole zip is refused with a sentence.
#include "storm-compat/nimbus/jar_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storm-compat/nimbus/nimbus_fixture.h"

namespace petrel {
namespace {

using ::testing::HasSubstr;
using testing::make_zip;
using testing::put_little;

Result<JarInfo> check(const std::string& bytes) {
  const testing::TempDir dir;
  testing::write_file(dir.path() / "x.jar", bytes);
  return check_jar(dir.path() / "x.jar");
}

TEST(JarCheck, U09_accepts_zips) {
  const Result<JarInfo> info = check(testing::sample_jar());
  ASSERT_TRUE(info.ok()) << info.status().message();
  EXPECT_EQ(info->entries, 2);
  EXPECT_TRUE(check("#!/bin/sh prefix\n" + testing::sample_jar()).ok());  // java opens jars with something in front
  std::string comment = testing::sample_jar();
  comment[comment.size() - 2] = 5;
  EXPECT_TRUE(check(comment + "hello").ok());
}

TEST(JarCheck, U09_many_entries_and_long_names) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (int i = 0; i < 20'000; ++i) entries.emplace_back("some/package/Name" + std::to_string(i) + ".class", "");
  for (int i = 0; i < 20; ++i) entries.emplace_back(std::string(65'000, static_cast<char>('a' + i)), "x");
  const Result<JarInfo> info = check(make_zip(entries));
  ASSERT_TRUE(info.ok()) << info.status().message();
  EXPECT_EQ(info->entries, 20'020);
}

TEST(JarCheck, U09_empty_file) {
  EXPECT_THAT(check("").status().message(), HasSubstr("0 bytes"));
}

TEST(JarCheck, U09_not_a_zip) {
  EXPECT_THAT(check("hello").status().message(), HasSubstr("too short"));
  const std::string text(5000, 'j');
  EXPECT_THAT(check(text).status().message(), HasSubstr("not a zip file"));
  EXPECT_EQ(check(std::string(200'000, '\0')).status().code(), StatusCode::kMalformed);
}

TEST(JarCheck, U09_truncated_at_every_offset) {
  const std::string jar = testing::sample_jar();
  for (size_t n = 0; n < jar.size(); ++n) {
    const Result<JarInfo> info = check(jar.substr(0, n));
    EXPECT_EQ(info.status().code(), StatusCode::kMalformed) << "cut to " << n << " of " << jar.size();
  }
}

TEST(JarCheck, U09_directory_that_lies) {
  const std::string jar = testing::sample_jar();
  const size_t end = jar.size() - 22;
  for (const size_t field : {size_t{10}, size_t{12}, size_t{16}}) {  // entries, bytes, offset
    std::string bad = jar;
    bad[end + field] = '\x7f';
    bad[end + field + 1] = '\x7f';
    EXPECT_EQ(check(bad).status().code(), StatusCode::kMalformed) << field;
  }
  std::string damaged = jar;
  damaged[damaged.find("PK\x01\x02")] = 'X';
  EXPECT_THAT(check(damaged).status().message(), HasSubstr("entry 0 of its directory is damaged"));
}

/// Turns the end record of `jar` into a zip64 one.
std::string to_zip64(const std::string& jar) {
  const size_t end = jar.size() - 22;
  const auto field = [&](size_t at, int bytes) {
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; --i)
      value = value << 8 | static_cast<uint8_t>(jar[end + at + static_cast<size_t>(i)]);
    return value;
  };
  std::string out = jar.substr(0, end) + "PK\x06\x06";
  put_little(out, 44, 8);
  put_little(out, 45, 2);
  put_little(out, 45, 2);
  put_little(out, 0, 8);
  put_little(out, field(10, 2), 8);
  put_little(out, field(10, 2), 8);
  put_little(out, field(12, 4), 8);
  put_little(out, field(16, 4), 8);
  out += "PK\x06\x07";
  put_little(out, 0, 4);
  put_little(out, end, 8);
  put_little(out, 1, 4);
  out += "PK\x05\x06";
  put_little(out, 0, 4);
  put_little(out, 0xffff, 2);
  put_little(out, 0xffff, 2);
  put_little(out, 0xffffffff, 4);
  put_little(out, 0xffffffff, 4);
  put_little(out, 0, 2);
  return out;
}

TEST(JarCheck, U09_zip64) {
  const std::string jar = to_zip64(testing::sample_jar());
  const Result<JarInfo> info = check(jar);
  ASSERT_TRUE(info.ok()) << info.status().message();
  EXPECT_EQ(info->entries, 2);
  std::string bad = jar;
  bad[jar.size() - 22 - 20 + 8 + 6] = '\x7f';  // the locator points far behind the end
  EXPECT_THAT(check(bad).status().message(), HasSubstr("behind the end of the file"));
}

TEST(JarCheck, MissingFileIsAnIoError) {
  EXPECT_EQ(check_jar("/nonexistent/x.jar").status().code(), StatusCode::kIo);
}

}  // namespace
}  // namespace petrel
