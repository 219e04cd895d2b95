// Strong types for every id, so that a task id cannot be passed where a container id is meant.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace petrel {

/// A value of type T that only compares and hashes with its own kind. Tag is an empty struct that names the kind.
template <typename T, typename Tag>
class Named {
 public:
  Named() = default;
  explicit Named(T value) : value_(std::move(value)) {}
  const T& get() const { return value_; }
  auto operator<=>(const Named&) const = default;

 private:
  T value_{};
};

using TaskId = Named<int32_t, struct TaskIdTag>;             // 1-based, as Storm counts; -1 is __system
using ContainerId = Named<int32_t, struct ContainerIdTag>;   // 0 holds the topology master
using Incarnation = Named<uint32_t, struct IncarnationTag>;  // issued by the container agent, per process start
using PlanEpoch = Named<uint64_t, struct PlanEpochTag>;      // version of the physical plan
using ComponentName = Named<std::string, struct ComponentNameTag>;
using StreamId = Named<std::string, struct StreamIdTag>;
using TopologyId = Named<std::string, struct TopologyIdTag>;  // "<name>-<counter>-<epoch seconds>"

}  // namespace petrel

template <typename T, typename Tag>
struct std::hash<petrel::Named<T, Tag>> {
  size_t operator()(const petrel::Named<T, Tag>& id) const { return std::hash<T>()(id.get()); }
};

template <typename T, typename Tag>
struct fmt::formatter<petrel::Named<T, Tag>> : fmt::formatter<T> {
  template <typename Context>
  auto format(const petrel::Named<T, Tag>& id, Context& context) const {
    return fmt::formatter<T>::format(id.get(), context);
  }
};
