// The public header as the host includes it: its names stay in petrel::v1 (in petrel they would meet our own), and what
// only libraries define is left out.
#pragma once

#define PETREL_HOST_SIDE
#include "native/native_host/include/petrel/bolt.h"

namespace petrel {
namespace user = v1;
}  // namespace petrel
