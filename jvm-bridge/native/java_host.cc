#include "jvm-bridge/native/java_host.h"

#include "jvm-bridge/native/sample_decoder.h"

namespace petrel {

Result<std::string> JavaHost::encode(const proto::PhysicalPlan& plan, const HostIdentity& host) {
  return encode_plan(plan, host);
}

Result<proto::HostSample> JavaHost::decode(const std::string& sample) {
  return decode_sample({reinterpret_cast<const std::byte*>(sample.data()), sample.size()});
}

}  // namespace petrel
