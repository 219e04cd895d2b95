// petrel/bolt.h: Storm bolts and spouts in C++, loaded by petrel-native-host from a shared library. This header is all
// that a library needs: C++17, no other header of Petrel, nothing to link with.
//
//   class Upper : public petrel::Bolt {
//     petrel::Collector* out_ = nullptr;
//     void prepare(const petrel::Context&, petrel::Collector& out) override { out_ = &out; }
//     void execute(const petrel::Tuple& tuple) override {
//       out_->emit(tuple, {upper(tuple.text(0))});
//       out_->ack(tuple);
//     }
//   };
//   PETREL_BOLT("upper", Upper)
//
// In the topology, an IRichBolt placeholder declares the streams and carries two keys of configuration:
//   petrel.native.library    path of the library below the jar's resources/
//   petrel.native.component  the registered name
//
// Threads: every task has one; all its calls come on it, and its collector may be called on it only.
// Errors: an exception that leaves execute, prepare or any other call ends the host, as in Storm: the error is shown
// with what(), the host is started again. Collectors throw std::invalid_argument with Storm's texts (an unknown stream,
// ...). ABI: the host checks kAbiVersion and the C++ library when it loads; build with the same libstdc++ as the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

// Users write petrel::Bolt; the version is in the names that the linker sees.
namespace petrel::v1 {
constexpr std::uint32_t kAbiVersion = 1;

/// One value of a tuple, by the Java class that it has there. Text is UTF-8; the unpaired surrogates that Java allows
/// are kept as the three bytes that UTF-8 would give them.
class Value {
 public:
  struct Bytes {
    std::string data;
  };
  /// An object of any other Java class: it can be passed on, not read.
  struct Opaque {
    std::string data;
  };
  using List = std::vector<Value>;
  using Map = std::vector<std::pair<Value, Value>>;
  enum class Kind { kNull, kBool, kInt, kLong, kDouble, kText, kBytes, kList, kMap, kOpaque };

  Value() = default;
  Value(std::nullptr_t) {}
  Value(bool value) : data_(value) {}
  Value(int value) : data_(std::int32_t{value}) {}                     // Integer
  Value(long value) : data_(static_cast<std::int64_t>(value)) {}       // Long
  Value(long long value) : data_(static_cast<std::int64_t>(value)) {}  // Long
  Value(double value) : data_(value) {}
  Value(const char* text) : data_(std::string(text)) {}
  Value(std::string text) : data_(std::move(text)) {}
  Value(Bytes bytes) : data_(std::move(bytes)) {}
  Value(Opaque object) : data_(std::move(object)) {}
  Value(List list) : data_(std::move(list)) {}
  Value(Map map) : data_(std::move(map)) {}

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is_null() const { return kind() == Kind::kNull; }

  // Each throws std::invalid_argument when the value is of another kind.
  bool boolean() const { return get<bool>("a Boolean"); }
  /// Integer or Long.
  std::int64_t integer() const {
    const std::int32_t* small = std::get_if<std::int32_t>(&data_);
    return small != nullptr ? *small : get<std::int64_t>("an Integer or Long");
  }
  double number() const { return get<double>("a Double"); }
  const std::string& text() const { return get<std::string>("a String"); }
  const std::string& bytes() const { return get<Bytes>("a byte[]").data; }
  const List& list() const { return get<List>("a list"); }
  const Map& map() const { return get<Map>("a map"); }
  const std::string& opaque() const { return get<Opaque>("an object of another Java class").data; }

 private:
  template <typename T>
  const T& get(const char* wanted) const {
    const T* value = std::get_if<T>(&data_);
    if (value == nullptr) throw std::invalid_argument(std::string("the value is not ") + wanted);
    return *value;
  }

  std::variant<std::monostate, bool, std::int32_t, std::int64_t, double, std::string, Bytes, List, Map, Opaque> data_;
};
using Values = std::vector<Value>;

/// The host's side of a tuple.
class TupleBody {
 public:
  virtual ~TupleBody() = default;
  virtual std::size_t size() const = 0;
  virtual Value value(std::size_t index) const = 0;
  /// -1: the stream declares no such field.
  virtual int field(const std::string& name) const = 0;
  virtual const std::string& source_component() const = 0;
  virtual const std::string& source_stream() const = 0;
  virtual int source_task() const = 0;
};

/// A tuple; a copy is another handle to the same. It may be kept after execute, and acked later.
class Tuple {
 public:
  Tuple() = default;
  explicit Tuple(std::shared_ptr<const TupleBody> body) : body_(std::move(body)) {}

  std::size_t size() const { return body_->size(); }
  /// Throws std::out_of_range.
  Value at(std::size_t index) const {
    if (index >= body_->size()) {
      throw std::out_of_range("the tuple has " + std::to_string(body_->size()) + " values; there is no value " +
                              std::to_string(index));
    }
    return body_->value(index);
  }
  /// Throws std::invalid_argument when the stream does not declare the field.
  Value field(const std::string& name) const {
    const int index = body_->field(name);
    if (index < 0) throw std::invalid_argument(name + " does not exist");
    return at(static_cast<std::size_t>(index));
  }
  std::string text(std::size_t index) const { return at(index).text(); }
  std::int64_t integer(std::size_t index) const { return at(index).integer(); }
  double number(std::size_t index) const { return at(index).number(); }

  const std::string& source_component() const { return body_->source_component(); }
  const std::string& source_stream() const { return body_->source_stream(); }
  int source_task() const { return body_->source_task(); }
  bool is_tick() const { return source_component() == "__system" && source_stream() == "__tick"; }

  const std::shared_ptr<const TupleBody>& body() const { return body_; }

