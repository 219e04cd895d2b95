#include "native/topology_master/topology_master_main.h"

#include <unistd.h>

#include "native/base/log.h"
#include "native/container/container_paths.h"
#include "native/container/signals.h"
#include "native/state_store/store_registry.h"
#include "native/topology_master/topology_master.h"
#include "native/transport/asio_reactor.h"

namespace petrel {
namespace {

const Logger logger("topology_master");

Status run(const std::string& spec_file) {
  ASSIGN_OR_RETURN(proto::ContainerSpec spec, load_container_spec(spec_file));
  AsioReactor reactor;
  ASSIGN_OR_RETURN(std::unique_ptr<StateStore> store, open_store(spec.state_store(), &reactor));
  TopologyMasterOptions options;
  options.topology = TopologyId(spec.topology_id());
  options.secret = spec.secret();
  options.pid = ::getpid();
  TopologyMaster master(reactor, *store, options);
  RETURN_IF_ERROR(end_on_signals(reactor, [&](int number) {
    logger.info("ending on signal {}", number);
    reactor.stop();
  }));
  RETURN_IF_ERROR(master.start());
  reactor.run();
  return Status();
}

}  // namespace

int topology_master_main(const std::vector<std::string>& args) {
  const bool plain = args.size() == 1 || (args.size() == 3 && args[1] == "--incarnation");
  if (!plain || args[0].empty() || args[0][0] == '-') {
    fmt::print(stderr, "usage: petrel topology-master <spec file> [--incarnation N]   (started by petrel up)\n");
    return 2;
  }
  Status ended = run(args[0]);
  if (ended.ok()) return 0;
  logger.error("{}", ended.message());
  return 1;
}

}  // namespace petrel
