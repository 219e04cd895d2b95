// Addresses to listen on that others are told: who can reach them, and whether they can be dialled at all.
#pragma once

#include <string>

#include "native/base/status.h"

namespace petrel {

/// 127.0.0.0/8, ::1, "localhost", "" (a reactor's default).
bool is_loopback_address(const std::string& host);

/// kMalformed with a sentence unless it is loopback or one IP address that peers can dial: no name, no wildcard.
Status check_listen_address(const std::string& host);

}  // namespace petrel
