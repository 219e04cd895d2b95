#include "native/instance/markers.h"

namespace petrel {

MarkerAligner::MarkerAligner(const TaskTable& tasks, const Component& component) {
  for (const Input& input : component.inputs) {
    const Component* source = tasks.plan().find(input.component);
    const bool waits = source != nullptr && source->name != "__acker" && source->name != "__system" &&
                       !tasks.inner(*source, component);
    if (!waits) continue;
    for (int32_t task : TaskTable::tasks_of(*source)) sources_.insert(task);
  }
}

std::optional<uint64_t> MarkerAligner::add(const Marker& marker) {
  if (marker.kind != kDrainMarker || marker.epoch < epoch_ || !sources_.contains(marker.source_task)) {
    return std::nullopt;
  }
  if (marker.epoch > epoch_) {
    epoch_ = marker.epoch;
    missing_ = sources_;
  }
  if (missing_.erase(marker.source_task) == 0 || !missing_.empty()) return std::nullopt;
  return epoch_;
}

}  // namespace petrel
