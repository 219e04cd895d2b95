// petrel-native-host <spec file> --incarnation N
//
// Exit codes: 0 after an orderly stop; 1 when the host could not start or user code failed (the topology master is told
// first); 2 for wrong arguments.
#include <unistd.h>

#include "native/base/rng.h"
#include "native/host/host_main.h"
#include "native/native_host/native_host.h"

namespace petrel {
namespace {

void run(const HostArguments& arguments, proto::ContainerSpec spec, Reactor& reactor, StateStore& store) {
  NativeHostOptions options{arguments.spec_file, arguments.incarnation};
  // Leaked on purpose: threads of user code use it until the process is gone.
  auto* host =
      new NativeHost(SystemClock::instance(), reactor, store, system_entropy(), std::move(options), std::move(spec));
  host->run();
}

}  // namespace
}  // namespace petrel

int main(int argc, char** argv) {
  _exit(petrel::host_main({"native-host", {}, petrel::run}, std::vector<std::string>(argv + 1, argv + argc)));
}
