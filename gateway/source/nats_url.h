// NatsUrl: where NATS servers are and who we are there, from `nats://[user:password@|token@]host[:port][,host[:port]…]`,
// or `tls://` for TLS. A value, parsed once at start. Pure. Invariant: there is a server, and no server's text holds a
// password. No error text repeats the URL: it may hold one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::source {

struct NatsUrl {
  std::vector<std::string> servers;  // "localhost:4222", "[::1]:4222"; of one cluster, any of them will do
  bool tls = false;
  std::string user, password;  // empty: none
  std::string token;           // instead of both
  // For a person: "localhost:4222", "a:4222,b:4222".
  [[nodiscard]] std::string authority() const;
};

// User, password and token are percent-decoded. Throws std::invalid_argument with what is wrong and how to write it.
[[nodiscard]] NatsUrl parse_nats_url(std::string_view text);

}  // namespace sluice::source
