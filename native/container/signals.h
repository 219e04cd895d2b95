// Signals of a daemon as events of its loop.
#pragma once

#include <functional>

#include "native/base/status.h"
#include "native/transport/reactor.h"

namespace petrel {

/// From now on SIGTERM and SIGINT call `on_end` on the loop (each time); SIGPIPE and SIGHUP are ignored. Call before
/// other threads start: they inherit the mask. One per process.
Status end_on_signals(Reactor& reactor, std::function<void(int signal_number)> on_end);

}  // namespace petrel
