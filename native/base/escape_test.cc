#include "native/base/escape.h"

#include <gtest/gtest.h>

namespace petrel {
namespace {

TEST(Escape, KeepsText) {
  EXPECT_EQ(escape("word count \xC3\xA9 \xF0\x9F\x98\x80"), "word count \xC3\xA9 \xF0\x9F\x98\x80");
}

TEST(Escape, MakesControlBytesVisible) {
  EXPECT_EQ(escape("a\r\nb\x1b[31m"), "a\\x0d\\x0ab\\x1b[31m");
  EXPECT_EQ(escape(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(escape("\xC2\x9B"), "\\xc2\\x9b");
}

TEST(Escape, MakesBrokenUtf8Visible) {
  EXPECT_EQ(escape("\xC0\xAF"), "\\xc0\\xaf");
  EXPECT_EQ(escape("\xED\xA0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(escape("\xE2\x82"), "\\xe2\\x82");
}

TEST(Escape, CutsAtTheLimit) {
  EXPECT_EQ(escape(std::string(300, 'x')).size(), 203u);
  EXPECT_EQ(escape("abcdef", 3), "abc...");
}

TEST(Hex, PrintsBytes) {
  EXPECT_EQ(to_hex(std::string_view("\x00\xff", 2)), "00ff");
}

TEST(IsUtf8, TakesWhatRfc3629Takes) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8(std::string("a\0\n", 3)));
  EXPECT_TRUE(is_utf8("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"));
  for (const char* bad : {"\x80", "\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "a\xFF"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

}  // namespace
}  // namespace petrel
