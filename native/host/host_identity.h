// HostIdentity: which process this host is, in words that its runtime and user code need.
#pragma once

#include <cstdint>
#include <string>

namespace petrel {

struct HostIdentity {
  int32_t container_id = 0;
  uint32_t incarnation = 0;
  std::string host;
  int32_t port = 0;
  std::string worker_id;
  std::string code_dir;  // stormdist/<id>
  std::string pid_dir;   // workers/<id>/pids
  uint32_t slot = 0;     // of the host in the packing plan
};

}  // namespace petrel
