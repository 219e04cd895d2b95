// Lease: who looks after this process? Locks, not pids: they go with their process, however it ends.
#pragma once

#include <string>

namespace petrel {

/// A host ends itself when agent and root have both been gone for kLeaseSeconds (checked about once a second).
inline constexpr int kLeaseSeconds = 30;

/// Thread: any; each call opens and closes a file.
class Lease {
 public:
  /// `spec_file`: the container.spec that the process was started with.
  explicit Lease(const std::string& spec_file);
  bool agent_alive() const;
  bool root_alive() const;

 private:
  std::string agent_lock_;
  std::string root_lock_;
};

}  // namespace petrel
