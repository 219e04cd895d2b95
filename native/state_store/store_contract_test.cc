// Runs over every row of store_registry(): a new store is tested by its row.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "native/base/rng.h"
#include "native/state_store/store_registry.h"
#include "native/transport/manual_reactor.h"

namespace petrel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class StoreContract : public testing::TestWithParam<StoreRow> {
 protected:
  void SetUp() override {
    directory = testing::TempDir() + "/store-" + to_hex_name();
    auto opened = GetParam().open(directory, &reactor);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    store = std::move(opened).value();
  }
  void TearDown() override {
    store.reset();
    std::filesystem::remove_all(directory);
  }
  static std::string to_hex_name() { return std::to_string(system_entropy()); }

  ManualReactor reactor;
  std::string directory;
  std::unique_ptr<StateStore> store;
};

TEST_P(StoreContract, PutGetRemove) {
  EXPECT_EQ(store->get("a/b").status().code(), StatusCode::kNotFound);
  auto v1 = store->put_if("a/b", "one", 0);
  ASSERT_TRUE(v1.ok()) << v1.status().to_string();
  EXPECT_GT(*v1, 0u);
  auto read = store->get("a/b");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->bytes, "one");
  EXPECT_EQ(read->version, *v1);
  EXPECT_EQ(store->put_if("a/b", "x", 0).status().code(), StatusCode::kConflict);
  EXPECT_EQ(store->put_if("a/b", "x", *v1 + 7).status().code(), StatusCode::kConflict);
  auto v2 = store->put_if("a/b", "two", *v1);
  ASSERT_TRUE(v2.ok());
  EXPECT_GT(*v2, *v1);
  EXPECT_EQ(store->remove_if("a/b", *v1).code(), StatusCode::kConflict);
  EXPECT_TRUE(store->remove_if("a/b", *v2).ok());
  EXPECT_EQ(store->remove_if("a/b", *v2).code(), StatusCode::kNotFound);
  EXPECT_EQ(store->put_if("a/b", "x", *v2).status().code(), StatusCode::kConflict);
  auto v3 = store->put_if("a/b", "three", 0);
  ASSERT_TRUE(v3.ok());
  EXPECT_GT(*v3, *v2);  // an old version never fits again
}

TEST_P(StoreContract, ARecordMayHaveRecordsBelowIt) {
  ASSERT_TRUE(store->put_if("a", "1", 0).ok());
  ASSERT_TRUE(store->put_if("a/b", "2", 0).ok());
  ASSERT_TRUE(store->put_if("a/b.rec", "3", 0).ok());
  ASSERT_TRUE(store->put_if("a/b.rec/c", "4", 0).ok());
  ASSERT_TRUE(store->put_if("ab", "5", 0).ok());
  EXPECT_EQ(store->get("a/b.rec")->bytes, "3");
  EXPECT_THAT(*store->list("a"), ElementsAre("a/b", "a/b.rec", "a/b.rec/c"));
  EXPECT_THAT(*store->list(""), ElementsAre("a", "a/b", "a/b.rec", "a/b.rec/c", "ab"));
  EXPECT_THAT(*store->list("nothing"), IsEmpty());
}

TEST_P(StoreContract, OddPathsAreKeptApartAndBadOnesRefused) {
  const std::vector<std::string> odd = {".hidden",
                                        "..x",
                                        "a b",
                                        "%41",
                                        "A",
                                        "tab\tnew\nline",
                                        "quote\"'",
                                        "caf\xc3\xa9",
                                        "\xf0\x9f\x90\xa6",
                                        "x.rec",
                                        "x.tmp",
                                        "x",
                                        std::string(700, 'l'),
                                        std::string(699, 'l') + "m",
                                        std::string(300, '%'),
                                        "$(id)",
                                        "<script>"};
  for (const std::string& path : odd) ASSERT_TRUE(store->put_if(path, "at " + path, 0).ok()) << path;
  for (const std::string& path : odd) EXPECT_EQ(store->get(path)->bytes, "at " + path);
  EXPECT_EQ(store->list("")->size(), odd.size());
  for (const std::string& path : {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"),
                                  std::string(".."), std::string("a/../b"), std::string("a/."), std::string("a\0b", 3),
                                  std::string(1025, 'x'), std::string(801, 'x')}) {
    EXPECT_EQ(store->get(path).status().code(), StatusCode::kMalformed) << path;
    EXPECT_EQ(store->put_if(path, "", 0).status().code(), StatusCode::kMalformed) << path;
    EXPECT_EQ(store->create_ephemeral(path, "").status().code(), StatusCode::kMalformed) << path;
    EXPECT_EQ(store->remove_if(path, 1).code(), StatusCode::kMalformed) << path;
  }
}

TEST_P(StoreContract, TooLargeARecordIsALimit) {
  EXPECT_EQ(store->put_if("big", std::string(kStateRecordBytesMax + 1, 'x'), 0).status().code(), StatusCode::kLimit);
  EXPECT_EQ(store->get("big").status().code(), StatusCode::kNotFound);
}

