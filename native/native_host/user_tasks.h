// UserBolt and UserSpout: what a shared library made, as tasks of native/instance. Exceptions of user code end here and
// become a Status with what(); a Status for user code becomes std::invalid_argument.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "native/instance/bolt_executor.h"
#include "native/instance/spout_executor.h"
#include "native/native_host/user_api.h"

namespace petrel {

/// Makes tasks of the user's objects. `resources_dir`: for Context.
std::unique_ptr<BoltTask> user_bolt(std::unique_ptr<user::Bolt> bolt, std::string resources_dir);
std::unique_ptr<SpoutTask> user_spout(std::unique_ptr<user::Spout> spout, std::string resources_dir);

}  // namespace petrel
