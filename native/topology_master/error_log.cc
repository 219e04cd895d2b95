#include "native/topology_master/error_log.h"

#include <algorithm>
#include <utility>

namespace petrel {

bool ErrorLog::add(proto::ErrorEntry error) {
  auto found = errors_.find(error.component());
  if (found == errors_.end()) return false;
  if (error.text().size() > kTextBytesMax) error.mutable_text()->resize(kTextBytesMax);
  changed_.insert(error.component());
  found->second.push_front(std::move(error));
  if (found->second.size() > kPerComponent) found->second.pop_back();
  return true;
}

proto::ComponentErrors ErrorLog::of(const std::string& component) const {
  proto::ComponentErrors errors;
  errors.set_component(component);
  auto found = errors_.find(component);
  if (found == errors_.end()) return errors;
  for (const proto::ErrorEntry& error : found->second) *errors.add_errors() = error;
  return errors;
}

void ErrorLog::restore(const proto::ComponentErrors& errors) {
  auto found = errors_.find(errors.component());
  if (found == errors_.end()) return;
  found->second.clear();
  for (const proto::ErrorEntry& error : errors.errors()) {
    if (found->second.size() < kPerComponent) found->second.push_back(error);
  }
}

std::vector<proto::ErrorEntry> ErrorLog::all() const {
  std::vector<std::pair<size_t, const proto::ErrorEntry*>> found;  // the number keeps the order of equal times
  for (const auto& [component, errors] : errors_) {
    for (const proto::ErrorEntry& error : errors) found.emplace_back(found.size(), &error);
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::make_pair(-int64_t{a.second->time_s()}, a.first) <
           std::make_pair(-int64_t{b.second->time_s()}, b.first);
  });
  std::vector<proto::ErrorEntry> out;
  for (const auto& [number, error] : found) out.push_back(*error);
  return out;
}

std::set<std::string> ErrorLog::take_changed() {
  return std::exchange(changed_, {});
}

}  // namespace petrel
