// The checker itself: a good history has no finding, and each kind of damage is found.
#include "tests/ledger/ledger_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/ledger/ledger_rules.h"

namespace petrel::ledger_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kMs = 1'000'000;
constexpr int kSpout = 4;
constexpr int kSink = 9;

// Builds the logs of one spout and one sink.
class Story {
 public:
  Story& open(int64_t at_ms, int64_t unacked = 0) { return spout(Kind::kOpen, unacked, 0, at_ms); }
  Story& emit(int64_t sequence, int attempt, int64_t at_ms) { return spout(Kind::kEmit, sequence, attempt, at_ms); }
  Story& ack(int64_t sequence, int attempt, int64_t at_ms) { return spout(Kind::kAck, sequence, attempt, at_ms); }
  Story& fail(int64_t sequence, int attempt, int64_t at_ms) { return spout(Kind::kFail, sequence, attempt, at_ms); }
  Story& leaf(int64_t sequence, int attempt, int path, int64_t at_ms) {
    sink_.push_back({Kind::kSink, static_cast<uint8_t>(path), kSink, sequence, attempt, kSpout, at_ms * kMs});
    return *this;
  }
  Story& leaves(int64_t sequence, int attempt, int64_t at_ms, int count = kLeaves) {
    for (int path = 0; path < count; ++path) leaf(sequence, attempt, path, at_ms);
    return *this;
  }
  History history() const {
    Merger merger;
    for (const Record& record : spout_) merger.spout(record);
    for (const Record& record : sink_) merger.sink(record);
    return merger.finish();
  }
  std::vector<std::string> findings(bool drained = true) const {
    RuleOptions options;
    options.drained = drained;
    return findings(options);
  }
  std::vector<std::string> findings(RuleOptions options) const {
    options.timeout_ns = 5'000 * kMs;
    return check(history(), options);
  }

 private:
  Story& spout(Kind kind, int64_t sequence, int attempt, int64_t at_ms) {
    spout_.push_back({kind, 0, kSpout, sequence, attempt, kSpout, at_ms * kMs});
    return *this;
  }
  std::vector<Record> spout_;
  std::vector<Record> sink_;
};

Story good() {
  Story story;
  // A calm id, one that timed out once, and one that a kill interrupted.
  story.open(1).emit(0, 1, 10).leaves(0, 1, 12).ack(0, 1, 13);
  story.emit(1, 1, 20).leaves(1, 1, 22, 3).fail(1, 1, 5'500).emit(1, 2, 5'600).leaves(1, 2, 5'650).ack(1, 2, 5'700);
  story.emit(2, 1, 6'000).leaves(2, 1, 6'001, 4);
  return story.open(7'000, 1).emit(2, 2, 7'100).leaves(2, 2, 7'200).ack(2, 2, 7'300);
}

TEST(LedgerRules, AGoodHistoryHasNoFinding) {
  EXPECT_THAT(good().findings(), IsEmpty());
}

TEST(LedgerRules, AnIdThatWasNeverAckedIsLost) {
  EXPECT_THAT(good().emit(3, 1, 8'000).fail(3, 1, 13'100).findings(), ElementsAre(HasSubstr("lost")));
}

