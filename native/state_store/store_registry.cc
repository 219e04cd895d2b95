#include "native/state_store/store_registry.h"

#include "native/base/escape.h"
#include "native/state_store/file_store.h"
#include "native/state_store/memory_store.h"

namespace petrel {

const std::vector<StoreRow>& store_registry() {
  static const std::vector<StoreRow> rows = {
      {"file", "a directory on this machine, for all its processes",
       [](const std::string& location, Reactor* reactor) -> Result<std::unique_ptr<StateStore>> {
         ASSIGN_OR_RETURN(std::unique_ptr<FileStore> store, FileStore::open(location, reactor));
         return std::unique_ptr<StateStore>(std::move(store));
       }},
      {"memory", "this process only, gone with it; for tests",
       [](const std::string&, Reactor* reactor) -> Result<std::unique_ptr<StateStore>> {
         return std::unique_ptr<StateStore>(std::make_unique<MemoryStore>(reactor));
       }},
  };
  return rows;
}

Result<std::unique_ptr<StateStore>> open_store(const std::string& uri, Reactor* reactor) {
  const size_t colon = uri.find(':');
  std::string known;
  for (const StoreRow& row : store_registry()) {
    if (colon != std::string::npos && uri.substr(0, colon) == row.scheme)
      return row.open(uri.substr(colon + 1), reactor);
    known += fmt::format("{}'{}:'", known.empty() ? "" : ", ", row.scheme);
  }
  return Status::malformed("state store '{}' must begin with one of {}", escape(uri), known);
}

}  // namespace petrel
