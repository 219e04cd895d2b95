// petrel-jvm-host <spec file> --incarnation N [--java-dir DIR]
//
// Exit codes: those of user code (System.exit, an executor's death); 0 after an orderly stop; 1 when the host could not
// start (the topology master is told first); 2 for wrong arguments; 143 when an orderly stop hung.
#include <unistd.h>

#include <cstdlib>

#include "jvm-bridge/native/jvm_host.h"
#include "native/host/host_main.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void run(const HostArguments& arguments, proto::ContainerSpec spec, Reactor& reactor, StateStore& store) {
  JvmHostOptions options;
  options.spec_file = arguments.spec_file;
  options.incarnation = arguments.incarnation;
  const auto java_dir = arguments.options.find("--java-dir");
  options.java_dir = java_dir == arguments.options.end() ? variable("PETREL_JAVA_DIR") : java_dir->second;
  options.java_home = variable("JAVA_HOME");
  auto* links_loop = new AsioReactor();  // leaked as the host is: Java threads use them until the process is gone
  auto* host =
      new JvmHost(SystemClock::instance(), reactor, *links_loop, store, system_entropy(), options, std::move(spec));
  host->run();
}

}  // namespace
}  // namespace petrel

int main(int argc, char** argv) {
  _exit(petrel::host_main({"jvm-host", {"--java-dir"}, petrel::run}, std::vector<std::string>(argv + 1, argv + argc)));
}
