#include "gateway/config/listen_address.h"

#include <arpa/inet.h>

#include <fmt/format.h>

#include "gateway/config/units.h"

namespace sluice::config {
namespace {

bool ipv4(const std::string& host, in_addr& address) { return inet_pton(AF_INET, host.c_str(), &address) == 1; }
bool ipv6(const std::string& host, in6_addr& address) { return inet_pton(AF_INET6, host.c_str(), &address) == 1; }

bool host_characters(std::string_view host) {
  return host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
         std::string_view::npos;
}
bool looks_like_ipv4(std::string_view host) { return host.find_first_not_of("0123456789.") == std::string_view::npos; }

}  // namespace

bool ListenAddress::loopback() const {
  in_addr v4{};
  if (ipv4(host, v4)) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (ipv6(host, v6)) return IN6_IS_ADDR_LOOPBACK(&v6);
  return host == "localhost";
}

ListenAddress parse_listen_address(std::string_view text, std::string& problem) {
  ListenAddress address;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.ends_with(']')) {
    problem = parse_count(text) ? fmt::format("write \":{}\" for every address or \"127.0.0.1:{}\"", text, text)
                                : "has no port; write \"host:port\", \":8443\" or \"[::1]:8443\"";
    return address;
  }
  const auto port = parse_count(text.substr(colon + 1));
  if (!port || *port > 65535 || text.find('_') != std::string_view::npos) {
    problem = "port must be 0 to 65535 (0: the kernel chooses)";
    return address;
  }
  address.port = static_cast<std::uint16_t>(*port);
  std::string host(text.substr(0, colon));
  in6_addr v6{};
  in_addr v4{};
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (!ipv6(host, v6)) problem = "no IPv6 address between the brackets";
  } else if (host.find(':') != std::string::npos) {
    problem = "an IPv6 address stands in brackets: \"[::1]:8443\"";
  } else if (!host_characters(host) || (!host.empty() && looks_like_ipv4(host) && !ipv4(host, v4))) {
    problem = "the host must be an IP address, \"localhost\" or nothing (every address)";
  }
  address.host = std::move(host);
  return address;
}

std::string listen_address_text(const ListenAddress& address) {
  return address.host.find(':') == std::string::npos ? fmt::format("{}:{}", address.host, address.port)
                                                     : fmt::format("[{}]:{}", address.host, address.port);
}

}  // namespace sluice::config
