#include "native/container/lease.h"

#include "native/base/file.h"
#include "native/container/container_paths.h"

namespace petrel {

Lease::Lease(const std::string& spec_file) {
  const ContainerPaths paths = ContainerPaths::of_spec_file(spec_file);
  agent_lock_ = paths.agent_lock();
  root_lock_ = paths.root_lock();
}

bool Lease::agent_alive() const {
  return FileLock::held(agent_lock_);
}
bool Lease::root_alive() const {
  return FileLock::held(root_lock_);
}

}  // namespace petrel
