#include "native/config/conf_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace petrel {
namespace {

using ::testing::HasSubstr;

std::string round_trip(std::string_view text) {
  Result<ConfValue> value = parse_json(text);
  return value.ok() ? print_json(*value) : value.status().to_string();
}

TEST(ConfJson, KeepsNumberTypes) {
  EXPECT_EQ(round_trip("[1, 1.0, -0, 1e2, 0.1, 9223372036854775807, -9223372036854775808]"),
            "[1,1.0,0,100.0,0.1,9223372036854775807,-9223372036854775808]");
  EXPECT_NE(parse_json("1").value().as_int(), nullptr);
  EXPECT_NE(parse_json("1.0").value().as_double(), nullptr);
}

TEST(ConfJson, NumbersThatDoNotFitStayLiterals) {
  EXPECT_EQ(round_trip("123456789012345678901234567890"), "123456789012345678901234567890");
  EXPECT_EQ(round_trip("9223372036854775808"), "9223372036854775808");
  EXPECT_EQ(round_trip("1e999"), "1e999");
  EXPECT_NE(parse_json("1e999").value().as_big(), nullptr);
}

TEST(ConfJson, Strings) {
  EXPECT_EQ(*parse_json(R"("a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")").value().as_string(),
            "a\"\\/\b\f\n\r\t\xC3\xA9\xF0\x9F\x98\x80");
  EXPECT_EQ(*parse_json(R"("\ud83dx")").value().as_string(), "\xEF\xBF\xBDx");
  EXPECT_EQ(round_trip(R"("\u0000\u001f\u007f")"), R"("\u0000\u001f\u007f")");
}

TEST(ConfJson, LastOfDuplicateKeysWinsAndOrderStays) {
  EXPECT_EQ(round_trip(R"({"b":1,"a":2,"b":{"x":[null,true,false]}})"), R"({"b":{"x":[null,true,false]},"a":2})");
}

TEST(ConfJson, RefusesWhatIsNotJson) {
  for (const char* bad :
       {"",   " ",  "{",  "[1,", "{\"a\"}", "{\"a\":}",    "{a:1}", "nul", "NaN",        "Infinity", "-",
        "01", "1.", "1e", "\"a", "\"\\x\"", "\"\\u12g4\"", "[1] 2", "'a'", "{\"a\":1,}", "\"\x01\""}) {
    Result<ConfValue> value = parse_json(bad);
    ASSERT_FALSE(value.ok()) << bad;
    EXPECT_EQ(value.status().code(), StatusCode::kMalformed) << bad;
    EXPECT_THAT(value.status().message(), HasSubstr("at byte")) << bad;
  }
}

TEST(ConfJson, DepthIsCapped) {
  std::string deep(10'000, '[');
  EXPECT_EQ(parse_json(deep).status().code(), StatusCode::kLimit);
  std::string fits = std::string(100, '[') + std::string(100, ']');
  EXPECT_TRUE(parse_json(fits).ok());
}

TEST(ConfJson, SizeAndCountAreCapped) {
  EXPECT_EQ(parse_json(std::string(5u << 20, ' ')).status().code(), StatusCode::kLimit);
  ConfLimits limits;
  limits.values = 3;
  EXPECT_EQ(parse_json("[1,2,3]", limits).status().code(), StatusCode::kLimit);
  EXPECT_TRUE(parse_json("[1,2]", limits).ok());
}

TEST(ConfJson, TopLevelMustBeAMap) {
  for (const char* bad : {"null", "[]", "7", "\"x\""}) {
    EXPECT_THAT(parse_json_map(bad, "topology conf").status().message(), HasSubstr("topology conf is")) << bad;
  }
  EXPECT_TRUE(parse_json_map("{}", "topology conf").ok());
}

TEST(ConfJson, PrettyIsParsedBack) {
  ConfValue value = *parse_json(R"({"a":[1,{"b":[]}],"c":{}})");
  EXPECT_EQ(print_json_pretty(value), "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}\n");
  EXPECT_EQ(*parse_json(print_json_pretty(value)), value);
}

TEST(ConfMap, SetFindErase) {
  ConfMap map{{"a", 1}, {"b", 2}, {"c", 3}};
  map.set("b", "two");
  map.erase("a");
  map.erase("nothing");
  map.set("d", nullptr);
  EXPECT_EQ(print_json(map), R"({"b":"two","c":3,"d":null})");
  EXPECT_EQ(map.find("a"), nullptr);
  EXPECT_EQ(*map.find("c")->as_int(), 3);
  EXPECT_EQ(map, (ConfMap{{"d", nullptr}, {"c", 3}, {"b", "two"}}));
  EXPECT_FALSE(map == (ConfMap{{"d", nullptr}, {"c", 3.0}, {"b", "two"}}));
}

TEST(ConfMap, MergeIsShallow) {
  EXPECT_EQ(print_json(merge({{"a", ConfMap{{"x", 1}}}, {"b", 1}}, {{"a", ConfMap{{"y", 2}}}})),
            R"({"a":{"y":2},"b":1})");
}

TEST(ConfMap, GettersTakeWhatStormTakes) {
  ConfMap map{{"i", 3}, {"d", 3.0}, {"s", "3"}, {"n", nullptr}, {"f", 2.5}};
  for (const char* key : {"i", "d", "s"}) EXPECT_EQ(map.get_int(key, 9).value(), 3) << key;
  EXPECT_EQ(map.get_int("n", 9).value(), 9);
  EXPECT_EQ(map.get_int("absent", 9).value(), 9);
  EXPECT_EQ(map.get_double("i", 0).value(), 3.0);
}

TEST(ConfMap, GetterErrorsNameKeyValueAndExpectation) {
  ConfMap map{{"topology.workers", "four"}, {"big", int64_t{5'000'000'000}}, {"half", 0.5}, {"flag", "true"}};
  EXPECT_EQ(map.get_int("topology.workers", 1, 1).status().message(),
            "conf topology.workers = \"four\" is a string; expected an integer from 1 to 2147483647");
  EXPECT_FALSE(map.get_int("big", 1).ok());
  EXPECT_FALSE(map.get_int("half", 1).ok());
  EXPECT_THAT(map.get_bool("flag", false).status().message(), HasSubstr("expected true or false"));
}

TEST(ConfMap, StringsFromOneOrMany) {
  ConfMap map{{"one", "a b"}, {"many", ConfList{"a", "b"}}, {"mixed", ConfList{"a", 1}}};
  EXPECT_THAT(map.get_strings("one").value(), ::testing::ElementsAre("a b"));
  EXPECT_THAT(map.get_strings("many").value(), ::testing::ElementsAre("a", "b"));
  EXPECT_FALSE(map.get_strings("mixed").ok());
}

}  // namespace
}  // namespace petrel
