// authorise: the one place that decides whether a caller may make a call. Every method of the service passes here.
// With the plain transport nobody proves who they are: callers of this machine (loopback) may do everything, others
// only when the operator opened the port to them (petrel.nimbus.allow.remote).
#pragma once

#include <string>

#include "native/base/status.h"
#include "storm-compat/nimbus/rpc_table.h"
#include "storm-compat/thrift/call_context.h"

namespace petrel {

struct AccessRules {
  bool allow_remote = false;
};

/// `topology`: the name or id that the call is about, "" for cluster calls. kDenied says who, what and how to allow it.
Status authorise(const AccessRules& rules, const Caller& caller, const RpcRow& method, const std::string& topology);

/// "127.0.0.1:40312", "[::1]:9", "" (a call inside the process): is the other end on this machine?
bool is_loopback(const std::string& address);

/// Whose uploads are whose: the principal, else the address without its port.
std::string owner_of(const Caller& caller);

}  // namespace petrel