TEST(LedgerRules, AnIdThatIsStillOnItsWayIsNotLostWhileTheTopologyRuns) {
  EXPECT_THAT(good().emit(3, 1, 8'000).findings(false), IsEmpty());
  EXPECT_EQ(good().emit(3, 1, 8'000).findings(true).size(), 2u);  // lost, and without an end
}

TEST(LedgerRules, AnAckWithoutAllLeaves) {
  EXPECT_THAT(good().emit(3, 1, 8'000).leaves(3, 1, 8'001, 6).ack(3, 1, 8'010).findings(),
              ElementsAre(HasSubstr("before all leaves")));
}

TEST(LedgerRules, AnAckBeforeTheLastLeaf) {
  EXPECT_THAT(good().emit(3, 1, 8'000).leaves(3, 1, 8'020).ack(3, 1, 8'010).findings(),
              ElementsAre(HasSubstr("before all leaves")));
}

TEST(LedgerRules, LeavesOfAnotherAttemptDoNotCount) {
  EXPECT_THAT(
      good().emit(3, 1, 8'000).leaves(3, 1, 8'001).fail(3, 1, 13'100).emit(3, 2, 13'200).ack(3, 2, 13'300).findings(),
      ElementsAre(HasSubstr("before all leaves")));
}

TEST(LedgerRules, TwoEnds) {
  EXPECT_THAT(good().emit(3, 1, 8'000).leaves(3, 1, 8'001).ack(3, 1, 8'010).ack(3, 1, 8'011).findings(),
              ElementsAre(HasSubstr("exactly one")));
}

TEST(LedgerRules, AFailBeforeTheTimeOutAndOneLongAfter) {
  EXPECT_THAT(
      good().emit(3, 1, 8'000).fail(3, 1, 8'100).emit(3, 2, 8'200).leaves(3, 2, 8'201).ack(3, 2, 8'300).findings(),
      ElementsAre(HasSubstr("before the time-out")));
  EXPECT_THAT(
      good().emit(3, 1, 8'000).fail(3, 1, 20'000).emit(3, 2, 20'200).leaves(3, 2, 20'201).ack(3, 2, 20'300).findings(),
      ElementsAre(HasSubstr("too late")));
}

TEST(LedgerRules, AFaultLetsRootsFailAtOnceAndOnlyThen) {
  RuleOptions fault;
  fault.faults_ns = {8'050 * kMs};
  const auto failed_at = [&](int64_t at_ms) {
    Story story;
    story.open(1).emit(0, 1, 8'000).fail(0, 1, at_ms).emit(0, 2, at_ms + 10).leaves(0, 2, at_ms + 11);
    return story.ack(0, 2, at_ms + 12).findings(fault);
  };
  EXPECT_THAT(failed_at(8'100), IsEmpty());
  EXPECT_THAT(failed_at(8'040), ElementsAre(HasSubstr("before the time-out")));
  EXPECT_THAT(failed_at(11'000), ElementsAre(HasSubstr("before the time-out"), HasSubstr("only by its time-out")));
  EXPECT_THAT(failed_at(13'100), ElementsAre(HasSubstr("only by its time-out")));
}

TEST(LedgerRules, NothingMayFailWhenNothingWasLost) {
  RuleOptions calm;
  calm.no_fail = true;
  Story story;
  story.open(1).emit(0, 1, 10).fail(0, 1, 5'100).emit(0, 2, 5'200).leaves(0, 2, 5'201).ack(0, 2, 5'202);
  EXPECT_THAT(story.findings(calm), ElementsAre(HasSubstr("nothing was lost")));
}

TEST(LedgerRules, ALeafTwice) {
  EXPECT_THAT(good().emit(3, 1, 8'000).leaves(3, 1, 8'001).leaf(3, 1, 2, 8'002).ack(3, 1, 8'010).findings(),
              ElementsAre(HasSubstr("twice")));
}

TEST(LedgerRules, AnAckOfAFormerIncarnation) {
  Story story;
  story.open(1).emit(0, 1, 10).leaves(0, 1, 12).open(20, 1).emit(0, 2, 25).ack(0, 1, 30);
  EXPECT_THAT(story.findings(false), ElementsAre(HasSubstr("another incarnation")));
}

TEST(LedgerRules, LateAndMissingReplays) {
  Story late;
  late.open(1).emit(0, 1, 10).open(100, 1).emit(0, 2, 2'500).leaves(0, 2, 2'501).ack(0, 2, 2'502);
  EXPECT_THAT(late.findings(), ElementsAre(HasSubstr("replay")));
  Story missing;
  missing.open(1).emit(0, 1, 10).leaves(0, 1, 11).ack(0, 1, 12).open(100, 1);
  EXPECT_THAT(missing.findings(), ElementsAre(HasSubstr("replay")));
}

TEST(LedgerRules, Phantoms) {
  EXPECT_THAT(good().leaf(77, 1, 0, 9'000).findings(), ElementsAre(HasSubstr("phantom")));
  EXPECT_THAT(good().leaf(0, 3, 0, 9'000).findings(), ElementsAre(HasSubstr("phantom")));
  EXPECT_THAT(good().leaf(0, 1, 7, 9'000).findings(), ElementsAre(HasSubstr("phantom")));
  EXPECT_THAT(good().ack(50, 1, 9'000).findings(), ElementsAre(HasSubstr("phantom")));
}

TEST(LedgerTimeline, WorstSecond) {
  Timeline times;
  for (int64_t ms = 0; ms < 10'000; ms += 10) {
    if (ms < 5'000 || ms >= 5'300) times.add(ms * kMs + ms);
  }
  EXPECT_EQ(times.worst_second(0, 4'000 * kMs), 100);
  EXPECT_EQ(times.worst_second(0, 10'000 * kMs), 70);
  EXPECT_EQ(times.worst_second(0, 500 * kMs), 0);
  EXPECT_EQ(times.between(0, 1'000 * kMs), 100);
  EXPECT_EQ(times.between(10 * kMs, 30 * kMs), 2);
}

TEST(LedgerTimeline, TimesInAnyOrder) {
  Timeline times;
  for (int64_t ms : {7, 3, 9, 3}) times.add(ms * kMs);
  EXPECT_EQ(times.total(), 4);
  EXPECT_EQ(times.first_ns(), 3 * kMs);
  EXPECT_EQ(times.last_ns(), 9 * kMs);
  EXPECT_EQ(times.between(3 * kMs, 7 * kMs), 2);
}

// A log of `count` records with `zeros` empty ones behind them, and the byte at `damaged` turned.
std::string log_of(int count, size_t zeros, size_t damaged = std::string::npos) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    const auto one = encode({Kind::kSink, static_cast<uint8_t>(i), kSink, 1'000 + i, 2, kSpout, 77});
    bytes.append(one.begin(), one.end());
  }
  bytes.append(zeros * kRecordBytes, '\0');
  if (damaged != std::string::npos) bytes[damaged] = static_cast<char>(bytes[damaged] ^ 0x40);
  return bytes;
}

Result<std::vector<Record>> records_of(const std::string& bytes) {
  std::istringstream log(bytes);
  std::vector<Record> records;
  const Status status = decode(&log, "x", [&](const Record& record) { records.push_back(record); });
  if (!status.ok()) return status;
  return records;
}

TEST(LedgerHistory, RecordsSurviveTheirEncoding) {
  for (size_t zeros : {0, 5}) {
    const auto records = records_of(log_of(3, zeros));
    ASSERT_TRUE(records.ok());
    ASSERT_EQ(records.value().size(), 3u);
    EXPECT_EQ(records.value()[2].path, 2);
    EXPECT_EQ(records.value()[2].sequence, 1'002);
  }
}

TEST(LedgerHistory, OnlyTheLastRecordMayBeTorn) {
  for (size_t zeros : {0, 5}) {
    const auto torn_at = [&](size_t record) { return records_of(log_of(3, zeros, record * kRecordBytes + 9)); };
    ASSERT_TRUE(torn_at(2).ok());
    EXPECT_EQ(torn_at(2).value().size(), 2u);
    EXPECT_FALSE(torn_at(0).ok());
    EXPECT_EQ(torn_at(1).status().code(), StatusCode::kCorrupt);
  }
}

}  // namespace
}  // namespace petrel::ledger_test
