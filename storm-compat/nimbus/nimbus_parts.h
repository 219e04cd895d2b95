// NimbusParts: what the handlers of the Nimbus service share. Owned by the daemon's main (or a test), which outlives
// them.
#pragma once

#include "native/artifacts/artifact_store.h"
#include "native/base/clock.h"
#include "native/config/settings.h"
#include "native/state_store/topology_state.h"
#include "storm-compat/nimbus/authorise.h"
#include "storm-compat/nimbus/blob_store.h"
#include "storm-compat/nimbus/master_link.h"
#include "storm-compat/nimbus/submission.h"
#include "storm-compat/nimbus/topology_book.h"
#include "storm-compat/nimbus/upload_store.h"

namespace petrel {

struct NimbusParts {
  const Settings& settings;
  const AccessRules& access;
  Clock& clock;
  StateStore& store;
  const ArtifactStore& artifacts;
  UploadStore& uploads;
  BlobStore& blobs;
  TopologyBook& book;
  MasterLink& masters;
  const SubmissionBuilder& builder;
  int64_t started_ms = 0;  // wall clock, for uptimes
};

}  // namespace petrel
