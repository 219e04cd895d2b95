#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "native/config/conf_value.h"

namespace petrel {
namespace {

using ::testing::HasSubstr;

std::string json_of(std::string_view yaml) {
  Result<ConfMap> map = parse_yaml_map(yaml, "x.yaml");
  return map.ok() ? print_json(*map) : map.status().to_string();
}

TEST(ConfYaml, ScalarsAsSnakeYamlReadsThem) {
  EXPECT_EQ(json_of("a: 1\nb: 1.0\nc: yes\nd: off\ne: ~\nf:\ng: text\nh: 010\ni: 0x1F\nj: 10_000\nk: -3\n"),
            R"({"a":1,"b":1.0,"c":true,"d":false,"e":null,"f":null,"g":"text","h":8,"i":31,"j":10000,"k":-3})");
  EXPECT_EQ(json_of("a: 1.5e+3\nb: 1e3\nc: 0.05\nd: .5\ne: 1.2.3\nf: 08\ng: +7\n"),
            R"({"a":1500.0,"b":"1e3","c":0.05,"d":0.5,"e":"1.2.3","f":"08","g":7})");
  EXPECT_EQ(json_of("a: 123456789012345678901234567890\n"), R"({"a":123456789012345678901234567890})");
}

TEST(ConfYaml, QuotedScalarsStayStrings) {
  EXPECT_EQ(json_of("a: \"1\"\nb: 'true'\nc: !!str 7\nd: \"\"\ne: |\n  null\n"),
            R"({"a":"1","b":"true","c":"7","d":"","e":"null\n"})");
}

TEST(ConfYaml, ListsMapsAndComments) {
  EXPECT_EQ(json_of("# head\nports:\n  - 6700\n  - 6701 # second\nm:\n    \"k\": v\nempty: []\n"),
            R"({"ports":[6700,6701],"m":{"k":"v"},"empty":[]})");
}

TEST(ConfYaml, MergeKeysAndAliases) {
  EXPECT_EQ(json_of("base: &b {x: 1, y: 2}\nd:\n  x: 3\n  <<: *b\n"), R"({"base":{"x":1,"y":2},"d":{"x":3,"y":2}})");
}

TEST(ConfYaml, AliasBombIsCapped) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'k'; ++c) {
    bomb += fmt::format("{}: &{} [", c, c);
    for (int i = 0; i < 10; ++i) bomb += fmt::format("{}*{}", i == 0 ? "" : ",", static_cast<char>(c - 1));
    bomb += "]\n";
  }
  EXPECT_THAT(json_of(bomb), HasSubstr("LIMIT: x.yaml"));
}

TEST(ConfYaml, EmptyTextIsAnEmptyMap) {
  EXPECT_EQ(json_of(""), "{}");
  EXPECT_EQ(json_of("# only a comment\n"), "{}");
}

TEST(ConfYaml, Refusals) {
  EXPECT_THAT(json_of("a: [1\nb: 2\n"), HasSubstr("not YAML at line"));
  EXPECT_THAT(json_of("- 1\n"), HasSubstr("must be a map"));
  EXPECT_THAT(json_of("a: !!javax.script.X {}\nb: !danger 7\n"), HasSubstr("not allowed"));
  EXPECT_THAT(json_of("? [1, 2]\n: x\n"), HasSubstr("a key must be a plain string"));
  EXPECT_THAT(json_of(std::string(300, '[')), HasSubstr("x.yaml"));
  EXPECT_THAT(json_of(std::string("a: \x01\xff\n")), HasSubstr("a"));
}

}  // namespace
}  // namespace petrel
