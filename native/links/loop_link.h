// LoopLink: two connected ends on one loop, in place of a socket between a host and the stream manager in its process.
#pragma once

#include <memory>
#include <utility>

#include "native/links/link.h"
#include "native/transport/reactor.h"

namespace petrel {

/// The first end sees `second` as its peer and the other way round. Frames are delivered by reactor.post(), never
/// inside send(), priority lane first; they wait until the receiving end has started. When one end is destroyed or
/// closed, what it had sent is still delivered, then the other's on_closed(OK) runs.
std::pair<std::unique_ptr<Link>, std::unique_ptr<Link>> make_loop_link(Reactor& reactor, LinkPeer first,
                                                                       LinkPeer second);

}  // namespace petrel
