#include "native/bin/cli_args.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace petrel::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr Flag kFlags[] = {{"-w,--wait", "SECS", "how long"},
                           {"--jars", "LIST", "more jars"},
                           {"-f,--follow", nullptr, "go on"},
                           {"-c", "K=V", "override"}};

Result<Parsed> parse(const std::vector<std::string>& args, size_t free_after = SIZE_MAX) {
  return parse_args(kFlags, args, free_after);
}

TEST(CliArgs, AllSpellingsOfAValue) {
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"x", "-w", "5"}, {"-w5", "x"}, {"--wait", "5", "x"}, {"x", "--wait=5"}}) {
    const Result<Parsed> parsed = parse(args);
    ASSERT_TRUE(parsed.ok()) << parsed.status().message();
    EXPECT_EQ(parsed->get("--wait"), "5");
    EXPECT_THAT(parsed->words, ElementsAre("x"));
  }
}

TEST(CliArgs, RepeatedFlagsKeepOrderAndValuesMayLookLikeFlags) {
  const Result<Parsed> parsed = parse({"-c", "a=1", "-c", "b=-2", "--wait", "-3"});
  ASSERT_TRUE(parsed.ok());
  EXPECT_THAT(parsed->all("-c"), ElementsAre("a=1", "b=-2"));
  EXPECT_EQ(parsed->get("--wait"), "-3");
}

TEST(CliArgs, ErrorsNameTheFlag) {
  EXPECT_THAT(parse({"--wiat", "5"}).status().message(), HasSubstr("unknown option '--wiat'; did you mean --wait?"));
  EXPECT_THAT(parse({"--wait"}).status().message(), HasSubstr("--wait needs SECS"));
  EXPECT_THAT(parse({"--follow=yes"}).status().message(), HasSubstr("--follow takes no value"));
  EXPECT_THAT(parse({"-q"}).status().message(), HasSubstr("unknown option '-q'"));
}

TEST(CliArgs, ArgumentsOfAMainClassStayInTheirPlace) {
  const Result<Parsed> parsed = parse({"x.jar", "Main", "-x", "--name", "n", "-c", "a=1", "last"}, 2);
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_THAT(parsed->words, ElementsAre("x.jar", "Main", "-x", "--name", "n", "last"));
  EXPECT_THAT(parsed->all("-c"), ElementsAre("a=1"));  // Storm takes its own options wherever they stand
  EXPECT_FALSE(parse({"-x", "x.jar", "Main"}, 2).ok());
}

TEST(CliArgs, TwoDashesEndTheFlags) {
  const Result<Parsed> parsed = parse({"x.jar", "--", "Main", "-c", "a", "--wait"}, 2);
  ASSERT_TRUE(parsed.ok());
  EXPECT_THAT(parsed->words, ElementsAre("x.jar", "Main", "-c", "a", "--wait"));
  EXPECT_TRUE(parsed->flags.empty());
}

TEST(CliArgs, Nearest) {
  const std::vector<std::string> names = {"list", "kill", "activate", "deactivate"};
  EXPECT_EQ(nearest("lst", names), "list");
  EXPECT_EQ(nearest("activte", names), "activate");
  EXPECT_EQ(nearest("frobnicate", names), "");
}

TEST(CliArgs, Overrides) {
  EXPECT_THAT(split_overrides({"a=1", "b=c=d", "e="}).value(),
              ElementsAre(Pair("a", "1"), Pair("b", "c=d"), Pair("e", "")));
  EXPECT_THAT(split_overrides({"nothing"}).status().message(), HasSubstr("'nothing' is not key=value"));
  EXPECT_FALSE(split_overrides({"=x"}).ok());
}

TEST(CliArgs, WholeNumbers) {
  EXPECT_EQ(parse_whole("-w", "0", 0, 10).value(), 0);
  for (const char* bad : {"", "-1", "11", "1.5", "1s", "99999999999999999999"}) {
    EXPECT_THAT(parse_whole("-w", bad, 0, 10).status().message(), HasSubstr("from 0 to 10")) << bad;
  }
}

}  // namespace
}  // namespace petrel::cli
