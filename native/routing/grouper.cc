#include "native/routing/grouper.h"

#include <algorithm>

#include "native/base/escape.h"
#include "native/base/rng.h"
#include "native/routing/fields_hash.h"
#include "native/routing/load_aware_shuffle.h"

namespace petrel {
namespace {

// Every target: all grouping; with one target, global grouping; with none, a component without tasks.
class AllGrouper : public Grouper {
 public:
  explicit AllGrouper(std::vector<int32_t> targets) : targets_(std::move(targets)) {}
  Status choose(std::span<const Value>, std::vector<int32_t>& out) override {
    out.insert(out.end(), targets_.begin(), targets_.end());
    return {};
  }

 private:
  std::vector<int32_t> targets_;
};

class DirectGrouper : public Grouper {
 public:
  Status choose(std::span<const Value>, std::vector<int32_t>&) override {
    return Status::malformed("Cannot do regular emit to direct stream");
  }
  bool direct() const override { return true; }
};

// The hash is computed from the tagged encoding, so that there is one hash and not two.
class FieldsGrouper : public Grouper {
 public:
  FieldsGrouper(std::vector<uint32_t> fields, std::vector<int32_t> targets)
      : fields_(std::move(fields)), targets_(std::move(targets)) {}

  Status choose(std::span<const Value> values, std::vector<int32_t>& out) override {
    scratch_.clear();
    for (uint32_t field : fields_) {
      if (field >= values.size()) {
        return Status::malformed("fields grouping needs field {}, but the tuple has {} values", field, values.size());
      }
      RETURN_IF_ERROR(encode_value(values[field], scratch_));
    }
    WireReader reader(scratch_);
    views_.clear();
    for (size_t i = 0; i < fields_.size(); ++i) views_.push_back(read_value(reader));
    const std::optional<int32_t> hash = fields_hash(views_);
    if (!hash) {
      return Status::malformed(
          "fields grouping on field {}: its value is of a class that only a JVM can hash; group by a string, number, "
          "boolean or byte[]",
          unhashable());
    }
    out.push_back(targets_[fields_target(*hash, static_cast<uint32_t>(targets_.size()))]);
    return {};
  }

 private:
  uint32_t unhashable() const {
    for (size_t i = 0; i < views_.size(); ++i) {
      if (!fields_hash(std::span<const ValueView>(&views_[i], 1))) return fields_[i];
    }
    return 0;
  }

  std::vector<uint32_t> fields_;
  std::vector<int32_t> targets_;
  std::string scratch_;
  std::vector<ValueView> views_;
};

// A uniformly random target each time.
class NoneGrouper : public Grouper {
 public:
  NoneGrouper(std::vector<int32_t> targets, uint64_t seed) : targets_(std::move(targets)), rng_(seed) {}
  Status choose(std::span<const Value>, std::vector<int32_t>& out) override {
    out.push_back(targets_[rng_.below(targets_.size())]);
    return {};
  }

 private:
  std::vector<int32_t> targets_;
  Rng rng_;
};

// Round robin over the targets in an order drawn once: after k rounds every target has exactly k tuples.
class ShuffleGrouper : public Grouper {
 public:
  ShuffleGrouper(std::vector<int32_t> targets, uint64_t seed) : order_(std::move(targets)) {
    Rng rng(seed);
    shuffle_in_place(order_, rng);
  }
  Status choose(std::span<const Value>, std::vector<int32_t>& out) override {
    out.push_back(order_[next_]);
    next_ = next_ + 1 == order_.size() ? 0 : next_ + 1;
    return {};
  }

 private:
  std::vector<int32_t> order_;
  size_t next_ = 0;
};

std::unique_ptr<Grouper> make_shuffle(const std::vector<int32_t>& targets, const GrouperSpec& spec) {
  if (spec.load_aware && targets.size() > 1) {
    return std::make_unique<LoadAwareShuffle>(targets, spec.local_targets, spec.higher_bound, spec.lower_bound,
                                              spec.seed);
  }
  return std::make_unique<ShuffleGrouper>(targets, spec.seed);
}

uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace

Result<GrouperSpec> grouper_spec(const Input& input, const Stream& stream, std::vector<int32_t> targets,
                                 std::vector<int32_t> local_targets, bool load_aware, uint64_t seed) {
  GrouperSpec spec{input.grouping, {}, std::move(targets), std::move(local_targets), load_aware, seed, 0.8, 0.2};
  std::sort(spec.targets.begin(), spec.targets.end());
  std::sort(spec.local_targets.begin(), spec.local_targets.end());
  if (input.grouping != GroupingKind::kFields) return spec;
  for (const std::string& field : input.fields) {
    auto at = std::find(stream.fields.begin(), stream.fields.end(), field);
    if (at == stream.fields.end()) {
      return Status::malformed("fields grouping on '{}', which stream '{}' of '{}' does not declare", escape(field),
                               escape(stream.id), escape(input.component));
    }
    spec.fields.push_back(static_cast<uint32_t>(at - stream.fields.begin()));
  }
  if (spec.fields.empty()) spec.kind = GroupingKind::kGlobal;  // Storm's fields grouping on no fields
  return spec;
}

Result<std::unique_ptr<Grouper>> make_grouper(const GrouperSpec& spec) {
  switch (spec.kind) {
    case GroupingKind::kDirect:
      return std::unique_ptr<Grouper>(std::make_unique<DirectGrouper>());
    case GroupingKind::kCustomObject:
    case GroupingKind::kCustomSerialized:
      return Status::malformed(
          "a custom grouping is a Java object and cannot choose for a native component; use a built-in grouping, or "
          "put a Java bolt between");
    default:
      break;
  }
  if (spec.targets.empty()) return std::unique_ptr<Grouper>(std::make_unique<AllGrouper>(spec.targets));
  switch (spec.kind) {
    case GroupingKind::kFields:
      return std::unique_ptr<Grouper>(std::make_unique<FieldsGrouper>(spec.fields, spec.targets));
    case GroupingKind::kGlobal:
      return std::unique_ptr<Grouper>(std::make_unique<AllGrouper>(std::vector<int32_t>{spec.targets.front()}));
    case GroupingKind::kAll:
      return std::unique_ptr<Grouper>(std::make_unique<AllGrouper>(spec.targets));
    case GroupingKind::kNone:
      return std::unique_ptr<Grouper>(std::make_unique<NoneGrouper>(spec.targets, spec.seed));
    case GroupingKind::kLocalOrShuffle:
      return make_shuffle(spec.local_targets.empty() ? spec.targets : spec.local_targets, spec);
    case GroupingKind::kShuffle:
      return make_shuffle(spec.targets, spec);
    default:
      return Status::malformed("grouping {} is not known", static_cast<int>(spec.kind));
  }
}

uint64_t grouper_seed(uint64_t base, int32_t first_task, std::string_view stream, std::string_view target) {
  uint64_t mixed = mix(base + 0x9E3779B97F4A7C15ULL * (static_cast<uint64_t>(first_task) + 1));
  for (std::string_view part : {stream, target}) {
    for (char c : part) mixed = mix(mixed + static_cast<unsigned char>(c));
    mixed = mix(mixed ^ 0xD1B54A32D192ED03ULL);
  }
  return mixed;
}

}  // namespace petrel
