// `petrel nimbus`: the daemon. Builds the real clock, store, scheduler and server, and runs until SIGTERM or SIGINT.
#pragma once

#include "native/config/settings.h"

namespace petrel {

/// Exit code 0 after a signal, 1 when it cannot start (one line on fd 2 says why), 3 when another Nimbus has this home.
int nimbus_main(const Settings& settings);

}  // namespace petrel
