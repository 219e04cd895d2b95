// One row per kind of state store; the contract test runs over all rows.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "native/state_store/state_store.h"
#include "native/transport/reactor.h"

namespace petrel {

struct StoreRow {
  const char* scheme;  // "file" in "file:/var/petrel/state"
  const char* doc;
  std::function<Result<std::unique_ptr<StateStore>>(const std::string& location, Reactor* reactor)> open;
};

const std::vector<StoreRow>& store_registry();

/// Opens "file:<directory>" or "memory:". `reactor` may be nullptr: then no watches.
Result<std::unique_ptr<StateStore>> open_store(const std::string& uri, Reactor* reactor);

}  // namespace petrel