TEST_P(StoreContract, EphemeralLivesAsLongAsItsOwner) {
  auto owner = store->create_ephemeral("t/master", "me");
  ASSERT_TRUE(owner.ok()) << owner.status().to_string();
  EXPECT_EQ(store->get("t/master")->bytes, "me");
  EXPECT_THAT(*store->list("t"), ElementsAre("t/master"));
  EXPECT_EQ(store->create_ephemeral("t/master", "you").status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(store->put_if("t/master", "you", store->get("t/master")->version).status().code(), StatusCode::kConflict);
  const uint64_t first = store->get("t/master")->version;
  owner->reset();
  EXPECT_EQ(store->get("t/master").status().code(), StatusCode::kNotFound);
  EXPECT_THAT(*store->list("t"), IsEmpty());
  auto next = store->create_ephemeral("t/master", "you");
  ASSERT_TRUE(next.ok());
  EXPECT_GT(store->get("t/master")->version, first);
}

TEST_P(StoreContract, WatchTellsThePresentAndEachChange) {
  std::vector<std::string> seen;
  auto watch = store->watch("w", [&](const Result<StoredRecord>& record) {
    seen.push_back(record.ok() ? record->bytes : to_string(record.status().code()));
  });
  ASSERT_TRUE(watch.ok());
  reactor.advance(Seconds(1));
  auto v1 = store->put_if("w", "one", 0);
  reactor.advance(Seconds(1));
  auto v2 = store->put_if("w", "two", *v1);
  reactor.advance(Seconds(1));
  ASSERT_TRUE(store->remove_if("w", *v2).ok());
  reactor.advance(Seconds(1));
  EXPECT_THAT(seen, ElementsAre("NOT_FOUND", "one", "two", "NOT_FOUND"));
  watch->reset();
  ASSERT_TRUE(store->put_if("w", "three", 0).ok());
  reactor.advance(Seconds(1));
  EXPECT_EQ(seen.size(), 4u);
}

TEST_P(StoreContract, WatchMayBeDestroyedInItsCall) {
  std::unique_ptr<StateWatch> watch;
  int calls = 0;
  auto made = store->watch("w", [&](const Result<StoredRecord>&) {
    ++calls;
    watch.reset();
  });
  watch = std::move(made).value();
  reactor.advance(Seconds(1));
  ASSERT_TRUE(store->put_if("w", "one", 0).ok());
  reactor.advance(Seconds(1));
  EXPECT_EQ(calls, 1);
}

TEST_P(StoreContract, OfManyWritersWithOneExpectationExactlyOneWins) {
  constexpr int kThreads = 8;
  for (int round = 0; round < 5; ++round) {
    const std::string path = "race/" + std::to_string(round);
    std::atomic<int> won{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] { won += store->put_if(path, std::to_string(i), 0).ok(); });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(won, 1);
  }
}

/// The same random history on this store and on a plain map: every answer is the same.
TEST_P(StoreContract, RandomHistoryMatchesAModel) {
  Rng rng(20260131);
  std::map<std::string, std::pair<std::string, uint64_t>> model;
  const std::vector<std::string> paths = {"a", "a/b", "a/b/c", "b/.x", "b/y"};
  for (int i = 0; i < 400; ++i) {
    const std::string& path = paths[rng.below(paths.size())];
    auto found = model.find(path);
    const uint64_t right = found == model.end() ? 0 : found->second.second;
    const uint64_t expected = rng.below(4) == 0 ? right + 1 : right;
    if (rng.below(3) == 0) {
      Status removed = store->remove_if(path, expected);
      if (found == model.end()) {
        EXPECT_EQ(removed.code(), StatusCode::kNotFound);
      } else if (expected == right) {
        EXPECT_TRUE(removed.ok()) << removed.to_string();
        model.erase(found);
      } else {
        EXPECT_EQ(removed.code(), StatusCode::kConflict);
      }
    } else {
      const std::string bytes = std::to_string(i);
      auto version = store->put_if(path, bytes, expected);
      EXPECT_EQ(version.ok(), expected == right);
      if (version.ok()) model[path] = {bytes, *version};
    }
    std::vector<std::string> keys;
    for (const auto& [key, value] : model) keys.push_back(key);
    ASSERT_EQ(*store->list(""), keys);
    auto read = store->get(path);
    ASSERT_EQ(read.ok(), model.contains(path));
    if (read.ok()) {
      ASSERT_EQ(read->bytes, model[path].first);
      ASSERT_EQ(read->version, model[path].second);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllStores, StoreContract, testing::ValuesIn(store_registry()),
                         [](const auto& param_info) { return std::string(param_info.param.scheme); });

TEST(OpenStore, UnknownSchemesNameTheKnownOnes) {
  for (const char* uri : {"zk:localhost", "", "/plain/path"}) {
    auto opened = open_store(uri, nullptr);
    EXPECT_EQ(opened.status().code(), StatusCode::kMalformed);
    EXPECT_THAT(opened.status().message(), HasSubstr("'file:'"));
  }
  auto memory = open_store("memory:", nullptr);
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ((*memory)->watch("a", nullptr).status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace petrel
