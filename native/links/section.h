// Sections on their way: what an executor offers, what an executor gets, and the limits of flows.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "native/base/clock.h"
#include "native/codec/frame.h"

namespace petrel {

inline constexpr uint8_t kTupleLane = 0;  // ordinary edges: waits for credit
inline constexpr uint8_t kCycleLane = 1;  // edges inside a cycle: always granted
inline constexpr uint8_t kLanes = 2;

/// Bytes and times of flows; the windows are the same in all processes of a topology.
struct FlowOptions {
  uint64_t first_window = 64U << 10;     // of every flow, without asking
  uint64_t cycle_window = 16U << 20;     // of lane 1
  uint64_t ack_window = 1U << 20;        // of an ack flow
  uint64_t max_tuple_bytes = 64U << 20;  // a section above it is kTooLarge
  size_t frame_bytes = kDataFrameBytes;  // of sections in a frame; a larger section is cut into fragments
  uint64_t part_window = 2U << 20;       // of fragments that the receiver has not told to have; at least four frames
  Nanos probe_blocked = Millis(100);     // a blocked sender asks so often
  Nanos probe_kept = Millis(200);        // and one whose kept bytes do not shrink
  int probe_doublings = 3;               // unanswered probes come at up to 2^3 times these intervals
  Nanos hold = Seconds(1);               // how long room for a large section is held for somebody who does not come
  Nanos idle = Seconds(1);               // a flow that was silent for so long gives its share of the pool back
};

enum class Admit : uint8_t {
  kTaken = 0,
  kNoCredit = 1,     // keep it; EndpointHandler::on_credit names the source executor when it may try again
  kTooLarge = 2,     // above max_tuple_bytes: never
  kUnknownTask = 3,  // no such task in the plan, or one of this host
};

/// A batch of tuples (or a marker) for one task of another host.
struct OutSection {
  int32_t source_task = 0;
  int32_t destination_task = 0;
  uint8_t lane = kTupleLane;
  SectionKind kind = SectionKind::kTuples;  // kTuples or kMarker
  uint32_t count = 0;                       // tuples; 0 for a marker
  std::string bytes;                        // at least one
};

/// One direction of talk between a source host and an executor here.
struct FlowId {
  uint32_t source_host = 0;
  uint32_t source_incarnation = 0;
  int32_t executor = 0;
  uint8_t lane = kTupleLane;
  auto operator<=>(const FlowId&) const = default;
};

/// A section that has arrived. Copyable; `bytes` lives as long as `frame`.
struct InSection {
  uint32_t source_host = 0;
  int32_t source_task = 0;
  int32_t destination_task = 0;
  int32_t executor = 0;
  uint8_t lane = kTupleLane;
  SectionKind kind = SectionKind::kTuples;
  uint32_t count = 0;
  std::shared_ptr<const void> frame;  // owns the bytes
  std::string_view bytes;
  FlowId flow;  // for HostEndpoint::consumed(flow, bytes.size())
};

}  // namespace petrel
