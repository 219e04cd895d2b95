#include "native/topology/cycles.h"

#include <algorithm>
#include <unordered_map>

namespace petrel {
namespace {

/// Tarjan's algorithm with its own stack: ten thousand components in a chain must not end the process.
class Components {
 public:
  explicit Components(std::vector<std::vector<size_t>> edges)
      : edges_(std::move(edges)), index_(edges_.size(), kUnseen), low_(edges_.size()), on_stack_(edges_.size()) {}

  std::vector<std::vector<size_t>> find() {
    for (size_t node = 0; node < edges_.size(); ++node) {
      if (index_[node] == kUnseen) walk(node);
    }
    return std::move(groups_);
  }

 private:
  static constexpr size_t kUnseen = SIZE_MAX;
  struct Frame {
    size_t node;
    size_t next_edge;
  };

  void enter(size_t node) {
    index_[node] = low_[node] = counter_++;
    stack_.push_back(node);
    on_stack_[node] = true;
    frames_.push_back({node, 0});
  }

  void walk(size_t root) {
    enter(root);
    while (!frames_.empty()) {
      size_t node = frames_.back().node;
      if (frames_.back().next_edge < edges_[node].size()) {
        size_t to = edges_[node][frames_.back().next_edge++];
        if (index_[to] == kUnseen) {
          enter(to);
        } else if (on_stack_[to]) {
          low_[node] = std::min(low_[node], index_[to]);
        }
        continue;
      }
      frames_.pop_back();
      if (!frames_.empty()) low_[frames_.back().node] = std::min(low_[frames_.back().node], low_[node]);
      if (low_[node] == index_[node]) take_group(node);
    }
  }

  void take_group(size_t root) {
    std::vector<size_t> group;
    size_t node = 0;
    do {
      node = stack_.back();
      stack_.pop_back();
      on_stack_[node] = false;
      group.push_back(node);
    } while (node != root);
    bool self = std::find(edges_[root].begin(), edges_[root].end(), root) != edges_[root].end();
    if (group.size() > 1 || self) groups_.push_back(std::move(group));
  }

  std::vector<std::vector<size_t>> edges_;
  std::vector<size_t> index_;
  std::vector<size_t> low_;
  std::vector<bool> on_stack_;
  std::vector<size_t> stack_;
  std::vector<Frame> frames_;
  std::vector<std::vector<size_t>> groups_;
  size_t counter_ = 0;
};

}  // namespace

std::vector<std::vector<std::string>> find_cycles(const LogicalPlan& plan) {
  std::unordered_map<std::string, size_t> place;
  for (size_t i = 0; i < plan.components.size(); ++i) place[plan.components[i].name] = i;
  std::vector<std::vector<size_t>> edges(plan.components.size());
  for (size_t i = 0; i < plan.components.size(); ++i) {
    if (plan.components[i].system) continue;
    for (const Input& input : plan.components[i].inputs) {
      auto it = place.find(input.component);
      if (it != place.end() && !plan.components[it->second].system) edges[it->second].push_back(i);
    }
  }
  std::vector<std::vector<std::string>> cycles;
  for (const std::vector<size_t>& group : Components(std::move(edges)).find()) {
    std::vector<std::string> names;
    for (size_t node : group) names.push_back(plan.components[node].name);
    std::sort(names.begin(), names.end(), java_less);
    cycles.push_back(std::move(names));
  }
  std::sort(cycles.begin(), cycles.end());
  return cycles;
}

}  // namespace petrel
