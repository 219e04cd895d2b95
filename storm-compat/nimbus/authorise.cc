#include "storm-compat/nimbus/authorise.h"

#include <array>

#include "native/base/escape.h"

namespace petrel {
namespace {

enum class Kind { kLocal, kRemote };

// Who may do what without a principal. Rows for principals come with a transport that proves them.
struct AccessRow {
  RpcAccess access;
  Kind kind;
  bool needs_allow_remote;
};
constexpr std::array<AccessRow, 8> kAnonymous = {{
    {RpcAccess::kCluster, Kind::kLocal, false},
    {RpcAccess::kSubmit, Kind::kLocal, false},
    {RpcAccess::kReadTopology, Kind::kLocal, false},
    {RpcAccess::kAdminTopology, Kind::kLocal, false},
    {RpcAccess::kCluster, Kind::kRemote, true},
    {RpcAccess::kSubmit, Kind::kRemote, true},
    {RpcAccess::kReadTopology, Kind::kRemote, true},
    {RpcAccess::kAdminTopology, Kind::kRemote, true},
}};

std::string host_of(const std::string& address) {
  if (address.starts_with('[')) return address.substr(1, address.find(']') - 1);
  const size_t colon = address.rfind(':');
  return colon != std::string::npos && address.find(':') == colon ? address.substr(0, colon) : address;
}

}  // namespace

bool is_loopback(const std::string& address) {
  std::string host = host_of(address);
  if (host.starts_with("::ffff:")) host = host.substr(7);
  return host.empty() || host == "::1" || host.starts_with("127.");
}

std::string owner_of(const Caller& caller) {
  return caller.principal.empty() ? "host " + host_of(caller.address) : "user " + caller.principal;
}

Status authorise(const AccessRules& rules, const Caller& caller, const RpcRow& method, const std::string& topology) {
  const Kind kind = is_loopback(caller.address) ? Kind::kLocal : Kind::kRemote;
  for (const AccessRow& row : kAnonymous) {
    if (row.access == method.access && row.kind == kind && (!row.needs_allow_remote || rules.allow_remote))
      return Status();
  }
  return Status::error(StatusCode::kDenied,
                       "{} may not call {}{}: callers from other machines are refused unless "
                       "petrel.nimbus.allow.remote is true",
                       escape(caller.address), method.method, topology.empty() ? "" : " on '" + escape(topology) + "'");
}

}  // namespace petrel
