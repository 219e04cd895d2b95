// The order of the structs that Storm uses as map keys: the generator declares operator< and leaves it to us.
// Any strict weak order that agrees with operator== will do: these fields are all of the fields.
#include <tuple>

#include "storm_types.h"

namespace storm {

bool GlobalStreamId::operator<(const GlobalStreamId& other) const {
  return std::tie(componentId, streamId) < std::tie(other.componentId, other.streamId);
}

bool NodeInfo::operator<(const NodeInfo& other) const {
  return std::tie(node, port) < std::tie(other.node, other.port);
}

bool ExecutorInfo::operator<(const ExecutorInfo& other) const {
  return std::tie(task_start, task_end) < std::tie(other.task_start, other.task_end);
}

}  // namespace storm
