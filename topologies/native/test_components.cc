// Components for tests of Petrel itself: a bolt that checks the order of the ledger topology's tuples, bolts and spouts
// that do what they should not.
#include <petrel/bolt.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

long monotonic_nanos() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000L + now.tv_nsec;
}

/// The last value of a tuple numbers what its source task emits.
class Order {
 public:
  void check(const petrel::Tuple& tuple) {
    const std::int64_t number = tuple.integer(tuple.size() - 1);
    auto [last, is_new] = seen_.try_emplace(tuple.source_task(), number);
    if (!is_new && last->second >= number) {
      throw std::runtime_error("out of order: number " + std::to_string(number) + " after " +
                               std::to_string(last->second) + " of task " + std::to_string(tuple.source_task()));
    }
    last->second = number;
  }
  petrel::Value next() { return petrel::Value(next_++); }

 private:
  std::map<int, std::int64_t> seen_;
  long next_ = monotonic_nanos();
};

/// Passes the tuples of the ledger topology on. Their last value numbers what a task emits, rising over restarts too;
/// here it is checked for each source task, and replaced by a number of our own.
class LedgerIdentity : public petrel::Bolt {
 public:
  void prepare(const petrel::Context&, petrel::Collector& collector) override { collector_ = &collector; }
  void execute(const petrel::Tuple& tuple) override {
    if (tuple.is_tick()) return;
    order_.check(tuple);
    petrel::Values values;
    for (std::size_t i = 0; i + 1 < tuple.size(); ++i) values.push_back(tuple.at(i));
    values.push_back(order_.next());
    collector_->emit(tuple, std::move(values));
    collector_->ack(tuple);
  }

 private:
  petrel::Collector* collector_ = nullptr;
  Order order_;
};

/// Does what its first value says: "throw", "int" (throws an int), "stream", "thread", "text"; else echoes.
class Misbehaving : public petrel::Bolt {
 public:
  void prepare(const petrel::Context& context, petrel::Collector& collector) override {
    collector_ = &collector;
    if (context.conf_json().find("\"test.fail.prepare\":true") != std::string::npos) {
      throw std::runtime_error("prepare says no");
    }
  }
  void execute(const petrel::Tuple& tuple) override {
    const std::string what = tuple.text(0);
    if (what == "throw") throw std::runtime_error("the user's bolt says no");
    if (what == "int") throw 42;
    if (what == "stream") collector_->emit("nowhere", {tuple}, {1});
    if (what == "text") collector_->emit(tuple, {std::string("\xff")});
    if (what == "missing") tuple.field("nothing");
    if (what == "thread") {
      std::exception_ptr thrown;
      std::thread other([&] {
        try {
          collector_->ack(tuple);
        } catch (...) {
          thrown = std::current_exception();
        }
      });
      other.join();
      std::rethrow_exception(thrown);
    }
    collector_->emit(tuple, {tuple.at(0)});
    collector_->ack(tuple);
  }

 private:
  petrel::Collector* collector_ = nullptr;
};

/// Emits 1, 2, 3 ... with the number as message id, and again what failed.
class Counter : public petrel::Spout {
 public:
  void open(const petrel::Context&, petrel::SpoutCollector& collector) override { collector_ = &collector; }
  void next_tuple() override {
    const std::int64_t number = again_.empty() ? ++next_ : again_.begin()->first;
    again_.erase(number);
    collector_->emit({static_cast<long>(number)}, petrel::Value(static_cast<long>(number)));
  }
  void fail(const petrel::Value& id) override { again_[id.integer()] = true; }

 private:
  petrel::SpoutCollector* collector_ = nullptr;
  std::int64_t next_ = 0;
  std::map<std::int64_t, bool> again_;
};

/// Emits the time with its first tuple, and sleeps a minute with its second.
class Sleeper : public petrel::Bolt {
 public:
  void prepare(const petrel::Context&, petrel::Collector& collector) override { collector_ = &collector; }
  void execute(const petrel::Tuple& tuple) override {
    if (tuple.is_tick()) return;
    if (++tuples_ == 1) {
      const long now = monotonic_nanos();
      collector_->emit(tuple, {now, now});
    } else {
      timespec minute{60, 0};
      nanosleep(&minute, nullptr);
    }
    collector_->ack(tuple);
  }

 private:
  petrel::Collector* collector_ = nullptr;
  int tuples_ = 0;
};

/// A half of the cycle of FlowTopology: checks the order of what comes, numbers what it emits, publishes "pid executed
/// emitted" as COMPONENT-TASK in the folder of its configuration. Enter passes each tuple on, Feed sends so many
/// percent of them back.
class CycleHalf : public petrel::Bolt {
 public:
  void prepare(const petrel::Context& context, petrel::Collector& collector) override {
    collector_ = &collector;
    const std::string& conf = context.conf_json();
    gain_percent_ = std::stoi(after(conf, "\"flow.gain\":"));
    const std::string folder = after(conf, "\"flow.folder\":\"");
    folder_ = folder.substr(0, folder.find('"')) + "/";
    file_ = context.component() + "-" + std::to_string(context.task_id());
  }

  void execute(const petrel::Tuple& tuple) override {
    if (tuple.is_tick()) {
      if (emitted_ + executed_ != published_) publish();
      return;
    }
    order_.check(tuple);
    ++executed_;
    for (owed_ += gain_percent_ == 0 ? 100 : gain_percent_; owed_ >= 100; owed_ -= 100) {
      collector_->emit(gain_percent_ == 0 ? "default" : "back", {tuple}, {tuple.at(0), order_.next()});
      ++emitted_;
    }
    collector_->ack(tuple);
  }

 private:
  static std::string after(const std::string& text, const std::string& key) {
    const std::size_t at = text.find(key);
    if (at == std::string::npos) throw std::runtime_error("the configuration has no " + key);
    return text.substr(at + key.size());
  }

  void publish() {
    const std::string temporary = folder_ + "." + file_;
    std::ofstream(temporary) << getpid() << ' ' << executed_ << ' ' << emitted_ << '\n';
    if (std::rename(temporary.c_str(), (folder_ + file_).c_str()) != 0) {
      throw std::runtime_error("cannot publish " + folder_ + file_);
    }
    published_ = emitted_ + executed_;
  }

  petrel::Collector* collector_ = nullptr;
  int gain_percent_ = 0;
  std::string folder_;
  std::string file_;
  Order order_;
  long owed_ = 0;
  long executed_ = 0;
  long emitted_ = 0;
  long published_ = -1;
};

}  // namespace

PETREL_BOLT("ledger-identity", LedgerIdentity)
PETREL_BOLT("misbehaving", Misbehaving)
PETREL_BOLT("sleeper", Sleeper)
PETREL_BOLT("cycle-half", CycleHalf)
PETREL_SPOUT("counter", Counter)
