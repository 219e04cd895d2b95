#include "tests/sim/sim_control.h"

#include "native/base/check.h"

namespace petrel::sim {
namespace {

TopologyMasterOptions master_options(const SimReactor& reactor) {
  TopologyMasterOptions options;
  options.topology = TopologyId(kSimTopology);
  options.secret = kSimSecret;
  options.pid = reactor.pid();
  return options;
}

StreamManagerProcessLinks manager_links(std::string& memory) {
  StreamManagerProcessLinks links;
  links.read_memory = [&memory] {
    proto::DataEndpoints endpoints;
    if (!endpoints.ParseFromString(memory)) endpoints.Clear();
    return endpoints;
  };
  links.write_memory = [&memory](const proto::DataEndpoints& endpoints) { memory = endpoints.SerializeAsString(); };
  links.somebody_cares = [] { return true; };
  links.end = [] { CHECK(false); };
  return links;
}

}  // namespace

SimMaster::SimMaster(const SimSurroundings& around, SimReactor& reactor)
    : store_(*around.disk, reactor), master_(reactor, store_, master_options(reactor)) {}

SimManager::SimManager(const SimSurroundings& around, SimReactor& reactor, int32_t container, uint32_t incarnation,
                       std::string& memory)
    : around_(around),
      container_(container),
      incarnation_(incarnation),
      store_(*around.disk, reactor),
      process_(reactor, store_,
               {kSimTopology, kSimSecret, container, incarnation, Endpoint{manager_socket(container), 0}},
               manager_links(memory)) {}

void SimManager::start() {
  const Status started = process_.start();
  CHECK(started.ok());
}

void SimManager::take_stale_plan() {
  around_.control->works_by(container_, incarnation_, process_.plan_epoch());
  if (process_.plan_epoch() != 0) around_.count("manager: stale plan refused");
  process_.take_plan(around_.plan->stale.to_proto());
  around_.control->works_by(container_, incarnation_, process_.plan_epoch());
}

void SimManager::report() {
  report_manager(around_, process_.manager());
}

}  // namespace petrel::sim
