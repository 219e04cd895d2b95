// One row per method of Storm's Nimbus service: what Petrel does with it, in one sentence. `docs/storm-compat.md` is
// printed from this table, refusals take their sentence from it, and a test compares it with the generated processor.
// Limits: rows are static; nothing here allocates except the printing functions.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace petrel {

enum class RpcSupport {
  kServed,   // as Storm's Nimbus answers
  kPartial,  // answers, with the limits that the sentence names
  kRefused,  // throws INTERNAL_ERROR with the sentence
};

/// What a caller needs to be allowed to do (authorise.h).
enum class RpcAccess {
  kCluster,       // looks at or uses the cluster as a whole
  kSubmit,        // brings in jars, blobs and topologies
  kReadTopology,  // looks at one topology
  kAdminTopology  // changes one topology
};

struct RpcRow {
  const char* method;
  RpcSupport support;
  RpcAccess access;
  const char* sentence;
};

/// All methods of the IDL, sorted by name.
std::span<const RpcRow> rpc_table();

/// The row of a method, or nullptr.
const RpcRow* find_rpc(std::string_view method);

/// What a refused method says: "<method> is not served: <sentence>".
std::string refusal(std::string_view method);

/// docs/storm-compat.md, complete.
std::string storm_compat_markdown();

const char* to_string(RpcSupport support);

}  // namespace petrel
