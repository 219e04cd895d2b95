// The data files of this folder, as they are in the source tree (generated: storm_conf_data.cc.in).
#pragma once

#include <string_view>

namespace petrel {

extern const std::string_view kStormDefaultsJson;
extern const std::string_view kStormConfTable;

}  // namespace petrel
