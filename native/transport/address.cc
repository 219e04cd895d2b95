#include "native/transport/address.h"

#include <arpa/inet.h>

#include <optional>

#include "native/base/escape.h"

namespace petrel {
namespace {

std::optional<in_addr> ipv4(const std::string& host) {
  in_addr address{};
  if (::inet_pton(AF_INET, host.c_str(), &address) != 1) return std::nullopt;
  return address;
}
std::optional<in6_addr> ipv6(const std::string& host) {
  in6_addr address{};
  if (::inet_pton(AF_INET6, host.c_str(), &address) != 1) return std::nullopt;
  return address;
}

}  // namespace

bool is_loopback_address(const std::string& host) {
  if (host.empty() || host == "localhost") return true;
  if (const auto address = ipv4(host)) return (ntohl(address->s_addr) >> 24) == 127;
  const auto address = ipv6(host);
  return address && IN6_IS_ADDR_LOOPBACK(&*address);
}

Status check_listen_address(const std::string& host) {
  if (is_loopback_address(host)) return Status();
  const auto four = ipv4(host);
  const auto six = ipv6(host);
  if (!four && !six) {
    return Status::malformed("'{}' is not an IP address; write one of this machine's, for example 127.0.0.1",
                             escape(host));
  }
  if ((four && four->s_addr == INADDR_ANY) || (six && IN6_IS_ADDR_UNSPECIFIED(&*six))) {
    return Status::malformed(
        "{} stands for all addresses, and nobody can dial it; write the one by which other machines "
        "reach this one",
        escape(host));
  }
  return Status();
}

}  // namespace petrel
