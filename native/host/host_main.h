// host_main: the main() of a host binary: `<binary> <spec file> --incarnation N [its own --options VALUE]`.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "native/state_store/state_store.h"
#include "native/transport/reactor.h"
#include "proto/control.pb.h"

namespace petrel {

struct HostArguments {
  std::string spec_file;  // absolute
  uint32_t incarnation = 0;
  std::map<std::string, std::string> options;  // the binary's own, by name: "--java-dir"
};

struct HostBinary {
  const char* name;                  // "jvm-host", for the log
  std::vector<std::string> options;  // that it takes beside the common ones
  std::function<void(const HostArguments&, proto::ContainerSpec, Reactor&, StateStore&)> run;  // until the process ends
};

/// Nothing: they make no sense.
std::optional<HostArguments> parse_host_arguments(const std::vector<std::string>& args,
                                                  const std::vector<std::string>& own);

/// Exit code: 2 for wrong arguments, 1 when spec or state store cannot be opened, 0 when run() came back.
int host_main(const HostBinary& binary, const std::vector<std::string>& args);

}  // namespace petrel
