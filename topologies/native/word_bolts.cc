// The example library: a bolt that turns words into capitals and counts them, and one that changes nothing.
#include <petrel/bolt.h>

#include <map>
#include <string>

namespace {

std::string upper(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

/// (word) -> (WORD, how often this task has seen it)
class UpperCount : public petrel::Bolt {
 public:
  void prepare(const petrel::Context&, petrel::Collector& collector) override { collector_ = &collector; }
  void execute(const petrel::Tuple& tuple) override {
    if (tuple.is_tick()) return;
    const std::string word = upper(tuple.text(0));
    collector_->emit(tuple, {word, ++counts_[word]});
    collector_->ack(tuple);
  }

 private:
  petrel::Collector* collector_ = nullptr;
  std::map<std::string, long> counts_;
};

/// Passes every tuple on, whatever is in it.
class Identity : public petrel::Bolt {
 public:
  void prepare(const petrel::Context&, petrel::Collector& collector) override { collector_ = &collector; }
  void execute(const petrel::Tuple& tuple) override {
    if (tuple.is_tick()) return;
    petrel::Values values;
    for (std::size_t i = 0; i < tuple.size(); ++i) values.push_back(tuple.at(i));
    collector_->emit(tuple, std::move(values));
    collector_->ack(tuple);
  }

 private:
  petrel::Collector* collector_ = nullptr;
};

}  // namespace

PETREL_BOLT("upper-count", UpperCount)
PETREL_BOLT("identity", Identity)
