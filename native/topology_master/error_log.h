// ErrorLog: the last errors of each component, bounded.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "proto/state.pb.h"

namespace petrel {

/// Thread: one owner.
/// Limits: kPerComponent errors of kTextBytesMax each, of the components it was made for; others are dropped.
class ErrorLog {
 public:
  static constexpr size_t kPerComponent = 10;
  static constexpr size_t kTextBytesMax = 64 * 1024;

  void allow(const std::string& component) { errors_[component]; }
  /// False: an unknown component.
  bool add(proto::ErrorEntry error);
  /// Newest first.
  proto::ComponentErrors of(const std::string& component) const;
  void restore(const proto::ComponentErrors& errors);
  std::vector<proto::ErrorEntry> all() const;
  /// Components with errors added since the last call.
  std::set<std::string> take_changed();

 private:
  std::map<std::string, std::deque<proto::ErrorEntry>> errors_;
  std::set<std::string> changed_;
};

}  // namespace petrel
