// Any bytes as a tuple batch: parse, walk every value, hash the fields; and what was read, written again, reads the
// same. A writer with too small a limit refuses a tuple and keeps what it has.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "native/base/check.h"
#include "native/codec/tuple_batch.h"
#include "native/routing/fields_hash.h"

namespace petrel {
namespace {

void check_planted([[maybe_unused]] const TupleView& tuple) {
#ifdef PETREL_PLANTED_BUG
  // Behind valid structure: an anchored tuple whose first value is true.
  if (tuple.anchors() > 0 && tuple.value_count() > 0) {
    WireReader reader = tuple.values();
    if (read_value(reader).tag == ValueTag::kTrue) std::abort();
  }
#endif
}

// The batch written again from what the view says.
std::string rebuild(const TupleBatchView& batch) {
  TupleBatchBuilder builder;
  for (const TupleView& tuple : batch.tuples()) {
    check_planted(tuple);
    std::vector<Anchor> anchors;
    for (uint32_t i = 0; i < tuple.anchors(); ++i) anchors.push_back(tuple.anchor(i));
    std::vector<Value> values;
    std::vector<uint32_t> indices;
    WireReader reader = tuple.values();
    for (uint32_t i = 0; i < tuple.value_count(); ++i) {
      const std::string_view rest = reader.rest();
      const ValueView view = read_value(reader);
      CHECK(reader.ok());
      CHECK(decode_value(rest.substr(0, rest.size() - reader.remaining())).ok());
      java_hash(view);
      values.push_back(materialise(view));
      indices.push_back(i);
    }
    CHECK(reader.remaining() == 0);
    fields_hash(tuple, indices);
    const size_t before = builder.bytes();
    CHECK(builder.add(tuple.source_task(), tuple.stream(), anchors, values).ok());
    const size_t length = builder.bytes() - before - sizeof(uint32_t);
    const Status refused = builder.add(tuple.source_task(), tuple.stream(), anchors, values, length - 1);
    CHECK(refused.code() == StatusCode::kLimit && builder.bytes() == before + sizeof(uint32_t) + length);
  }
  return builder.take();
}

}  // namespace
}  // namespace petrel

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  petrel::Result<petrel::TupleBatchView> batch = petrel::TupleBatchView::parse(bytes);
  if (!batch.ok()) {
    CHECK(!batch.status().message().empty());
    return 0;
  }
  CHECK(!petrel::TupleBatchView::parse(bytes, size - 1).ok());  // the limit counts every byte
  // A writer may choose UTF-16 where Latin-1 would do; after one pass the bytes are canonical and stay so.
  const std::string first = petrel::rebuild(*batch);
  petrel::Result<petrel::TupleBatchView> again = petrel::TupleBatchView::parse(first);
  CHECK(again.ok());
  CHECK(again->tuples().size() == batch->tuples().size());
  CHECK(petrel::rebuild(*again) == first);
  return 0;
}
