#include "native/host/host_main.h"

#include <gtest/gtest.h>

namespace petrel {
namespace {

TEST(HostArguments, AreFoundInAnyOrder) {
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"/a.spec", "--incarnation", "7", "--java-dir", "/java"},
        {"--java-dir", "/java", "--incarnation", "7", "/a.spec"}}) {
    const auto found = parse_host_arguments(args, {"--java-dir"});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->spec_file, "/a.spec");
    EXPECT_EQ(found->incarnation, 7U);
    EXPECT_EQ(found->options.at("--java-dir"), "/java");
  }
}

TEST(HostArguments, WhatMakesNoSenseIsRefused) {
  for (const std::vector<std::string>& args : {std::vector<std::string>{},
                                               {"a.spec"},
                                               {"--incarnation", "1"},
                                               {"a.spec", "--incarnation"},
                                               {"a.spec", "--incarnation", "0"},
                                               {"a.spec", "--incarnation", "1x"},
                                               {"a.spec", "--incarnation", "-1"},
                                               {"a.spec", "b.spec", "--incarnation", "1"},
                                               {"a.spec", "--incarnation", "1", "--java-dir", "/java"}}) {
    EXPECT_FALSE(parse_host_arguments(args, {})) << testing::PrintToString(args);
  }
}

TEST(HostMain, ASpecThatIsNotThereEndsWithOne) {
  bool ran = false;
  HostBinary binary{
      "test-host", {}, [&](const HostArguments&, proto::ContainerSpec, Reactor&, StateStore&) { ran = true; }};
  EXPECT_EQ(host_main(binary, {"/nothing/is/here", "--incarnation", "1"}), 1);
  EXPECT_EQ(host_main(binary, {"--wrong"}), 2);
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace petrel
