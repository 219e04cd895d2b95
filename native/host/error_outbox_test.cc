#include "native/host/error_outbox.h"

#include <gtest/gtest.h>

namespace petrel {
namespace {

proto::ErrorEntry entry(const std::string& text) {
  proto::ErrorEntry e;
  e.set_text(text);
  return e;
}

TEST(ErrorOutbox, KeepsWhatCannotBeSent) {
  ErrorOutbox outbox;
  outbox.push(entry("a"));
  outbox.push(entry("b"));
  std::vector<std::string> sent;
  outbox.send_all([&](const proto::ErrorEntry& e) -> Status {
    if (e.text() == "b") return Status(StatusCode::kUnavailable, "away");
    sent.push_back(e.text());
    return {};
  });
  EXPECT_EQ(sent, std::vector<std::string>{"a"});
  EXPECT_EQ(outbox.size(), 1u);
  outbox.send_all([](const proto::ErrorEntry&) { return Status(); });
  EXPECT_EQ(outbox.size(), 0u);
}

TEST(ErrorOutbox, TheNewestWinWhenItIsFull) {
  ErrorOutbox outbox;
  for (int i = 0; i < 150; ++i) outbox.push(entry(std::to_string(i)));
  EXPECT_EQ(outbox.size(), ErrorOutbox::kMost);
  EXPECT_EQ(outbox.dropped(), 50u);
  std::vector<std::string> sent;
  outbox.send_all([&](const proto::ErrorEntry& e) {
    sent.push_back(e.text());
    return Status();
  });
  EXPECT_EQ(sent.front(), "50");
  EXPECT_EQ(sent.back(), "149");
}

TEST(ErrorOutbox, AReportThatCameWhileOneWasSentIsNotForgotten) {
  ErrorOutbox outbox;
  outbox.push(entry("first"));
  int sends = 0;
  outbox.send_all([&](const proto::ErrorEntry&) {
    if (++sends == 1) {
      for (size_t i = 0; i < ErrorOutbox::kMost; ++i) outbox.push(entry("later"));  // pushes "first" out
    }
    return Status();
  });
  EXPECT_EQ(sends, 1 + static_cast<int>(ErrorOutbox::kMost));
}

TEST(ErrorOutbox, ALongTextIsCutBetweenCharacters) {
  ErrorOutbox outbox;
  outbox.push(entry("x" + std::string(ErrorOutbox::kMaxText - 2, 'a') + "世界"));
  outbox.send_all([](const proto::ErrorEntry& e) {
    EXPECT_EQ(e.text().size(), ErrorOutbox::kMaxText - 1);
    EXPECT_EQ(e.text().back(), 'a');
    return Status();
  });
}

}  // namespace
}  // namespace petrel