 private:
  std::shared_ptr<const TupleBody> body_;
};

/// What a task may know about itself and the topology.
class Context {
 public:
  virtual ~Context() = default;
  virtual int task_id() const = 0;
  /// 0 for the first task of the component.
  virtual int task_index() const = 0;
  virtual const std::string& component() const = 0;
  virtual const std::string& topology_id() const = 0;
  virtual const std::string& topology_name() const = 0;
  /// Sorted; empty for a component that does not exist.
  virtual std::vector<int> tasks_of(const std::string& component) const = 0;
  /// The whole configuration of the component, as a JSON map.
  virtual const std::string& conf_json() const = 0;
  /// The folder of the jar's resources/ on this machine.
  virtual const std::string& resources_dir() const = 0;
};

/// Of a bolt.
class Collector {
 public:
  virtual ~Collector() = default;
  /// Returns the tasks that got the tuple.
  virtual std::vector<int> emit(const std::string& stream, const std::vector<Tuple>& anchors, Values values) = 0;
  virtual void emit_direct(int task, const std::string& stream, const std::vector<Tuple>& anchors, Values values) = 0;
  /// Of several acks and fails of a tuple the first counts.
  virtual void ack(const Tuple& tuple) = 0;
  virtual void fail(const Tuple& tuple) = 0;
  virtual void reset_timeout(const Tuple& tuple) = 0;
  /// Shows the error to the user of the topology and goes on.
  virtual void report_error(const std::string& text) = 0;

  /// Anchored, on stream "default".
  std::vector<int> emit(const Tuple& anchor, Values values) {
    return emit(std::string("default"), std::vector<Tuple>{anchor}, std::move(values));
  }
  /// Not anchored, on stream "default".
  std::vector<int> emit(Values values) { return emit(std::string("default"), std::vector<Tuple>(), std::move(values)); }
};

/// Of a spout. With a message id, ack or fail of the spout is called once with it.
class SpoutCollector {
 public:
  virtual ~SpoutCollector() = default;
  virtual std::vector<int> emit(const std::string& stream, Values values, const Value* message_id) = 0;
  virtual void emit_direct(int task, const std::string& stream, Values values, const Value* message_id) = 0;
  /// Messages that are neither acked nor failed, of the executor.
  virtual std::size_t pending() const = 0;
  virtual void report_error(const std::string& text) = 0;

  std::vector<int> emit(Values values) { return emit(std::string("default"), std::move(values), nullptr); }
  std::vector<int> emit(Values values, const Value& message_id) {
    return emit(std::string("default"), std::move(values), &message_id);
  }
};

class Bolt {
 public:
  virtual ~Bolt() = default;
  /// Context and collector live as long as the bolt.
  virtual void prepare(const Context&, Collector&) {}
  virtual void execute(const Tuple& tuple) = 0;
  /// At an orderly end only.
  virtual void cleanup() {}
};

class Spout {
 public:
  virtual ~Spout() = default;
  virtual void open(const Context&, SpoutCollector&) {}
  /// Emits something, or nothing; must not wait.
  virtual void next_tuple() = 0;
  virtual void ack(const Value&) {}
  virtual void fail(const Value&) {}
  virtual void activate() {}
  virtual void deactivate() {}
  virtual void close() {}
};

/// What a library tells the host that loads it.
struct LibraryEntry {
  const char* name;
  Bolt* (*make_bolt)();
  Spout* (*make_spout)();
};
struct Library {
  std::uint32_t abi_version;
  std::uint32_t value_bytes;   // sizeof(Value): another C++ library would differ
  std::uint32_t string_bytes;  // sizeof(std::string)
  std::uint32_t entries;
  const LibraryEntry* entry;
};

#ifndef PETREL_HOST_SIDE
namespace detail {
// Hidden, so that two libraries in one host do not share a table.
__attribute__((visibility("hidden"))) inline std::vector<LibraryEntry>& entries() {
  static std::vector<LibraryEntry> all;
  return all;
}
struct Registrar {
  explicit Registrar(LibraryEntry entry) { entries().push_back(entry); }
};
// Hidden too: a static in petrel_library() itself would be one for all libraries of the process.
__attribute__((visibility("hidden"))) inline const Library* describe() {
  static Library library;
  library = {kAbiVersion, sizeof(Value), sizeof(std::string), static_cast<std::uint32_t>(entries().size()),
             entries().data()};
  return &library;
}
}  // namespace detail
#endif

}  // namespace petrel::v1

#ifndef PETREL_HOST_SIDE
namespace petrel {
using v1::Bolt;
using v1::Collector;
using v1::Context;
using v1::Spout;
using v1::SpoutCollector;
using v1::Tuple;
using v1::Value;
using v1::Values;
}  // namespace petrel

extern "C" {
__attribute__((visibility("default"), used)) inline const petrel::v1::Library* petrel_library() {
  return petrel::v1::detail::describe();
}
}
#endif

#define PETREL_JOIN_INNER(a, b) a##b
#define PETREL_JOIN(a, b) PETREL_JOIN_INNER(a, b)
/// Registers a class with a default constructor: PETREL_BOLT("upper", Upper), at file scope.
#define PETREL_BOLT(name, Class)                                                     \
  static const ::petrel::v1::detail::Registrar PETREL_JOIN(petrel_entry_, __LINE__)( \
      ::petrel::v1::LibraryEntry{name, []() -> ::petrel::Bolt* { return new Class(); }, nullptr});
#define PETREL_SPOUT(name, Class)                                                    \
  static const ::petrel::v1::detail::Registrar PETREL_JOIN(petrel_entry_, __LINE__)( \
      ::petrel::v1::LibraryEntry{name, nullptr, []() -> ::petrel::Spout* { return new Class(); }});
