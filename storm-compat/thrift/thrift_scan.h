// Pre-scan of Thrift binary messages: walks the bytes once, without allocating, before a generated reader sees them.
//
// Generated readers allocate by declared lengths, cast integers to enums unchecked and read container elements by
// their own idea of the type. So only bytes that pass here may reach them. Checked: message header, nesting depth,
// string and container lengths against the bytes that are there, estimated memory of the decoded value, and - against
// the schema of storm.thrift - element types, enum values, required fields, fields that come twice (Storm's readers
// take the last one; a request that two readers may understand differently is refused here) and UTF-8 of strings.
// A field that the schema does not know, or of another type, is skipped, as Storm does.
// Errors: kMalformed with a sentence that names the place (submitTopology.topology.spouts), the value and the rule.
// Thread: free functions without state.
#pragma once

#include <cstdint>
#include <string_view>

#include "native/base/status.h"

namespace petrel {

struct ScanLimits {
  int max_depth = 64;  // nested structs and containers
  /// Estimated bytes of the decoded value: this much, plus `decoded_per_byte` for each byte of the message.
  int64_t max_decoded_base = int64_t{16} << 20;
  int64_t decoded_per_byte = 12;
};

/// Header of a message. `method` points into the frame.
struct MessageHeader {
  std::string_view method;
  int type = 0;  // 1 call, 2 reply, 3 exception, 4 one-way
  int32_t seqid = 0;
  size_t body_offset = 0;  // where the argument struct begins
};

/// Strict and old (version-less) headers. Method names are at most 256 bytes.
Result<MessageHeader> scan_header(std::string_view frame);

/// The arguments of a call to the Nimbus service; arguments of a method that it does not have are walked by the types
/// on the wire only. Bytes after the struct are an error.
Status scan_arguments(std::string_view frame, const MessageHeader& header, const ScanLimits& limits = {});

/// A struct of storm.thrift that fills all of `bytes`, for example "StormTopology" in a file.
Status scan_struct(std::string_view bytes, std::string_view struct_name, const ScanLimits& limits = {});

/// A struct of any type: only what the wire types say (depth, lengths, plausible sizes).
Status scan_untyped_struct(std::string_view bytes, const ScanLimits& limits = {});

/// The bytes of field `id` (its value without field header) of the struct that `bytes` begins with. For a struct-typed
/// argument of a call: raw_field(current_frame().substr(header.body_offset), id). kNotFound when it is not there.
Result<std::string_view> raw_field(std::string_view bytes, int16_t id);

/// As raw_field over the arguments of the message `frame`: the submitted topology as it came is argument 4.
Result<std::string_view> raw_argument(std::string_view frame, int16_t id);

}  // namespace petrel
