// ledger_check FOLDER [--timeout-ms N] [--fault NS]... [--no-fail] [--count FROM_NS TO_NS]... [--worst FROM_NS
// TO_NS]...
//              [--running]
//
// Reads the logs of the ledger topology and prints what it finds, one JSON object per line:
//   {"ids": n, "records": n, "emits": n, "opens": {"task": n}, "first_ns": n, "last_ns": n}
//   {"count": n} per --count: emits in that span           {"worst": n} per --worst: fewest sink records in any 1 s of
//   it
//   {"finding": "..."} per violated rule
// Exit code: 0 no finding, 1 findings, 2 the logs cannot be read.
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/ledger/ledger_history.h"
#include "tests/ledger/ledger_rules.h"

namespace petrel::ledger_test {
namespace {

struct Span {
  bool worst = false;
  int64_t from_ns = 0;
  int64_t to_ns = 0;
};

struct Arguments {
  std::string folder;
  RuleOptions rules;
  std::vector<Span> spans;
};

bool parse_number(const char* text, int64_t* value) {
  const std::string_view view(text);
  return std::from_chars(view.data(), view.data() + view.size(), *value).ec == std::errc();
}

bool parse(int argc, char** argv, Arguments* out) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    int64_t a = 0;
    int64_t b = 0;
    if (word == "--running") {
      out->rules.drained = false;
    } else if (word == "--no-fail") {
      out->rules.no_fail = true;
    } else if (word == "--fault" && i + 1 < argc && parse_number(argv[++i], &a)) {
      out->rules.faults_ns.push_back(a);
    } else if (word == "--timeout-ms" && i + 1 < argc && parse_number(argv[++i], &a)) {
      out->rules.timeout_ns = a * 1'000'000;
    } else if ((word == "--count" || word == "--worst") && i + 2 < argc && parse_number(argv[i + 1], &a) &&
               parse_number(argv[i + 2], &b)) {
      out->spans.push_back({word == "--worst", a, b});
      i += 2;
    } else if (out->folder.empty() && !word.starts_with("--")) {
      out->folder = word;
    } else {
      return false;
    }
  }
  return !out->folder.empty();
}

void print(const nlohmann::json& value) {
  fmt::print("{}\n", value.dump());
}

void print_summary(const History& history) {
  nlohmann::json opens = nlohmann::json::object();
  int64_t ids = 0;
  for (const auto& [task, spout] : history.spouts) {
    opens[std::to_string(task)] = spout.opens.size();
    ids += spout.ids();
  }
  print({{"ids", ids},
         {"records", history.records},
         {"emits", history.emits.total()},
         {"opens", opens},
         {"first_ns", history.emits.first_ns()},
         {"last_ns", history.emits.last_ns()}});
}

int run(const Arguments& arguments) {
  auto history = read_history(arguments.folder);
  if (!history.ok()) {
    fmt::print(stderr, "ledger_check: {}\n", history.status().to_string());
    return 2;
  }
  print_summary(history.value());
  for (const Span& span : arguments.spans) {
    if (span.worst) {
      print({{"worst", history.value().sinks.worst_second(span.from_ns, span.to_ns)}});
    } else {
      print({{"count", history.value().emits.between(span.from_ns, span.to_ns)}});
    }
  }
  const auto findings = check(history.value(), arguments.rules);
  for (const std::string& finding : findings) print({{"finding", finding}});
  return findings.empty() ? 0 : 1;
}

}  // namespace
}  // namespace petrel::ledger_test

int main(int argc, char** argv) {
  petrel::ledger_test::Arguments arguments;
  if (!petrel::ledger_test::parse(argc, argv, &arguments)) {
    fmt::print(stderr,
               "usage: ledger_check FOLDER [--timeout-ms N] [--fault NS]... [--no-fail] [--count FROM TO]... "
               "[--worst FROM TO]... [--running]\n");
    return 2;
  }
  return petrel::ledger_test::run(arguments);
}
