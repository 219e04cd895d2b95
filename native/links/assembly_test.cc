#include "native/links/assembly.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "native/base/rng.h"

namespace petrel {
namespace {

TEST(AssemblyTest, HasWhatWasAppended) {
  Assembly assembly;
  EXPECT_EQ(assembly.bytes(), "");
  Rng rng(5);
  std::string expected;
  while (expected.size() < 3'000'000) {
    std::string part(rng.below(100'000), '\0');
    for (char& c : part) c = static_cast<char>(rng.next());
    expected += part;
    assembly.append(part);
    ASSERT_EQ(assembly.size(), expected.size());
  }
  EXPECT_EQ(assembly.bytes(), expected);
}

TEST(AssemblyTest, OnlyWhatCameTakesMemory) {
  Assembly assembly;
  const std::string part(256U << 10, 'x');
  for (int i = 0; i < 33; ++i) assembly.append(part);  // a part more than 8 MiB: room for 16 MiB
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const auto resident = [&](size_t from, size_t bytes) {
    std::vector<unsigned char> pages((bytes + page - 1) / page);
    EXPECT_EQ(mincore(const_cast<char*>(assembly.bytes().data()) + from, bytes, pages.data()), 0);
    size_t count = 0;
    for (const unsigned char in_memory : pages) count += in_memory & 1U;
    return count * page;
  };
  EXPECT_GT(resident(0, assembly.size()), assembly.size() / 2);
  EXPECT_LE(resident(assembly.size(), (16U << 20) - assembly.size()), 4U << 20) << "at most a huge page or two";
}

}  // namespace
}  // namespace petrel
