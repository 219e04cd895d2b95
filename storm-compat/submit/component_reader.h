// One component of a Thrift StormTopology as a Component, unions and texts checked. No rule here looks at two
// components.
#pragma once

#include <string>

#include "native/base/status.h"
#include "native/topology/logical_plan.h"
#include "storm_types.h"

namespace petrel {

/// kMalformed naming component and member: union with no or several arms, bytes that are no Java object, broken UTF-8.
Result<Component> read_component(const std::string& name, ComponentKind kind, const storm::ComponentObject& object,
                                 const storm::ComponentCommon& common);

}  // namespace petrel
