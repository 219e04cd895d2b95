// LocalScheduler: containers as processes of this machine. It only writes files; the root (native/container/root.h)
// keeps running what lies in <home>/run/desired/<topology id>/<container>.spec (ContainerSpec, 0600: it holds the
// secret).
#pragma once

#include <functional>
#include <string>

#include "native/scheduler/scheduler.h"

namespace petrel {

/// Limits: topology ids that are one path component of <= 200 bytes.
class LocalScheduler : public Scheduler {
 public:
  /// `home` is petrel.home. `at_step` is called before each step that changes the disk, for tests of crashes in
  /// between.
  explicit LocalScheduler(std::string home, std::function<void(const char*)> at_step = nullptr);
  Status launch(const std::vector<proto::ContainerSpec>& specs) override;
  Status kill(const TopologyId& topology) override;
  Status restart(const TopologyId& topology, ContainerId container) override;
  Result<std::vector<ContainerRef>> list() override;
  Result<std::vector<ContainerRef>> living(const TopologyId& topology) override;

 private:
  void step(const char* name) const;
  Status write_spec(const std::string& directory, const proto::ContainerSpec& spec) const;

  std::string home_;
  std::string desired_;
  std::function<void(const char*)> at_step_;
};

}  // namespace petrel
