// Any bytes as a stored or submitted StormTopology: scan, then the generated reader, then the topology reader.
// Beside crashes and leaks: what the scan lets through reads, writes and passes the scan again; what the topology
// reader takes is a plan that passes its own checks; what it refuses has a sentence of bounded length.
#include <thrift/TConfiguration.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <cstdint>
#include <cstdlib>

#include "native/base/check.h"
#include "native/config/conf_value.h"
#include "storm-compat/submit/topology_reader.h"
#include "storm-compat/thrift/thrift_scan.h"
#include "storm_types.h"

namespace petrel {
namespace {

using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::transport::TMemoryBuffer;

storm::StormTopology read(std::string_view bytes) {
  auto data = reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data()));
  auto buffer = std::make_shared<TMemoryBuffer>(data, static_cast<uint32_t>(bytes.size()));
  TBinaryProtocol protocol(buffer);
  storm::StormTopology topology;
  topology.read(&protocol);  // an exception is a finding: the scan let it through
  return topology;
}

void check_planted([[maybe_unused]] const storm::StormTopology& topology) {
#ifdef PETREL_PLANTED_BUG
  for (const auto& [name, bolt] : topology.bolts) {
    // Any of the upper bytes of a hint in a valid bolt: what a fuzzer reaches within 60 s on a busy machine, too.
    bool huge = bolt.common.parallelism_hint < 0 || bolt.common.parallelism_hint > 1000;
    if (bolt.common.__isset.parallelism_hint && huge) std::abort();
  }
#endif
}

/// The worker hooks, which nobody here runs, bring the rest of a submission: conf, conf of the cluster, name.
std::string hook(const storm::StormTopology& topology, size_t index, const char* otherwise) {
  return index < topology.worker_hooks.size() ? topology.worker_hooks[index] : otherwise;
}

void check_reader(const storm::StormTopology& topology, const ReadLimits& limits) {
  Result<ConfMap> cluster = parse_json_map(hook(topology, 1, "{}"), "conf of the cluster");
  if (!cluster.ok()) return;
  Result<Submission> submission = read_submission(topology, *cluster, hook(topology, 0, "{}"),
                                                  {"fuzz-1-1", hook(topology, 2, "fuzz"), "me"}, limits);
  if (submission.ok()) {
    Result<LogicalPlan> again = LogicalPlan::from_proto(submission->plan.to_proto());
    CHECK(again.ok() && *again == submission->plan);
  } else {
    CHECK(!submission.status().message().empty() && submission.status().message().size() < 2000);
  }
}

}  // namespace
}  // namespace petrel

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  petrel::Status scanned = petrel::scan_struct(bytes, "StormTopology");
  if (!scanned.ok()) {
    CHECK(!scanned.message().empty());
    return 0;
  }
  storm::StormTopology topology = petrel::read(bytes);
  petrel::check_planted(topology);
  petrel::check_reader(topology, {});
  petrel::check_reader(topology, {3, 6, 12, 16, 4, 1});  // each limit within reach
  auto buffer = std::make_shared<apache::thrift::transport::TMemoryBuffer>();
  apache::thrift::protocol::TBinaryProtocol protocol(buffer);
  topology.write(&protocol);
  CHECK(petrel::scan_struct(buffer->getBufferAsString(), "StormTopology").ok());
  return 0;
}
