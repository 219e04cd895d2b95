// sample_decoder: the bytes of Host.sample() (jvm-bridge/README.md) as a HostSample.
#pragma once

#include <span>

#include "native/base/status.h"
#include "proto/metrics.pb.h"

namespace petrel {

/// Fills `executors` only. The bytes come out of a process that runs user code, so every length is checked before it is
/// used; kMalformed names the place. Limits: 100,000 executors, 10,000 streams each, 64 KiB per name.
Result<proto::HostSample> decode_sample(std::span<const std::byte> bytes);

}  // namespace petrel
